#pragma once
// Answers whether certificates of ours are revoked (RFC 6960), signed by the intermediate that issued them.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/executor.h"
#include "base/metrics.h"
#include "security/ocsp.h"
#include "security/pki.h"
#include "security/records.h"
#include "security/revocation.h"
#include "store/repository.h"

namespace dunlin::security {

/// One executor's thread; the workers must have ended before it is destroyed.
class OcspResponder {
 public:
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    store::Repository& repository;
    const Pki& pki;
    const RevocationIndex& revocations;
    const Clock& clock;
    metrics::Registry& metrics;
  };
  struct Answer {
    std::string der;        // an OCSPResponse, also where it refuses
    Duration fresh_for{0};  // how long anybody may keep it; 0: it is for this caller only
  };
  using Done = std::move_only_function<void(Answer)>;

  explicit OcspResponder(Parts parts, TenantId tenant = kDefaultTenant);

  /// Good: on record and not revoked, or the server's own. Revoked: also what was renewed and is no longer
  /// taken. Unknown: not on record. A request for
  /// certificates that are not all of one intermediate of ours is `unauthorized`, one that comes while
  /// kMaxOcspInWork answers are made `tryLater`.
  void answer(ByteView request, Done done);

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;
  struct Kept {
    std::string der;
    WallTime until{};
  };
  enum class Outcome : std::uint8_t { answered, cached, malformed, unauthorized, busy, failed };
  void refuse(OcspRefusal why, Outcome outcome, Done done);
  std::string issuer_of(const OcspRequest& request);
  void learn_issuers();
  void look_up(JobPtr job);
  OcspStatus status_of(Job& job, const OcspCertId& id, const std::vector<store::Document>& documents) const;
  void sign(JobPtr job);
  void finish(JobPtr job, Result<std::string> der);
  const Kept* find_kept(const std::string& key);

  Parts parts_;
  TenantId tenant_;
  std::map<std::string, OcspIssuer> issuers_;  // by id; at most kMaxIssuers
  std::map<std::string, Kept> kept_;           // answers without a nonce; at most kMaxOcspCached
  std::uint64_t kept_version_ = 0;             // of the revocations that they know
  std::size_t in_work_ = 0;
  std::map<Outcome, metrics::Cell*> counts_;
};

}  // namespace dunlin::security
