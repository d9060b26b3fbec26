#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "service/monitor/limits.h"
#include "service/monitor/monitor_service.h"
#include "service/monitor/settings.h"
#include "service/settings/settings.h"

namespace dunlin::monitor {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kOnlyMonitor[] = {{"monitor", FieldType::text, Need::required, "the monitor's name"}};
constexpr Field kPutRequest[] = {
    {"monitor", FieldType::text, Need::required, "the monitor's name, and its alarms'"},
    {"channel", FieldType::text, Need::required, "what is watched, e.g. temperature"},
    {"device", FieldType::text, Need::optional, "of this device only; else of each that has the channel"},
    {"kind", FieldType::text, Need::optional,
     "anomaly (without it), forecast, threshold, rate, flat, missing, robust or seasonal"},
    {"options", FieldType::object, Need::optional, "of the kind: docs/guide/monitors.md"},
    {"severity", FieldType::text, Need::optional, "info, warning (without it), minor, major or critical"},
    {"enabled", FieldType::boolean, Need::optional, "true unless said otherwise"}};
constexpr Field kMonitor[] = {{"name", FieldType::text, Need::required, "name"},
                              {"channel", FieldType::text, Need::required, "what is watched"},
                              {"device", FieldType::text, Need::optional, "of this device only"},
                              {"kind", FieldType::text, Need::required, "how it judges"},
                              {"options", FieldType::object, Need::required, "of the kind, as given"},
                              {"severity", FieldType::text, Need::required, "of its alarms"},
                              {"enabled", FieldType::boolean, Need::required, "whether it runs"}};
constexpr Field kList[] = {{"monitors", FieldType::array, Need::required, "monitors, by name"}};
constexpr Field kStateRequest[] = {{"monitor", FieldType::text, Need::required, "the monitor's name"},
                                   {"device", FieldType::text, Need::optional, "of this device only"}};
constexpr Field kStates[] = {
    {"states", FieldType::array, Need::required,
     "for each device: raised; of the last value since the start time and value, of the kind anomaly score, "
     "expected_low and expected_high too, of the kind forecast limit, reaches and earliest"}};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found};

constexpr model::OperationSpec kListAll{
    "monitor.list", model::Method::get, "/api/monitors", "List monitors.", "rules:read", {}, kList, {}};
constexpr model::OperationSpec kPut{
    "monitor.put",
    model::Method::put,
    "/api/monitors/{monitor}",
    "Make or replace a monitor: what is unusual in a channel raises an alarm.",
    "rules:write",
    kPutRequest,
    kMonitor,
    kPutErrors,
    model::Audited::by_handler};
constexpr model::OperationSpec kGet{"monitor.get",     model::Method::get, "/api/monitors/{monitor}",
                                    "Show a monitor.", "rules:read",       kOnlyMonitor,
                                    kMonitor,          kGetErrors};
constexpr model::OperationSpec kState{"monitor.state",
                                      model::Method::get,
                                      "/api/monitors/{monitor}/state",
                                      "Show what a monitor makes of each device.",
                                      "rules:read",
                                      kStateRequest,
                                      kStates,
                                      kGetErrors};
constexpr model::OperationSpec kDelete{"monitor.delete",
                                       model::Method::del,
                                       "/api/monitors/{monitor}",
                                       "Remove a monitor, what it has learned, and its alarms that are open.",
                                       "rules:write",
                                       kOnlyMonitor,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

std::unexpected<Error> unknown(const std::string& name) {
  return fail(Errc::not_found, "there is no monitor named \"" + name + "\"");
}

}  // namespace

