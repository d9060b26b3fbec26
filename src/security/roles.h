#pragma once
// Named sets of permissions: three that the program knows, and those that an installation makes for itself.
// Which of them a user or token has is written with these, so that a change of a role counts from the next
// request on.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "security/records.h"

namespace dunlin::security {

struct BuiltInRole {
  std::string_view name;
  std::string_view about;
  std::span<const std::string_view> permissions;
};
/// "admin", "operator", "viewer": each has all that the next one has. They cannot be changed.
std::span<const BuiltInRole> built_in_roles();

struct Role {
  RoleRecord record;
  enum class Origin : std::uint8_t { built_in, own } origin = Origin::own;
  std::uint64_t version = 0;  // of the stored document
};

/// Keeps roles from being removed while they are given to somebody: hold it until that write is done.
class RoleLease {
 public:
  RoleLease() = default;
  RoleLease(RoleLease&&) noexcept = default;
  RoleLease& operator=(RoleLease&&) = delete;
  RoleLease(const RoleLease&) = delete;
  RoleLease& operator=(const RoleLease&) = delete;
  ~RoleLease();

 private:
  friend class RoleTable;
  struct State;
  RoleLease(std::shared_ptr<State> state, std::vector<std::string> names)
      : state_(std::move(state)), names_(std::move(names)) {}

  std::shared_ptr<State> state_;
  std::vector<std::string> names_;
};

/// The roles of one tenant in memory. Any thread.
class RoleTable {
 public:
  RoleTable();

  /// Built-in ones first, then by name.
  std::vector<Role> all() const;
  std::optional<Role> find(std::string_view name) const;
  /// The permissions of these roles; a name that is none adds nothing.
  std::vector<std::string> permissions_of(const std::vector<std::string>& roles) const;
  /// What the user may do now: the own permissions and those of the roles.
  std::vector<std::string> permissions_of(const UserRecord& user) const;
  /// What the token could do if its owner might do everything.
  std::vector<std::string> permissions_of(const TokenRecord& token) const;

  /// Before roles are given to somebody. Errors: invalid_argument (a name that is none; the sentence lists
  /// those there are), limit_exceeded (kMaxRolesPerHolder), conflict (one is being removed).
  Result<RoleLease> lease(const std::vector<std::string>& names) const;

  /// The rest is for RoleRegister, which keeps this in step with what is stored.
  void put(Role role);  // an older version than the one that is there changes nothing
  /// From here on it is given to nobody. Errors: conflict (it is just being given, or removed).
  Result<void> close(const std::string& name);
  void reopen(const std::string& name);
  void remove(const std::string& name);

 private:
  std::shared_ptr<RoleLease::State> state_;
};

}  // namespace dunlin::security
