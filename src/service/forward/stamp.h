#pragma once
// Gives a reading that states no time of its own the time and number that make a repeated delivery the same row. Pure.

#include <cstdint>

#include "base/clock.h"
#include "base/slice.h"

namespace dunlin::forward {

/// The stamp after `last`, both in Unix microseconds: the time of arrival, or one more than the last where that is not behind it. A
/// function of the journal alone, so that what is read again after a restart gets the same stamps.
std::int64_t next_stamp(std::int64_t last, WallTime received);

/// The payload with "t" (and "seq", where it has none) added: `7` becomes {"value":7,"t":..,"seq":..}. A payload that states "t"
/// stays as it is. `payload` is one that model::read_json_payload() has read.
Slice stamped_payload(const Slice& payload, std::int64_t stamp, std::uint64_t sequence);

}  // namespace dunlin::forward
