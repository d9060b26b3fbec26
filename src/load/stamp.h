#pragma once
// What the first bytes of a payload say.

#include <cstdint>
#include <cstring>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "load/limits.h"

namespace dunlin::load {

/// 16 bytes on the wire, little endian: run 2, publisher 2, number 6, moment 6.
struct Stamp {
  std::uint16_t run = 0;  // tells this load's messages from those of others
  std::uint16_t publisher = 0;
  std::uint64_t number = 0;  // below 2^48: counts the publisher's messages (retained: all topics)
  Duration moment{};         // when it was to be sent, since the run's beginning; below 2^48 ns, 78 hours
};
static_assert(kMaxConnections < 0x10000);
static_assert(kMaxDuration < Duration{std::int64_t{1} << 48});

inline void write_stamp(const Stamp& stamp, std::uint8_t* out) {
  const auto moment = static_cast<std::uint64_t>(stamp.moment.count());
  for (int i = 0; i < 2; ++i) out[i] = static_cast<std::uint8_t>(stamp.run >> (8 * i));
  for (int i = 0; i < 2; ++i) out[2 + i] = static_cast<std::uint8_t>(stamp.publisher >> (8 * i));
  for (int i = 0; i < 6; ++i) out[4 + i] = static_cast<std::uint8_t>(stamp.number >> (8 * i));
  for (int i = 0; i < 6; ++i) out[10 + i] = static_cast<std::uint8_t>(moment >> (8 * i));
}

/// The view holds at least kStampBytes.
inline Stamp read_stamp(ByteView payload) {
  const auto read = [&payload](std::size_t at, int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value |= std::uint64_t{payload[at + static_cast<std::size_t>(i)]} << (8 * i);
    return value;
  };
  return {static_cast<std::uint16_t>(read(0, 2)), static_cast<std::uint16_t>(read(2, 2)), read(4, 6),
          Duration{static_cast<std::int64_t>(read(10, 6))}};
}

}  // namespace dunlin::load
