#include "hub/principal.h"

#include <algorithm>

namespace dunlin {

std::string_view Principal::attribute(std::string_view wanted) const {
  const auto found = std::ranges::find(attributes, wanted, &std::pair<std::string, std::string>::first);
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

PrincipalRef make_service_principal(std::string_view name) {
  auto principal = std::make_shared<Principal>();
  principal->kind = PrincipalKind::service;
  principal->proof = Proof::in_process;
  principal->name = name;
  return principal;
}

PrincipalRef in_tenant(const PrincipalRef& principal, TenantId tenant) {
  if (principal->tenant == tenant) return principal;
  auto other = std::make_shared<Principal>(*principal);
  other->tenant = tenant;
  return other;
}

PrincipalRef with_standing(const PrincipalRef& principal, Standing standing) {
  if (principal->standing == standing) return principal;
  auto other = std::make_shared<Principal>(*principal);
  other->standing = standing;
  return other;
}

}  // namespace dunlin
