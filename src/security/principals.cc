#include "security/principals.h"

#include <utility>

namespace dunlin::security {

Principal principal_of_thing(ThingRecord thing) {
  Principal principal;
  principal.kind = thing.type == "gateway" ? PrincipalKind::gateway : PrincipalKind::device;
  principal.name = std::move(thing.name);
  principal.attributes = std::move(thing.attributes);
  principal.policies = std::move(thing.policies);
  principal.standing = thing.standing;
  return principal;
}

Principal principal_of_user(UserRecord user) {
  Principal principal;
  principal.kind = PrincipalKind::user;
  principal.name = std::move(user.name);
  principal.policies = std::move(user.policies);
  return principal;
}

}  // namespace dunlin::security
