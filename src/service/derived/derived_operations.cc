#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "model/reply.h"
#include "service/derived/derived_service.h"
#include "service/derived/limits.h"
#include "service/derived/settings.h"
#include "service/series/json_forms.h"
#include "service/settings/settings.h"

namespace dunlin::derived {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr std::string_view kExpressionHelp =
    "what it is computed by, such as voltage * current or mean(temperature, '5m'): docs/guide/derived.md";
constexpr std::string_view kWindowHelp =
    "a length (1h: windows that follow each other), or an object with kind, length, hop, gap ..";

constexpr Field kOnlyName[] = {{"derived", FieldType::text, Need::required, "the definition's name"}};
constexpr Field kSetRequest[] = {
    {"derived", FieldType::text, Need::required, "the definition's name"},
    {"channel", FieldType::text, Need::required, "the channel that is made"},
    {"expression", FieldType::text, Need::required, kExpressionHelp},
    {"devices", FieldType::text, Need::optional,
     "of this device; with a * at its end of those that begin so"},
    {"tags", FieldType::object, Need::optional, "of devices that have all these tags or attributes"},
    {"unit", FieldType::text, Need::optional, "SenML unit of the channel"},
    {"window", FieldType::any, Need::optional, kWindowHelp},
    {"lateness", FieldType::text, Need::optional,
     "how long a sample may come after later ones of its device, such as 10s (0)"},
    {"max_age", FieldType::text, Need::optional, "values that are older count as missing, such as 10m (any)"},
    {"enabled", FieldType::boolean, Need::optional, "true unless said otherwise"}};
constexpr Field kDefinition[] = {
    {"name", FieldType::text, Need::required, "name"},
    {"channel", FieldType::text, Need::required, "the channel that is made"},
    {"expression", FieldType::text, Need::required, "what it is computed by"},
    {"type", FieldType::text, Need::required, "of its values: number, integer, boolean or text"},
    {"devices", FieldType::text, Need::required, "of these devices; empty: of all"},
    {"tags", FieldType::object, Need::required, "of devices that have these"},
    {"unit", FieldType::text, Need::required, "SenML unit, or empty"},
    {"window", FieldType::object, Need::optional, "the windows that it is computed over"},
    {"lateness", FieldType::text, Need::required, "how long a sample may come late"},
    {"max_age", FieldType::text, Need::required, "of values that count; 0: any"},
    {"enabled", FieldType::boolean, Need::required, "whether it is computed"},
    {"active_devices", FieldType::integer, Need::optional, "devices of which something is known for it"},
    {"results", FieldType::integer, Need::optional, "samples stored since the server's start"},
    {"late", FieldType::integer, Need::optional, "samples since then that came too late"}};
constexpr Field kList[] = {{"derived", FieldType::array, Need::required, "definitions, by name"}};
constexpr Field kTestRequest[] = {
    {"expression", FieldType::text, Need::required, kExpressionHelp},
    {"device", FieldType::text, Need::required, "over what is stored of this device"},
    {"window", FieldType::any, Need::optional, kWindowHelp},
    {"max_age", FieldType::text, Need::optional, "values that are older count as missing (any)"},
    {"from", FieldType::any, Need::optional, "begin: Unix ms or RFC 3339 (an hour before the end)"},
    {"to", FieldType::any, Need::optional, "end, exclusive (now)"}};
constexpr Field kTestResponse[] = {
    {"type", FieldType::text, Need::required, "of the values"},
    {"inputs", FieldType::array, Need::required,
     "device and channel of what is read, and whether it is there"},
    {"time", FieldType::array, Need::required, "times, RFC 3339, ascending: at most 1000"},
    {"value", FieldType::array, Need::required, "values, one per time"},
    {"truncated", FieldType::boolean, Need::required, "whether there were more"}};
constexpr Field kBackfillRequest[] = {
    {"derived", FieldType::text, Need::required, "the definition's name"},
    {"from", FieldType::any, Need::required, "begin of the results: Unix ms or RFC 3339"},
    {"to", FieldType::any, Need::optional, "end, exclusive (now)"},
    {"device", FieldType::text, Need::optional, "of this device only"}};
constexpr Field kBackfillResponse[] = {
    {"devices", FieldType::integer, Need::required, "devices with samples in that time"},
    {"points", FieldType::integer, Need::required, "stored points that were read"},
    {"results", FieldType::integer, Need::required, "samples that were stored"},
    {"cancelled", FieldType::boolean, Need::required,
     "whether it was ended by derived.cancel before its end"}};
constexpr Field kProgressResponse[] = {
    {"running", FieldType::boolean, Need::required, "whether its history is being computed"},
    {"share", FieldType::number, Need::optional, "how much of it has been read, from 0 to 1"},
    {"devices", FieldType::integer, Need::optional, "devices that were begun"},
    {"points", FieldType::integer, Need::optional, "stored points that were read so far"},
    {"results", FieldType::integer, Need::optional, "samples that were stored so far"}};
constexpr Errc kSetErrors[] = {Errc::malformed, Errc::invalid_argument, Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kTestErrors[] = {Errc::malformed, Errc::invalid_argument, Errc::limit_exceeded,
                                Errc::unavailable};
constexpr Errc kBackfillErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::limit_exceeded,
                                    Errc::no_space,  Errc::unavailable,      Errc::conflict};

constexpr model::OperationSpec kListAll{"derived.list", model::Method::get,
                                        "/api/derived", "List derived channels.",
                                        "series:read",  {},
                                        kList,          {}};
constexpr model::OperationSpec kSet{"derived.set",
                                    model::Method::put,
                                    "/api/derived/{derived}",
                                    "Make or replace a derived channel: computed from others, as they are "
                                    "stored.",
                                    "rules:write",
                                    kSetRequest,
                                    kDefinition,
                                    kSetErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kGet{"derived.get",
                                    model::Method::get,
                                    "/api/derived/{derived}",
                                    "Show a derived channel.",
                                    "series:read",
                                    kOnlyName,
                                    kDefinition,
                                    kGetErrors};
constexpr model::OperationSpec kDelete{"derived.delete",
                                       model::Method::del,
                                       "/api/derived/{derived}",
                                       "Compute a derived channel no more; what is stored of it stays.",
                                       "rules:write",
                                       kOnlyName,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kTest{
    "derived.test",
    model::Method::post,
    "/api/derived/test",
    "Compute an expression over what is stored of a device; nothing is kept.",
    "series:read",
    kTestRequest,
    kTestResponse,
    kTestErrors,
    model::Audited::not_at_all};
constexpr model::OperationSpec kBackfill{"derived.backfill",
                                         model::Method::post,
                                         "/api/derived/{derived}/backfill",
                                         "Compute and store a derived channel for a time that is past.",
                                         "rules:write",
                                         kBackfillRequest,
                                         kBackfillResponse,
                                         kBackfillErrors};
constexpr model::OperationSpec kProgress{
    "derived.progress",
    model::Method::get,
    "/api/derived/{derived}/backfill",
    "Say how far the history of a derived channel is that is being computed.",
    "series:read",
    kOnlyName,
    kProgressResponse,
    kGetErrors};
constexpr model::OperationSpec kCancel{
    "derived.cancel",
    model::Method::del,
    "/api/derived/{derived}/backfill",
    "Compute the history of a derived channel no further; what is stored of it stays.",
    "rules:write",
    kOnlyName,
    {},
    kGetErrors};

std::unexpected<Error> unknown(const std::string& name) {
  return fail(Errc::not_found, "there is no derived channel named \"" + name + "\"; see derived.list");
}

std::unexpected<Error> busy() {
  return fail(Errc::unavailable, "other histories are being computed; try again when one is done");
}

boost::json::array inputs_json(const Definition& definition, const std::string& device,
                               const series::SeriesStore& store, TenantId tenant) {
  boost::json::array rows;
  for (const Input& input : definition.formula.inputs()) {
    const std::string& of = input.device.empty() ? device : input.device;
    rows.push_back({{"device", of},
                    {"channel", input.channel},
                    {"known", store.find(tenant, of, input.channel) != nullptr}});
  }
  return rows;
}

}  // namespace

boost::json::object DerivedService::shown(const Worker& worker) const {
  boost::json::object row = to_json(*worker.definition);
  row["active_devices"] = worker.derivation->devices();
  row["results"] = worker.results;
  row["late"] = worker.derivation->counts().late;
  return row;
}

Result<void> DerivedService::check(TenantId tenant, const Definition& definition) const {
  const std::string key = model::tenant_key(tenant, definition.name);
  if (!workers_.contains(key) && workers_.size() >= kMaxDefinitions)
    return fail(Errc::limit_exceeded,
                "there are " + std::to_string(kMaxDefinitions) + " derived channels already");
  std::vector<const Definition*> others;
  for (const auto& [of, worker] : workers_) {
    if (worker.tenant == tenant && of != key) others.push_back(worker.definition.get());
  }
  return check_cycles(definition, others);
}

void DerivedService::set(const model::Caller& caller, const boost::json::object& request,
                         model::Reply reply) {
  boost::json::object document = request;
  document["name"] = *model::optional_text(request, "derived");
  auto read = definition_from_json(document);
  if (!read) return reply(std::unexpected(read.error()));
  const TenantId tenant = caller.principal->tenant;
  if (auto checked = check(tenant, *read); !checked) return reply(std::unexpected(checked.error()));
  auto definition = std::make_shared<const Definition>(*std::move(read));
  auto changes = settings::changes_to_put(caller, environment_.executor.wall_now(), kSet.name,
                                          {kSettingPrefix, definition->name},
                                          boost::json::serialize(to_json(*definition)));
  auto installed = [this, tenant, definition, reply = std::move(reply)](Result<void> loaded) mutable {
    if (!loaded) return reply(std::unexpected(loaded.error()));
    when_free([this, tenant, definition, reply = std::move(reply)]() mutable {
      const std::string key = model::tenant_key(tenant, definition->name);
      install(key, tenant, definition, [this, key, reply = std::move(reply)]() mutable {
        const auto made = workers_.find(key);
        if (made == workers_.end()) return reply(fail(Errc::not_found, "it was deleted meanwhile"));
        reply(boost::json::value(shown(made->second)));
      });
    });
  };
  auto written = [this, tenant, definition, installed = std::move(installed)](auto result) mutable {
    if (!result) return installed(std::unexpected(result.error()));
    if (definition->tags.empty() || !environment_.load_tags) return installed({});
    environment_.load_tags(tenant, std::move(installed));
  };
  environment_.repository.write(environment_.executor, std::move(changes), std::move(written));
}

void DerivedService::remove(const model::Caller& caller, const std::string& name, model::Reply reply) {
  const TenantId tenant = caller.principal->tenant;
  std::string key = model::tenant_key(tenant, name);
  if (!workers_.contains(key)) return reply(unknown(name));
  auto changes = settings::changes_to_remove(caller, environment_.executor.wall_now(), kDelete.name,
                                             {kSettingPrefix, name});
  auto written = [this, tenant, key = std::move(key), reply = std::move(reply)](auto result) mutable {
    if (!result) return reply(std::unexpected(result.error()));
    if (const auto run = backfills_.find(key); run != backfills_.end()) run->second->cancel();
    when_free([this, tenant, key = std::move(key), reply = std::move(reply)]() mutable {
      install(key, tenant, nullptr, [reply = std::move(reply)]() mutable { reply(boost::json::object{}); });
    });
  };
  environment_.repository.write(environment_.executor, std::move(changes), std::move(written));
}

std::vector<std::string> DerivedService::devices_of(const Worker& worker) const {
  std::set<std::string> devices;
  for (const series::SeriesInfo* info : environment_.store.list(worker.tenant, {})) {
    const auto& inputs = worker.definition->formula.inputs();
    const bool is_read = std::ranges::any_of(inputs, [info](const Input& input) {
      return input.device.empty() && input.channel == info->channel;
    });
    if (is_read && computes(worker, info->device)) devices.insert(info->device);
  }
  return {devices.begin(), devices.end()};
}

void DerivedService::test(const model::Caller& caller, const boost::json::object& request,
                          model::Reply reply) {
  boost::json::object document = request;
  document["name"] = "test";
  document["channel"] = "test";
  auto read = definition_from_json(document);
  if (!read) return reply(std::unexpected(read.error()));
  if (histories_ >= kMaxHistories) return reply(busy());
  const WallTime now = environment_.executor.wall_now();
  const auto to = series::time_field(request, "to", now + Duration{1});
  if (!to) return reply(std::unexpected(to.error()));
  const auto from = series::time_field(request, "from", *to - std::chrono::hours{1});
  if (!from) return reply(std::unexpected(from.error()));
  const std::string device = *model::optional_text(request, "device");
  auto definition = std::make_shared<const Definition>(*std::move(read));
  const TenantId tenant = caller.principal->tenant;
  struct Shown {
    boost::json::array times;
    boost::json::array values;
    bool is_truncated = false;
  };
  auto shown = std::make_shared<Shown>();  // shared by the sink and the completion
  History::Parts parts{
      environment_.executor, environment_.store, tenant, definition, {device}, *from, *to, {}};
  parts.sink = [shown](std::vector<Derived> results,
                       std::move_only_function<void(Result<History::Go>)> taken) {
    for (const Derived& result : results) {
      shown->is_truncated = shown->times.size() == kMaxTestResults;
      if (shown->is_truncated) return taken(History::Go::enough);
      shown->times.push_back(boost::json::value(format_rfc3339_exact(result.time)));
      shown->values.push_back(series::value_json(result.value));
    }
    taken(History::Go::on);
  };
  auto done = [this, shown, definition, device, tenant,
               reply = std::move(reply)](Result<HistoryCounts> counts) mutable {
    --histories_;
    if (!counts) return reply(std::unexpected(counts.error()));
    reply(boost::json::value{{"type", definition->formula.type()},
                             {"inputs", inputs_json(*definition, device, environment_.store, tenant)},
                             {"time", std::move(shown->times)},
                             {"value", std::move(shown->values)},
                             {"truncated", shown->is_truncated}});
  };
  ++histories_;
  std::make_shared<History>(std::move(parts), std::move(done))->start();
}

void DerivedService::store_history(const Worker& worker, std::vector<Derived> results,
                                   std::move_only_function<void(Result<History::Go>)> stored) {
  std::vector<model::Sample> samples;
  samples.reserve(results.size());
  for (Derived& result : results) samples.push_back(sample_of(worker, std::move(result)));
  environment_.store.write(
      samples, "derived", {},
      [this, stored = std::move(stored)](Result<series::SeriesStore::Written> written) mutable {
        if (!written) return stored(std::unexpected(written.error()));
        results_.add(static_cast<std::int64_t>(written->stored));
        stored(History::Go::on);
      });
}

void DerivedService::backfill(const model::Caller& caller, const boost::json::object& request,
                              model::Reply reply) {
  const std::string name = *model::optional_text(request, "derived");
  const std::string key = model::tenant_key(caller.principal->tenant, name);
  const auto found = workers_.find(key);
  if (found == workers_.end()) return reply(unknown(name));
  if (backfills_.contains(key))
    return reply(fail(Errc::conflict, "its history is being computed; wait for it, or cancel it"));
  if (histories_ >= kMaxHistories) return reply(busy());
  const WallTime now = environment_.executor.wall_now();
  const auto from = series::time_field(request, "from", now);
  if (!from) return reply(std::unexpected(from.error()));
  const auto to = series::time_field(request, "to", now + Duration{1});
  if (!to) return reply(std::unexpected(to.error()));
  if (*from >= *to) return reply(fail(Errc::invalid_argument, "\"from\" must be before \"to\""));
  // A copy: the definition may be replaced meanwhile.
  auto worker =
      std::make_shared<const Worker>(Worker{found->second.tenant, found->second.definition, nullptr});
  std::vector<std::string> devices = devices_of(found->second);
  if (const auto only = model::optional_text(request, "device"))
    std::erase_if(devices, [&only](const std::string& device) { return device != *only; });
  History::Parts parts{environment_.executor,
                       environment_.store,
                       worker->tenant,
                       worker->definition,
                       std::move(devices),
                       *from,
                       *to,
                       {}};
  parts.sink = [this, worker](std::vector<Derived> results, auto stored) {
    store_history(*worker, std::move(results), std::move(stored));
  };
  ++histories_;
  auto done = [this, key, reply = std::move(reply)](Result<HistoryCounts> counts) mutable {
    --histories_;
    backfills_.erase(key);
    if (!counts) return reply(std::unexpected(counts.error()));
    reply(boost::json::value{{"devices", counts->devices},
                             {"points", counts->points},
                             {"results", counts->results},
                             {"cancelled", counts->is_cancelled}});
  };
  const auto run = std::make_shared<History>(std::move(parts), std::move(done));  // with what it waits for
  backfills_.emplace(key, run);
  run->start();
}

void DerivedService::progress(const model::Caller& caller, const std::string& name,
                              model::Reply reply) const {
  const std::string key = model::tenant_key(caller.principal->tenant, name);
  if (!workers_.contains(key)) return reply(unknown(name));
  const auto run = backfills_.find(key);
  if (run == backfills_.end()) return reply(boost::json::value{{"running", false}});
  const HistoryCounts& counts = run->second->counts();
  reply(boost::json::value{{"running", true},
                           {"share", run->second->share()},
                           {"devices", counts.devices},
                           {"points", counts.points},
                           {"results", counts.results}});
}

void DerivedService::cancel(const model::Caller& caller, const std::string& name, model::Reply reply) {
  const auto run = backfills_.find(model::tenant_key(caller.principal->tenant, name));
  if (run == backfills_.end())
    return reply(fail(Errc::not_found, "no history of \"" + name + "\" is being computed"));
  run->second->cancel();
  reply(boost::json::object{});
}

void DerivedService::declare(model::OperationTable& table) {
  table.add(kListAll, [this](const model::Caller& caller, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    for (const auto& [key, worker] : workers_) {
      if (worker.tenant == caller.principal->tenant) rows.push_back(shown(worker));
    }
    reply(boost::json::value{{"derived", std::move(rows)}});
  });
  table.add(kSet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    set(caller, request, std::move(reply));
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "derived");
    const auto found = workers_.find(model::tenant_key(caller.principal->tenant, name));
    if (found == workers_.end()) return reply(unknown(name));
    reply(boost::json::value(shown(found->second)));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller, *model::optional_text(request, "derived"), std::move(reply));
  });
  table.add(kTest, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    test(caller, request, std::move(reply));
  });
  table.add(kBackfill, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    backfill(caller, request, std::move(reply));
  });
  table.add(kProgress, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    progress(caller, *model::optional_text(request, "derived"), std::move(reply));
  });
  table.add(kCancel, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    cancel(caller, *model::optional_text(request, "derived"), std::move(reply));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kListAll, kSet, kGet, kDelete, kTest, kBackfill, kProgress, kCancel};
}

}  // namespace dunlin::derived
