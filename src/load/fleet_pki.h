#pragma once
// An authority that lives for one run: root, intermediate, and what the intermediate signs.

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"
#include "security/x509.h"

namespace dunlin::load {

/// A chain (leaf, then intermediate) and the leaf's key, PEM.
struct Identity {
  std::string chain_pem;
  std::string key_pem;
};

/// P-256 throughout, valid for a day. Any thread, if `rng` may be used on it.
class FleetPki {
 public:
  /// `rng` outlives the object. Errors: internal (OpenSSL fails).
  static Result<FleetPki> make(Rng& rng);

  const std::string& root_pem() const { return root_.certificate_pem; }
  /// For "localhost" and 127.0.0.1.
  Result<Identity> server() const;
  /// With the thing's name, as Dunlin's own authority writes it.
  Result<Identity> device(const std::string& thing_name) const;

 private:
  struct Authority {
    std::string certificate_pem;
    std::string key_pem;
  };
  explicit FleetPki(Rng& rng) : rng_(&rng) {}
  Result<Identity> sign(const security::CertificateProfile& profile) const;

  Rng* rng_;
  Authority root_;
  Authority intermediate_;
};

}  // namespace dunlin::load
