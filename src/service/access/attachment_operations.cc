// What policies are attached to, and static groups of things.

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
using security::Subject;
using security::SubjectKind;

constexpr const char* kTo = "thing:NAME, group:NAME, certificate:FINGERPRINT or user:NAME";
constexpr Field kAttachRequest[] = {{"policy", FieldType::text, Need::required, "the policy's name"},
                                    {"to", FieldType::text, Need::required, kTo}};
constexpr Field kDetachRequest[] = {
    {"policy", FieldType::text, Need::required, "the policy's name; \"*\": all that are attached there"},
    {"to", FieldType::text, Need::required, kTo}};
constexpr Field kWhereRequest[] = {
    {"to", FieldType::text, Need::optional, "thing:NAME and the like; this or policy"},
    {"policy", FieldType::text, Need::optional, "a policy's name; this or to"},
    {"after", FieldType::text, Need::optional, "page: begin behind this one of \"attached_to\""},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kAttached[] = {
    {"to", FieldType::text, Need::required, "what it is"},
    {"policies", FieldType::array, Need::required, "attached to it"},
    {"groups", FieldType::array, Need::required, "of which a thing is a member, each with its policies"}};
constexpr Field kWhere[] = {
    {"to", FieldType::text, Need::optional, "what was asked for"},
    {"policies", FieldType::array, Need::optional, "attached to it"},
    {"groups", FieldType::array, Need::optional, "of which a thing is a member, each with its policies"},
    {"attached_to", FieldType::array, Need::optional, "where the policy is attached, sorted"}};
constexpr Field kOnlyGroup[] = {{"group", FieldType::text, Need::required, "the group's name"}};
constexpr Field kCreateRequest[] = {
    {"name", FieldType::text, Need::required, "1 to 64 of A-Z a-z 0-9 _ . : -"},
    {"about", FieldType::text, Need::optional, "what it is for"}};
constexpr Field kGetRequest[] = {
    {"group", FieldType::text, Need::required, "the group's name"},
    {"after", FieldType::text, Need::optional, "page: begin behind this thing"},
    {"limit", FieldType::integer, Need::optional, "at most this many things, 1 to 1000 (100)"}};
constexpr Field kGroup[] = {{"name", FieldType::text, Need::required, "name"},
                            {"about", FieldType::text, Need::required, "what it is for"},
                            {"policies", FieldType::array, Need::required, "attached to it"}};
constexpr Field kGroupWithThings[] = {{"name", FieldType::text, Need::required, "name"},
                                      {"about", FieldType::text, Need::required, "what it is for"},
                                      {"policies", FieldType::array, Need::required, "attached to it"},
                                      {"things", FieldType::array, Need::required, "members, sorted"}};
constexpr Field kGroups[] = {{"groups", FieldType::array, Need::required, "sorted by name"}};
constexpr Field kMember[] = {{"group", FieldType::text, Need::required, "the group's name"},
                             {"thing", FieldType::text, Need::required, "the thing's name"}};
constexpr Errc kGetErrors[] = {Errc::not_found, Errc::invalid_argument};
constexpr Errc kCreateErrors[] = {Errc::invalid_argument, Errc::already_exists, Errc::limit_exceeded,
                                  Errc::unavailable};
constexpr Errc kChangeErrors[] = {Errc::not_found,      Errc::invalid_argument, Errc::permission_denied,
                                  Errc::limit_exceeded, Errc::conflict,         Errc::unavailable};

constexpr model::OperationSpec kAttach{"policy.attach",
                                       model::Method::put,
                                       "/api/policies/{policy}/attachments/{to}",
                                       "Attach a policy to a thing, group, certificate or user, at once.",
                                       "policies:write",
                                       kAttachRequest,
                                       kAttached,
                                       kChangeErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kDetach{"policy.detach",
                                       model::Method::del,
                                       "/api/policies/{policy}/attachments/{to}",
                                       "Take a policy from what it is attached to, at once.",
                                       "policies:write",
                                       kDetachRequest,
                                       kAttached,
                                       kChangeErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kAttachments{
    "policy.attachments",
    model::Method::get,
    "/api/attachments",
    "Show what is attached to something, or where a policy is attached.",
    "policies:read",
    kWhereRequest,
    kWhere,
    kGetErrors};
constexpr model::OperationSpec kGroupList{"group.list",    model::Method::get,
                                          "/api/groups",   "List the static groups of things.",
                                          "policies:read", {},
                                          kGroups,         {}};
constexpr model::OperationSpec kGroupGet{
    "group.get",     model::Method::get, "/api/groups/{group}", "Show a group with its members.",
    "policies:read", kGetRequest,        kGroupWithThings,      kGetErrors};
constexpr model::OperationSpec kGroupCreate{"group.create",
                                            model::Method::post,
                                            "/api/groups",
                                            "Make a static group of things.",
                                            "policies:write",
                                            kCreateRequest,
                                            kGroup,
                                            kCreateErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kGroupDelete{"group.delete",
                                            model::Method::del,
                                            "/api/groups/{group}",
                                            "Remove a group; its things stay, without its policies.",
                                            "policies:write",
                                            kOnlyGroup,
                                            {},
                                            kChangeErrors,
                                            model::Audited::by_handler};
constexpr model::OperationSpec kGroupAdd{"group.add",
                                         model::Method::put,
                                         "/api/groups/{group}/things/{thing}",
                                         "Make a thing a member of a group, at once.",
                                         "policies:write",
                                         kMember,
                                         kAttached,
                                         kChangeErrors,
                                         model::Audited::by_handler};
constexpr model::OperationSpec kGroupRemove{"group.remove",
                                            model::Method::del,
                                            "/api/groups/{group}/things/{thing}",
                                            "Take a thing out of a group, at once.",
                                            "policies:write",
                                            kMember,
                                            kAttached,
                                            kChangeErrors,
                                            model::Audited::by_handler};

boost::json::array policies_at(const AccessParts& parts, const Subject& subject) {
  const auto attached = parts.attachments.attached(subject);
  return boost::json::array(attached.policies.begin(), attached.policies.end());
}

object attached_json(const AccessParts& parts, const security::Attached& attached) {
  boost::json::array groups;
  for (const std::string& group : attached.groups)
    groups.push_back(object{{"name", group}, {"policies", policies_at(parts, {SubjectKind::group, group})}});
  object shown{{"to", attached.subject.text()},
               {"policies", boost::json::array(attached.policies.begin(), attached.policies.end())},
               {"groups", std::move(groups)}};
  if (attached.state == security::Attached::State::broken) shown["broken"] = true;
  return shown;
}

object group_json(const AccessParts& parts, const security::GroupRecord& group) {
  return {{"name", group.name},
          {"about", group.about},
          {"policies", policies_at(parts, {SubjectKind::group, group.name})},
          {"created_at", time_or_null(group.created_at)}};
}

auto reply_attached(const AccessParts& parts, Reply reply) {
  return model::reply_with(std::move(reply), [parts](const security::Attached& attached) {
    return attached_json(parts, attached);
  });
}

/// Policies of a user are that user's rights: who may not change the user gives and takes none.
void may_change(const AccessParts& parts, const Caller& caller, const Subject& subject,
                std::move_only_function<void(Result<void>)> done) {
  if (subject.kind != SubjectKind::user) return done({});
  if (!model::has_permission(*caller.principal, "users:write"))
    return done(fail(Errc::permission_denied, "policies of users need the permission \"users:write\", too"));
  may_manage(parts, caller, subject.name, std::move(done));
}

enum class Way : std::uint8_t { attach, detach };

void change(const AccessParts& parts, const Caller& caller, const object& request, Way way, Reply reply) {
  auto subject = security::parse_subject(*model::optional_text(request, "to"));
  if (!subject) return reply(std::unexpected(subject.error()));
  const Subject asked = *subject;
  may_change(
      parts, caller, asked,
      [parts, caller, way, subject = *std::move(subject), policy = *model::optional_text(request, "policy"),
       reply = std::move(reply)](Result<void> may) mutable {
        if (!may) return reply(std::unexpected(may.error()));
        auto done = reply_attached(parts, std::move(reply));
        if (way == Way::attach)
          return parts.attachments.attach(actor_of(caller), std::move(subject), std::move(policy),
                                          std::move(done));
        parts.attachments.detach(actor_of(caller), std::move(subject), std::move(policy), std::move(done));
      });
}

void attach(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  change(parts, caller, request, Way::attach, std::move(reply));
}

void detach(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  change(parts, caller, request, Way::detach, std::move(reply));
}

void where(const AccessParts& parts, const Caller&, const object& request, Reply reply) {
  const auto to = model::optional_text(request, "to");
  auto policy = model::optional_text(request, "policy");
  if (to.has_value() == policy.has_value())
    return reply(fail(Errc::invalid_argument, "name either \"to\" or a \"policy\""));
  if (to) {
    const auto subject = security::parse_subject(*to);
    if (!subject) return reply(std::unexpected(subject.error()));
    return reply(value(attached_json(parts, parts.attachments.attached(*subject))));
  }
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  parts.attachments.holders(
      *std::move(policy), model::optional_text(request, "after").value_or(""), *limit,
      model::reply_list(std::move(reply), "attached_to", [](const std::string& one) { return value(one); }));
}

void get_group(const AccessParts& parts, const Caller&, const object& request, Reply reply) {
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  const std::string name = *model::optional_text(request, "group");
  const auto* group = parts.attachments.find_group(name);
  if (group == nullptr) return reply(fail(Errc::not_found, "there is no group " + name));
  parts.attachments.members(
      name, model::optional_text(request, "after").value_or(""), *limit,
      model::reply_with(std::move(reply), [shown = group_json(parts, *group)](const auto& things) mutable {
        shown["things"] = boost::json::array(things.begin(), things.end());
        return std::move(shown);
      }));
}

void create_group(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  security::GroupRecord group;
  group.name = *model::optional_text(request, "name");
  group.about = model::optional_text(request, "about").value_or("");
  parts.attachments.create_group(
      actor_of(caller), std::move(group),
      model::reply_with(std::move(reply),
                        [parts](const security::GroupRecord& made) { return group_json(parts, made); }));
}

void remove_group(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  parts.attachments.remove_group(actor_of(caller), *model::optional_text(request, "group"),
                                 model::reply_nothing(std::move(reply)));
}

void add_member(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  parts.attachments.add_member(actor_of(caller), *model::optional_text(request, "group"),
                               *model::optional_text(request, "thing"),
                               reply_attached(parts, std::move(reply)));
}

void remove_member(const AccessParts& parts, const Caller& caller, const object& request, Reply reply) {
  parts.attachments.remove_member(actor_of(caller), *model::optional_text(request, "group"),
                                  *model::optional_text(request, "thing"),
                                  reply_attached(parts, std::move(reply)));
}

}  // namespace

void declare_attachments(const AccessParts& parts, model::OperationTable& table) {
  const auto add = [&](const model::OperationSpec& spec, auto handler) {
    table.add(spec, [parts, handler](const Caller& caller, const object& request, Reply reply) {
      handler(parts, caller, request, std::move(reply));
    });
  };
  add(kAttach, attach);
  add(kDetach, detach);
  add(kAttachments, where);
  table.add(kGroupList, [parts](const Caller&, const object&, Reply reply) {
    reply(value(model::list_of("groups", parts.attachments.groups(),
                               [&](const auto& group) { return group_json(parts, group); })));
  });
  add(kGroupGet, get_group);
  add(kGroupCreate, create_group);
  add(kGroupDelete, remove_group);
  add(kGroupAdd, add_member);
  add(kGroupRemove, remove_member);
}

std::vector<model::OperationSpec> attachment_operations() {
  return {kAttach,      kDetach,      kAttachments, kGroupList,  kGroupGet,
          kGroupCreate, kGroupDelete, kGroupAdd,    kGroupRemove};
}

}  // namespace dunlin::access
