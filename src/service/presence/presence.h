#pragma once
// Who is online, since when and why not: from sessions, from gateways' words about the things behind them,
// and from samples.

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "store/keyed.h"

namespace dunlin::presence {

inline constexpr std::size_t kMaxThings = 1'000'000;  // further ones are counted and not followed
inline constexpr Duration kSaveInterval = std::chrono::seconds{5};
inline constexpr std::size_t kMaxSavedPerBatch = 1000;
inline constexpr std::size_t kMaxWordBytes = 4096;  // of a gateway's message
inline constexpr std::size_t kMaxReasonBytes = 64;

/// Why a thing is offline that has not spoken since the start.
inline constexpr std::string_view kServerRestart = "server_restart";

struct Presence {
  std::string thing;
  enum class State : std::uint8_t { offline, online } state = State::offline;
  std::string reason;   // a stable word, e.g. "connected", "keep_alive", "gateway_offline", "server_restart"
  std::string gateway;  // empty: it connects itself
  WallTime changed_at{};  // of the last change of state
  WallTime last_seen{};   // of the last sign of life
};

/// The form that the API shows: {"thing","online","reason","gateway","changed_at","last_seen"}.
boost::json::object to_json(const Presence& presence);

/// One executor's thread; completions run there.
class PresenceService {
 public:
  PresenceService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics);
  ~PresenceService();

  /// Reads what is stored (everything is offline until it speaks again), then follows the bus. `started` runs
  /// once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// A sample of the device arrived; `gateway` is empty where it spoke itself.
  void saw(TenantId tenant, const std::string& device, const std::string& gateway, WallTime at);

  std::optional<Presence> find(TenantId tenant, const std::string& thing) const;
  std::size_t online_count() const { return online_count_; }

  /// Called for every change of state (not for each sign of life).
  void on_change(std::function<void(TenantId, const Presence&)> handler) {
    handlers_.push_back(std::move(handler));
  }

  /// Called when a thing speaks through another gateway than before, or through none.
  void on_route(std::function<void(TenantId, const Presence&)> handler) {
    route_handlers_.push_back(std::move(handler));
  }

  /// Declares presence.list and presence.get.
  void declare(model::OperationTable& table);

  /// Saves what has changed; for an orderly shutdown.
  void flush(std::move_only_function<void(Result<void>)> done);

 private:
  struct Tracked {
    Presence presence;
    std::uint32_t sessions = 0;  // open sessions of its own
  };
  void load(std::move_only_function<void(Result<void>)> started);
  void follow();
  void restore(const std::string& key, std::string_view stored);
  void on_session(const hub::SessionEvent& event);
  void on_word_of_gateway(const hub::Message& message);
  bool is_stale(const hub::Message& message) const;
  void gateway_lost(TenantId tenant, const std::string& gateway, WallTime at);
  void change(TenantId tenant, Tracked& tracked, Presence::State state, std::string reason, WallTime at);
  Tracked* track(TenantId tenant, const std::string& thing);
  void route(TenantId tenant, Tracked& tracked, const std::string& gateway);
  void touch(TenantId tenant, Tracked& tracked, WallTime at);
  void save_later();

  Executor& executor_;
  hub::Bus& bus_;
  store::Keyed& keyed_;
  std::unordered_map<std::string, Tracked> things_;  // by stored key
  std::unordered_set<std::string> unsaved_;
  std::vector<std::function<void(TenantId, const Presence&)>> handlers_;
  std::vector<std::function<void(TenantId, const Presence&)>> route_handlers_;
  std::unique_ptr<hub::Consumer> consumer_;
  TimerId save_timer_;
  std::size_t online_count_ = 0;
  WallTime started_at_{};
  metrics::Cell& online_;
  metrics::Cell& changes_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::presence
