#include "service/analytics/csv_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "service/analytics/limits.h"

namespace dunlin::analytics {

Result<void> CsvAnalysis::line(std::string_view line) {
  DUNLIN_TRY(const auto row, reader_.read(line));
  if (!row) return {};
  ++rows_;
  const Verdict verdict = detector_.add(row->time, row->number);
  const auto out = std::back_inserter(output_);
  fmt::format_to(out, "{},{},{:.9g},", row->timestamp, row->value, verdict.score);
  if (verdict.expected)
    fmt::format_to(out, "{:.9g},{:.9g}\n", verdict.expected->low, verdict.expected->high);
  else
    output_ += ",\n";
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
  return {};
}

std::string CsvAnalysis::take_output() {
  return std::exchange(output_, {});
}

}  // namespace dunlin::analytics
