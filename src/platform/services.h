#pragma once
// The services of a server over a hub and its stores, wired to each other. The server and the simulator
// compose the same stack.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/metrics.h"
#include "hub/bus.h"
#include "hub/standings.h"
#include "model/mapping.h"
#include "model/operation.h"
#include "platform/config.h"
#include "platform/thing_tags.h"
#include "service/alarm/alarm_service.h"
#include "service/alarm/device_alarms.h"
#include "service/blob/blob_service.h"
#include "service/derived/derived_service.h"
#include "service/monitor/forecast_operations.h"
#include "service/monitor/monitor_service.h"
#include "service/presence/presence.h"
#include "service/query/query_service.h"
#include "service/registry/registry.h"
#include "service/retention/retention_service.h"
#include "service/rules/rules_service.h"
#include "service/series/line_ingest.h"
#include "service/series/sample_operations.h"
#include "service/series/sample_topics.h"
#include "service/series/series_service.h"
#include "service/shadow/shadow_service.h"
#include "store/keyed.h"
#include "store/log.h"
#include "store/repository.h"

namespace dunlin::platform {

struct ServicesEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  store::Log& samples;  // of the executor, and of nobody else
  store::Repository& repository;
  metrics::Registry& metrics;
  model::Mapping mapping;
  registry::RegistryOptions registry;
  alarm::AlarmOptions alarms{};
  /// Rules do not act on what things in maintenance do, or decommissioned ones; null: they do.
  const hub::Standings* standings = nullptr;
  SeriesOptions series{};
  /// Whether somebody may want a topic that begins with '$'. Null: nobody.
  std::function<bool(TenantId, std::string_view topic)> heard{};
  /// For queries; empty: they run on the executor. To be stopped before the services go.
  std::vector<Executor*> query_threads{};
  store::BlobStore* blobs = nullptr;                 // null: there are no large binaries
  const security::PolicyEngine* policies = nullptr;  // which of these devices may have; beside `blobs`
  blob::KeepRules keep_blobs{};
  model::CallRecorder recorder{};
};

/// One executor's thread.
class Services {
 public:
  explicit Services(ServicesEnvironment environment);

  /// Starts all, in the order in which they need each other. `started` runs once, with the first error.
  void start(std::move_only_function<void(Result<void>)> started);
  /// Saves what is kept in memory only.
  void stop(std::move_only_function<void(Result<void>)> stopped);

  void declare(model::OperationTable& table);

  registry::Registry& registry() { return registry_; }
  presence::PresenceService& presence() { return presence_; }
  series::SeriesService& series() { return series_; }
  series::LineIngest& lines() { return lines_; }
  series::SampleOperations& samples() { return samples_; }
  query::QueryService& queries() { return query_; }
  shadow::ShadowService& shadow() { return shadow_; }
  alarm::AlarmService& alarms() { return alarms_; }
  rules::RulesService& rules() { return rules_; }
  /// Null: there are no large binaries.
  blob::BlobService* blobs() { return blobs_ ? &*blobs_ : nullptr; }

 private:
  registry::Registry registry_;
  presence::PresenceService presence_;
  series::SeriesService series_;
  ThingTags tags_;
  query::QueryService query_;
  series::LineIngest lines_;
  series::SampleOperations samples_;
  shadow::ShadowService shadow_;
  alarm::AlarmService alarms_;
  alarm::DeviceAlarms device_alarms_;
  rules::RulesService rules_;
  series::SampleTopics topics_;
  monitor::MonitorService monitors_;
  monitor::ForecastOperations forecasts_;
  retention::RetentionService retention_;
  derived::DerivedService derived_;
  std::optional<blob::BlobService> blobs_;
};

}  // namespace dunlin::platform
