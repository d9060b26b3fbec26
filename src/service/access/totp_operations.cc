// Second factors of people.

#include <boost/json.hpp>

#include "model/json_fields.h"
#include "security/qr.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using boost::json::object;
using boost::json::value;
using model::Caller;
using model::Field;
using model::FieldType;
using model::Need;
using model::Reply;

constexpr Field kOnlyUser[] = {{"user", FieldType::text, Need::required, "the user's name"}};
constexpr Field kEnrolment[] = {
    {"secret", FieldType::text, Need::required, "base32, to be typed into the app, shown this once"},
    {"uri", FieldType::text, Need::required, "otpauth://, what the QR code says"},
    {"qr_text", FieldType::text, Need::required, "the QR code for a terminal"},
    {"qr_svg", FieldType::text, Need::required, "the QR code, SVG"}};
constexpr Field kConfirmRequest[] = {{"user", FieldType::text, Need::required, "the user's name"},
                                     {"code", FieldType::text, Need::required, "what the app shows now"}};
constexpr Field kConfirmed[] = {
    {"recovery_codes", FieldType::array, Need::required, "each good for one sign-in, shown this once"}};
constexpr Field kState[] = {
    {"state", FieldType::text, Need::required, "none, pending (not confirmed so far) or active"},
    {"recovery_codes_left", FieldType::integer, Need::required, "how many were not used"}};
constexpr Field kRemoveRequest[] = {
    {"user", FieldType::text, Need::required, "the user's name"},
    {"code", FieldType::text, Need::optional, "of the app, or a recovery code: needed by the user"}};
constexpr Errc kErrors[] = {Errc::not_found, Errc::permission_denied, Errc::already_exists,
                            Errc::unauthenticated};

constexpr model::OperationSpec kEnrol{"totp.enrol",
                                      model::Method::post,
                                      "/api/users/{user}/totp",
                                      "Begin a second factor: a secret for an authenticator app.",
                                      {},
                                      kOnlyUser,
                                      kEnrolment,
                                      kErrors,
                                      model::Audited::by_handler};
constexpr model::OperationSpec kConfirm{
    "totp.confirm",
    model::Method::post,
    "/api/users/{user}/totp/confirm",
    "Show that the app has the secret: from now on sign-in asks for a code.",
    {},
    kConfirmRequest,
    kConfirmed,
    kErrors,
    model::Audited::by_handler};
constexpr model::OperationSpec kShow{"totp.show",
                                     model::Method::get,
                                     "/api/users/{user}/totp",
                                     "Say whether a user has a second factor.",
                                     {},
                                     kOnlyUser,
                                     kState,
                                     kErrors};
// No DELETE: a code belongs into no address.
constexpr model::OperationSpec kRemove{"totp.remove",
                                       model::Method::post,
                                       "/api/users/{user}/totp/remove",
                                       "Remove a user's second factor.",
                                       {},
                                       kRemoveRequest,
                                       {},
                                       kErrors,
                                       model::Audited::by_handler};

/// For the user, or for who may manage the user.
void authorised(const AccessParts& parts, const Caller& caller, const std::string& user,
                std::move_only_function<void(Result<void>)> done) {
  if (is_self(caller, user)) return done({});
  may_manage(parts, caller, user, std::move(done));
}

void enrol(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string user = *model::optional_text(request, "user");
  authorised(parts, caller, user, [parts, caller, user, reply = std::move(reply)](Result<void> may) mutable {
    if (!may) return reply(std::unexpected(may.error()));
    parts.second_factors.enrol(
        parts.executor, actor_of(caller), user,
        model::reply_with(std::move(reply), [](const security::SecondFactors::Enrolment& made) {
          return object{{"secret", made.secret.view()},
                        {"uri", made.uri.view()},
                        {"qr_text", security::qr_text(made.uri.view()).value_or("")},
                        {"qr_svg", security::qr_svg(made.uri.view()).value_or("")}};
        }));
  });
}

// Who speaks MQTT with the password alone is ended: it counts no more.
void confirm(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string user = *model::optional_text(request, "user");
  std::string code = *model::optional_text(request, "code");
  authorised(
      parts, caller, user,
      [parts, caller, user, code = std::move(code), reply = std::move(reply)](Result<void> may) mutable {
        if (!may) return reply(std::unexpected(may.error()));
        parts.second_factors.confirm(
            parts.executor, actor_of(caller), user, std::move(code),
            model::reply_with(std::move(reply), [parts, caller, user](const security::Secret& codes) {
              parts.bus.end_sessions(caller.principal->tenant, user, "revoked");
              boost::json::array list;
              std::string_view left = codes.view();
              for (; !left.empty(); left.remove_prefix(left.find('\n') + 1))
                list.emplace_back(left.substr(0, left.find('\n')));
              return object{{"recovery_codes", std::move(list)}};
            }));
      });
}

object state_json(const std::optional<security::SecondFactorRecord>& record) {
  if (!record) return {{"state", "none"}, {"recovery_codes_left", 0}};
  const bool active = record->state == security::SecondFactorRecord::State::active;
  return {{"state", active ? "active" : "pending"}, {"recovery_codes_left", record->recovery.size()}};
}

void show(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string user = *model::optional_text(request, "user");
  if (!is_self(caller, user) && !model::has_permission(*caller.principal, "users:read"))
    return reply(fail(Errc::permission_denied, "others need the permission \"users:read\""));
  parts.second_factors.get(parts.executor, user, model::reply_with(std::move(reply), state_json));
}

void remove_now(const AccessParts& parts, const Caller& caller, const std::string& user, Reply reply) {
  parts.second_factors.remove(parts.executor, actor_of(caller), user, model::reply_nothing(std::move(reply)));
}

void remove(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  using Outcome = security::SecondFactors::Verdict::Outcome;
  const std::string user = *model::optional_text(request, "user");
  if (!is_self(caller, user)) {
    return may_manage(parts, caller, user,
                      [parts, caller, user, reply = std::move(reply)](Result<void> may) mutable {
                        if (!may) return reply(std::unexpected(may.error()));
                        remove_now(parts, caller, user, std::move(reply));
                      });
  }
  // A session that somebody has left open is not enough.
  parts.second_factors.check(parts.executor, user, model::optional_text(request, "code").value_or(""),
                             [parts, caller, user, reply = std::move(reply)](auto verdict) mutable {
                               if (verdict && verdict->outcome == Outcome::code_needed)
                                 verdict = fail(Errc::unauthenticated,
                                                "a code of the app, or a recovery code, is needed");
                               if (!verdict) return reply(std::unexpected(verdict.error()));
                               remove_now(parts, caller, user, std::move(reply));
                             });
}

}  // namespace

void declare_totp(const AccessParts& parts, model::OperationTable& table) {
  const auto add = [&](const model::OperationSpec& spec, auto handler) {
    table.add(spec, [parts, handler](const Caller& caller, object request, Reply reply) {
      handler(parts, caller, request, std::move(reply));
    });
  };
  add(kEnrol, enrol);
  add(kConfirm, confirm);
  add(kShow, show);
  add(kRemove, remove);
}

std::vector<model::OperationSpec> totp_operations() {
  return {kEnrol, kConfirm, kShow, kRemove};
}

}  // namespace dunlin::access
