#include "service/presence/operations.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "service/presence/presence.h"

namespace dunlin::presence {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListRequest[] = {
    {"after", FieldType::text, Need::optional, "page: begin behind this name"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"presence", FieldType::array, Need::required, "one entry per thing, sorted by name"}};
constexpr Field kGetRequest[] = {{"thing", FieldType::text, Need::required, "the thing's name"}};
constexpr Field kEntry[] = {
    {"thing", FieldType::text, Need::required, "name"},
    {"online", FieldType::boolean, Need::required, "whether it is online"},
    {"reason", FieldType::text, Need::required, "why, in a word"},
    {"gateway", FieldType::text, Need::required, "the gateway it speaks through, or empty"},
    {"changed_at", FieldType::text, Need::required, "RFC 3339"},
    {"last_seen", FieldType::text, Need::required, "RFC 3339"}};
constexpr Errc kGetErrors[] = {Errc::not_found};

constexpr model::OperationSpec kList{"presence.list", model::Method::get, "/api/presence", "Who is online.",
                                     "things:read",   kListRequest,       kListResponse,   {}};
constexpr model::OperationSpec kGet{"presence.get",
                                    model::Method::get,
                                    "/api/things/{thing}/presence",
                                    "Whether a thing is online, since when and why.",
                                    "things:read",
                                    kGetRequest,
                                    kEntry,
                                    kGetErrors};

}  // namespace

boost::json::object to_json(const Presence& presence) {
  return {{"thing", presence.thing},
          {"online", presence.state == Presence::State::online},
          {"reason", presence.reason},
          {"gateway", presence.gateway},
          {"changed_at", format_rfc3339(presence.changed_at)},
          {"last_seen", format_rfc3339(presence.last_seen)}};
}

void PresenceService::declare(model::OperationTable& table) {
  table.add(kList, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const auto limit = model::limit_field(request);
    if (!limit) return reply(std::unexpected(limit.error()));
    const std::string prefix = model::big_endian_32(caller.principal->tenant.value);
    const std::string after = prefix + model::optional_text(request, "after").value_or("");
    std::vector<const std::string*> keys;
    for (const auto& [key, tracked] : things_) {
      if (key.starts_with(prefix) && key > after) keys.push_back(&key);
    }
    const std::size_t count = std::min(keys.size(), *limit);
    std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end(),
                      [](const auto* a, const auto* b) { return *a < *b; });
    boost::json::array rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back(to_json(things_.at(*keys[i]).presence));
    reply(boost::json::value{{"presence", std::move(rows)}});
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string thing = *model::optional_text(request, "thing");
    const auto found = find(caller.principal->tenant, thing);
    if (!found) return reply(fail(Errc::not_found, "nothing is known of a thing named \"" + thing + "\""));
    reply(boost::json::value(to_json(*found)));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kGet};
}

}  // namespace dunlin::presence
