#pragma once
// Watches what things do: whoever does what no device does that is well is told of by an alarm and put in
// quarantine.

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/refusal.h"
#include "hub/bus.h"
#include "hub/conduct.h"
#include "model/operation.h"
#include "model/retry.h"
#include "service/alarm/alarm_service.h"
#include "service/behaviour/thresholds.h"
#include "service/registry/registry.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::behaviour {

inline constexpr std::size_t kMaxTallies = 100'000;  // things that were told of within one window

/// Everything it works with; all must outlive it, and the executor runs no task of its once it is gone.
struct BehaviourEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  store::Repository& repository;
  registry::Registry& registry;
  alarm::AlarmService& alarms;
  hub::ConductWatch& watch;
  metrics::Registry& metrics;
  RefusalSink* refusals = nullptr;  // who keeps what is odd; null: nobody
};

/// One executor's thread; completions run there.
class BehaviourService {
 public:
  /// Sets environment.watch.report.
  explicit BehaviourService(BehaviourEnvironment environment);
  ~BehaviourService();

  /// Reads the limits and takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Declares behaviour.list, get, put, delete, use.
  void declare(model::OperationTable& table);

 private:
  /// Of one thing, within the present window.
  struct Tally {
    hub::Conduct did;
    std::uint32_t connects = 0;
    enum class Judged : std::uint8_t { no, under_way, yes } judged = Judged::no;
  };
  struct Round;
  using RoundRef = std::shared_ptr<Round>;  // handed from completion to completion; one owner at a time

  void load(std::move_only_function<void(Result<void>)> loaded);
  void consume(std::vector<hub::JournalPosition> from);
  void set_floor();
  void begin_window();

  void take(const std::vector<hub::ConductReport>& reports);
  void on_session(const hub::SessionEvent& event);
  Tally* tally_of(TenantId tenant, const std::string& thing);
  static std::uint64_t measured(const Tally& tally, Measure measure);
  std::string excess_of(const Tally& tally, std::string_view type, std::string_view thing) const;
  void judge(TenantId tenant, const std::string& thing, Tally& tally);
  void judged(TenantId tenant, const Tally& tally, Result<registry::Thing> thing);
  void tell(RefusalKind kind, std::string_view thing, std::string_view why) const;
  void report(alarm::Finding finding, std::move_only_function<void()> reported);
  void hold(TenantId tenant, std::string thing, std::string reason,
            std::move_only_function<void(Result<registry::Thing>)> held);

  // Tamper events (tamper.cc).
  void take_tampers(std::vector<hub::Delivery> batch, Task done);
  void next_tamper(RoundRef round);
  void save(RoundRef round);

  void put(const model::Caller& caller, std::string scope, Thresholds thresholds, model::Reply reply);
  void remove(const model::Caller& caller, std::string scope, model::Reply reply);
  void show(const model::Caller& caller, std::string scope, model::Reply reply);
  void show_use(const model::Caller& caller, std::string thing, model::Reply reply);
  /// The most of the present window and the one before it.
  boost::json::object use_of(TenantId tenant, const std::string& thing) const;

  BehaviourEnvironment environment_;
  ThresholdTable table_;
  std::unordered_map<std::string, Tally> tallies_;      // by tenant and thing
  std::unordered_map<std::string, Tally> before_;       // of the window before, to be shown
  std::unordered_map<std::string, std::string> types_;  // likewise; of things that were judged
  TimerId window_;
  std::vector<hub::JournalPosition> positions_;
  std::unique_ptr<hub::Consumer> consumer_;
  model::Retry retry_;
  metrics::Cell& odd_;
  metrics::Cell& tampers_;
  metrics::Cell& quarantines_;
  metrics::Cell& untold_;
};

}  // namespace dunlin::behaviour
