#pragma once
// The MQTT 3.1.1 and 5.0 server: binds connections of any kind (TCP, TLS, WebSocket, virtual) to the hub.

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/refusal.h"
#include "base/rng.h"
#include "hub/access.h"
#include "hub/conduct.h"
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
  hub::EnhancedAuthenticator enhanced = {};  // none: every authentication method is refused
  /// Rises with every change of the policies by which `authorize` judges; null: they never change.
  const std::atomic<std::uint64_t>* policies = nullptr;
  /// The standing of a thing now: its principal was made some time before its session begins. Called on the
  /// lanes' threads. None: it is as the principal says.
  std::function<Standing(const Principal&)> standing = {};
  hub::ConductWatch* conduct = nullptr;  // who is told what things do; null: nobody
  /// Rises with every change of what may be published in the name of others; null: that never changes.
  const std::atomic<std::uint64_t>* spoken_for = nullptr;
  RefusalSink* refusals = nullptr;  // who keeps what is refused, but for what `authenticate` refuses
};

class ServerPeer;
struct ConnectRequest;

/// Clients are sent to another server, MQTT 5.0 section 4.11.
struct DrainOptions {
  std::string reference = {};  // the Server Reference: "host:port"; empty: none is told
  Duration spread{};           // over which the present clients are disconnected
  enum class Lasts : std::uint8_t { for_now, for_good } lasts = Lasts::for_now;
};

struct ServerMetrics {
  explicit ServerMetrics(metrics::Registry& target);
  metrics::Registry& registry;
  metrics::Cell& connections;
  metrics::Cell& accepted;
  metrics::Cell& waiting;          // gauge: connections without a CONNECT so far
  metrics::Cell& waiting_dropped;  // cut off because too many waited
  metrics::Cell& reading_stopped;  // times a client was not read because it did not read its answers
  metrics::Cell& turns_shared;     // times a client had to leave the rest of its input for the next turn
  metrics::Cell& sessions_opened;
  metrics::Cell& packets_in;
  metrics::Cell& bytes_in;
  metrics::Cell& publish_bytes_in;
  metrics::Cell& bytes_out;            // of PUBLISH packets
  metrics::Cell& control_packets_out;  // all others
  metrics::Cell& control_bytes_out;
  std::array<metrics::Cell*, 3> messages_in;
  std::array<metrics::Cell*, 3> messages_out;
  metrics::Cell& topics_left_out;  // PUBLISH packets that an alias has spared their topic
  metrics::Cell& draining;         // gauge: reactors whose clients are sent away
  metrics::Cell& redirected;       // clients that were told so
  metrics::Cell& dropped_too_large;
  metrics::Cell& dropped_not_authorized;
  metrics::Cell& dropped_spoken_for;    // said in the name of a thing whose standing does not allow it
  metrics::Cell& dropped_not_received;  // messages to clients that may not receive their topics
  metrics::Cell& rights_withdrawn;      // peers that were ended because a policy changed
  metrics::Cell& proofs_expired;        // peers that were ended because what they had shown has expired
  metrics::Cell& refused_memory;        // connections
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

  std::shared_ptr<const DrainOptions> drain;  // null: clients are welcome

  const Principal* opening = nullptr;  // whose session is being opened, by the call at hand
  std::uint64_t work = 0;              // beside the hub's
  std::uint64_t work_done() const;

  ServerPeer* find(std::uint64_t peer);
  MemoryLevel memory_level() const;
  /// How much a peer may do in one turn: a packet is 1, and so is a delivery or a matching
  /// filter; what policies are asked for is more.
  std::size_t turn_share() const;
  /// A peer has had its share and more to do: it goes on when those that rest already have.
  void rest(std::uint64_t peer);
  void start_drain(std::shared_ptr<const DrainOptions> options);
  void stop_drain();
  mqtt::ReasonCode drain_reason() const;
  /// Destroys it and its connection.
  void forget(std::uint64_t peer);
  /// A new peer waits for its CONNECT. Where too many do, the oldest is cut off: an honest client sends its
  /// CONNECT at once, and so gets through whatever else comes in.
  void begin_waiting(std::uint64_t peer);
  void end_waiting(std::uint64_t peer);
  /// The rights of an open peer are judged anew, in a turn of their own.
  void judge_again(std::uint64_t peer);
  /// A peer has done something that counts, for the first time since the last look at it.
  void begin_conduct(std::uint64_t peer);
  /// A peer's session ends; what it has done since the last look is told of at the next one, little or much:
  /// who connects anew for each message would else never be looked at.
  void end_conduct(ServerPeer& peer);
  /// Something was refused to a thing that has no open session.
  void note_refusal(const Principal& principal);
  /// Whether every open peer has been judged by the newest policies.
  bool rights_are_settled() const;
  /// Judges every open peer by the newest policies, without waiting for the next look; `judged` runs when all
  /// have been.
  void judge_all(Task judged);
  /// An open peer's proof ends at that time (Unix ms), and the peer with it.
  void expires(std::uint64_t peer, std::int64_t at);
  /// Takes a connection whose client has been authenticated elsewhere.
  void adopt(std::unique_ptr<net::Connection> connection, std::unique_ptr<ConnectRequest> request);

