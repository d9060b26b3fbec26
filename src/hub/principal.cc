#include "hub/principal.h"

#include <algorithm>
#include <atomic>

namespace dunlin {

std::string_view Principal::attribute(std::string_view wanted) const {
  const auto found = std::ranges::find(attributes, wanted, &std::pair<std::string, std::string>::first);
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

void PrincipalNumber::renew() {
  static std::atomic<std::uint64_t> last{0};
  value_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
}

PrincipalRef seal(Principal principal) {
  auto sealed = std::make_shared<Principal>(std::move(principal));
  sealed->number.renew();
  return sealed;
}

PrincipalRef make_service_principal(std::string_view name) {
  Principal principal;
  principal.kind = PrincipalKind::service;
  principal.proof = Proof::in_process;
  principal.name = name;
  return seal(std::move(principal));
}

PrincipalRef in_tenant(const PrincipalRef& principal, TenantId tenant) {
  if (principal->tenant == tenant) return principal;
  Principal other = *principal;
  other.tenant = tenant;
  return seal(std::move(other));
}

PrincipalRef with_standing(const PrincipalRef& principal, Standing standing) {
  if (principal->standing == standing) return principal;
  Principal other = *principal;
  other.standing = standing;
  return seal(std::move(other));
}

}  // namespace dunlin
