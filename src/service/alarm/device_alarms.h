#pragma once
// The alarms that devices raise and clear themselves, on $dunlin/things/{thing}/alarms/{name}: whoever may
// publish there may raise them.

#include <functional>
#include <memory>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/retry.h"
#include "service/alarm/alarm_service.h"
#include "store/keyed.h"

namespace dunlin::alarm {

/// Everything it works with; all must outlive it.
struct DeviceAlarmsEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  AlarmService& alarms;
  metrics::Registry& metrics;
  /// Whether what is said of a thing counts for nothing: it is in maintenance. Null: everything counts.
  std::function<bool(TenantId, std::string_view thing)> muted = {};
};

/// One executor's thread. What was acknowledged with QoS 1 or 2 is an alarm, also after a crash: the alarms
/// and the places in the journals are one write.
class DeviceAlarms {
 public:
  explicit DeviceAlarms(DeviceAlarmsEnvironment environment);

  /// Takes up the journals where it left off; the alarms must have been started. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

 private:
  struct Round;

  void consume(std::vector<hub::JournalPosition> from);
  void take(std::vector<hub::Delivery> batch, Task done);
  Result<Finding> finding_of(const hub::Message& message) const;
  void refuse(const hub::Message& message, const Error& why);
  void save(std::shared_ptr<Round> round);

  DeviceAlarmsEnvironment environment_;
  PrincipalRef self_;
  std::unique_ptr<hub::Consumer> consumer_;
  model::Retry retry_;
  metrics::Cell& words_;
  metrics::Cell& refused_;
  metrics::Cell& muted_;
};

}  // namespace dunlin::alarm
