#pragma once
// The things of an installation: made by people and by the API, or on their first message.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "model/mapping.h"
#include "model/operation.h"
#include "model/retry.h"
#include "security/audit.h"
#include "service/registry/thing.h"
#include "store/repository.h"

namespace dunlin::registry {

inline constexpr std::size_t kMaxKnownNames = 100'000;  // names kept in memory to spare look-ups
inline constexpr std::size_t kMaxPendingCreations =
    1000;  // first messages of unknown things waiting for the repository

struct RegistryOptions {
  enum class FirstMessage : std::uint8_t {
    creates_thing,
    ignored
  } first_message = FirstMessage::creates_thing;
};

struct ThingQuery {
  TenantId tenant = kDefaultTenant;
  std::string type;     // empty: any
  std::string gateway;  // empty: any
  std::string name_prefix;
  /// Of `unusual` are things in quarantine, and those that are in another stage than operation or to be
  /// wiped.
  enum class Standings : std::uint8_t { all, unusual } standings = Standings::all;
  std::string after;  // page behind this name
  std::size_t limit = 100;
};

struct ThingUpdate {
  std::optional<std::string> type;
  std::optional<std::string> gateway;
  std::optional<Thing::State> state;
  std::map<std::string, std::optional<std::string>> attributes;  // nullopt removes
  std::optional<std::uint64_t> expected_version;
};

struct ThingRemoval {
  TenantId tenant = kDefaultTenant;
  std::string thing;
  security::Actor actor;  // who asks, for the audit
  enum class Occasion : std::uint8_t { removed, decommissioned } occasion = Occasion::removed;
};
/// What another room changes in the same write when a thing goes or is decommissioned: its credentials.
struct RemovalCompanion {
  std::vector<store::Change> changes;
  Task stored;  // runs once all is durable; may be empty
};
using RemovalPlanner =
    std::function<void(ThingRemoval, std::move_only_function<void(Result<RemovalCompanion>)>)>;

/// Removes what a decommissioned thing has left in the hub: retained messages and sessions. Repeated until it
/// has succeeded, also over restarts.
using ThingWiper =
    std::function<void(TenantId, std::string thing, std::move_only_function<void(Result<void>)>)>;

/// A step in a thing's life that somebody asks for.
struct LifeRequest {
  TenantId tenant = kDefaultTenant;
  std::string thing;
  LifeEvent::Kind kind = LifeEvent::Kind::moved;
  Lifecycle to = Lifecycle::operation;
  std::string reason;
  security::Actor actor = "system";  // for the audit and the history
};
/// A step that has been taken.
struct LifeNotice {
  TenantId tenant;
  const Thing& thing;
  const LifeEvent& event;
};

/// One executor's thread; completions run there.
class Registry {
 public:
  using ThingDone = std::move_only_function<void(Result<Thing>)>;

  Registry(Executor& executor, store::Repository& repository, metrics::Registry& metrics,
           RegistryOptions options);

  /// Errors: not_found.
  void get(TenantId tenant, std::string name, ThingDone done);
  /// `together` goes into the same write: the audit record, where a person asks. Errors: already_exists,
  /// invalid_argument, limit_exceeded.
  void create(TenantId tenant, Thing thing, ThingDone done, std::vector<store::Change> together = {});
  /// What whoever makes a thing in a larger write puts into it: `made` is the thing to hand to adopt() once
  /// that is durable. `version`: of the stored thing that is replaced, 0 for a new one. The write answers
  /// conflict if another is there. A new thing keeps a `created_at` that is set. Errors: as create().
  struct Plan {
    store::Change change;
    Thing made;
  };
  Result<Plan> plan(TenantId tenant, Thing thing, std::uint64_t version) const;
  void adopt(TenantId tenant, Thing thing, std::uint64_t version);
  /// Errors: not_found, conflict, invalid_argument, limit_exceeded.
  void update(TenantId tenant, std::string name, ThingUpdate update, ThingDone done,
              std::vector<store::Change> together = {});
  /// The thing goes together with what the planner adds, in one write. Errors: not_found, conflict (it, or
  /// what goes with it, changed at the same moment, or it is being wiped), and the planner's.
  void remove(ThingRemoval removal, std::move_only_function<void(Result<void>)> done);
  void list(ThingQuery query, std::move_only_function<void(Result<std::vector<Thing>>)> done);

