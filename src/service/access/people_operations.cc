// What people do for themselves, and administrators for them: passwords, second factors, web sessions,
// narrower tokens.

#include <boost/json.hpp>

#include "model/json_fields.h"
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

constexpr Field kUserChange[] = {
    {"user", FieldType::text, Need::required, "the user's name"},
    {"permissions", FieldType::array, Need::optional, "those that stand beside the roles'"},
    {"roles", FieldType::array, Need::optional, "admin, operator, viewer, or of one's own"},
    {"policies", FieldType::array, Need::optional, "policies for topics"},
    {"state", FieldType::text, Need::optional, "enabled or disabled"}};
constexpr Field kUser[] = {{"name", FieldType::text, Need::required, "name"},
                           {"roles", FieldType::array, Need::required, "roles"},
                           {"permissions", FieldType::array, Need::required, "those beside the roles'"}};
constexpr Field kPasswordRequest[] = {
    {"user", FieldType::text, Need::required, "the user's name"},
    {"password", FieldType::text, Need::required, "the new one, at least 12 characters"},
    {"current", FieldType::text, Need::optional, "the old one: needed by the user"}};
constexpr Field kSessionRequest[] = {{"user", FieldType::text, Need::optional, "whose (the caller's own)"}};
constexpr Field kSessions[] = {
    {"sessions", FieldType::array, Need::required, "id, address, when it began, was used and ends"}};
constexpr Field kOnlySession[] = {{"session", FieldType::text, Need::required, "the session's id"}};
constexpr Field kNarrowRequest[] = {
    {"token", FieldType::text, Need::required, "the token's id"},
    {"permissions", FieldType::array, Need::required, "some of those that it has"}};
constexpr Field kToken[] = {{"id", FieldType::text, Need::required, "its public part"},
                            {"permissions", FieldType::array, Need::required, "what it may do now"}};
constexpr Errc kChangeErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::permission_denied};
constexpr Errc kPasswordErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::permission_denied,
                                    Errc::unauthenticated, Errc::unavailable};

