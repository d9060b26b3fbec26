#include "security/roles.h"

#include <algorithm>
#include <array>

#include "security/limits.h"

namespace dunlin::security {
namespace {

constexpr std::array<std::string_view, 1> kAdmin{"*"};
constexpr std::array<std::string_view, 13> kViewer{
    "alarms:read",   "blobs:read",    "bridges:read",  "certificates:read", "enrolment:read",
    "metrics:read",  "policies:read", "retained:read", "rules:read",        "series:read",
    "sessions:read", "shadows:read",  "status:read"};
// An operator works with things and what they send; who may enter and what the audit says is an admin's.
constexpr std::array<std::string_view, 12> kOperatorBesides{
    "alarms:write",  "blobs:write",  "enrolment:write", "retained:write", "rules:write",   "sessions:write",
    "security:read", "series:write", "shadows:write",   "things:write",   "trace:payload", "trace:read"};

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
constexpr std::array<BuiltInRole, 3> kRoles{
    BuiltInRole{"admin", "everything", kAdmin},
    BuiltInRole{"operator", "things, shadows, rules, alarms, sessions, enrolment", kOperatorAll},
    BuiltInRole{"viewer", "reads, but no users, audit or traces", kViewerAll}};

const BuiltInRole* built_in(std::string_view name) {
  const auto found = std::ranges::find(kRoles, name, &BuiltInRole::name);
  return found == kRoles.end() ? nullptr : &*found;
}

Role role_of(const BuiltInRole& role) {
  Role made;
  made.record.name = role.name;
  made.record.about = role.about;
  made.record.permissions.assign(role.permissions.begin(), role.permissions.end());
  made.origin = Role::Origin::built_in;
  return made;
}

/// Those that are not there yet.
void add(std::vector<std::string>& all, const auto& more) {
  for (const auto& one : more) {
    if (std::ranges::find(all, one) == all.end()) all.emplace_back(one);
  }
}

}  // namespace

std::span<const BuiltInRole> built_in_roles() {
  return kRoles;
}

struct RoleLease::State {
  struct Entry {
    Role role;
    std::size_t leases = 0;
    enum class Door : std::uint8_t { open, closed } door = Door::open;
  };
  std::mutex mutex;
  std::map<std::string, Entry, std::less<>> own;
};

RoleLease::~RoleLease() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  for (const std::string& name : names_) {
    if (const auto found = state_->own.find(name); found != state_->own.end()) --found->second.leases;
  }
}

RoleTable::RoleTable() : state_(std::make_shared<RoleLease::State>()) {}

std::vector<Role> RoleTable::all() const {
  std::vector<Role> roles;
  for (const BuiltInRole& role : kRoles) roles.push_back(role_of(role));
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, entry] : state_->own) roles.push_back(entry.role);
  return roles;
}

std::optional<Role> RoleTable::find(std::string_view name) const {
  if (const BuiltInRole* role = built_in(name)) return role_of(*role);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->own.find(name);
  return found == state_->own.end() ? std::nullopt : std::optional(found->second.role);
}

std::vector<std::string> RoleTable::permissions_of(const std::vector<std::string>& roles) const {
  std::vector<std::string> all;
  const std::lock_guard lock(state_->mutex);
  for (const std::string& name : roles) {
    if (const BuiltInRole* role = built_in(name)) {
      add(all, role->permissions);
    } else if (const auto found = state_->own.find(name); found != state_->own.end()) {
      add(all, found->second.role.record.permissions);
    }
  }
  return all;
}

std::vector<std::string> RoleTable::permissions_of(const UserRecord& user) const {
  std::vector<std::string> all = permissions_of(user.roles);
  add(all, user.permissions);
  return all;
}

std::vector<std::string> RoleTable::permissions_of(const TokenRecord& token) const {
  std::vector<std::string> all = token.permissions;
  add(all, permissions_of(token.roles));
  return all;
}

Result<RoleLease> RoleTable::lease(const std::vector<std::string>& names) const {
  if (names.size() > kMaxRolesPerHolder)
    return fail(Errc::limit_exceeded,
                "roles: at most " + std::to_string(kMaxRolesPerHolder) + " for one user or token");
  std::vector<std::string> leased;
  const std::lock_guard lock(state_->mutex);
  for (const std::string& name : names) {
    if (built_in(name) != nullptr) continue;
    const auto found = state_->own.find(name);
    if (found == state_->own.end())
      return fail(Errc::invalid_argument,
                  "there is no role \"" + name.substr(0, kMaxRoleName) + "\": dunlin role list shows them");
    if (found->second.door == RoleLease::State::Entry::Door::closed)
      return fail(Errc::conflict, "the role " + name + " is just being removed");
    leased.push_back(name);
  }
  for (const std::string& name : leased) ++state_->own.find(name)->second.leases;
  return RoleLease(state_, std::move(leased));
}

void RoleTable::put(Role role) {
  const std::lock_guard lock(state_->mutex);
  auto& entry = state_->own[role.record.name];
  if (role.version > entry.role.version) entry.role = std::move(role);
}

Result<void> RoleTable::close(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->own.find(name);
  if (found == state_->own.end()) return fail(Errc::not_found, "there is no role " + name);
  auto& entry = found->second;
  if (entry.leases > 0 || entry.door == RoleLease::State::Entry::Door::closed)
    return fail(Errc::conflict,
                "the role " + name + " is just being given to somebody, or removed: try again");
  entry.door = RoleLease::State::Entry::Door::closed;
  return {};
}

void RoleTable::reopen(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->own.find(name); found != state_->own.end())
    found->second.door = RoleLease::State::Entry::Door::open;
}

void RoleTable::remove(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  state_->own.erase(name);
}

}  // namespace dunlin::security
