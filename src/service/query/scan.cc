#include "service/query/scan.h"

#include <algorithm>
#include <cmath>

#include "base/time_text.h"
#include "service/query/unit_reader.h"
#include "service/series/part_choice.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

bool is_text(const model::Value& value) {
  return std::holds_alternative<std::string>(value) || std::holds_alternative<model::JsonText>(value);
}

std::string time_text(std::int64_t time) {
  return format_rfc3339(from_unix_nanoseconds(time));
}

/// Whether the last value in memory is the last one of the column's type.
bool has_last(const UnitSeries& series) {
  if (!series.id) return true;
  if (series.type == Type::text) return is_text(series.last.value);
  const auto* number = std::get_if<double>(&series.last.value);
  return (number != nullptr && !std::isnan(*number)) ||
         std::holds_alternative<std::int64_t>(series.last.value) ||
         std::holds_alternative<bool>(series.last.value);
}

void append_null(Column& to) {
  append_row(to, *null_column(to.type), 0);
}

/// Where no NULL has come yet, a value is one more of the column.
void append_integer(Column& to, std::int64_t value) {
  to.integers.push_back(value);
  if (!to.valid.empty()) to.valid.push_back(1);
}

void append_last(Column& to, const UnitSeries& series, TextPool& texts) {
  const model::Value& value = series.last.value;
  if (const auto* text = std::get_if<std::string>(&value)) return append_integer(to, texts.place_of(*text));
  if (const auto* json = std::get_if<model::JsonText>(&value))
    return append_integer(to, texts.place_of(json->value));
  to.numbers.push_back(series::number_of(value).value_or(0));
  if (!to.valid.empty()) to.valid.push_back(1);
}

class UnitScan final : public UnitSource {
 public:
  UnitScan(std::shared_ptr<const ScanPlan> plan, std::vector<Unit> units, ScanEnvironment environment)
      : plan_(std::move(plan)), environment_(std::move(environment)), units_(std::move(units)) {}
  ~UnitScan() override {
    for (const auto& reader : readers_) reader->stop();
  }
  UnitScan(const UnitScan&) = delete;
  UnitScan& operator=(const UnitScan&) = delete;

  void begin() override {
    if (plan_->mode != ScanPlan::Mode::last_values) read_ahead();
  }

  Result<Pulled> next() override {
    if (plan_->mode == ScanPlan::Mode::last_values && next_last_ < units_.size())
      return pulled(last_values());
    read_ahead();
    if (readers_.empty()) return pulled(Pulled::State::end);
    UnitReader& reader = *readers_.front();
    if (reader.error()) return std::unexpected(*reader.error());
    auto batch = reader.take();
    reader.read();
    if (batch) return pulled(*std::move(batch));
    if (!reader.is_done()) return pulled(Pulled::State::wait);
    readers_.pop_front();
    return pulled(Pulled::State::busy);
  }

  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    explain_scan(*plan_, units_, environment_.store, lines, depth);
  }

 private:
  /// One read at a time, of so many series that their points are about kPointsAtOnce.
  void read_ahead() {
    if (pace_->is_reading) return;
    // Those at the end that were not come to.
    for (; pace_->left != 0; --pace_->left) {
      units_[--next_unit_] = readers_.back()->take_unit();
      readers_.pop_back();
    }
    const std::size_t most = pace_->series_at_once();
    if (series_ahead() > most / 2) return;
    std::vector<std::shared_ptr<UnitReader>> readers;
    for (std::size_t series = 0; series < most && next_unit_ < units_.size(); ++next_unit_) {
      Unit& unit = units_[next_unit_];
      if (unit.series.empty()) continue;
      series += unit.series.size();
      readers.push_back(std::make_shared<UnitReader>(plan_, environment_, std::move(unit)));
    }
    if (readers.empty()) return;
    readers_.insert(readers_.end(), readers.begin(), readers.end());
    UnitReader::read_together(readers, pace_);
  }

  std::size_t series_ahead() const {
    return readers_.empty() ? 0 : readers_.size() * readers_.front()->channels();
  }

  /// A row for each channel, with the time of its last value. What is not known by its last value is read.
  Batch last_values() {
    std::vector<Column> columns;
    for (const TableColumn& column : plan_->columns) columns.push_back(make_column(column.type, 0));
    std::size_t rows = 0;
    for (; next_last_ < units_.size() && rows < kBatchRows; ++next_last_) {
      Unit& unit = units_[next_last_];
      if (!std::ranges::all_of(unit.series, has_last)) continue;
      for (std::size_t i = 0; i < unit.series.size(); ++i) {
        if (!unit.series[i].id) continue;
        add_last_row(columns, unit, i);
        ++rows;
      }
      unit.series.clear();
    }
    Batch batch;
    batch.rows = rows;
    for (Column& column : columns) batch.columns.push_back(std::make_shared<const Column>(std::move(column)));
    return batch;
  }

  void add_last_row(std::vector<Column>& columns, const Unit& unit, std::size_t which) const {
    const UnitSeries& series = unit.series[which];
    std::size_t channel = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const TableColumn& column = plan_->columns[i];
      const bool is_value =
          column.kind == Kind::value || (column.kind == Kind::channel && channel++ == which);
      if (column.kind == Kind::time) {
        append_integer(columns[i], unix_nanoseconds(series.last.time));
      } else if (unit.fixed[i]) {
        append_row(columns[i], *unit.fixed[i], 0);
      } else if (is_value) {
        append_last(columns[i], series, environment_.space->texts);
      } else {
        append_null(columns[i]);
      }
    }
  }

  std::shared_ptr<const ScanPlan> plan_;
  ScanEnvironment environment_;
  std::vector<Unit> units_;
  std::deque<std::shared_ptr<UnitReader>> readers_;
  std::shared_ptr<ReadPace> pace_ = std::make_shared<ReadPace>();
  std::size_t next_unit_ = 0;
  std::size_t next_last_ = 0;
};

