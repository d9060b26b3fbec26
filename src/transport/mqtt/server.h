#pragma once
// The MQTT 3.1.1 and 5.0 server: binds connections of any kind (TCP, TLS, WebSocket, virtual) to the hub.

#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/rng.h"
#include "hub/access.h"
#include "hub/flat_table.h"
#include "hub/hub.h"
#include "net/connection.h"
#include "transport/mqtt/limits.h"
#include "transport/mqtt/publish_bytes.h"

namespace dunlin::transport {

/// Everything named here outlives the server.
struct ServerEnvironment {
  hub::Hub& hub;
  hub::Authenticator authenticate;
  hub::Authorizer authorize;
  metrics::Registry& metrics;
  Rng& rng;  // used in the constructor only
  ServerLimits limits = {};
};

class ServerPeer;
struct ConnectRequest;

struct ServerMetrics {
  explicit ServerMetrics(metrics::Registry& target);
  metrics::Registry& registry;
  metrics::Cell& connections;
  metrics::Cell& accepted;
  metrics::Cell& waiting;          // gauge: connections without a CONNECT so far
  metrics::Cell& waiting_dropped;  // cut off because too many waited
  metrics::Cell& bytes_in;
  metrics::Cell& bytes_out;  // of PUBLISH packets
  std::array<metrics::Cell*, 3> messages_in;
  std::array<metrics::Cell*, 3> messages_out;
  metrics::Cell& topics_left_out;  // PUBLISH packets that an alias has spared their topic
  metrics::Cell& dropped_too_large;
  metrics::Cell& dropped_not_authorized;
  /// A refusal by its reason code.
  metrics::Cell& refusal(mqtt::ReasonCode reason);

 private:
  std::array<metrics::Cell*, 256> refusals_{};
};

struct PeerTraits {
  static bool is_empty(const std::unique_ptr<ServerPeer>& peer) { return peer == nullptr; }
  std::uint64_t hash(const std::unique_ptr<ServerPeer>& peer) const;
  static std::uint64_t hash(std::uint64_t peer) { return peer * 0x9e3779b97f4a7c15ULL >> 16; }
};

/// The connections of one shard. The shard's thread only.
struct ServerLane {
  ServerLane(class MqttServer& owner, std::size_t number, metrics::Registry& registry, std::uint64_t seed);
  ~ServerLane();

  MqttServer& server;
  std::size_t shard;
  Executor& executor;
  ServerMetrics metrics;
  SeededRng rng;  // for assigned client ids
  PublishWriter writer;
  std::set<std::uint64_t> waiting;  // peers without a CONNECT so far, the oldest first
  // Goes first: a peer that goes strikes itself off the list above.
  hub::FlatTable<std::unique_ptr<ServerPeer>, PeerTraits> peers;  // by their numbers
  std::uint64_t next_peer = 1;

  ServerPeer* find(std::uint64_t peer);
  /// Destroys it and its connection.
  void forget(std::uint64_t peer);
  /// A new peer waits for its CONNECT. Where too many do, the oldest is cut off: an honest client sends its
  /// CONNECT at once, and so gets through whatever else comes in.
  void begin_waiting(std::uint64_t peer);
  void end_waiting(std::uint64_t peer);
  /// Takes a connection whose client has been authenticated elsewhere.
  void adopt(std::unique_ptr<net::Connection> connection, std::unique_ptr<ConnectRequest> request);
};

/// Made before the reactors run; destroyed after they have stopped and before the network and the hub are.
class MqttServer {
 public:
  explicit MqttServer(ServerEnvironment environment);
  ~MqttServer();
  MqttServer(const MqttServer&) = delete;
  MqttServer& operator=(const MqttServer&) = delete;

  /// Takes a new connection, on its own executor's thread, which is one of the hub's.
  void accept(std::unique_ptr<net::Connection> connection);

  hub::Hub& hub() { return environment_.hub; }
  const ServerLimits& limits() const { return environment_.limits; }
  const hub::Authenticator& authenticate() const { return environment_.authenticate; }
  const hub::Authorizer& authorize() const { return environment_.authorize; }
  ServerLane& lane(std::size_t shard) { return *lanes_[shard]; }

 private:
  ServerEnvironment environment_;
  std::vector<std::unique_ptr<ServerLane>> lanes_;
};

}  // namespace dunlin::transport
