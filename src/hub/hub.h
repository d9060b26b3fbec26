#pragma once
// The hub of one process: one shard per reactor, and the doors to them.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/rng.h"
#include "hub/access.h"
#include "hub/bus.h"
#include "hub/shard.h"

namespace dunlin::hub {

struct ShardEnvironment {
  Executor& executor;
  store::Log* log =
      nullptr;  // null: QoS 1 and 2 are answered when they are routed, and nothing survives a restart
};

/// Everything named here outlives the hub; the executors stop running tasks before the hub is destroyed.
struct HubEnvironment {
  std::vector<ShardEnvironment> shards;  // at most kMaxShards
  store::Keyed* keyed = nullptr;         // retained messages and persistent sessions; null: in memory only
  metrics::Registry& metrics;
  Rng& rng;  // used in the constructor only
  Limits limits = {};
  /// A QoS 0 message whose topic one of these filters matches is journalled and delivered as QoS 1: a
  /// gateway's telemetry. Its publisher waits for nothing.
  std::vector<std::string> durable_filters = {};
  /// Asked about a will's topic when the will is published; none: it is published as it was authorised when
  /// the session began. Of a session that a restart has found the principal is a name only.
  Authorizer authorize_will = {};
};

class Hub final : public Bus {
 public:
  explicit Hub(HubEnvironment environment);
  ~Hub() override;

  using Done = std::move_only_function<void(Result<void>)>;
  /// Loads what the stores hold. Nothing else may be called before `done` has run (on `reply_to`), except
  /// on_session_event() and consume(). Errors: corrupt, io.
  void start(Executor& reply_to, Done done);
  /// Ends every connection, stores what is open and calls `done`. Any thread.
  void stop(Executor& reply_to, Done done);

  std::size_t shard_count() const { return shards_.size(); }
  Shard& shard(std::size_t number) { return *shards_[number]; }
  Tracer& tracer() { return tracer_; }
  Executor& executor(std::size_t shard) { return shards_[shard]->executor(); }
  /// Where a client's session lives: its connection belongs on executor(session_home()).
  std::size_t session_home(TenantId tenant, std::string_view client_id) const;

  /// How short the process is of memory, from now on. Any thread.
  void set_memory_level(MemoryLevel level);

  /// Ends the sessions that began with one of these certificates (fingerprints), everywhere, with a reason
  /// that the transport renders. Any thread.
  void end_certificates(TenantId tenant, std::vector<std::string> fingerprints, std::string reason);

  /// From now on the sessions of this thing have another standing. Any thread; returns before.
  void set_standing(TenantId tenant, std::string thing, Standing standing);
  /// The same for one client, without a look at the others.
  void set_client_standing(TenantId tenant, const std::string& client_id, Standing standing);

  /// Opens the session for a connection. On its home shard's thread only, not from inside
  /// SessionLink::deliver. `done` runs when the session may be used (at once, or after it is stored), unless
  /// the link has lost it before; deliveries follow it. Errors: permission_denied (another identity's client
  /// id), limit_exceeded.
  Result<Session*> open(std::size_t shard, OpenOptions options, SessionLink& link, Shard::OpenDone done);

  /// Whether somebody may want a topic that begins with '$'. On shard 0's thread.
  bool is_heard(TenantId tenant, std::string_view topic) const { return shards_[0]->is_heard(tenant, topic); }

  /// Sessions of a tenant, at most `limit` per shard. Any thread.
  void sessions(Executor& reply_to, TenantId tenant, std::size_t limit,
                std::move_only_function<void(std::vector<SessionInfo>)> done);

  // Bus. publish() keeps the order of calls with the same topic (or with a shard's own executor as
  // `reply_to`) per QoS class.
  void publish(Executor& reply_to, Message message, PublishDone done) override;
  std::unique_ptr<Consumer> consume(Executor& executor, ConsumerOptions options,
                                    BatchHandler handler) override;
  void on_session_event(Executor& executor, std::function<void(const SessionEvent&)> handler) override;
  void end_sessions(TenantId tenant, std::string principal_name, std::string reason) override;
  void retained(Executor& reply_to, TenantId tenant, std::string topic,
                std::move_only_function<void(std::optional<Message>)> done) override;

 private:
  struct Listener {
    Executor* executor;
    std::function<void(const SessionEvent&)> handler;
  };
  void post(std::size_t shard, std::move_only_function<void(Shard&)> task);
  void report(SessionEvent event);
  void load_retained(std::string begin, Done done);
  using SessionHomes = std::unordered_map<SessionInstance, std::size_t>;
  void load_sessions(std::string begin, std::shared_ptr<SessionHomes> homes, Done done);
  void load_queues(std::string begin, std::shared_ptr<SessionHomes> homes, Done done);
  void replay(Done done);
  /// Runs `task` on every shard and `done` on shard 0 after the last; `task` calls its argument once.
  void on_all(std::function<void(Shard&, Done)> task, Done done);

  store::Keyed* keyed_;
  Limits limits_;
  std::vector<std::string> durable_filters_;
  Authorizer authorize_will_;
  Tracer tracer_;
  TenantBudgets budgets_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Listener> listeners_;
  std::atomic<ConsumerId> next_consumer_{1};
};

}  // namespace dunlin::hub
