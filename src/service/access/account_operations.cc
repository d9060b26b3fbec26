#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kUserList[] = {{"users", FieldType::array, Need::required, "sorted by name"}};
constexpr Field kPageRequest[] = {
    {"after", FieldType::text, Need::optional, "page: begin behind this name"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kUserRequest[] = {
    {"name", FieldType::text, Need::required, "the user's name"},
    {"password", FieldType::text, Need::required, "at least 12 characters"},
    {"permissions", FieldType::array, Need::optional, "e.g. [\"things:read\"]; \"*\" is all"},
    {"roles", FieldType::array, Need::optional, "admin, operator, viewer, or of one's own"},
    {"policies", FieldType::array, Need::optional, "policies for topics ([\"user\"])"}};
constexpr Field kUser[] = {{"name", FieldType::text, Need::required, "name"},
                           {"permissions", FieldType::array, Need::required, "what the user may do"},
                           {"note", FieldType::text, Need::optional, "what else this has changed"}};
constexpr Field kOnlyUser[] = {{"user", FieldType::text, Need::required, "the user's name"}};
constexpr Field kTokenRequest[] = {
    {"owner", FieldType::text, Need::required, "the user it speaks for"},
    {"label", FieldType::text, Need::optional, "what it is for"},
    {"permissions", FieldType::array, Need::optional, "at most what the owner has"},
    {"roles", FieldType::array, Need::optional, "roles that it has instead or beside, cut likewise"},
    {"days", FieldType::integer, Need::optional, "lifetime; without it the token does not expire"}};
constexpr Field kToken[] = {{"id", FieldType::text, Need::required, "its public part"},
                            {"token", FieldType::text, Need::required, "the token, shown this once"}};
constexpr Field kThingTokenRequest[] = {{"thing", FieldType::text, Need::required, "the thing"},
                                        {"label", FieldType::text, Need::optional, "what it is for"}};
constexpr Field kTokenListRequest[] = {
    {"type", FieldType::text, Need::optional, "device, api or session (api)"},
    {"owner", FieldType::text, Need::required, "the thing or user"}};
constexpr Field kTokenList[] = {{"tokens", FieldType::array, Need::required, "without their secret parts"}};
constexpr Field kOnlyToken[] = {{"token", FieldType::text, Need::required, "the token's id"}};
constexpr Errc kCreateErrors[] = {Errc::invalid_argument, Errc::already_exists, Errc::unavailable};
constexpr Errc kTokenErrors[] = {Errc::not_found, Errc::permission_denied, Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kListTokenErrors[] = {Errc::permission_denied};
constexpr Errc kDeleteTokenErrors[] = {Errc::not_found, Errc::permission_denied};
constexpr Errc kThingTokenErrors[] = {Errc::not_found, Errc::conflict, Errc::limit_exceeded};

constexpr model::OperationSpec kListUsers{"user.list",  model::Method::get, "/api/users", "List users.",
                                          "users:read", kPageRequest,       kUserList,    {}};
constexpr model::OperationSpec kCreateUser{"user.create",  model::Method::post, "/api/users",
                                           "Make a user.", "users:write",       kUserRequest,
                                           kUser,          kCreateErrors,       model::Audited::by_handler};
constexpr model::OperationSpec kDeleteUser{"user.delete",
                                           model::Method::del,
                                           "/api/users/{user}",
                                           "Remove a user with all tokens and sessions.",
                                           "users:write",
                                           kOnlyUser,
                                           {},
                                           kGetErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kCreateToken{"token.create",
                                            model::Method::post,
                                            "/api/tokens",
                                            "Make an API token.",
                                            "users:write",
                                            kTokenRequest,
                                            kToken,
                                            kTokenErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kListTokens{
    "token.list", model::Method::get, "/api/tokens", "List tokens of a thing or user.",
    {},           kTokenListRequest,  kTokenList,    kListTokenErrors};
constexpr model::OperationSpec kDeleteToken{"token.delete",
                                            model::Method::del,
                                            "/api/tokens/{token}",
                                            "Remove a token and end its owner's sessions.",
                                            {},
                                            kOnlyToken,
                                            {},
                                            kDeleteTokenErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kThingToken{
    "thing.token",
    model::Method::post,
    "/api/things/{thing}/tokens",
    "Make a token with which the thing connects (user name: the thing's name).",
    "things:write",
    kThingTokenRequest,
    kToken,
    kThingTokenErrors,
    model::Audited::by_handler};

security::Accounts::Done<security::IssuedToken> reply_token(model::Reply reply) {
  return model::reply_with(std::move(reply), [](const security::IssuedToken& issued) {
    boost::json::object answer = to_json(issued.record);
    answer["token"] = issued.text.view();
    return answer;
  });
}

void create_user(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  security::NewUser user;
  user.name = *model::optional_text(request, "name");
  user.password = security::Secret(*model::optional_text(request, "password"));
  auto permissions = text_list(request, "permissions");
  auto roles = text_list(request, "roles");
  auto policies = text_list(request, "policies");
  if (!permissions) return reply(std::unexpected(permissions.error()));
  if (!roles) return reply(std::unexpected(roles.error()));
  if (!policies) return reply(std::unexpected(policies.error()));
  for (const auto& given : {*permissions, parts.roles.table().permissions_of(*roles)}) {
    if (const auto allowed = check_may_give(caller, given); !allowed)
      return reply(std::unexpected(allowed.error()));
  }
  user.roles = *std::move(roles);
  user.permissions = *std::move(permissions);
  if (!policies->empty()) user.policies = *std::move(policies);
  parts.accounts.create_user(parts.executor, actor_of(caller), std::move(user),
                             model::reply_with(std::move(reply), [](const security::CreatedUser& made) {
                               boost::json::object answer = to_json(made.user);
                               if (made.link == security::CreatedUser::Link::voided) {
                                 answer["note"] =
                                     "the one-time link for the first sign-in is void now: sign in as " +
                                     made.user.name;
                               }
                               return answer;
                             }));
}

void create_token(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
                  model::Reply reply) {
  security::NewApiToken wanted;
  wanted.owner = *model::optional_text(request, "owner");
  wanted.label = model::optional_text(request, "label").value_or("");
  auto permissions = text_list(request, "permissions");
  auto roles = text_list(request, "roles");
  const auto lifetime = days_field(request, "days", Duration::zero());
  if (!permissions) return reply(std::unexpected(permissions.error()));
  if (!roles) return reply(std::unexpected(roles.error()));
  if (!lifetime) return reply(std::unexpected(lifetime.error()));
  for (const auto& given : {*permissions, parts.roles.table().permissions_of(*roles)}) {
    if (const auto allowed = check_may_give(caller, given); !allowed)
      return reply(std::unexpected(allowed.error()));
  }
  wanted.permissions = *std::move(permissions);
  wanted.roles = *std::move(roles);
  wanted.lifetime = *lifetime;
  parts.accounts.create_api_token(parts.executor, actor_of(caller), std::move(wanted),
                                  reply_token(std::move(reply)));
}

// Sessions end behind the write: a client that comes back at once must find the credential gone.
void remove_user(const AccessParts& parts, const model::Caller& caller, const std::string& user,
                 model::Reply reply) {
  parts.accounts.remove_user(parts.executor, actor_of(caller), user,
                             [parts, caller, user, reply = std::move(reply)](auto done) mutable {
                               if (!done) return reply(std::unexpected(done.error()));
                               end_everything(parts, caller, user);
                               reply(boost::json::value(boost::json::object{}));
                             });
}

void remove_found(const AccessParts& parts, const model::Caller& caller, const std::string& id,
                  model::Reply reply) {
  parts.accounts.remove_token(parts.executor, actor_of(caller), id,
                              [parts, caller, reply = std::move(reply)](auto token) mutable {
                                if (!token) return reply(std::unexpected(token.error()));
                                if (!token->owner.empty()) end_everything(parts, caller, token->owner);
                                reply(boost::json::value(boost::json::object{}));
                              });
}

/// Without the right to change users it must be a token of the caller's own programs; whether there is
/// another of that id is not told.
void remove_token(const AccessParts& parts, const model::Caller& caller, const std::string& id,
                  model::Reply reply) {
  if (model::has_permission(*caller.principal, "users:write"))
    return remove_found(parts, caller, id, std::move(reply));
  parts.accounts.get_token(
      parts.executor, id,
      [parts, caller, id, reply = std::move(reply)](Result<security::TokenRecord> found) mutable {
        const bool own = found && found->type == security::TokenType::api && is_self(caller, found->owner);
        if (!own) {
          return reply(fail(Errc::permission_denied,
                            "there is no such token of yours; others' need the permission \"users:write\""));
        }
        remove_found(parts, caller, id, std::move(reply));
      });
}

void list_tokens(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  const std::string word = model::optional_text(request, "type").value_or("api");
  if (word != "device" && word != "api" && word != "session") {
    return reply(fail(Errc::invalid_argument, "\"type\" must be device, api or session"));
  }
  const auto type = word == "device" ? security::TokenType::device
                    : word == "api"  ? security::TokenType::api
                                     : security::TokenType::session;
  const std::string owner = *model::optional_text(request, "owner");
  const bool own = type == security::TokenType::api && is_self(caller, owner);
  if (!own && !model::has_permission(*caller.principal, "users:read"))
    return reply(fail(Errc::permission_denied, "others' tokens need the permission \"users:read\""));
  parts.accounts.list_tokens(parts.executor, type, owner,
                             model::reply_list(std::move(reply), "tokens", Form()));
}

}  // namespace

Result<void> check_may_give(const model::Caller& caller, const std::vector<std::string>& permissions) {
  for (const std::string& permission : permissions) {
    if (!model::has_permission(*caller.principal, permission))
      return fail(Errc::permission_denied, "you do not have the permission \"" + permission + "\" yourself");
  }
  return {};
}

void declare_accounts(const AccessParts& parts, model::OperationTable& table) {
  table.add(kListUsers, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    const auto limit = model::limit_field(request);
    if (!limit) return reply(std::unexpected(limit.error()));
    parts.accounts.list_users(parts.executor, model::optional_text(request, "after").value_or(""), *limit,
                              model::reply_list(std::move(reply), "users", Form()));
  });
  table.add(kCreateUser,
            [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              create_user(parts, caller, request, std::move(reply));
            });
  table.add(kDeleteUser,
            [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              remove_user(parts, caller, *model::optional_text(request, "user"), std::move(reply));
            });
  table.add(kCreateToken,
            [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              create_token(parts, caller, request, std::move(reply));
            });
  table.add(kListTokens,
            [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              list_tokens(parts, caller, request, std::move(reply));
            });
  table.add(kDeleteToken,
            [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              remove_token(parts, caller, *model::optional_text(request, "token"), std::move(reply));
            });
  table.add(
      kThingToken, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
        const std::string thing = *model::optional_text(request, "thing");
        parts.accounts.create_device_token(
            parts.executor, actor_of(caller), thing, model::optional_text(request, "label").value_or(""),
            reply_token(credential_reply(parts, caller, thing, std::move(reply))));
      });
}

std::vector<model::OperationSpec> account_operations() {
  return {kListUsers, kCreateUser, kDeleteUser, kCreateToken, kListTokens, kDeleteToken, kThingToken};
}

}  // namespace dunlin::access
