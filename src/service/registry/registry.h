#pragma once
// The things of an installation: made by people and by the API, or on their first message.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "model/mapping.h"
#include "model/operation.h"
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
};
/// What another room changes in the same write when a thing goes: its credentials.
struct RemovalCompanion {
  std::vector<store::Change> changes;
  Task stored;  // runs once all is durable; may be empty
};
using RemovalPlanner =
    std::function<void(ThingRemoval, std::move_only_function<void(Result<RemovalCompanion>)>)>;

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
  /// what goes with it, changed at the same moment), and the planner's.
  void remove(ThingRemoval removal, std::move_only_function<void(Result<void>)> done);
  void list(ThingQuery query, std::move_only_function<void(Result<std::vector<Thing>>)> done);

  /// A message came from this device: makes the thing if it is not known. `gateway` may be empty.
  void ensure(TenantId tenant, const model::TopicFacts& facts, std::string_view gateway);

  /// Called for every thing that was made, changed or removed (then with version 0).
  void on_change(std::function<void(TenantId, const Thing&)> handler) {
    handlers_.push_back(std::move(handler));
  }

  /// At most one, at start-up.
  void plan_removals(RemovalPlanner planner) { planner_ = std::move(planner); }

  /// Declares thing.list, create, get, update, delete.
  void declare(model::OperationTable& table);

 private:
  void store(TenantId tenant, Thing thing, std::optional<std::uint64_t> expected,
             std::vector<store::Change> together, ThingDone done);
  std::vector<store::Change> audit(const model::Caller& caller, std::string_view action,
                                   std::string_view thing, std::string_view detail = {}) const;
  void remove_with(TenantId tenant, Thing thing, RemovalCompanion companion,
                   std::move_only_function<void(Result<void>)> done);
  void notify(TenantId tenant, const Thing& thing);
  static std::string known_key(TenantId tenant, std::string_view name);

  Executor& executor_;
  store::Repository& repository_;
  RegistryOptions options_;
  std::vector<std::function<void(TenantId, const Thing&)>> handlers_;
  RemovalPlanner planner_;
  std::unordered_set<std::string> known_;
  std::unordered_set<std::string> creating_;
  metrics::Cell& created_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::registry