void MonitorService::put(const model::Caller& caller, const boost::json::object& request,
                         model::Reply reply) {
  boost::json::object document = request;
  document["name"] = *model::optional_text(request, "monitor");
  auto monitor = monitor_from_json(document);
  if (!monitor) return reply(std::unexpected(monitor.error()));
  const TenantId tenant = caller.principal->tenant;
  std::string key = model::tenant_key(tenant, monitor->name);
  if (!monitors_.contains(key) && monitors_.size() >= kMaxMonitors)
    return reply(
        fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxMonitors) + " monitors already"));
  auto changes =
      settings::changes_to_put(caller, environment_.executor.wall_now(), kPut.name,
                               {kSettingPrefix, monitor->name}, boost::json::serialize(to_json(*monitor)));
  auto written = [this, key = std::move(key), monitor = *std::move(monitor),
                  reply = std::move(reply)](auto result) mutable {
    if (!result) return reply(std::unexpected(result.error()));
    when_free([this, key = std::move(key), monitor = std::move(monitor), reply = std::move(reply)]() mutable {
      boost::json::object shown = to_json(monitor);
      install(key, std::move(monitor),
              [shown = std::move(shown), reply = std::move(reply)]() mutable { reply(std::move(shown)); });
    });
  };
  environment_.repository.write(environment_.executor, std::move(changes), std::move(written));
}

void MonitorService::remove(const model::Caller& caller, const std::string& name, model::Reply reply) {
  const TenantId tenant = caller.principal->tenant;
  std::string key = model::tenant_key(tenant, name);
  if (!monitors_.contains(key)) return reply(unknown(name));
  auto changes = settings::changes_to_remove(caller, environment_.executor.wall_now(), kDelete.name,
                                             {kSettingPrefix, name});
  auto written = [this, key = std::move(key), reply = std::move(reply)](auto result) mutable {
    if (!result) return reply(std::unexpected(result.error()));
    when_free([this, key = std::move(key), reply = std::move(reply)]() mutable {
      install(key, std::nullopt, [reply = std::move(reply)]() mutable { reply(boost::json::object{}); });
    });
  };
  environment_.repository.write(environment_.executor, std::move(changes), std::move(written));
}

boost::json::array MonitorService::states_of(const std::string& key,
                                             const std::optional<std::string>& device) const {
  boost::json::array rows;
  const std::string prefix = key + '\0';
  for (auto at = states_.lower_bound(prefix); at != states_.end() && at->first.starts_with(prefix); ++at) {
    const std::string name = at->first.substr(prefix.size());
    if (device && name != *device) continue;
    boost::json::object row{{"device", name}, {"raised", at->second.is_raised()}};
    if (const auto& last = at->second.last()) {
      row["time"] = format_rfc3339(last->time);
      row["value"] = last->value;
      if (last->score) row["score"] = *last->score;
      if (last->reach) {
        row["limit"] = last->reach->limit;
        row["reaches"] = format_rfc3339(last->reach->expected);
        if (last->reach->earliest) row["earliest"] = format_rfc3339(*last->reach->earliest);
      }
      if (last->expected) {
        row["expected_low"] = last->expected->low;
        row["expected_high"] = last->expected->high;
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void MonitorService::declare(model::OperationTable& table) {
  table.add(kListAll, [this](const model::Caller& caller, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    const std::string prefix = model::big_endian_32(caller.principal->tenant.value);
    for (const auto& [key, monitor] : monitors_) {
      if (key.starts_with(prefix)) rows.push_back(to_json(monitor));
    }
    reply(boost::json::value{{"monitors", std::move(rows)}});
  });
  table.add(kPut, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    put(caller, request, std::move(reply));
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "monitor");
    const auto found = monitors_.find(model::tenant_key(caller.principal->tenant, name));
    if (found == monitors_.end()) return reply(unknown(name));
    reply(boost::json::value(to_json(found->second)));
  });
  table.add(kState, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "monitor");
    const std::string key = model::tenant_key(caller.principal->tenant, name);
    if (!monitors_.contains(key)) return reply(unknown(name));
    reply(boost::json::value{{"states", states_of(key, model::optional_text(request, "device"))}});
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller, *model::optional_text(request, "monitor"), std::move(reply));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kListAll, kPut, kGet, kState, kDelete};
}

}  // namespace dunlin::monitor
