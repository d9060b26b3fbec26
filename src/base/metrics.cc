#include "base/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "base/core/assert.h"
#include "base/limits.h"

namespace dunlin::metrics {
namespace {

bool is_name(std::string_view name, bool allows_colon) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == ':' && allows_colon);
  });
}

// The same labels in another order are the same series.
Labels checked(Labels labels) {
  std::ranges::sort(labels);
  for (const auto& [name, value] : labels) DUNLIN_ASSERT(is_name(name, false));
  return labels;
}

bool includes(const Labels& labels, const Labels& wanted) {
  return std::ranges::all_of(
      wanted, [&](const auto& label) { return std::ranges::find(labels, label) != labels.end(); });
}

// The serializer writes help texts as they are; the format wants these two escaped.
std::string escaped_help(std::string_view help) {
  std::string text;
  for (const char c : help) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c == '\n') {
      text += "\\n";
    } else {
      text.push_back(c);
    }
  }
  return text;
}

}  // namespace

Cell& Registry::counter(std::string name, std::string help, Labels labels) {
  return cell(Kind::counter, std::move(name), std::move(help), std::move(labels));
}

Cell& Registry::gauge(std::string name, std::string help, Labels labels) {
  return cell(Kind::gauge, std::move(name), std::move(help), std::move(labels));
}

void Registry::gauge_function(std::string name, std::string help, Labels labels,
                              std::function<double()> read) {
  const std::scoped_lock guard(mutex_);
  Series& series = series_of(Kind::gauge, std::move(name), std::move(help), std::move(labels));
  DUNLIN_ASSERT(!series.read);
  series.read = std::move(read);
}

Cell& Registry::cell(Kind kind, std::string name, std::string help, Labels labels) {
  const std::scoped_lock guard(mutex_);
  Series& series = series_of(kind, std::move(name), std::move(help), std::move(labels));
  return *series.cells.emplace_back(std::make_unique<Cell>());
}

Registry::Series& Registry::series_of(Kind kind, std::string name, std::string help, Labels labels) {
  DUNLIN_ASSERT(is_name(name, true));
  labels = checked(std::move(labels));
  const auto [entry, is_new] = families_.try_emplace(std::move(name), Family{kind, std::move(help), {}});
  Family& family = entry->second;
  DUNLIN_ASSERT(family.kind == kind);
  const auto found = std::ranges::find(family.series, labels, &Series::labels);
  if (found != family.series.end()) return *found;
  if (family.series.size() >= kMaxSeriesPerMetric) {
    for (auto& label : labels) label.second = "other";
    const auto other = std::ranges::find(family.series, labels, &Series::labels);
    if (other != family.series.end()) return *other;
  }
  return family.series.emplace_back(Series{std::move(labels), {}, {}});
}

std::string Registry::expose() const {
  std::vector<prometheus::MetricFamily> out;
  const std::scoped_lock guard(mutex_);
  for (const auto& [name, family] : families_) {
    prometheus::MetricFamily& target = out.emplace_back();
    target.name = name;
    target.help = escaped_help(family.help);
    target.type =
        family.kind == Kind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const Series& series : family.series) {
      prometheus::ClientMetric& metric = target.metric.emplace_back();
      for (const auto& [label, value] : series.labels) metric.label.push_back({label, value});
      std::int64_t sum = 0;
      for (const auto& cell : series.cells) sum += cell->read();
      const double value = static_cast<double>(sum) + (series.read ? series.read() : 0.0);
      if (family.kind == Kind::counter) {
        metric.counter.value = value;
      } else {
        metric.gauge.value = value;
      }
    }
  }
  return prometheus::TextSerializer().Serialize(out);
}

double Registry::value(std::string_view name, const Labels& labels) const {
  const std::scoped_lock guard(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return 0;
  double total = 0;
  for (const Series& series : found->second.series) {
    if (!includes(series.labels, labels)) continue;
    for (const auto& cell : series.cells) total += static_cast<double>(cell->read());
    if (series.read) total += series.read();
  }
  return total;
}

}  // namespace dunlin::metrics