  // The life of things (registry_life.cc).

  /// Takes a step, with its audit record in the same write; answers the thing, also where it was there
  /// already. A decommissioning withdraws the credentials in that write; what the thing has in the hub is
  /// wiped behind it, before the answer where that succeeds. Errors: not_found, conflict (no such step from
  /// here), limit_exceeded, and the planner's.
  void step(LifeRequest request, ThingDone done);
  /// A credential was given to the thing: from provisioning it goes on to activation.
  void credential_given(TenantId tenant, std::string thing, std::move_only_function<void()> done);
  /// A connection of the thing was accepted: it goes on to operation, from provisioning, too: it has shown a
  /// credential.
  void connected(TenantId tenant, std::string thing, ThingDone done);
  /// At start-up: visits all whose standing is not the usual one, and remembers those that are to be wiped.
  void load_standings(std::function<void(TenantId, const Thing&)> visit,
                      std::move_only_function<void(Result<void>)> done);
  /// Goes on with the wipes that a restart has interrupted.
  void resume_wipes();
  /// Called for every step, once it is durable.
  void on_step(std::function<void(const LifeNotice&)> handler) {
    step_handlers_.push_back(std::move(handler));
  }
  /// At most one, at start-up.
  void wipe_with(ThingWiper wiper) { wiper_ = std::move(wiper); }

  /// A message came from this device: makes the thing if it is not known. `gateway` may be empty.
  void ensure(TenantId tenant, const model::TopicFacts& facts, std::string_view gateway);

  /// Called for every thing that was made, changed or removed (then with version 0).
  void on_change(std::function<void(TenantId, const Thing&)> handler) {
    handlers_.push_back(std::move(handler));
  }

  /// At most one, at start-up.
  void plan_removals(RemovalPlanner planner) { planner_ = std::move(planner); }

  /// Declares thing.list, create, get, update, delete, move, history, quarantine, release.
  void declare(model::OperationTable& table);

 private:
  void store(TenantId tenant, Thing thing, std::optional<std::uint64_t> expected,
             std::vector<store::Change> together, ThingDone done);
  std::vector<store::Change> audit(const model::Caller& caller, std::string_view action,
                                   std::string_view thing, std::string_view detail = {}) const;
  void remove_with(TenantId tenant, Thing thing, RemovalCompanion companion,
                   std::move_only_function<void(Result<void>)> done);
  static store::Change put_thing(TenantId tenant, const Thing& thing, std::optional<std::uint64_t> expected);
  void notify(TenantId tenant, const Thing& thing);
  struct Stepping;
  void step(Stepping stepping, ThingDone done);
  void write_step(Stepping stepping, Thing thing, LifeEvent event, RemovalCompanion companion,
                  ThingDone done);
  void stepped(const LifeRequest& request, Thing thing, const LifeEvent& event, ThingDone done);
  void go_on_to(Lifecycle stage, TenantId tenant, std::string thing, std::string reason, ThingDone done);
  void wipe(TenantId tenant, Thing thing, ThingDone done);
  void finish_wipe(TenantId tenant, std::string name, ThingDone done);
  void wipe_later(TenantId tenant, std::string name, const Error& why);
  void load_page(std::string after, std::function<void(TenantId, const Thing&)> visit,
                 std::move_only_function<void(Result<void>)> done);
  void declare_life(model::OperationTable& table);
  static std::string known_key(TenantId tenant, std::string_view name);

  Executor& executor_;
  store::Repository& repository_;
  RegistryOptions options_;
  std::vector<std::function<void(TenantId, const Thing&)>> handlers_;
  RemovalPlanner planner_;
  std::unordered_set<std::string> known_;
  std::unordered_set<std::string> creating_;
  std::unordered_set<std::string> awaited_;  // in activation, and speak through a gateway
  std::vector<std::function<void(const LifeNotice&)>> step_handlers_;
  ThingWiper wiper_;
  std::set<std::pair<TenantId, std::string>> unwiped_;
  model::Retry wipes_;
  metrics::Cell& steps_;
  metrics::Cell& in_quarantine_;
  metrics::Cell& created_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::registry
