#pragma once
// What a load is made of.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/connection.h"
#include "wire/mqtt/packet.h"

namespace dunlin::bench {

enum class LoadMode : std::uint8_t {
  pairs,    // publisher i writes to subscriber i
  fan_out,  // every publisher writes to every subscriber
  fan_in,   // every publisher writes on its own topic; every subscriber reads all of them with a wildcard
  idle,     // connections with one subscription each that do nothing
};

inline constexpr std::size_t kStampBytes = 16;                 // run, publisher and number: the least payload
inline constexpr std::size_t kMaxDeliveriesInFlight = 20'000;  // of all publishers together
inline constexpr std::size_t kQos0Window = 1000;
inline constexpr std::size_t kQos12Window = 100;
inline constexpr std::size_t kMaxConnecting = 128;      // connections being set up at once
inline constexpr std::size_t kMaxConnections = 19'000;  // below the descriptors that a process may hold here
inline constexpr Duration kStallLimit = std::chrono::seconds{5};  // without any progress the rest is lost

struct LoadOptions {
  LoadMode mode = LoadMode::pairs;
  std::size_t publishers = 10;
  std::size_t subscribers = 10;  // pairs: as many as publishers; idle: the connections
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::size_t payload_bytes = kStampBytes;
  /// Messages of one publisher that are under way at most: sent and not confirmed, or not received by every
  /// subscriber. 0: 1000 for QoS 0 and 100 else, less where all deliveries would be over
  /// kMaxDeliveriesInFlight.
  std::size_t window = 0;
  Duration duration = std::chrono::seconds{5};  // idle: how long the connections are held
  /// How long after the connections have gone the server's memory is looked at.
  Duration settle = std::chrono::seconds{1};
  net::Endpoint server{"127.0.0.1", 1883};
  std::vector<int> process_ids;  // of the server, for its CPU time and memory
};

}  // namespace dunlin::bench
