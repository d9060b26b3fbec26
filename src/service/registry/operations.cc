#include "service/registry/operations.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/registry/registry.h"

namespace dunlin::registry {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kName{"thing", FieldType::text, Need::required, "the thing's name"};
constexpr Field kListRequest[] = {
    {"type", FieldType::text, Need::optional, "only things of this type"},
    {"gateway", FieldType::text, Need::optional, "only things behind this gateway"},
    {"prefix", FieldType::text, Need::optional, "only names that begin with this"},
    {"quarantined", FieldType::boolean, Need::optional,
     "only things in quarantine; a page may then have fewer than \"limit\" and yet a next one (false)"},
    {"after", FieldType::text, Need::optional, "page: begin behind this name"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"things", FieldType::array, Need::required, "things, sorted by name"},
    {"next", FieldType::text, Need::optional, "there is more: page behind this name"}};
constexpr Field kThingFields[] = {{"name", FieldType::text, Need::required, "unique name; a level of topics"},
                                  {"type", FieldType::text, Need::optional, "e.g. machine"},
                                  {"gateway", FieldType::text, Need::optional, "the thing it speaks through"},
                                  {"attributes", FieldType::object, Need::optional, "names with texts"}};
constexpr Field kUpdateRequest[] = {
    kName,
    {"type", FieldType::text, Need::optional, "new type"},
    {"gateway", FieldType::text, Need::optional, "new gateway"},
    {"state", FieldType::text, Need::optional, "enabled or disabled"},
    {"attributes", FieldType::object, Need::optional, "changed attributes; null removes one"},
    {"version", FieldType::integer, Need::optional, "refuse unless this is the present version"}};
constexpr Field kOnlyName[] = {kName};
constexpr Field kThing[] = {
    {"name", FieldType::text, Need::required, "name"},
    {"type", FieldType::text, Need::required, "type"},
    {"gateway", FieldType::text, Need::required, "gateway, or empty"},
    {"attributes", FieldType::object, Need::required, "attributes"},
    {"state", FieldType::text, Need::required, "enabled or disabled"},
    {"lifecycle", FieldType::text, Need::required,
     "provisioning, activation, operation, maintenance or decommission"},
    {"quarantine", FieldType::object, Need::optional, "the step that began it"},
    {"wiping", FieldType::boolean, Need::optional, "what it has left is being removed"},
    {"policies", FieldType::array, Need::optional, "where it has its own"},
    {"created_at", FieldType::text, Need::required, "RFC 3339"},
    {"version", FieldType::integer, Need::required, "rises with each change"}};
constexpr Errc kReadErrors[] = {Errc::not_found};
constexpr Errc kDeleteErrors[] = {Errc::not_found, Errc::conflict};
constexpr Errc kCreateErrors[] = {Errc::already_exists, Errc::invalid_argument, Errc::limit_exceeded};
constexpr Errc kUpdateErrors[] = {Errc::not_found, Errc::conflict, Errc::invalid_argument,
                                  Errc::limit_exceeded};

constexpr model::OperationSpec kList{"thing.list",  model::Method::get, "/api/things", "List things.",
                                     "things:read", kListRequest,       kListResponse, {}};
constexpr model::OperationSpec kCreate{"thing.create",  model::Method::post, "/api/things",
                                       "Make a thing.", "things:write",      kThingFields,
                                       kThing,          kCreateErrors,       model::Audited::by_handler};
constexpr model::OperationSpec kGet{"thing.get",     model::Method::get, "/api/things/{thing}",
                                    "Show a thing.", "things:read",      kOnlyName,
                                    kThing,          kReadErrors};
constexpr model::OperationSpec kUpdate{"thing.update",
                                       model::Method::patch,
                                       "/api/things/{thing}",
                                       "Change a thing.",
                                       "things:write",
                                       kUpdateRequest,
                                       kThing,
                                       kUpdateErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kDelete{"thing.delete",
                                       model::Method::del,
                                       "/api/things/{thing}",
                                       "Remove a thing with its tokens; its certificates are revoked.",
                                       "things:write",
                                       kOnlyName,
                                       {},
                                       kDeleteErrors,
                                       model::Audited::by_handler};

Result<std::map<std::string, std::optional<std::string>>> attribute_changes(
    const boost::json::object& request) {
  std::map<std::string, std::optional<std::string>> changes;
  const auto* attributes = request.if_contains("attributes");
  if (attributes == nullptr || !attributes->is_object()) return changes;
  for (const auto& member : attributes->get_object()) {
    if (member.value().is_null()) {
      changes[member.key()] = std::nullopt;
    } else if (member.value().is_string()) {
      changes[member.key()] = std::string(member.value().get_string());
    } else {
      return fail(Errc::invalid_argument,
                  "the attribute \"" + std::string(member.key()) + "\" must be a string or null");
    }
  }
  return changes;
}

Result<ThingUpdate> update_of(const boost::json::object& request) {
  ThingUpdate update;
  update.type = model::optional_text(request, "type");
  update.gateway = model::optional_text(request, "gateway");
  if (const auto state = model::optional_text(request, "state")) {
    if (*state != "enabled" && *state != "disabled") {
      return fail(Errc::invalid_argument, "\"state\" must be enabled or disabled");
    }
    update.state = *state == "enabled" ? Thing::State::enabled : Thing::State::disabled;
  }
  if (const auto version = model::optional_integer(request, "version"))
    update.expected_version = static_cast<std::uint64_t>(*version);
  DUNLIN_TRY(update.attributes, attribute_changes(request));
  return update;
}

/// That a thing is enabled or disabled is worth knowing; the rest is in its document.
std::string state_detail(const boost::json::object& request) {
  const auto state = model::optional_text(request, "state");
  return state ? "state " + *state : std::string();
}

}  // namespace

std::vector<store::Change> Registry::audit(const model::Caller& caller, std::string_view action,
                                           std::string_view thing, std::string_view detail) const {
  std::vector<store::Change> changes;
  changes.push_back(
      security::audit_of(*caller.principal, caller.address, executor_.wall_now(), action, thing, detail));
  return changes;
}

void Registry::declare(model::OperationTable& table) {
  declare_life(table);
  table.add(kList, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    ThingQuery query;
    query.tenant = caller.principal->tenant;
    query.type = model::optional_text(request, "type").value_or("");
    query.gateway = model::optional_text(request, "gateway").value_or("");
    query.name_prefix = model::optional_text(request, "prefix").value_or("");
    query.after = model::optional_text(request, "after").value_or("");
    auto limit = model::limit_field(request);
    if (!limit) return reply(std::unexpected(limit.error()));
    query.limit = *limit;
    const bool held = model::optional_boolean(request, "quarantined").value_or(false);
    if (held) query.standings = ThingQuery::Standings::unusual;
    list(std::move(query),
         model::reply_with(std::move(reply), [held, limit = *limit](std::vector<Thing> things) {
           const std::string next = things.size() == limit ? things.back().name : std::string();
           if (held) std::erase_if(things, [](const Thing& thing) { return !thing.life.quarantine; });
           boost::json::object answer = model::list_of("things", things);
           if (!next.empty()) answer["next"] = next;
           return answer;
         }));
  });
  table.add(kCreate, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    auto changes = attribute_changes(request);
    if (!changes) return reply(std::unexpected(changes.error()));
    Thing thing;
    thing.name = *model::optional_text(request, "name");
    thing.type = model::optional_text(request, "type").value_or("");
    thing.gateway = model::optional_text(request, "gateway").value_or("");
    for (const auto& [name, value] : *changes) {
      if (value) thing.attributes[name] = *value;
    }
    thing.life.stage = Lifecycle::provisioning;
    // Such a thing needs no credential of its own: its gateway's vouches for it.
    if (!thing.gateway.empty()) {
      const LifeStep step{LifeEvent::Kind::moved, Lifecycle::activation, "system",
                          "it speaks through a gateway"};
      if (auto stepped = take_step(thing.life, step, executor_.wall_now()); !stepped)
        return reply(std::unexpected(stepped.error()));
    }
    auto record = audit(caller, kCreate.name, thing.name);
    create(caller.principal->tenant, std::move(thing), model::reply_record(std::move(reply)),
           std::move(record));
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    get(caller.principal->tenant, *model::optional_text(request, "thing"),
        model::reply_record(std::move(reply)));
  });
  table.add(kUpdate, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    auto change = update_of(request);
    if (!change) return reply(std::unexpected(change.error()));
    const std::string thing = *model::optional_text(request, "thing");
    auto record = audit(caller, kUpdate.name, thing, state_detail(request));
    update(caller.principal->tenant, thing, *std::move(change), model::reply_record(std::move(reply)),
           std::move(record));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove({caller.principal->tenant, *model::optional_text(request, "thing"),
            security::actor_of(*caller.principal, caller.address)},
           model::reply_nothing(std::move(reply)));
  });
}

std::vector<model::OperationSpec> operations() {
  std::vector<model::OperationSpec> all{kList, kCreate, kGet, kUpdate, kDelete};
  std::ranges::move(life_operations(), std::back_inserter(all));
  return all;
}

}  // namespace dunlin::registry
