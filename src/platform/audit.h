#pragma once
// What is recorded of calls and sign-ins, and how long it stays; changes of documents write their record
// themselves.

#include <functional>

#include "base/executor.h"
#include "base/metrics.h"
#include "model/operation.h"
#include "security/audit_chain.h"
#include "security/audit_log.h"
#include "security/audit_sums.h"
#include "security/authenticator.h"

namespace dunlin::platform {

/// How often the number of records is looked at, and their age.
inline constexpr Duration kAuditSweep = std::chrono::minutes{1};
inline constexpr Duration kAuditAgeSweep = std::chrono::hours{6};

/// One executor's thread, but for what sign_ins() gives. The parts must outlive it.
class Audit {
 public:
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    security::AuditChain& chain;
    metrics::Registry& metrics;
    Duration keep{0};        // 0: for ever
    std::uint64_t most = 0;  // records
  };
  explicit Audit(Parts parts);

  security::AuditLog& log() { return log_; }
  /// For OperationTable::record_calls().
  model::CallRecorder calls();
  /// For Authenticator::on_sign_in(). Any thread.
  std::function<void(security::Authenticator::SignIn)> sign_ins();

  /// What was refused to a thing that spoke for another one. Any thread.
  std::function<void(const Principal&, const std::string& thing, const std::string& why)> spoken_for();

  /// Begins to remove old records.
  void start();
  /// Stores what is only counted so far.
  void flush(security::AuditSums::Done done) { sums_.flush(std::move(done)); }

 private:
  void record(const model::Caller& caller, model::CallRecord record,
              std::move_only_function<void(Result<void>)> recorded);
  void sweep();
  void expire(security::AuditExpiry wanted);
  void sweep_later();

  Parts parts_;
  security::AuditLog log_;
  security::AuditSums sums_;
  Instant next_age_sweep_{};
};

}  // namespace dunlin::platform