 private:
  void drain_some();
  void serve_resting();
  void watch_policies();
  void notice_policies();
  void judge_some();
  void look_at_conduct();
  void look_at_some();

  TimerId conduct_timer_;
  std::vector<std::uint64_t> active_;     // peers that have done something since the last look
  std::vector<std::uint64_t> looked_at_;  // of that look, those that are left
  std::vector<hub::ConductReport> told_;  // by it

  void forget_gone();
  void look_at_expiry();
  void end_expired();

  /// Only those whose proof ends: a heap, the next first. Who has gone stays in it until there are as many of
  /// these as peers.
  struct Expiry {
    std::int64_t at = 0;
    std::uint64_t peer = 0;
    bool operator>(const Expiry& other) const { return at > other.at; }
  };
  std::vector<Expiry> expiring_;
  TimerId expiry_timer_;

  TimerId policies_timer_;
  std::uint64_t judged_policies_ = 0;   // the open peers were judged by these, or are in the queue
  std::deque<std::uint64_t> unjudged_;  // peers
  std::vector<Task> awaiting_;          // run when there are none of these; at most kMaxAwaiting

  std::deque<std::uint64_t> resting_;
  bool serves_ = false;             // serve_resting() is due
  std::size_t served_at_once_ = 1;  // of them, so that together they do about kTurnWork
  std::uint64_t work_before_ = 0;   // when that began

  Instant drain_until_{};
  std::size_t drain_total_ = 0;
  TimerId drain_timer_;
  std::vector<std::uint64_t> drain_left_;  // open peers that have not been told so far
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

  /// From now on answers every CONNECT with 0x9C or 0x9D (MQTT 3.1.1: 0x03), and disconnects the present
  /// clients, evenly over the time given: MQTT 5 clients with the same reason and the Server Reference,
  /// others by closing. Wills are sent as after any end that the client has not asked for. Lasts until
  /// resume() or the end of the process. Any thread.
  void drain(DrainOptions options);
  void resume();
  /// Null: not draining. Any thread.
  std::shared_ptr<const DrainOptions> draining() const;

  /// Runs `done` once every lane has done what was posted to its executor before this call, and has judged
  /// its clients by the newest policies; after kSettleLimit at the latest. On `reply_to`, whose thread calls.
  void settle(Executor& reply_to, Task done);

  hub::Hub& hub() { return environment_.hub; }
  const ServerLimits& limits() const { return environment_.limits; }
  const hub::Authenticator& authenticate() const { return environment_.authenticate; }
  const hub::EnhancedAuthenticator& enhanced() const { return environment_.enhanced; }
  const hub::Authorizer& authorize() const { return environment_.authorize; }
  Standing standing(const Principal& principal) const {
    if (!environment_.standing || !principal.is_thing()) return principal.standing;
    return environment_.standing(principal);
  }
  /// Judged rights to subscribe and to receive hold while this is the same. Any thread.
  std::uint64_t policies() const { return newest(environment_.policies); }
  /// And those to publish while this is. Any thread.
  std::uint64_t verdicts() const { return policies() + newest(environment_.spoken_for); }
  hub::ConductWatch* conduct() const { return environment_.conduct; }
  RefusalSink* refusals() const { return environment_.refusals; }
  ServerLane& lane(std::size_t shard) { return *lanes_[shard]; }

 private:
  static std::uint64_t newest(const std::atomic<std::uint64_t>* changes) {
    return changes == nullptr ? 0 : changes->load(std::memory_order_acquire);
  }

  ServerEnvironment environment_;
  std::vector<std::unique_ptr<ServerLane>> lanes_;
  mutable std::mutex drain_mutex_;
  std::shared_ptr<const DrainOptions> drain_;  // shared: with the lanes
};

inline bool ServerLane::rights_are_settled() const {
  return unjudged_.empty() && judged_policies_ == server.policies();
}

}  // namespace dunlin::transport
