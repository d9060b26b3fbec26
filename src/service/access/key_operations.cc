#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kAddRequest[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"key", FieldType::text, Need::required, "a public key or a certificate with it, PEM: RSA or P-256"},
    {"label", FieldType::text, Need::optional, "what it is for"},
    {"days", FieldType::integer, Need::optional, "lifetime; without it the key does not expire"}};
constexpr Field kKey[] = {{"id", FieldType::text, Need::required, "of the key: the same key has the same"},
                          {"algorithm", FieldType::text, Need::required, "RS256 or ES256"},
                          {"expires_at", FieldType::text, Need::optional, "RFC 3339"}};
constexpr Field kOnlyThing[] = {{"thing", FieldType::text, Need::required, "the thing's name"}};
constexpr Field kList[] = {
    {"keys", FieldType::array, Need::required, "public ones, the oldest first"},
    {"symmetric", FieldType::array, Need::required, "which symmetric ones there are; never the keys"}};
constexpr Field kOneKey[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"key", FieldType::text, Need::required, "a public key's id; or primary or secondary"}};
constexpr Field kGenerateRequest[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"slot", FieldType::text, Need::optional, "primary or secondary (primary): what is there is replaced"}};
constexpr Field kGenerated[] = {{"slot", FieldType::text, Need::required, "primary or secondary"},
                                {"key", FieldType::text, Need::required, "base64, shown this once"}};
constexpr Errc kAddErrors[] = {Errc::not_found,      Errc::invalid_argument, Errc::malformed,
                               Errc::already_exists, Errc::conflict,         Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kGenerateErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::conflict};

constexpr model::OperationSpec kAdd{"key.add",
                                    model::Method::post,
                                    "/api/things/{thing}/keys",
                                    "Register a public key with which the thing signs its JWTs.",
                                    "things:write",
                                    kAddRequest,
                                    kKey,
                                    kAddErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kListAll{"key.list",
                                        model::Method::get,
                                        "/api/things/{thing}/keys",
                                        "List the keys of a thing.",
                                        "things:read",
                                        kOnlyThing,
                                        kList,
                                        kGetErrors};
constexpr model::OperationSpec kRemove{"key.remove",
                                       model::Method::del,
                                       "/api/things/{thing}/keys/{key}",
                                       "Remove a key of a thing and end its sessions.",
                                       "things:write",
                                       kOneKey,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

constexpr model::OperationSpec kGenerate{"key.generate",
                                         model::Method::post,
                                         "/api/things/{thing}/symmetric-keys",
                                         "Make a symmetric key with which the thing signs its SAS tokens.",
                                         "things:write",
                                         kGenerateRequest,
                                         kGenerated,
                                         kGenerateErrors,
                                         model::Audited::by_handler};

void add(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
         model::Reply reply) {
  const auto lifetime = days_field(request, "days", Duration::zero());
  if (!lifetime) return reply(std::unexpected(lifetime.error()));
  security::ThingKeys::NewPublicKey wanted;
  wanted.thing = *model::optional_text(request, "thing");
  wanted.pem = *model::optional_text(request, "key");
  wanted.label = model::optional_text(request, "label").value_or("");
  wanted.lifetime = *lifetime;
  reply = credential_reply(parts, caller, wanted.thing, std::move(reply));
  parts.thing_keys.add(parts.executor, actor_of(caller), std::move(wanted),
                       model::reply_with(std::move(reply), Form()));
}

// The sessions end behind the write: a client that comes back at once must find the key gone.
void remove(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  const std::string thing = *model::optional_text(request, "thing");
  parts.thing_keys.remove(parts.executor, actor_of(caller), thing, *model::optional_text(request, "key"),
                          [&bus = parts.bus, tenant = caller.principal->tenant, thing,
                           reply = std::move(reply)](Result<void> removed) mutable {
                            if (!removed) return reply(std::unexpected(removed.error()));
                            bus.end_sessions(tenant, thing, "revoked");
                            reply(boost::json::value(boost::json::object{}));
                          });
}

void generate(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
              model::Reply reply) {
  using security::SharedKeySlot;
  const std::string word = model::optional_text(request, "slot").value_or("primary");
  const auto slot = std::ranges::find(security::kSharedKeySlots, word, security::slot_name);
  if (slot == security::kSharedKeySlots.end())
    return reply(fail(Errc::invalid_argument, "\"slot\" must be primary or secondary"));
  const std::string thing = *model::optional_text(request, "thing");
  reply = credential_reply(parts, caller, thing, std::move(reply));
  parts.thing_keys.make_shared(
      parts.executor, actor_of(caller), thing, *slot,
      model::reply_with(std::move(reply), [&bus = parts.bus, tenant = caller.principal->tenant,
                                           thing](const security::ThingKeys::NewSharedKey& made) {
        if (made.former == security::ThingKeys::NewSharedKey::Former::replaced)
          bus.end_sessions(tenant, thing, "revoked");
        return boost::json::object{{"slot", security::slot_name(made.slot)},
                                   {"key", made.text.view()},
                                   {"created_at", time_or_null(made.created_at)}};
      }));
}

boost::json::object all_keys(const security::ThingKeysRecord& keys) {
  boost::json::object answer = model::list_of("keys", keys.public_keys, Form());
  boost::json::array symmetric;
  for (const security::SharedKeySlot slot : security::kSharedKeySlots) {
    const security::SharedKeyRecord& record = keys.shared[static_cast<std::size_t>(slot)];
    if (record.salt.empty()) continue;
    symmetric.push_back(
        {{"slot", security::slot_name(slot)}, {"created_at", time_or_null(record.created_at)}});
  }
  answer["symmetric"] = std::move(symmetric);
  return answer;
}

}  // namespace

boost::json::object to_json(const security::PublicKeyRecord& record) {
  return {{"id", record.key.id},
          {"algorithm", security::algorithm_name(record.key.algorithm)},
          {"label", record.label},
          {"created_at", time_or_null(record.created_at)},
          {"expires_at", time_or_null(record.expires_at)},
          {"key", record.key.pem}};
}

void declare_keys(const AccessParts& parts, model::OperationTable& table) {
  table.add(kAdd, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    add(parts, caller, request, std::move(reply));
  });
  table.add(kListAll, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    parts.thing_keys.get(parts.executor, *model::optional_text(request, "thing"),
                         model::reply_with(std::move(reply), all_keys));
  });
  table.add(kRemove, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(parts, caller, request, std::move(reply));
  });
  table.add(kGenerate, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    generate(parts, caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> key_operations() {
  return {kAdd, kListAll, kRemove, kGenerate};
}

}  // namespace dunlin::access
