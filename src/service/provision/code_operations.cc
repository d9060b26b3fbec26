#include <boost/json.hpp>

#include "base/base64.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "security/names.h"
#include "security/qr.h"
#include "service/provision/render.h"

namespace dunlin::provision {
namespace {

constexpr std::array<Field, 3> kLimits = {
    {{"label", FieldType::text, Need::optional, "for people"},
     {"hours", FieldType::integer, Need::optional, "how long it is good for"},
     {"uses", FieldType::integer, Need::optional, "how many devices may use it"}}};
constexpr auto kMakeCode = with_template(std::array<Field, 4>{
    {{"thing", FieldType::text, Need::optional, "for this thing alone; else by name_pattern"},
     kLimits[0],
     {"hours", FieldType::integer, Need::optional, "how long it is good for (24)"},
     {"uses", FieldType::integer, Need::optional, "how many devices may use it (1)"}}});
constexpr auto kMakeClaim = with_template(std::array<Field, 4>{
    {{"csr", FieldType::text, Need::optional, "PKCS#10 request, PEM; without one a key is made"},
     kLimits[0],
     {"hours", FieldType::integer, Need::optional, "how long it is good for (720)"},
     {"uses", FieldType::integer, Need::optional, "how many devices may use it; none: any number"}}});
constexpr auto kMakeGroup = with_template(std::array<Field, 4>{
    {{"name", FieldType::text, Need::required, "the group's name"}, kLimits[0], kLimits[1], kLimits[2]}});
constexpr std::array<Field, 4> kCode = {
    {{"code", FieldType::text, Need::required, "shown this once"},
     {"qr_text", FieldType::text, Need::required, "the code as a QR code for a terminal"},
     {"qr_svg", FieldType::text, Need::required, "the code as a QR code, SVG"},
     {"id", FieldType::text, Need::required, "for deleting it"}}};
constexpr std::array<Field, 4> kClaim = {
    {{"id", FieldType::text, Need::required, "fingerprint, SHA-256, hexadecimal"},
     {"certificate", FieldType::text, Need::required, "PEM, with the intermediate"},
     {"private_key", FieldType::text, Need::optional, "PEM, shown this once, if no CSR was given"},
     {"ca", FieldType::text, Need::required, "what the device should trust, PEM"}}};
constexpr std::array<Field, 2> kGroup = {
    {{"id", FieldType::text, Need::required, "the group's name"},
     {"key", FieldType::text, Need::required, "the group's key, base64: keep it in the factory"}}};
constexpr std::array<Field, 1> kList = {{{"grants", FieldType::array, Need::required, "sorted by id"}}};
constexpr std::array<Field, 1> kOnlyCode = {{{"code", FieldType::text, Need::required, "its id"}}};
constexpr std::array<Field, 1> kOnlyClaim = {{{"claim", FieldType::text, Need::required, "its fingerprint"}}};
constexpr std::array<Field, 1> kOnlyGroup = {{{"group", FieldType::text, Need::required, "its name"}}};
constexpr std::array<Field, 2> kDeviceKeyRequest = {
    {{"group", FieldType::text, Need::required, "its name"},
     {"registration_id", FieldType::text, Need::required, "the device's name"}}};
constexpr std::array<Field, 1> kDeviceKey = {
    {{"key", FieldType::text, Need::required, "the device's key, base64"}}};

constexpr model::OperationSpec kCodeCreate{"code.create",
                                           model::Method::post,
                                           "/api/enrolment/codes",
                                           "Make an enrolment code; it is shown this once.",
                                           "enrolment:write",
                                           kMakeCode,
                                           kCode,
                                           kMakeErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kCodeList{"code.list",
                                         model::Method::get,
                                         "/api/enrolment/codes",
                                         "List enrolment codes, without the codes.",
                                         "enrolment:read",
                                         kPage,
                                         kList,
                                         {}};
constexpr model::OperationSpec kCodeDelete{"code.delete",
                                           model::Method::del,
                                           "/api/enrolment/codes/{code}",
                                           "Take an enrolment code back.",
                                           "enrolment:write",
                                           kOnlyCode,
                                           {},
                                           kOnlyNotFound,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kClaimCreate{"claim.create",
                                            model::Method::post,
                                            "/api/enrolment/claims",
                                            "Issue a claim certificate, which may do nothing but enrol.",
                                            "enrolment:write",
                                            kMakeClaim,
                                            kClaim,
                                            kMakeErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kClaimList{"claim.list",
                                          model::Method::get,
                                          "/api/enrolment/claims",
                                          "List claim certificates.",
                                          "enrolment:read",
                                          kPage,
                                          kList,
                                          {}};
constexpr model::OperationSpec kClaimDelete{"claim.delete",
                                            model::Method::del,
                                            "/api/enrolment/claims/{claim}",
                                            "Revoke a claim certificate.",
                                            "enrolment:write",
                                            kOnlyClaim,
                                            {},
                                            kOnlyNotFound,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kGroupCreate{"keygroup.create",
                                            model::Method::post,
                                            "/api/enrolment/groups",
                                            "Make a group of devices whose keys derive from one key.",
                                            "enrolment:write",
                                            kMakeGroup,
                                            kGroup,
                                            kMakeErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kGroupList{"keygroup.list",
                                          model::Method::get,
                                          "/api/enrolment/groups",
                                          "List groups with derived keys.",
                                          "enrolment:read",
                                          kPage,
                                          kList,
                                          {}};
constexpr model::OperationSpec kGroupKey{"keygroup.key",
                                         model::Method::post,
                                         "/api/enrolment/groups/{group}/key",
                                         "Derive the key of one device of a group.",
                                         "enrolment:write",
                                         kDeviceKeyRequest,
                                         kDeviceKey,
                                         kOnlyNotFound};
constexpr model::OperationSpec kGroupDelete{"keygroup.delete",
                                            model::Method::del,
                                            "/api/enrolment/groups/{group}",
                                            "Remove a group; devices that have enrolled stay.",
                                            "enrolment:write",
                                            kOnlyGroup,
                                            {},
                                            kOnlyNotFound,
                                            model::Audited::by_handler};

void make_code(Grants& grants, WallTime now, const model::Caller& caller, const boost::json::object& request,
               model::Reply reply) {
  auto grant = new_grant(request, now, kDefaultCodeLifetime, 1);
  if (!grant) return reply(std::unexpected(grant.error()));
  grant->thing = model::optional_text(request, "thing").value_or("");
  if (!grant->thing.empty()) {
    if (const auto named = security::check_thing_name(grant->thing); !named)
      return reply(std::unexpected(named.error()));
  }
  // Whoever holds it says its own name.
  if (grant->rules.name.empty()) grant->rules.name = "*";
  grants.make_code(security::actor_of(*caller.principal, caller.address), *std::move(grant),
                   model::reply_with(std::move(reply), [](const Grants::Code& made) {
                     boost::json::object answer{{"code", made.text.view()},
                                                {"qr_text", security::qr_text(made.text.view()).value_or("")},
                                                {"qr_svg", security::qr_svg(made.text.view()).value_or("")}};
                     for (const auto& member : to_json(made.grant)) answer[member.key()] = member.value();
                     return answer;
                   }));
}

void make_claim(Grants& grants, const security::Pki& pki, WallTime now, const model::Caller& caller,
                const boost::json::object& request, model::Reply reply) {
  auto grant = new_grant(request, now, std::chrono::days{30}, -1);
  if (!grant) return reply(std::unexpected(grant.error()));
  if (grant->rules.name.empty()) grant->rules.name = "*";
  grants.make_claim(security::actor_of(*caller.principal, caller.address), *std::move(grant),
                    model::optional_text(request, "csr").value_or(""),
                    model::reply_with(std::move(reply), [ca = pki.root_pem()](const Grants::Claim& made) {
                      boost::json::object answer = to_json(made.grant);
                      answer["certificate"] = made.issued.chain_pem;
                      answer["ca"] = ca;
                      if (!made.issued.private_key_pem.empty())
                        answer["private_key"] = made.issued.private_key_pem;
                      return answer;
                    }));
}

void make_group(Grants& grants, WallTime now, const model::Caller& caller, const boost::json::object& request,
                model::Reply reply) {
  auto grant = new_grant(request, now, Duration{0}, -1);
  if (!grant) return reply(std::unexpected(grant.error()));
  grant->id = *model::optional_text(request, "name");
  if (const auto named = security::check_thing_name(grant->id); !named)
    return reply(std::unexpected(named.error()));
  if (grant->rules.name.empty()) grant->rules.name = "*";
  grants.make_group(security::actor_of(*caller.principal, caller.address), *std::move(grant),
                    model::reply_with(std::move(reply), [&grants](const Grant& made) {
                      boost::json::object answer = to_json(made);
                      answer["key"] = to_base64(grants.key_of(made));
                      return answer;
                    }));
}

void derive_key(Grants& grants, const boost::json::object& request, model::Reply reply) {
  std::string device = *model::optional_text(request, "registration_id");
  if (const auto named = security::check_thing_name(device); !named)
    return reply(std::unexpected(named.error()));
  grants.get(GrantKind::group, *model::optional_text(request, "group"),
             model::reply_with(std::move(reply), [&grants, device = std::move(device)](const Grant& group) {
               return boost::json::object{{"key", to_base64(device_key(grants.key_of(group), device))}};
             }));
}

void declare_common(Grants& grants, model::OperationTable& table, GrantKind kind,
                    const model::OperationSpec& listing, const model::OperationSpec& removal,
                    std::string_view field) {
  table.add(listing, [&grants, kind](const model::Caller&, boost::json::object request, model::Reply reply) {
    list_grants(grants, kind, request, "grants", std::move(reply));
  });
  table.add(removal, [&grants, kind, field](const model::Caller& caller, boost::json::object request,
                                            model::Reply reply) {
    grants.remove(security::actor_of(*caller.principal, caller.address), kind,
                  *model::optional_text(request, field), model::reply_nothing(std::move(reply)));
  });
}

}  // namespace

void declare_codes(Grants& grants, const security::Pki& pki, model::OperationTable& table) {
  table.add(kCodeCreate,
            [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              make_code(grants, grants.wall_now(), caller, request, std::move(reply));
            });
  table.add(kClaimCreate,
            [&grants, &pki](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              make_claim(grants, pki, grants.wall_now(), caller, request, std::move(reply));
            });
  table.add(kGroupCreate,
            [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              make_group(grants, grants.wall_now(), caller, request, std::move(reply));
            });
  table.add(kGroupKey, [&grants](const model::Caller&, boost::json::object request, model::Reply reply) {
    derive_key(grants, request, std::move(reply));
  });
  declare_common(grants, table, GrantKind::code, kCodeList, kCodeDelete, "code");
  declare_common(grants, table, GrantKind::claim, kClaimList, kClaimDelete, "claim");
  declare_common(grants, table, GrantKind::group, kGroupList, kGroupDelete, "group");
}

std::vector<model::OperationSpec> code_operations() {
  return {kCodeCreate,  kCodeList,    kCodeDelete, kClaimCreate, kClaimList,
          kClaimDelete, kGroupCreate, kGroupList,  kGroupKey,    kGroupDelete};
}

}  // namespace dunlin::provision
