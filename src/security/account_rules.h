#pragma once
// What may stand in a user's or token's record. Internal to the room.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "security/roles.h"

namespace dunlin::security {

/// At most kMaxPermissions, each like "things:read". Errors: invalid_argument.
Result<void> check_permissions(const std::vector<std::string>& permissions);
/// At most kMaxPoliciesPerPrincipal names. Errors: invalid_argument.
Result<void> check_policies(const std::vector<std::string>& policies);

/// `done`, with the roles that it gives to somebody held until it has run.
template <class Done>
auto holding(RoleLease lease, Done done) {
  return [lease = std::move(lease), done = std::move(done)](auto result) mutable { done(std::move(result)); };
}

}  // namespace dunlin::security
