#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "service/provision/render.h"

namespace dunlin::provision {
namespace {

constexpr auto kRegister = with_template(std::array<Field, 5>{
    {{"certificate", FieldType::text, Need::required, "the authority's certificate, PEM"},
     {"proof", FieldType::text, Need::required,
      "a certificate that it signed, with a registration code as common name, PEM"},
     {"label", FieldType::text, Need::optional, "for people"},
     {"enabled", FieldType::boolean, Need::optional, "whether its certificates are accepted (true)"},
     {"auto_registration", FieldType::boolean, Need::optional,
      "whether its devices may register themselves (false)"}}});
constexpr auto kUpdate = with_template(std::array<Field, 4>{
    {{"authority", FieldType::text, Need::required, "the certificate's fingerprint"},
     {"label", FieldType::text, Need::optional, "for people"},
     {"enabled", FieldType::boolean, Need::optional, "whether its certificates are accepted"},
     {"auto_registration", FieldType::boolean, Need::optional,
      "whether its devices may register themselves"}}});
constexpr std::array<Field, 1> kOnlyAuthority = {
    {{"authority", FieldType::text, Need::required, "the certificate's fingerprint"}}};
constexpr std::array<Field, 2> kCode = {
    {{"code", FieldType::text, Need::required, "the common name that the proof must have"},
     {"expires_at", FieldType::text, Need::required, "RFC 3339"}}};
constexpr std::array<Field, 2> kList = {
    {{"authorities", FieldType::array, Need::required, "sorted by fingerprint"},
     {"next", FieldType::text, Need::optional, "there is more: page behind this"}}};
constexpr std::array<Errc, 1> kCodeErrors = {Errc::limit_exceeded};
constexpr std::array<Errc, 5> kRegisterErrors = {Errc::invalid_argument, Errc::malformed,
                                                 Errc::permission_denied, Errc::already_exists,
                                                 Errc::limit_exceeded};
constexpr std::array<Errc, 3> kUpdateErrors = {Errc::not_found, Errc::invalid_argument, Errc::limit_exceeded};

constexpr model::OperationSpec kCodeSpec{"authority.code",
                                         model::Method::post,
                                         "/api/authorities/code",
                                         "Make a code with which an authority proves that it holds its key.",
                                         "enrolment:write",
                                         {},
                                         kCode,
                                         kCodeErrors,
                                         model::Audited::by_handler};
constexpr model::OperationSpec kRegisterSpec{"authority.register",
                                             model::Method::post,
                                             "/api/authorities",
                                             "Register a certificate authority whose devices may connect.",
                                             "enrolment:write",
                                             kRegister,
                                             kGrant,
                                             kRegisterErrors,
                                             model::Audited::by_handler};
constexpr model::OperationSpec kListSpec{"authority.list",
                                         model::Method::get,
                                         "/api/authorities",
                                         "List registered certificate authorities.",
                                         "enrolment:read",
                                         kPage,
                                         kList,
                                         {}};
constexpr model::OperationSpec kGetSpec{"authority.get",
                                        model::Method::get,
                                        "/api/authorities/{authority}",
                                        "Show a registered certificate authority.",
                                        "enrolment:read",
                                        kOnlyAuthority,
                                        kGrant,
                                        kOnlyNotFound};
constexpr model::OperationSpec kUpdateSpec{"authority.update",
                                           model::Method::patch,
                                           "/api/authorities/{authority}",
                                           "Change a registered certificate authority.",
                                           "enrolment:write",
                                           kUpdate,
                                           kGrant,
                                           kUpdateErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kDeleteSpec{
    "authority.delete",
    model::Method::del,
    "/api/authorities/{authority}",
    "Forget a registered certificate authority: its devices can no longer connect by its certificates.",
    "enrolment:write",
    kOnlyAuthority,
    {},
    kOnlyNotFound,
    model::Audited::by_handler};

void set_switches(const boost::json::object& request, Grant& grant) {
  if (const auto enabled = model::optional_boolean(request, "enabled"))
    grant.state = *enabled ? Grant::State::enabled : Grant::State::disabled;
  if (const auto automatic = model::optional_boolean(request, "auto_registration"))
    grant.auto_registration = *automatic ? Grant::AutoRegistration::on : Grant::AutoRegistration::off;
}

Result<void> change(const boost::json::object& request, Grant& grant) {
  if (auto label = model::optional_text(request, "label")) {
    if (label->size() > kMaxTextBytes) return fail(Errc::limit_exceeded, "\"label\" is too long");
    grant.label = *std::move(label);
  }
  DUNLIN_TRY(grant.rules, template_from(request, grant.rules));
  set_switches(request, grant);
  return {};
}

void register_authority(Grants& grants, const model::Caller& caller, const boost::json::object& request,
                        model::Reply reply) {
  auto grant = new_grant(request, WallTime{}, Duration{0}, -1);
  if (!grant) return reply(std::unexpected(grant.error()));
  grant->auto_registration = Grant::AutoRegistration::off;
  set_switches(request, *grant);
  grants.register_authority(security::actor_of(*caller.principal, caller.address),
                            {*model::optional_text(request, "certificate"),
                             *model::optional_text(request, "proof"), *std::move(grant)},
                            model::reply_record(std::move(reply)));
}

}  // namespace

void declare_authorities(Grants& grants, model::OperationTable& table) {
  table.add(kCodeSpec, [&grants](const model::Caller& caller, boost::json::object, model::Reply reply) {
    grants.make_registration_code(
        security::actor_of(*caller.principal, caller.address),
        model::reply_with(std::move(reply), [](const Grants::RegistrationCode& code) {
          return boost::json::object{{"code", code.text.view()},
                                     {"expires_at", format_rfc3339(from_unix_milliseconds(code.expires_at))}};
        }));
  });
  table.add(kRegisterSpec,
            [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              register_authority(grants, caller, request, std::move(reply));
            });
  table.add(kListSpec, [&grants](const model::Caller&, boost::json::object request, model::Reply reply) {
    list_grants(grants, GrantKind::authority, request, "authorities", std::move(reply));
  });
  table.add(kGetSpec, [&grants](const model::Caller&, boost::json::object request, model::Reply reply) {
    grants.get(GrantKind::authority, *model::optional_text(request, "authority"),
               model::reply_record(std::move(reply)));
  });
  table.add(kUpdateSpec,
            [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              std::string id = *model::optional_text(request, "authority");
              grants.update(
                  security::actor_of(*caller.principal, caller.address), GrantKind::authority, std::move(id),
                  [request = std::move(request)](Grant& grant) { return change(request, grant); },
                  model::reply_record(std::move(reply)));
            });
  table.add(
      kDeleteSpec, [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
        grants.remove(security::actor_of(*caller.principal, caller.address), GrantKind::authority,
                      *model::optional_text(request, "authority"), model::reply_nothing(std::move(reply)));
      });
}

std::vector<model::OperationSpec> authority_operations() {
  return {kCodeSpec, kRegisterSpec, kListSpec, kGetSpec, kUpdateSpec, kDeleteSpec};
}

}  // namespace dunlin::provision
