#pragma once
// All writes of the program go through here. What a write says for the audit log gets its place in a chain of
// hashes, in the same write. docs/formats/audit.md.

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "security/audit_head.h"
#include "store/repository.h"

namespace dunlin::security {

struct AuditChainParts {
  std::unique_ptr<store::Repository> inner;
  Executor& executor;  // the chain's own steps run here
  const Clock& clock;
  metrics::Registry& metrics;
  AuditKey key;
};

/// Which records are removed from the old end.
struct AuditExpiry {
  std::uint32_t tenant = kDefaultTenant.value;
  std::int64_t older_than = 0;  // Unix ms; 0: whatever their age
  std::uint64_t most = 0;       // records that stay at most; 0: any number
};

/// Any thread. Every tenant has a chain of its own: its export holds by itself and shows nothing of others.
///
/// Writes without audit records pass straight through. Those with audit records are stored one after the
/// other, each as one write of `inner`, since each names the hash of the one before; a write that is refused
/// uses up no number. Errors besides the inner's: unavailable (kMaxAuditWaiting), invalid_argument (records
/// of two tenants in one write), permission_denied (the removal of a record). One write holds two changes
/// fewer than kMaxChanges, three the first time after a start.
class AuditChain final : public store::Repository {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  explicit AuditChain(AuditChainParts parts);
  ~AuditChain() override;

  /// Reads where the chain ended, or begins it. What does not hold is recorded in the chain and logged: the
  /// server runs on. Writes before it has answered wait.
  void start(Executor& reply_to, Done<void> done);

  void get(Executor& reply_to, store::DocumentKind kind, std::uint32_t tenant, std::string id,
           Done<std::optional<store::Document>> done) override;
  void find(Executor& reply_to, store::Query query, Done<std::vector<store::Document>> done) override;
  void count(Executor& reply_to, store::DocumentKind kind, std::uint32_t tenant, Field field,
             Done<std::size_t> done) override;
  void write(Executor& reply_to, std::vector<store::Change> changes,
             Done<std::vector<std::uint64_t>> done) override;

  /// One step of at most kAuditPage records; answers how many were removed. The last record stays.
  void expire(Executor& reply_to, AuditExpiry wanted, Done<std::size_t> done);

  const AuditKey& key() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;  // shared with completions, which may come when this has gone
};

}  // namespace dunlin::security
