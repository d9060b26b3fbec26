// Roles of one's own beside the three that the program knows.

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

constexpr Field kOnlyRole[] = {{"role", FieldType::text, Need::required, "the role's name"}};
constexpr Field kCreateRequest[] = {
    {"name", FieldType::text, Need::required, "1 to 64 of A-Z a-z 0-9 _ . : -"},
    {"about", FieldType::text, Need::optional, "what it is for"},
    {"permissions", FieldType::array, Need::required, "some of the caller's own, e.g. [\"alarms:write\"]"}};
constexpr Field kUpdateRequest[] = {
    {"role", FieldType::text, Need::required, "the role's name"},
    {"about", FieldType::text, Need::optional, "what it is for"},
    {"permissions", FieldType::array, Need::optional, "all that it gives from now on"}};
constexpr Field kRole[] = {
    {"name", FieldType::text, Need::required, "name"},
    {"about", FieldType::text, Need::required, "what it is for"},
    {"permissions", FieldType::array, Need::required, "what it gives"},
    {"built_in", FieldType::boolean, Need::required, "whether it is one that cannot be changed"}};
constexpr Field kRoles[] = {
    {"roles", FieldType::array, Need::required, "the built-in ones first, with what each may do"}};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kCreateErrors[] = {Errc::invalid_argument, Errc::already_exists, Errc::permission_denied,
                                  Errc::limit_exceeded};
constexpr Errc kChangeErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::permission_denied,
                                  Errc::conflict};

constexpr model::OperationSpec kList{
    "role.list", model::Method::get, "/api/roles", "List the roles.", "users:read", {}, kRoles, {}};
constexpr model::OperationSpec kGet{"role.get",     model::Method::get, "/api/roles/{role}",
                                    "Show a role.", "users:read",       kOnlyRole,
                                    kRole,          kGetErrors};
constexpr model::OperationSpec kCreate{"role.create",
                                       model::Method::post,
                                       "/api/roles",
                                       "Make a role: permissions under a name.",
                                       "users:write",
                                       kCreateRequest,
                                       kRole,
                                       kCreateErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kUpdate{"role.update",
                                       model::Method::patch,
                                       "/api/roles/{role}",
                                       "Change a role, for all who have it, at once.",
                                       "users:write",
                                       kUpdateRequest,
                                       kRole,
                                       kChangeErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kDelete{"role.delete",
                                       model::Method::del,
                                       "/api/roles/{role}",
                                       "Remove a role that no user and no token has.",
                                       "users:write",
                                       kOnlyRole,
                                       {},
                                       kChangeErrors,
                                       model::Audited::by_handler};

object role_json(const security::Role& role) {
  const auto& permissions = role.record.permissions;
  return {{"name", role.record.name},
          {"about", role.record.about},
          {"permissions", boost::json::array(permissions.begin(), permissions.end())},
          {"built_in", role.origin == security::Role::Origin::built_in},
          {"created_at", time_or_null(role.record.created_at)}};
}

/// A role that gives more than the caller has is not the caller's to change. Errors: not_found,
/// permission_denied.
Result<security::Role> managed_role(const AccessParts& parts, const Caller& caller, const object& request) {
  const std::string name = *model::optional_text(request, "role");
  auto role = parts.roles.table().find(name);
  if (!role) return fail(Errc::not_found, "there is no role " + name);
  if (role->origin == security::Role::Origin::own)
    DUNLIN_CHECK(check_may_give(caller, role->record.permissions));
  return *std::move(role);
}

void get(const AccessParts& parts, const Caller&, const object& request, Reply reply) {
  const std::string name = *model::optional_text(request, "role");
  const auto role = parts.roles.table().find(name);
  if (!role) return reply(fail(Errc::not_found, "there is no role " + name));
  reply(value(role_json(*role)));
}

void create(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  auto permissions = text_list(request, "permissions");
  if (!permissions) return reply(std::unexpected(permissions.error()));
  if (const auto may = check_may_give(caller, *permissions); !may) return reply(std::unexpected(may.error()));
  security::RoleRecord role;
  role.name = *model::optional_text(request, "name");
  role.about = model::optional_text(request, "about").value_or("");
  role.permissions = *std::move(permissions);
  parts.roles.create(parts.executor, actor_of(caller), std::move(role),
                     model::reply_with(std::move(reply), role_json));
}

/// Who has the role speaks anew, with what it gives now.
void end_holders(const AccessParts& parts, const Caller& caller, security::Role role, Reply reply) {
  std::string name = role.record.name;
  parts.roles.for_each_holder(
      parts.executor, std::move(name),
      [parts, caller](const std::string& user) { end_everything(parts, caller, user); },
      [role = std::move(role), reply = std::move(reply)](Result<void> ended) mutable {
        if (!ended) return reply(std::unexpected(ended.error()));
        reply(value(role_json(role)));
      });
}

void update(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const auto role = managed_role(parts, caller, request);
  if (!role) return reply(std::unexpected(role.error()));
  security::RoleChange change;
  change.about = model::optional_text(request, "about");
  if (request.contains("permissions")) {
    auto permissions = text_list(request, "permissions");
    if (!permissions) return reply(std::unexpected(permissions.error()));
    if (const auto may = check_may_give(caller, *permissions); !may)
      return reply(std::unexpected(may.error()));
    change.permissions = *std::move(permissions);
  }
  parts.roles.change(parts.executor, actor_of(caller), role->record.name, std::move(change),
                     [parts, caller, reply = std::move(reply)](Result<security::Role> changed) mutable {
                       if (!changed) return reply(std::unexpected(changed.error()));
                       end_holders(parts, caller, *std::move(changed), std::move(reply));
                     });
}

void remove(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  const auto role = managed_role(parts, caller, request);
  if (!role) return reply(std::unexpected(role.error()));
  parts.roles.remove(parts.executor, actor_of(caller), role->record.name,
                     model::reply_nothing(std::move(reply)));
}

}  // namespace

void declare_roles(const AccessParts& parts, model::OperationTable& table) {
  const auto add = [&](const model::OperationSpec& spec, auto handler) {
    table.add(spec, [parts, handler](const Caller& caller, const object& request, Reply reply) {
      handler(parts, caller, request, std::move(reply));
    });
  };
  table.add(kList, [parts](const Caller&, const object&, Reply reply) {
    reply(value(model::list_of("roles", parts.roles.table().all(), role_json)));
  });
  add(kGet, get);
  add(kCreate, create);
  add(kUpdate, update);
  add(kDelete, remove);
}

std::vector<model::OperationSpec> role_operations() {
  return {kList, kGet, kCreate, kUpdate, kDelete};
}

}  // namespace dunlin::access
