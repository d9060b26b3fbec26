#include "service/monitor/expected_band.h"

#include <algorithm>
#include <utility>

#include "service/analytics/condition.h"

namespace dunlin::monitor {

ExpectedBand::ExpectedBand(WallTime from, WallTime to, std::size_t parts)
    : from_(from),
      length_(std::max(analytics::between(from, to) / static_cast<std::int64_t>(parts), Duration{1})) {}

void ExpectedBand::add(WallTime time, double value) {
  const analytics::Verdict verdict = detector_.add(time, value);
  if (time < from_ || !verdict.expected) return;
  const std::int64_t part = analytics::between(from_, time) / length_;
  if (part != part_) {
    part_ = part;
    count_ = 0;
    parts_.push_back({.time = time});
  }
  Part& at = parts_.back();
  ++count_;
  at.low += (verdict.expected->low - at.low) / count_;
  at.high += (verdict.expected->high - at.high) / count_;
  at.score = std::max(at.score, verdict.score);
}

std::vector<ExpectedBand::Part> ExpectedBand::take() {
  part_ = -1;
  return std::exchange(parts_, {});
}

}  // namespace dunlin::monitor
