#pragma once
// Keeps the server's certificate young while the server runs.

#include <functional>

#include "base/executor.h"
#include "base/metrics.h"
#include "security/pki.h"

namespace dunlin::platform {

inline constexpr Duration kRenewalInterval = std::chrono::days{1};

/// Asks the Pki once a day, on a worker. One executor's thread; the workers must have ended before it is
/// destroyed.
class CertificateRenewal {
 public:
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    security::Pki& pki;
    metrics::Registry& metrics;
  };
  /// Makes the listeners use the Pki's present certificate.
  using Adopt = std::function<Result<void>()>;

  CertificateRenewal(Parts parts, Adopt adopt);

  /// The first look is a day from now: opening the Pki was one. What fails is tried again the next day.
  void start();

 private:
  void look();
  void looked(Result<security::Renewal> result);

  Parts parts_;
  Adopt adopt_;
  enum class Adoption : std::uint8_t { done, owed } adoption_ = Adoption::done;
  metrics::Cell& renewed_;
  metrics::Cell& failed_;
};

}  // namespace dunlin::platform
