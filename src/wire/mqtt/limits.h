#pragma once
// Every bound of the MQTT codec. Those of the format cannot be raised; those of Dunlin can.

#include <cstddef>
#include <cstdint>

namespace dunlin::mqtt {

/// See Connect::bridge.
inline constexpr unsigned kBridgeMark = 0x80;

// Of the format.
inline constexpr std::uint32_t kMaxVariableByteInteger = 268'435'455;  // MQTT 5.0 section 1.5.5
inline constexpr std::size_t kMaxRemainingLength = kMaxVariableByteInteger;
inline constexpr std::size_t kMaxFixedHeaderBytes = 5;  // MQTT 5.0 section 2.1
inline constexpr std::size_t kMaxPacketBytes = kMaxRemainingLength + kMaxFixedHeaderBytes;
inline constexpr std::size_t kMaxTextBytes = 65'535;  // MQTT 5.0 section 1.5.4; the same for Binary Data

// Of Dunlin. Past them the packet is refused.
inline constexpr std::size_t kMaxTopicLevels = 128;              // in a topic name or filter
inline constexpr std::size_t kMaxUserProperties = 64;            // in one packet; a will counts for itself
inline constexpr std::size_t kMaxSubscriptionIdentifiers = 256;  // in one PUBLISH
inline constexpr std::size_t kMaxFiltersPerPacket =
    1024;  // in one SUBSCRIBE or UNSUBSCRIBE, codes in its answer

}  // namespace dunlin::mqtt