/// Where there are some: whether they are used, and from when on all points are there.
void explain_rollups(const ScanPlan& plan, std::span<const Unit> units, const series::SeriesStore& store,
                     std::vector<std::string>& lines, std::size_t depth) {
  std::size_t count = 0;
  WallTime points_from = WallTime::min();
  for (const Unit& unit : units) {
    for (const UnitSeries& of : unit.series) {
      const series::SeriesEntry* entry = store.entry(of.id);
      if (entry == nullptr || !entry->rollups.has_any()) continue;
      ++count;
      points_from = std::max(points_from, entry->rollups.points_from);
    }
  }
  if (count == 0) return;
  constexpr std::string_view kNames[] = {" minutes", " hours", " days"};
  std::string text = "rollups of " + std::to_string(count) + " series:";
  for (const series::RollupLength length : series::kRollupLengths) {
    if (plan.mode == ScanPlan::Mode::summaries && series::fits(plan.grid(), length))
      text += kNames[series::index_of(length)];
  }
  if (text.back() == ':') text += " not used";
  if (points_from != WallTime::min())
    text += "; all points are there from " + time_text(unix_nanoseconds(points_from)) + " on";
  lines.push_back(plan_line(depth, text));
}

}  // namespace

void explain_scan(const ScanPlan& plan, std::span<const Unit> units, const series::SeriesStore& store,
                  std::vector<std::string>& lines, std::size_t depth) {
  constexpr std::string_view kModes[] = {"points", "points, chunks by their summary", "last values"};
  std::string text = "read " + plan.table + ": ";
  text += kModes[static_cast<std::size_t>(plan.mode)];
  text += " of";
  for (const TableColumn& column : plan.columns) text += " " + column.name;
  lines.push_back(plan_line(depth, text));
  if (plan.device) lines.push_back(plan_line(depth + 1, "device " + *plan.device));
  if (plan.channel) lines.push_back(plan_line(depth + 1, "channel " + *plan.channel));
  if (plan.from != std::numeric_limits<std::int64_t>::min())
    lines.push_back(plan_line(depth + 1, "from " + time_text(plan.from)));
  if (plan.to != std::numeric_limits<std::int64_t>::max())
    lines.push_back(plan_line(depth + 1, "to " + time_text(plan.to)));
  if (!plan.fixed_conditions.empty())
    lines.push_back(
        plan_line(depth + 1, std::to_string(plan.fixed_conditions.size()) + " conditions on devices"));
  explain_rollups(plan, units, store, lines, depth + 1);
}

std::shared_ptr<const ScanPlan> kept(ScanPlan plan) {
  for (TableColumn& column : plan.columns) column.series = nullptr;
  return std::make_shared<const ScanPlan>(std::move(plan));
}

std::unique_ptr<UnitSource> make_unit_scan(std::shared_ptr<const ScanPlan> plan, std::vector<Unit> units,
                                           ScanEnvironment environment) {
  return std::make_unique<UnitScan>(std::move(plan), std::move(units), std::move(environment));
}

OperatorPtr make_scan(ScanPlan plan, ScanEnvironment environment) {
  if (plan.kind == TableKind::things) return make_things_scan(std::move(plan), std::move(environment));
  std::vector<Unit> units = list_units(plan, environment);
  return make_unit_scan(kept(std::move(plan)), std::move(units), std::move(environment));
}

}  // namespace dunlin::query
