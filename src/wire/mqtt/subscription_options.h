#pragma once
// Room-internal: the Subscription Options byte, MQTT 5.0 section 3.8.3.1. Under 3.1.1 only the QoS bits are
// in use.

#include <cstdint>
#include <string_view>

#include "wire/mqtt/list_view.h"

namespace dunlin::mqtt {

inline constexpr std::uint8_t kQosBits = 0x03;
inline constexpr std::uint8_t kNoLocalBit = 0x04;
inline constexpr std::uint8_t kRetainAsPublishedBit = 0x08;
inline constexpr unsigned kRetainHandlingShift = 4;
inline constexpr std::uint8_t kReservedOptionBits = 0xC0;

/// The byte has been checked.
inline Subscription unpack_options(std::string_view filter, std::uint8_t options) {
  Subscription subscription;
  subscription.filter = filter;
  subscription.qos = static_cast<QoS>(options & kQosBits);
  subscription.no_local = (options & kNoLocalBit) != 0;
  subscription.retain_as_published = (options & kRetainAsPublishedBit) != 0;
  subscription.retain_handling = static_cast<RetainHandling>((options >> kRetainHandlingShift) & 0x03);
  return subscription;
}

inline std::uint8_t pack_options(const Subscription& subscription) {
  unsigned options = static_cast<unsigned>(subscription.qos);
  if (subscription.no_local) options |= kNoLocalBit;
  if (subscription.retain_as_published) options |= kRetainAsPublishedBit;
  options |= static_cast<unsigned>(subscription.retain_handling) << kRetainHandlingShift;
  return static_cast<std::uint8_t>(options);
}

}  // namespace dunlin::mqtt
