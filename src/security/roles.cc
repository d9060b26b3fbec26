#include "security/roles.h"

#include <algorithm>
#include <array>

namespace dunlin::security {
namespace {

constexpr std::array<std::string_view, 1> kAdmin{"*"};
constexpr std::array<std::string_view, 12> kViewer{
    "alarms:read",   "bridges:read", "certificates:read", "enrolment:read", "metrics:read", "policies:read",
    "retained:read", "rules:read",   "series:read",       "sessions:read",  "shadows:read", "status:read"};
// An operator works with things and what they send; who may enter and what the audit says is an admin's.
constexpr std::array<std::string_view, 10> kOperatorBesides{
    "alarms:write",  "enrolment:write", "retained:write", "rules:write",   "sessions:write",
    "security:read", "shadows:write",   "things:write",   "trace:payload", "trace:read"};

constexpr std::string_view kThingsRead = "things:read";

template <std::size_t A, std::size_t B>
constexpr std::array<std::string_view, A + B> joined(const std::array<std::string_view, A>& first,
                                                     const std::array<std::string_view, B>& second) {
  std::array<std::string_view, A + B> all{};
  std::ranges::copy(first, all.begin());
  std::ranges::copy(second, all.begin() + A);
  return all;
}

constexpr auto kViewerAll = joined(kViewer, std::array{kThingsRead});
constexpr auto kOperatorAll = joined(kViewerAll, kOperatorBesides);
constexpr std::array<Role, 3> kRoles{
    Role{"admin", "everything", kAdmin},
    Role{"operator", "things, shadows, rules, alarms, sessions, enrolment", kOperatorAll},
    Role{"viewer", "reads, but no users, audit or traces", kViewerAll}};

const Role* find_role(std::string_view name) {
  const auto found = std::ranges::find(kRoles, name, &Role::name);
  return found == kRoles.end() ? nullptr : &*found;
}

}  // namespace

std::span<const Role> all_roles() {
  return kRoles;
}

Result<void> check_roles(const std::vector<std::string>& names) {
  const bool known = std::ranges::all_of(names, [](const auto& name) { return find_role(name) != nullptr; });
  if (known && names.size() <= kRoles.size()) return {};
  return fail(Errc::invalid_argument, "the roles there are: admin, operator, viewer");
}

std::vector<std::string> permissions_of(const std::vector<std::string>& roles) {
  std::vector<std::string> all;
  for (const std::string& name : roles) {
    const Role* role = find_role(name);
    if (role == nullptr) continue;
    for (const std::string_view permission : role->permissions) {
      if (std::ranges::find(all, permission) == all.end()) all.emplace_back(permission);
    }
  }
  return all;
}

std::vector<std::string> permissions_of(const UserRecord& user) {
  std::vector<std::string> all = permissions_of(user.roles);
  for (const std::string& own : user.permissions) {
    if (std::ranges::find(all, own) == all.end()) all.push_back(own);
  }
  return all;
}

}  // namespace dunlin::security
