#pragma once
// Who a stored thing or user is to the rest of the program.

#include "hub/principal.h"
#include "security/records.h"

namespace dunlin::security {

/// Without what its connection adds: tenant, proof, fingerprint, client id, expiry.
Principal principal_of_thing(ThingRecord thing);
/// Without permissions: those are the roles', too (RoleTable).
Principal principal_of_user(UserRecord user);

}  // namespace dunlin::security
