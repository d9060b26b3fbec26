#include "service/provision/authorities.h"

#include <algorithm>

#include "security/enrolment_formats.h"

namespace dunlin::provision {

void Authorities::put(const Grant& grant) {
  const std::vector<std::string> before = trusted();
  const auto known = std::ranges::find(grants_, grant.id, &Grant::id);
  if (known == grants_.end()) {
    grants_.push_back(grant);
  } else {
    *known = grant;
  }
  if (changed_ && trusted() != before) changed_();
}

void Authorities::remove(std::string_view fingerprint) {
  const std::vector<std::string> before = trusted();
  std::erase_if(grants_, [&](const Grant& grant) { return grant.id == fingerprint; });
  if (changed_ && trusted() != before) changed_();
}

std::vector<std::string> Authorities::trusted() const {
  std::vector<std::string> pems;
  for (const Grant& grant : grants_) {
    if (grant.state == Grant::State::enabled) pems.push_back(grant.pem);
  }
  return pems;
}

bool Authorities::is_trusted(std::string_view fingerprint) const {
  const auto known = std::ranges::find(grants_, fingerprint, &Grant::id);
  return known != grants_.end() && known->state == Grant::State::enabled;
}

Result<std::string> Authorities::find(std::string_view leaf_der, std::string_view intermediates_pem,
                                      WallTime now) const {
  const std::vector<std::string> anchors = trusted();
  DUNLIN_TRY(
      const std::vector<std::string> chain,
      security::find_chain(
          {.leaf_der = leaf_der, .intermediates_pem = intermediates_pem, .anchors = anchors, .at = now}));
  const auto nearest = std::ranges::find_if(chain, [this](const auto& one) { return is_trusted(one); });
  if (nearest != chain.end()) return *nearest;
  return fail(Errc::permission_denied, "the certificate is of no authority that is registered here");
}

}  // namespace dunlin::provision
