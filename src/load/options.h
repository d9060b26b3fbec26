#pragma once
// What a load is made of.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/limits.h"
#include "net/connection.h"
#include "net/tls_context.h"
#include "transport/mqtt/server_address.h"
#include "wire/mqtt/packet.h"

namespace dunlin::load {

enum class LoadMode : std::uint8_t {
  pairs,     // publisher i writes to subscriber i
  fan_out,   // every publisher writes to every subscriber
  fan_in,    // every publisher writes on its own topic; every subscriber reads all of them with a wildcard
  shared,    // the same, but the subscribers share one subscription: each message goes to one of them
  idle,      // connections with one subscription each that do nothing
  churn,     // connections that are opened and ended all the time
  retained,  // retained messages are stored, then read by every subscriber at once, then cleared
};
/// "pairs", "fan-out" ...
std::string_view load_mode_name(LoadMode mode);
Result<LoadMode> parse_load_mode(std::string_view name);

using transport::parse_server_address;
using transport::ServerAddress;
using transport::to_string;
using transport::Transport;

struct LoadOptions {
  LoadMode mode = LoadMode::pairs;
  std::size_t publishers = 10;
  std::size_t subscribers = 10;  // pairs: as many as publishers; idle, churn: the connections
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::size_t payload_bytes = kStampBytes;
  /// Messages of one publisher that are under way at most: sent and not confirmed, or not received by every
  /// subscriber. 0: 1000 for QoS 0 and 100 else, less where all of them would be over kMaxDeliveriesInFlight
  /// or kMaxBytesInFlight. With a rate it bounds only what is not confirmed.
  std::size_t window = 0;
  /// Messages that a publisher sends in one go.
  std::size_t batch = 1;
  /// Messages a second of all publishers together, each at its own moment whatever the server does. 0: as
  /// fast as the windows allow.
  double rate = 0;
  Duration duration = std::chrono::seconds{5};  // idle: how long the connections are held
  std::size_t retained_messages = 10'000;
  /// Further ones that nothing matches, held by clients of their own before the load begins: half of them
  /// exact, half with a wildcard. Only in modes with traffic, and idle.
  std::size_t subscriptions = 0;
  /// Without any progress for so long, what has not come is lost.
  Duration patience = kStallLimit;
  /// How long after the connections have gone the server's memory is looked at.
  Duration settle = std::chrono::seconds{1};

  std::size_t connecting = kMaxConnecting;  // connections being set up at once
  ServerAddress server;
  std::shared_ptr<net::TlsClientContext> tls;  // shared: by all connections. Null: without TLS
  std::optional<std::string> username;
  std::optional<std::string> password;  // a secret, e.g. a token
  std::string client_prefix;            // of the client identifiers; empty: one of the run's own
  std::string topic_prefix;             // empty: one of the run's own
  std::vector<int> process_ids;         // of the server, for its CPU time and memory
};

/// Checks what the numbers allow and fills in those that follow from the mode. Errors: invalid_argument.
Result<LoadOptions> checked(LoadOptions options);

/// How many subscribers get one message.
std::size_t receivers(const LoadOptions& options);

}  // namespace dunlin::load
