#pragma once
// Says in time what is about to expire: gauges, and a warning with an audit record when few days are left.

#include <map>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "security/pki.h"
#include "security/records.h"
#include "store/repository.h"

namespace dunlin::security {

/// How often it looks.
inline constexpr Duration kExpiryInterval = std::chrono::hours{6};
/// A device certificate that ends so soon is counted.
inline constexpr Duration kExpirySoon = std::chrono::days{30};

/// One executor's thread. What was told is kept in the records (setting `pki.expiry`), so that each step is
/// told once, also over restarts.
class ExpiryWatch {
 public:
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    const Pki& pki;
    const Clock& clock;
    metrics::Registry& metrics;
  };
  explicit ExpiryWatch(Parts parts, TenantId tenant = kDefaultTenant);

  /// Looks now and from then on.
  void start();

 private:
  struct Watched {
    std::string what;  // "root", "intermediate", "server", or the list of a root: "root_list" ...
    CertificateInfo info;
  };
  std::vector<Watched> watched() const;
  double days_left(std::string_view what) const;
  double lists_to_mend() const;
  void look();
  void judge(std::map<std::string, std::int64_t> told, std::uint64_t version);
  void count_page(std::string after, std::int64_t counted);

  Parts parts_;
  TenantId tenant_;
  metrics::Cell& expiring_;
};

}  // namespace dunlin::security
