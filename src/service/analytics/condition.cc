#include "service/analytics/condition.h"

#include <algorithm>

#include "service/analytics/limits.h"

namespace dunlin::analytics {

Change Condition::update(WallTime time, Zone zone) {
  if (last_) time = std::max(time, *last_);
  last_ = time;
  if (zone != (is_raised() ? Zone::usual : Zone::unusual)) {
    pending_.reset();
    return Change::none;
  }
  if (!pending_) pending_ = time;
  if (between(*pending_, time) < (is_raised() ? hold_.clear_after : hold_.raise_after)) return Change::none;
  pending_.reset();
  raised_ = is_raised() ? Raised::no : Raised::yes;
  return is_raised() ? Change::raised : Change::cleared;
}

void Condition::save(store::ByteWriter& out) const {
  out.byte(is_raised() ? 1 : 0);
  save_time(out, last_);
  save_time(out, pending_);
}

void Condition::load(store::ByteReader& in) {
  const std::uint8_t raised = in.byte();
  if (raised > 1) in.broken();
  raised_ = raised == 1 ? Raised::yes : Raised::no;
  last_ = load_time(in);
  pending_ = load_time(in);
  if (pending_ && (!last_ || *pending_ > *last_)) in.broken();
}

void save_time(store::ByteWriter& out, std::optional<WallTime> time) {
  out.byte(time ? 1 : 0);
  if (time) out.signed_varint(unix_nanoseconds(*time));
}

std::optional<WallTime> load_time(store::ByteReader& in) {
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there != 1) return std::nullopt;
  return from_unix_nanoseconds(in.signed_varint());
}

bool is_event_time(WallTime time) {
  return time >= kFirstEventTime && time <= kLastEventTime;
}

Duration between(WallTime earlier, WallTime later) {
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(unix_nanoseconds(later), unix_nanoseconds(earlier), &difference))
    return later > earlier ? Duration::max() : Duration::min();
  return Duration{difference};
}

}  // namespace dunlin::analytics
