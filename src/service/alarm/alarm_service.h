#pragma once
// Raises, acknowledges, shelves, clears and lists alarms. One alarm is open per (tenant, name, thing, whether
// a device says so).

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "service/alarm/alarm.h"
#include "service/alarm/finding.h"
#include "service/alarm/flapping.h"
#include "service/alarm/open_alarms.h"
#include "service/alarm/options.h"
#include "service/alarm/retention.h"
#include "service/alarm/shelves.h"
#include "service/alarm/steps.h"
#include "store/keyed.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxOpenOfDevice = 64;      // alarms that a device has raised itself
inline constexpr std::size_t kMaxWaitingChanges = 1000;  // of people, and of time
inline constexpr std::size_t kMaxStepsAtOnce = 256;      // alarms that time changes in one write
inline constexpr Duration kMaxShelfTime = std::chrono::days{30};

/// One executor's thread; completions run there.
class AlarmService {
 public:
  using AlarmDone = std::move_only_function<void(Result<Alarm>)>;
  using GatewayOf = std::function<Gateway(TenantId, const std::string& thing)>;

  AlarmService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics,
               AlarmOptions options = {});
  ~AlarmService();

  /// Reads the open alarms; from then on time does its part. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Changes that findings make, to be stored in the finder's own batch. They are in force at once;
  /// announce() tells the world once they are durable, and must be called for every prepare(): people's
  /// changes wait in between, so that the finder's batch does not undo them. Repeated findings of one alarm
  /// are one change.
  struct Prepared {
    std::vector<store::Put> puts;
    std::vector<Alarm> changed;  // to be told of
  };
  Prepared prepare(const std::vector<Finding>& findings);
  void announce(const Prepared& prepared);

  /// One finding with a write of its own, for whoever finds few. It is in force and told of also when it
  /// could not be stored; `done` gets that error.
  void report(Finding finding, std::move_only_function<void(Result<void>)> done);
  /// Whether a device may raise this now. Errors: limit_exceeded.
  Result<void> may_raise(const Finding& finding) const;

  /// On what alarms of a thing depend. At start-up only; without it on nothing.
  void depend_on(GatewayOf gateway_of) { gateway_of_ = std::move(gateway_of); }
  /// A thing went offline or came online.
  void look_again(TenantId tenant, const std::string& thing);

  /// What a person does, with words for the history (at most kMaxWhyBytes; empty: none).
  struct Deed {
    TenantId tenant;
    std::string id;
    std::string by;
    std::string why;
  };
  /// Errors: not_found, conflict (it is cleared), unavailable (too much waits), those of the store.
  void acknowledge(Deed deed, AlarmDone done);
  void clear(Deed deed, AlarmDone done);
  /// The condition is put aside, also when it clears and is raised again meanwhile; what is shelved already
  /// is shelved anew. Errors: also limit_exceeded. `time` is positive and at most kMaxShelfTime.
  void shelve(Deed deed, Duration time, AlarmDone done);
  /// Also of an alarm that is cleared. Errors: also conflict (it is not shelved).
  void unshelve(Deed deed, AlarmDone done);
  /// Also of an alarm that is cleared. Errors: also limit_exceeded.
  void comment(Deed deed, AlarmDone done);
  void get(TenantId tenant, std::string id, AlarmDone done);

  struct ListQuery {
    TenantId tenant = kDefaultTenant;
    enum class Which : std::uint8_t { all, open } which = Which::all;
    std::optional<State> state;
    Severity least = Severity::info;
    std::optional<Source> source;
    std::string thing;
    std::string name;
    std::string text;  // in the name, the thing or the message, whatever the case of its ASCII letters
    std::size_t limit = 100;
  };
  /// The newest first.
  void list(ListQuery query, std::move_only_function<void(Result<std::vector<Alarm>>)> done);
  /// What has happened to it, and its comments, both in order of time. Errors: not_found.
  struct Log {
    std::vector<Event> history;
    std::vector<Event> comments;
  };
  void log_of(TenantId tenant, std::string id, std::move_only_function<void(Result<Log>)> done);

  std::size_t open_count() const { return open_.size(); }

  void on_change(std::function<void(const Alarm&)> handler) { handlers_.push_back(std::move(handler)); }

  /// Declares alarm.*.
  void declare(model::OperationTable& table);

 private:
  using Edit = std::function<Result<void>(Alarm&, store::Batch&)>;
  struct Step;

  void load(std::move_only_function<void(Result<void>)> started);
  Result<void> take(const store::Entry& entry);

  std::optional<Alarm> apply(const Finding& finding);
  Alarm begin(const Finding& finding, const std::string& key);
  Alarm repeat(Alarm alarm, const Finding& finding);
  Alarm end(Alarm alarm, const Finding& finding);
  std::vector<Cause> causes_of(const Finding& finding) const;

  Circumstances circumstances(const Alarm& alarm) const;
  /// In memory; a cleared alarm is open no longer.
  void keep(const std::string& key, Alarm& alarm);
  void tell(const Alarm& alarm);

  /// One after the other; `task` calls next_change() at its end.
  void in_turn(Task task);
  void next_change();
  /// For whose turn it is: once no finder's batch is under way.
  void when_free(Task task);
  void change(Deed deed, Edit edit, AlarmDone done);
  void store_change(Alarm alarm, const Edit& edit, AlarmDone done);
  void undo(const std::string& key, const Alarm& before, const Alarm& after);

  void wake();
  void proceed_with(std::vector<std::string> keys);
  void take_steps();

  Executor& executor_;
  hub::Bus& bus_;
  store::Keyed& keyed_;
  AlarmOptions options_;
  PrincipalRef self_;
  GatewayOf gateway_of_;
  OpenAlarms open_;
  Shelves shelves_;
  FlapWatch flaps_;
  std::size_t unannounced_ = 0;  // prepared batches under way
  std::deque<Task> waiting_;     // people's changes, and those of time
  enum class Turn : std::uint8_t { free, taken } turn_ = Turn::free;
  Task blocked_;                 // whose turn it is, and waits for finders
  std::set<std::string> stale_;  // what time or a gateway may have changed; not empty: a turn for it waits
  std::uint64_t revisions_ = 0;
  TimerId timer_;
  std::optional<WallTime> wakes_at_;
  std::vector<std::function<void(const Alarm&)>> handlers_;
  metrics::Cell& raised_;
  metrics::Cell& refused_;
  metrics::Cell& held_;
  metrics::Cell& retries_;
  Retention retention_;
};

}  // namespace dunlin::alarm
