#pragma once
// Renewed certificates whose overlap is over: they become revoked (superseded), so that our lists and OCSP
// say what the authenticator does.

#include <string>

#include "base/executor.h"
#include "security/records.h"
#include "security/revocation.h"
#include "store/repository.h"

namespace dunlin::security {

/// How often it looks.
inline constexpr Duration kRetirementInterval = std::chrono::minutes{1};

/// One executor's thread.
class CertificateRetirement {
 public:
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    RevocationIndex& revocations;
    const Clock& clock;
  };
  explicit CertificateRetirement(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(parts), tenant_(tenant) {}

  /// Looks at all that were renewed, and from then on at those whose hour it is.
  void start();

 private:
  void look_later();
  void look();
  void look_at(store::Repository::Field which, std::string after, Task next);
  void retire(const std::vector<store::Document>& page, Task next);

  Parts parts_;
  TenantId tenant_;
  WallTime looked_{};
};

}  // namespace dunlin::security
