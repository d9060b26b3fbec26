#pragma once
// Reads and judges what AuditChain has stored.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "security/audit.h"
#include "security/audit_times.h"
#include "security/audit_verify.h"
#include "store/repository.h"

namespace dunlin::security {

/// What all must hold of a record. Empty texts and zeros ask for nothing.
struct AuditFilter {
  std::string actor{};
  std::string action_prefix{};
  std::string object{};
  std::int64_t from = 0;   // Unix ms, inclusive
  std::int64_t until = 0;  // exclusive

  bool fits(const AuditRecord& record) const;
};

struct AuditListQuery {
  std::uint32_t tenant = kDefaultTenant.value;
  AuditFilter filter{};
  std::uint64_t before = 0;  // only records with a smaller number; 0: all
  std::size_t limit = 100;
};
struct AuditPage {
  std::vector<AuditRecord> records;
  std::uint64_t next = 0;  // where the next page begins; 0: there is none
};

struct AuditExportQuery {
  std::uint32_t tenant = kDefaultTenant.value;
  std::uint64_t first = 1;    // the oldest that is wanted
  std::uint64_t through = 0;  // the newest; 0: the newest there is now
  std::size_t limit = 1000;
};
struct AuditExport {
  std::vector<AuditRecord> records;  // the oldest first
  std::uint64_t next = 0;            // `first` of the next page; 0: this is the last
  std::uint64_t through = 0;         // what the next page must ask for, so that the range stays the same
  std::optional<SignedHead> head;    // on the last page, where the range ends with the newest record
};

struct AuditReport {
  std::optional<AuditProblem> problem;  // nullopt: all holds
  std::uint64_t records = 0;            // that hold, from the oldest on
  AuditHead head;                       // as signed, when the check began
  std::uint64_t old = 0;                // records from before the chain
};

/// How far a verification is, or what the last one said.
struct AuditProgress {
  enum class State : std::uint8_t { none, running, done, failed } state = State::none;
  std::uint32_t tenant = kDefaultTenant.value;
  std::uint64_t checked = 0;  // records so far
  std::uint64_t of = 0;       // records that there were when it began
  WallTime began_at{};
  WallTime ended_at{};
  AuditReport report;  // of `done`
  std::string why;     // of `failed`: what the store said
};

/// One executor's thread; completions run there. The parts must outlive it and its calls.
class AuditLog {
 public:
  struct Parts {
    store::Repository& repository;
    Executor& executor;
    WorkerPool& workers;  // hashes are made here
    const AuditKey& key;
    metrics::Registry& metrics;
  };
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  explicit AuditLog(Parts parts);

  /// The newest first. Looks at kMaxAuditScanned records at most: a page may hold few and still have a next.
  /// Records that are known to lie outside of the filter's times are passed over and do not count.
  /// Errors: corrupt (a record that cannot be read), io.
  void list(AuditListQuery query, Done<AuditPage> done);
  /// Errors: corrupt, io.
  void export_page(AuditExportQuery query, Done<AuditExport> done);
  /// Reads the whole log, page by page, and judges each page on a worker. One at a time. Errors: unavailable
  /// (one is under way), io.
  void verify(std::uint32_t tenant, Done<AuditReport> done);
  const AuditProgress& progress() const { return progress_; }
  /// No record may be removed meanwhile.
  bool verifying() const { return progress_.state == AuditProgress::State::running; }

 private:
  class Listing;
  class Verification;
  void note(const Result<AuditReport>& report);

  Parts parts_;
  AuditTimes times_;
  AuditProgress progress_;
  metrics::Cell& verified_at_;
  metrics::Cell& problems_;
};

}  // namespace dunlin::security
