#include "load/fleet_pki.h"

#include <utility>

namespace dunlin::load {
namespace {

using security::CertificateProfile;
using security::Signer;

constexpr Duration kValidity = std::chrono::hours{24};
constexpr Duration kBackdate = std::chrono::minutes{5};

CertificateProfile profile_of(CertificateProfile::Kind kind, std::string common_name, Rng& rng) {
  CertificateProfile profile;
  profile.kind = kind;
  profile.common_name = std::move(common_name);
  const WallTime now = SystemClock{}.wall_now();
  profile.not_before = now - kBackdate;
  profile.not_after = now + kValidity;
  rng.fill(profile.serial);
  return profile;
}

}  // namespace

Result<FleetPki> FleetPki::make(Rng& rng) {
  using Kind = CertificateProfile::Kind;
  FleetPki made(rng);
  DUNLIN_TRY(made.root_.key_pem, security::generate_key_pem());
  DUNLIN_TRY(const std::string root_public, security::public_key_of(made.root_.key_pem));
  DUNLIN_TRY(made.root_.certificate_pem,
             security::sign_certificate(profile_of(Kind::root, "Load root", rng), root_public,
                                        Signer{made.root_.key_pem, {}}));
  DUNLIN_TRY(made.intermediate_.key_pem, security::generate_key_pem());
  DUNLIN_TRY(const std::string issuing_public, security::public_key_of(made.intermediate_.key_pem));
  DUNLIN_TRY(made.intermediate_.certificate_pem,
             security::sign_certificate(profile_of(Kind::intermediate, "Load issuing", rng), issuing_public,
                                        Signer{made.root_.key_pem, made.root_.certificate_pem}));
  return made;
}

Result<Identity> FleetPki::server() const {
  CertificateProfile profile = profile_of(CertificateProfile::Kind::server, "localhost", *rng_);
  profile.dns_names = {"localhost"};
  profile.addresses = {"127.0.0.1"};
  return sign(profile);
}

Result<Identity> FleetPki::device(const std::string& thing_name) const {
  CertificateProfile profile = profile_of(CertificateProfile::Kind::device, thing_name, *rng_);
  profile.uri = "urn:dunlin:thing:" + thing_name;
  return sign(profile);
}

Result<Identity> FleetPki::sign(const CertificateProfile& profile) const {
  Identity identity;
  DUNLIN_TRY(identity.key_pem, security::generate_key_pem());
  DUNLIN_TRY(const std::string public_key, security::public_key_of(identity.key_pem));
  DUNLIN_TRY(const std::string leaf,
             security::sign_certificate(profile, public_key,
                                        Signer{intermediate_.key_pem, intermediate_.certificate_pem}));
  identity.chain_pem = leaf + intermediate_.certificate_pem;
  return identity;
}

}  // namespace dunlin::load
