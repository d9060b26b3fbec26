#include "service/analytics/csv_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/time_text.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {

CsvAnalysis::CsvAnalysis(CsvAnalysisOptions options) : options_(options) {
  output_ = options.forecast_steps == 0 ? "timestamp,value,anomaly_score,expected_low,expected_high\n"
            : options.limit             ? "limit,expected,earliest\n"
                                        : "timestamp,forecast,expected_low,expected_high\n";
}

void CsvAnalysis::judge(const CsvRow& row) {
  const Verdict verdict = detector_.add(row.time, row.number);
  const auto out = std::back_inserter(output_);
  fmt::format_to(out, "{},{},{:.9g},", row.timestamp, row.value, verdict.score);
  if (verdict.expected)
    fmt::format_to(out, "{:.9g},{:.9g}\n", verdict.expected->low, verdict.expected->high);
  else
    output_ += ",\n";
}

Result<void> CsvAnalysis::line(std::string_view line) {
  DUNLIN_TRY(const auto row, reader_.read(line));
  if (!row) return {};
  ++rows_;
  if (options_.forecast_steps > 0)
    forecaster_.add(row->time, row->number);
  else
    judge(*row);
  return {};
}

Result<void> CsvAnalysis::foretell() {
  const auto out = std::back_inserter(output_);
  const auto forecasts = forecaster_.next(options_.forecast_steps);
  if (forecasts.empty()) return fail(Errc::malformed, "too few rows for a forecast: some twenty are needed");
  if (options_.limit) {
    const LimitForecast found = forecaster_.reach(*options_.limit, options_.forecast_steps);
    const auto text = [](std::optional<WallTime> time) { return time ? format_rfc3339(*time) : ""; };
    fmt::format_to(out, "{},{},{}\n", *options_.limit, text(found.expected), text(found.earliest));
    return {};
  }
  for (const Forecast& forecast : forecasts)
    fmt::format_to(out, "{},{:.9g},{:.9g},{:.9g}\n", format_rfc3339(forecast.time), forecast.value,
                   forecast.band.low, forecast.band.high);
  return {};
}

Result<void> CsvAnalysis::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    // Of a line that is too long no more is kept than shows it.
    const std::size_t room = kMaxLineBytes + 1 - std::min(begun_.size(), kMaxLineBytes + 1);
    begun_.append(bytes.substr(0, std::min(end, room)));
    if (end == bytes.size() && begun_.size() <= kMaxLineBytes) return {};
    const std::string whole = std::exchange(begun_, {});
    DUNLIN_CHECK(line(whole));
    bytes.remove_prefix(end + 1);
  }
  return {};
}

Result<void> CsvAnalysis::finish() {
  if (!begun_.empty()) DUNLIN_CHECK(line(std::exchange(begun_, {})));
  if (rows_ == 0) return fail(Errc::malformed, "there is no row of time and value");
  if (options_.forecast_steps > 0) return foretell();
  return {};
}

std::string CsvAnalysis::take_output() {
  return std::exchange(output_, {});
}

}  // namespace dunlin::analytics