constexpr model::OperationSpec kUpdate{"user.update",
                                       model::Method::patch,
                                       "/api/users/{user}",
                                       "Change a user's roles, permissions, policies or state.",
                                       "users:write",
                                       kUserChange,
                                       kUser,
                                       kChangeErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kPassword{"user.password",
                                         model::Method::post,
                                         "/api/users/{user}/password",
                                         "Set a user's password and end the user's web sessions.",
                                         {},
                                         kPasswordRequest,
                                         {},
                                         kPasswordErrors,
                                         model::Audited::by_handler};
constexpr model::OperationSpec kSessionList{"websession.list",
                                            model::Method::get,
                                            "/api/web-sessions",
                                            "List the sessions in which a user is signed in on the web.",
                                            {},
                                            kSessionRequest,
                                            kSessions,
                                            kChangeErrors};
constexpr model::OperationSpec kSessionEnd{"websession.end",
                                           model::Method::del,
                                           "/api/web-sessions/{session}",
                                           "End a session on the web.",
                                           {},
                                           kOnlySession,
                                           {},
                                           kChangeErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kNarrow{"token.narrow",
                                       model::Method::patch,
                                       "/api/tokens/{token}",
                                       "Let an API token do less from now on.",
                                       "users:write",
                                       kNarrowRequest,
                                       kToken,
                                       kChangeErrors,
                                       model::Audited::by_handler};

object session_json(const security::TokenRecord& session) {
  return {{"id", session.id},
          {"user", session.owner},
          {"address", session.label},
          {"created_at", time_or_null(session.created_at)},
          {"last_used_at", time_or_null(session.last_used_at)},
          {"expires_at", time_or_null(session.expires_at)}};
}

Result<security::UserChange> change_of(const AccessParts& parts, const Caller& caller,
                                       const object& request) {
  security::UserChange change;
  const auto list = [&](std::string_view name, auto& target) -> Result<void> {
    if (!request.contains(name)) return {};
    DUNLIN_TRY(target, text_list(request, name));
    return {};
  };
  DUNLIN_CHECK(list("permissions", change.permissions));
  DUNLIN_CHECK(list("roles", change.roles));
  DUNLIN_CHECK(list("policies", change.policies));
  if (change.permissions) DUNLIN_CHECK(check_may_give(caller, *change.permissions));
  if (change.roles) DUNLIN_CHECK(check_may_give(caller, parts.roles.table().permissions_of(*change.roles)));
  if (const auto state = model::optional_text(request, "state")) {
    if (*state != "enabled" && *state != "disabled")
      return fail(Errc::invalid_argument, "\"state\" must be enabled or disabled");
    change.state =
        *state == "enabled" ? security::UserRecord::State::enabled : security::UserRecord::State::disabled;
  }
  return change;
}

void update(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string name = *model::optional_text(request, "user");
  auto change = change_of(parts, caller, request);
  if (!change) return reply(std::unexpected(change.error()));
  may_manage(
      parts, caller, name,
      [parts, caller, name, change = *std::move(change), reply = std::move(reply)](Result<void> may) mutable {
        if (!may) return reply(std::unexpected(may.error()));
        parts.accounts.change_user(
            parts.executor, actor_of(caller), name, std::move(change),
            model::reply_with(std::move(reply), [parts, caller, name](const auto& user) {
              end_everything(parts, caller, name);
              return to_json(user);
            }));
      });
}

void store_password(const AccessParts& parts, const Caller& caller, const std::string& name,
                    security::Secret password, Reply reply) {
  parts.accounts.set_password(parts.executor, actor_of(caller), name, std::move(password),
                              [parts, caller, name, reply = std::move(reply)](Result<void> done) mutable {
                                if (!done) return reply(std::unexpected(done.error()));
                                end_everything(parts, caller, name);
                                reply(value(object{}));
                              });
}

void set_password(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string name = *model::optional_text(request, "user");
  security::Secret password(*model::optional_text(request, "password"));
  auto proven = [parts, caller, name, password = std::move(password),
                 reply = std::move(reply)](Result<void> may) mutable {
    if (!may) return reply(std::unexpected(may.error()));
    store_password(parts, caller, name, std::move(password), std::move(reply));
  };
  if (!is_self(caller, name)) return may_manage(parts, caller, name, std::move(proven));
  // A session that somebody has left open is not enough.
  parts.accounts.confirm_password(parts.executor, name,
                                  security::Secret(model::optional_text(request, "current").value_or("")),
                                  caller.address, std::move(proven));
}

void list_sessions(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string name = model::optional_text(request, "user").value_or(caller.principal->name);
  if (!is_self(caller, name) && !model::has_permission(*caller.principal, "users:read"))
    return reply(fail(Errc::permission_denied, "others' sessions need the permission \"users:read\""));
  parts.accounts.list_tokens(parts.executor, security::TokenType::session, name,
                             model::reply_list(std::move(reply), "sessions", session_json));
}

void end_session(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const std::string id = *model::optional_text(request, "session");
  parts.accounts.get_token(
      parts.executor, id,
      [parts, caller, id, reply = std::move(reply)](Result<security::TokenRecord> found) mutable {
        const bool is_session = found && found->type == security::TokenType::session;
        // Whose it is is not told to who may not end it.
        const bool may = is_session && (is_self(caller, found->owner) ||
                                        model::has_permission(*caller.principal, "users:write"));
        if (!may) return reply(fail(Errc::not_found, "there is no such session of yours"));
        parts.accounts.remove_token(
            parts.executor, actor_of(caller), id,
            [parts, caller, reply = std::move(reply)](Result<security::TokenRecord> gone) mutable {
              if (!gone) return reply(std::unexpected(gone.error()));
              parts.end_pages(caller.principal->tenant, gone->owner);
              reply(value(object{}));
            });
      });
}

void narrow(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  auto permissions = text_list(request, "permissions");
  if (!permissions) return reply(std::unexpected(permissions.error()));
  parts.accounts.narrow_token(parts.executor, actor_of(caller), *model::optional_text(request, "token"),
                              *std::move(permissions), model::reply_with(std::move(reply), Form()));
}

}  // namespace

bool is_self(const Caller& caller, std::string_view user) {
  const Principal& principal = *caller.principal;
  return principal.kind == PrincipalKind::user && principal.proof == Proof::session && principal.name == user;
}

void may_manage(const AccessParts& parts, const Caller& caller, const std::string& user,
                std::move_only_function<void(Result<void>)> done) {
  if (!model::has_permission(*caller.principal, "users:write")) {
    return done(fail(Errc::permission_denied, "only " + user +
                                                  ", signed in on the web, or somebody with the permission "
                                                  "\"users:write\" may do this"));
  }
  parts.accounts.get_user(
      parts.executor, user,
      [parts, caller, done = std::move(done)](Result<security::UserRecord> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        done(check_may_give(caller, parts.roles.table().permissions_of(*found)));
      });
}

void end_everything(const AccessParts& parts, const Caller& caller, const std::string& user) {
  parts.bus.end_sessions(caller.principal->tenant, user, "revoked");
  parts.end_pages(caller.principal->tenant, user);
}

void declare_people(const AccessParts& parts, model::OperationTable& table) {
  const auto add = [&](const model::OperationSpec& spec, auto handler) {
    table.add(spec, [parts, handler](const Caller& caller, object request, Reply reply) {
      handler(parts, caller, request, std::move(reply));
    });
  };
  add(kUpdate, update);
  add(kPassword, set_password);
  add(kSessionList, list_sessions);
  add(kSessionEnd, end_session);
  add(kNarrow, narrow);
}

std::vector<model::OperationSpec> people_operations() {
  return {kUpdate, kPassword, kSessionList, kSessionEnd, kNarrow};
}

}  // namespace dunlin::access
