#pragma once
// What may stand in a user's or token's record. Internal to the room.

#include <string>
#include <vector>

#include "base/result.h"

namespace dunlin::security {

/// At most kMaxPermissions, each like "things:read". Errors: invalid_argument.
Result<void> check_permissions(const std::vector<std::string>& permissions);
/// At most kMaxPoliciesPerPrincipal names. Errors: invalid_argument.
Result<void> check_policies(const std::vector<std::string>& policies);

}  // namespace dunlin::security
