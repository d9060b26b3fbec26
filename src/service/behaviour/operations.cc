#include "service/behaviour/operations.h"

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/keys.h"
#include "model/reply.h"
#include "service/behaviour/behaviour_service.h"
#include "service/behaviour/settings.h"
#include "service/settings/settings.h"

namespace dunlin::behaviour {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kScope{"scope", FieldType::text, Need::required, "default, type:NAME or thing:NAME"};
constexpr Field kMessages{"messages_per_second", FieldType::integer, Need::optional,
                          "published, mean over ten seconds; 0: no limit"};
constexpr Field kBytes{"bytes_per_second", FieldType::integer, Need::optional,
                       "of topics and payloads, likewise; 0: no limit"};
constexpr Field kSize{"message_bytes", FieldType::integer, Need::optional, "of one message; 0: no limit"};
constexpr Field kRefusals{"refusals", FieldType::integer, Need::optional,
                          "publishes and subscriptions refused within ten seconds; 0: no limit"};
constexpr Field kConnects{"connects", FieldType::integer, Need::optional,
                          "sessions begun within ten seconds; 0: no limit"};
constexpr Field kResponse{"response", FieldType::text, Need::optional,
                          "past a limit: none, alarm, or quarantine (with an alarm)"};
constexpr Field kPutRequest[] = {kScope, kMessages, kBytes, kSize, kRefusals, kConnects, kResponse};
constexpr Field kOnlyScope[] = {kScope};
constexpr Field kShown[] = {
    kScope,
    {"own", FieldType::object, Need::required, "what is set for this scope"},
    {"in_force", FieldType::object, Need::required, "with what the wider scopes add"}};
constexpr Field kList[] = {{"scopes", FieldType::array, Need::required, "scope and own, by scope"}};
constexpr Field kOnlyThing[] = {{"thing", FieldType::text, Need::required, "the thing's name"}};
constexpr Field kUseShown[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"own", FieldType::object, Need::required, "what is set for this thing alone"},
    {"in_force", FieldType::object, Need::required, "with what the wider scopes add"},
    {"use", FieldType::object, Need::required,
     "by limit: the most of the present ten seconds and the ten before. Seconds in which the thing did less "
     "than a quarter of the lowest limit of any scope are not counted"}};
constexpr Errc kUseErrors[] = {Errc::not_found};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found, Errc::invalid_argument};

constexpr model::OperationSpec kListAll{"behaviour.list",
                                        model::Method::get,
                                        "/api/behaviour",
                                        "List the limits past which a thing behaves oddly.",
                                        "things:read",
                                        {},
                                        kList,
                                        {}};
constexpr model::OperationSpec kGet{"behaviour.get",
                                    model::Method::get,
                                    "/api/behaviour/{scope}",
                                    "Show the limits of a scope, and those in force there.",
                                    "things:read",
                                    kOnlyScope,
                                    kShown,
                                    kGetErrors};
constexpr model::OperationSpec kUse{"behaviour.use",
                                    model::Method::get,
                                    "/api/things/{thing}/behaviour",
                                    "Show what a thing does now beside its limits.",
                                    "things:read",
                                    kOnlyThing,
                                    kUseShown,
                                    kUseErrors};
constexpr model::OperationSpec kPut{
    "behaviour.put",
    model::Method::put,
    "/api/behaviour/{scope}",
    "Set the limits of a scope; what is not given is as the wider scope has it.",
    "things:write",
    kPutRequest,
    kShown,
    kPutErrors,
    model::Audited::by_handler};
constexpr model::OperationSpec kDelete{"behaviour.delete",
                                       model::Method::del,
                                       "/api/behaviour/{scope}",
                                       "Remove the limits of a scope.",
                                       "things:write",
                                       kOnlyScope,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

}  // namespace

Result<Thresholds> stored_thresholds(const store::Document& document) {
  if (auto thresholds = settings::read_as(document, thresholds_of)) return thresholds;
  return fail(Errc::corrupt, "the stored limits " + document.id + " cannot be read");
}

void BehaviourService::put(const model::Caller& caller, std::string scope, Thresholds thresholds,
                           model::Reply reply) {
  const bool is_new = !table_.scopes().contains(scope);
  if (is_new && table_.scopes().size() >= kMaxScopes)
    return reply(fail(Errc::limit_exceeded, "there are 1000 scopes with limits already"));
  auto changes =
      settings::changes_to_put(caller, environment_.executor.wall_now(), kPut.name, {kSettingPrefix, scope},
                               boost::json::serialize(to_json(thresholds)));
  environment_.repository.write(environment_.executor, std::move(changes),
                                [this, caller, scope = std::move(scope), thresholds = std::move(thresholds),
                                 reply = std::move(reply)](auto written) mutable {
                                  if (!written) return reply(std::unexpected(written.error()));
                                  if (auto kept = table_.put(scope, std::move(thresholds)); !kept)
                                    return reply(std::unexpected(kept.error()));
                                  set_floor();
                                  show(caller, std::move(scope), std::move(reply));
                                });
}

