#pragma once
// Named sets of permissions. The program knows three; which of them a user has is written with the user, so
// that a change counts from the next request on.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "security/records.h"

namespace dunlin::security {

struct Role {
  std::string_view name;
  std::string_view about;
  std::span<const std::string_view> permissions;
};

/// "admin", "operator", "viewer": each has all that the next one has.
std::span<const Role> all_roles();

/// Errors: invalid_argument (a name that is none, or one twice; the sentence lists those there are).
Result<void> check_roles(const std::vector<std::string>& names);

/// The permissions of these roles; a name that is none adds nothing.
std::vector<std::string> permissions_of(const std::vector<std::string>& roles);

/// What the user may do now: the own permissions and those of the roles.
std::vector<std::string> permissions_of(const UserRecord& user);

}  // namespace dunlin::security
