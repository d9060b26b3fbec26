#include "platform/status.h"

#include <boost/json.hpp>

#include "platform/doctor.h"
#include "platform/drain_operations.h"
#include "platform/refusal_operations.h"
#include "service/access/access.h"
#include "service/alarm/operations.h"
#include "service/audit/audit.h"
#include "service/backup/backup_service.h"
#include "service/behaviour/operations.h"
#include "service/blob/blob_service.h"
#include "service/broker/broker.h"
#include "service/derived/derived_service.h"
#include "service/monitor/forecast_operations.h"
#include "service/monitor/monitor_service.h"
#include "service/presence/operations.h"
#include "service/provision/provision.h"
#include "service/query/operations.h"
#include "service/registry/operations.h"
#include "service/retention/retention_service.h"
#include "service/rules/operations.h"
#include "service/series/operations.h"
#include "service/series/sample_operations.h"
#include "service/shadow/operations.h"
#include "transport/bridge/bridges.h"
#include "transport/http/web_server.h"
#include "web/assets.h"

namespace dunlin::platform {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kStatus[] = {
    {"version", FieldType::text, Need::required, "the program's version"},
    {"uptime_seconds", FieldType::number, Need::required, "since the start"},
    {"listeners", FieldType::array, Need::required, "name and address of each"},
    {"mqtt", FieldType::object, Need::required, "whether clients are taken, or where they are sent"},
    {"memory", FieldType::object, Need::required, "level (normal, tight, critical), bytes and budget"},
    {"disk", FieldType::object, Need::required, "free_bytes where the data is; null: not known"},
    {"counts", FieldType::object, Need::required, "connections, messages, samples, alarms"}};
constexpr model::OperationSpec kSpec{
    "system.status", model::Method::get, "/api/status", "How the server is.", "status:read", {}, kStatus, {}};

constexpr std::pair<std::string_view, std::string_view> kCounts[] = {
    {"connections", "dunlin_mqtt_connections"},
    {"things_online", "dunlin_presence_things_online"},
    {"alarms_open", "dunlin_alarm_open"},
    {"bridges", "dunlin_bridge_bridges"},
    {"bridges_connected", "dunlin_bridge_connected"},
    {"samples_stored", "dunlin_series_samples_stored_total"},
    {"messages_received", "dunlin_mqtt_messages_received_total"},
    {"messages_sent", "dunlin_mqtt_messages_sent_total"},
    {"live_pages", "dunlin_live_pages"}};

constexpr std::string_view kNoDashboard =
    "<!doctype html><meta charset=utf-8><title>Dunlin</title><p>This program was built without the "
    "dashboard. Build it with DUNLIN_WEB=ON; "
    "the API is described at <a href=\"/api/openapi.json\">/api/openapi.json</a>.";

boost::json::object memory_state(const MemoryGuard& memory) {
  return {{"level", memory_level_name(memory.level())},
          {"resident_bytes", memory.used()},
          {"budget_bytes", memory.budget()}};
}

boost::json::object disk_state(Fs& fs, const std::string& folder) {
  const auto free = fs.free_space(folder);
  return {{"free_bytes", free ? boost::json::value(*free) : boost::json::value()}};
}

Slice slice_of(ByteView bytes) {
  return Slice::of_static(as_text(bytes));
}

}  // namespace

std::string_view version() {
  return DUNLIN_VERSION;
}

void declare_status(model::OperationTable& table, StatusParts parts) {
  table.add(kSpec, [parts, started = parts.clock.now()](const model::Caller&, boost::json::object,
                                                        model::Reply reply) {
    boost::json::array listeners;
    for (const ListenerInfo& info : parts.listeners) {
      listeners.push_back({{"name", info.name}, {"address", info.address.to_string()}, {"note", info.note}});
    }
    boost::json::object counts;
    for (const auto& [name, metric] : kCounts)
      counts[name] = static_cast<std::int64_t>(parts.metrics.value(metric));
    const double uptime = std::chrono::duration<double>(parts.clock.now() - started).count();
    reply(boost::json::value{{"version", version()},
                             {"uptime_seconds", uptime},
                             {"listeners", std::move(listeners)},
                             {"mqtt", drain_state(parts.mqtt)},
                             {"memory", memory_state(parts.memory)},
                             {"disk", disk_state(parts.fs, parts.config.data_folder)},
                             {"counts", std::move(counts)}});
  });
}

std::vector<model::OperationSpec> all_operations() {
  std::vector<model::OperationSpec> all{kSpec};
  for (const auto& more : {registry::operations(),
                           presence::operations(),
                           series::operations(),
                           series::SampleOperations::operations(),
                           query::operations(),
                           shadow::operations(),
                           alarm::operations(),
                           monitor::operations(),
                           retention::operations(),
                           behaviour::operations(),
                           rules::operations(),
                           access::operations(),
                           audit::operations(),
                           provision::operations(),
                           blob::operations(),
                           broker::operations(),
                           drain_operations(),
                           refusal_operations(),
                           doctor_operations(),
                           bridge::operations(),
                           backup::BackupService::operations(),
                           derived::operations(),
                           monitor::ForecastOperations::operations()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

net::http::AssetTable dashboard_assets() {
  net::http::AssetTable table(transport::security_headers());
  for (const web::Asset& asset : web::assets()) {
    const bool hashed = asset.path.starts_with("/assets/");
    table.add(std::string(asset.path),
              {slice_of(asset.identity), slice_of(asset.gzip), slice_of(asset.brotli),
               hashed ? net::http::CachePolicy::immutable : net::http::CachePolicy::revalidate});
  }
  if (web::assets().empty()) {
    table.add("/index.html", {Slice::of_static(kNoDashboard), {}, {}, net::http::CachePolicy::revalidate});
  }
  return table;
}

}  // namespace dunlin::platform
