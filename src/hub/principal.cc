#include "hub/principal.h"

#include <utility>

namespace dunlin {

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

}  // namespace dunlin
