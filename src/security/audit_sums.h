#pragma once
// Events that strangers can cause as often as they like: failed sign-ins, refused calls. Those that belong
// together become one audit record a minute with a count, so that nobody fills the disk with them.

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "security/audit.h"
#include "store/repository.h"

namespace dunlin::security {

struct AuditEvent {
  Actor actor;
  std::string action;
  std::string object;
  AuditOutcome outcome = AuditOutcome::failed;
  std::string detail;
};

/// The first event of a kind is stored at once; those that follow are counted and stored as one record at the
/// end of the minute, minute by minute while they last. Failures of one name or from one network belong
/// together, successes and refusals only where both are the same. At most kMaxAuditSums kinds are told apart;
/// what is beyond is one kind more.
///
/// add() on any thread, the rest on the executor's. Must outlive the executor's tasks. What was counted and
/// not stored is lost with the process: at most a minute of repetitions.
class AuditSums {
 public:
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    TenantId tenant = kDefaultTenant;
    metrics::Registry& metrics;
  };
  explicit AuditSums(Parts parts);

  void add(AuditEvent event);
  using Done = std::move_only_function<void(Result<void>)>;
  /// Stores what is counted now. Errors: the repository's.
  void flush(Done done);

 private:
  struct Sum {
    AuditEvent event;
    std::string network;
    std::uint64_t count = 0;  // not stored so far
  };
  static bool belongs(const Sum& sum, const AuditEvent& event, const std::string& network);
  static void merge(AuditEvent& into, const AuditEvent& event);
  Sum* find(const AuditEvent& event, const std::string& network);
  void end_minute();
  void write(std::vector<store::Change> changes, Done done);
  store::Change change_of(const AuditEvent& event, std::uint64_t count) const;

  Parts parts_;
  std::mutex mutex_;  // guards the three below
  std::vector<Sum> sums_;
  Sum others_;
  bool ticking_ = false;
  metrics::Cell& lost_;
};

}  // namespace dunlin::security