void BehaviourService::remove(const model::Caller& caller, std::string scope, model::Reply reply) {
  if (!table_.scopes().contains(scope))
    return reply(fail(Errc::not_found, "there are no limits of \"" + scope + "\""));
  auto changes = settings::changes_to_remove(caller, environment_.executor.wall_now(), kDelete.name,
                                             {kSettingPrefix, scope});
  environment_.repository.write(
      environment_.executor, std::move(changes),
      [this, scope = std::move(scope), reply = std::move(reply)](auto written) mutable {
        if (!written) return reply(std::unexpected(written.error()));
        table_.remove(scope);
        set_floor();
        reply(boost::json::object{});
      });
}

void BehaviourService::show(const model::Caller& caller, std::string scope, model::Reply reply) {
  const auto answer = [this, scope](std::string_view type, std::string_view thing) {
    const auto own = table_.scopes().find(scope);
    return boost::json::object{
        {"scope", scope},
        {"own", own == table_.scopes().end() ? boost::json::object{} : to_json(own->second)},
        {"in_force", to_json(table_.of(type, thing))}};
  };
  constexpr std::string_view kType = "type:";
  constexpr std::string_view kThing = "thing:";
  if (scope.starts_with(kType)) return reply(answer(scope.substr(kType.size()), ""));
  if (!scope.starts_with(kThing)) return reply(answer("", ""));
  environment_.registry.get(caller.principal->tenant, scope.substr(kThing.size()),
                            [answer, name = scope.substr(kThing.size()),
                             reply = std::move(reply)](Result<registry::Thing> thing) mutable {
                              if (!thing && thing.error().code != Errc::not_found)
                                return reply(std::unexpected(thing.error()));
                              reply(answer(thing ? thing->type : "", name));
                            });
}

boost::json::object BehaviourService::use_of(TenantId tenant, const std::string& thing) const {
  const std::string key = model::tenant_key(tenant, thing);
  boost::json::object use;
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const auto measure = static_cast<Measure>(i);
    std::uint64_t most = 0;
    for (const auto* window : {&before_, &tallies_}) {
      const auto found = window->find(key);
      if (found != window->end()) most = std::max(most, measured(found->second, measure));
    }
    use[measure_name(measure)] = most;
  }
  return use;
}

void BehaviourService::show_use(const model::Caller& caller, std::string thing, model::Reply reply) {
  const TenantId tenant = caller.principal->tenant;
  environment_.registry.get(
      tenant, std::move(thing),
      model::reply_with(std::move(reply), [this, tenant](const registry::Thing& found) {
        const auto own = table_.scopes().find("thing:" + found.name);
        return boost::json::object{
            {"thing", found.name},
            {"own", own == table_.scopes().end() ? boost::json::object{} : to_json(own->second)},
            {"in_force", to_json(table_.of(found.type, found.name))},
            {"use", use_of(tenant, found.name)}};
      }));
}

void BehaviourService::declare(model::OperationTable& table) {
  table.add(kListAll, [this](const model::Caller&, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    for (const auto& [scope, thresholds] : table_.scopes())
      rows.push_back(boost::json::object{{"scope", scope}, {"own", to_json(thresholds)}});
    reply(boost::json::object{{"scopes", std::move(rows)}});
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    std::string scope = *model::optional_text(request, "scope");
    if (const auto fits = check_scope(scope); !fits) return reply(std::unexpected(fits.error()));
    show(caller, std::move(scope), std::move(reply));
  });
  table.add(kUse, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    show_use(caller, *model::optional_text(request, "thing"), std::move(reply));
  });
  table.add(kPut, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    std::string scope = *model::optional_text(request, "scope");
    if (const auto fits = check_scope(scope); !fits) return reply(std::unexpected(fits.error()));
    auto thresholds = thresholds_of(request);
    if (!thresholds) return reply(std::unexpected(thresholds.error()));
    put(caller, std::move(scope), *std::move(thresholds), std::move(reply));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller, *model::optional_text(request, "scope"), std::move(reply));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kListAll, kGet, kUse, kPut, kDelete};
}

}  // namespace dunlin::behaviour
