#include "security/principals.h"

#include <utility>

namespace dunlin::security {

Principal principal_of_thing(ThingRecord thing) {
  Principal principal;
  principal.kind = thing.type == "gateway" ? PrincipalKind::gateway : PrincipalKind::device;
  principal.name = std::move(thing.name);
  std::erase_if(thing.attributes,
                [](const auto& attribute) { return attribute.first.starts_with(kCertificateAttributes); });
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

void show_certificate(Principal& principal, const CertificateInfo& certificate) {
  principal.certificate_fingerprint = certificate.fingerprint;
  std::vector<std::pair<std::string, std::string>> attributes(principal.attributes.begin(),
                                                              principal.attributes.end());
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty())
      attributes.emplace_back(std::string(kCertificateAttributes) + std::string(name), value);
  };
  add("common_name", certificate.common_name);
  add("serial", certificate.serial);
  add("issuer", certificate.issuer_name);
  principal.attributes = std::move(attributes);
}

}  // namespace dunlin::security
