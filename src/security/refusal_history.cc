#include "security/refusal_history.h"

#include <algorithm>

namespace dunlin::security {

void RefusalHistory::add(RefusalKind kind, Instant now) {
  const std::int64_t number = std::max(number_of(now), newest_);
  const auto length = static_cast<std::int64_t>(ring_.size());
  if (first_ < 0) first_ = newest_ = number;
  // What has passed without a refusal since the last one was of an older round.
  for (std::int64_t passed = std::max(newest_ + 1, number - length + 1); passed <= number; ++passed)
    at(passed).fill(0);
  newest_ = number;
  ++at(number)[static_cast<std::size_t>(kind)];
}

std::vector<RefusalHistory::Row> RefusalHistory::read(Instant now) const {
  std::vector<Row> rows;
  if (first_ < 0) return rows;
  const std::int64_t present = std::max(number_of(now), newest_);
  const auto length = static_cast<std::int64_t>(ring_.size());
  for (std::int64_t number = std::max(first_, present - length + 1); number <= present; ++number) {
    Row row{.ago = now.time_since_epoch() - number * step_};
    const bool is_kept = number <= newest_ && number > newest_ - length;
    if (is_kept) row.counts = ring_[static_cast<std::size_t>(number) % ring_.size()];
    rows.push_back(row);
  }
  return rows;
}

}  // namespace dunlin::security
