#pragma once
// Raises, acknowledges, clears and lists alarms. One alarm is open per (tenant, name, thing).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "service/alarm/alarm.h"
#include "service/alarm/retention.h"
#include "store/keyed.h"

namespace dunlin::alarm {

/// What a rule found in one message.
struct Finding {
  TenantId tenant;
  std::string name;
  std::string thing;
  std::string rule;
  Severity severity = Severity::warning;
  std::string message;
  WallTime at{};
  int hops = 0;  // that the message had passed (model/hops.h)
  enum class Kind : std::uint8_t { raise, clear } kind = Kind::raise;
};

/// One executor's thread; completions run there.
class AlarmService {
 public:
  using AlarmDone = std::move_only_function<void(Result<Alarm>)>;

  AlarmService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics,
               RetentionOptions retention = {});

  /// Reads the open alarms; from then on cleared ones are removed as `retention` says. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Changes that findings make, to be stored in the finder's own batch. They are in force at once;
  /// announce() tells the world once they are durable, and must be called for every prepare(): people's
  /// changes wait in between, so that the finder's batch does not undo them. Repeated findings of one alarm
  /// are one change.
  struct Prepared {
    std::vector<store::Put> puts;
    std::vector<Alarm> changed;
  };
  Prepared prepare(const std::vector<Finding>& findings);
  void announce(const Prepared& prepared);

  /// One finding with a write of its own, for whoever finds few. It is in force and told of also when it
  /// could not be stored; `done` gets that error.
  void report(Finding finding, std::move_only_function<void(Result<void>)> done);

  /// Errors: not_found, conflict (it is cleared).
  void acknowledge(TenantId tenant, std::string id, std::string by, AlarmDone done);
  void clear(TenantId tenant, std::string id, std::string by, AlarmDone done);
  void get(TenantId tenant, std::string id, AlarmDone done);

  struct ListQuery {
    TenantId tenant = kDefaultTenant;
    std::optional<State> state;
    std::string thing;
    std::size_t limit = 100;
  };
  /// The newest first.
  void list(ListQuery query, std::move_only_function<void(Result<std::vector<Alarm>>)> done);

  std::size_t open_count() const { return open_.size(); }

  void on_change(std::function<void(const Alarm&)> handler) { handlers_.push_back(std::move(handler)); }

  /// Declares alarm.list, get, acknowledge, clear.
  void declare(model::OperationTable& table);

 private:
  void load(std::string after, std::move_only_function<void(Result<void>)> started);
  std::optional<Alarm> apply(const Finding& finding);
  void tell(const Alarm& alarm);
  void when_free(Task task);
  void change(TenantId tenant, std::string id, std::function<Result<void>(Alarm&)> edit, AlarmDone done);
  void store_change(Alarm alarm, const std::function<Result<void>(Alarm&)>& edit, AlarmDone done);
  bool is_open(const Alarm& alarm) const;
  void count_open();
  static std::string open_key(TenantId tenant, const std::string& name, const std::string& thing);

  Executor& executor_;
  hub::Bus& bus_;
  store::Keyed& keyed_;
  PrincipalRef self_;
  std::map<std::string, Alarm> open_;  // by open_key
  std::size_t unannounced_ = 0;        // prepared batches under way
  std::vector<Task> waiting_;          // people's changes
  std::vector<std::function<void(const Alarm&)>> handlers_;
  metrics::Cell& raised_;
  metrics::Cell& open_gauge_;
  metrics::Cell& refused_;
  Retention retention_;
};

}  // namespace dunlin::alarm
