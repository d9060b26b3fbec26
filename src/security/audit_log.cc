#include "security/audit_log.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "security/limits.h"

namespace dunlin::security {
namespace {

using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using OptionalDocument = std::optional<Document>;

store::Query behind(std::uint32_t tenant, std::uint64_t sequence, std::size_t limit) {
  store::Query query;
  query.kind = DocumentKind::audit;
  query.tenant = tenant;
  query.id_prefix = kChainPrefix;
  query.after_id = audit_id(sequence);
  query.limit = limit;
  return query;
}

Result<AuditRecord> record_in(const Document& document) {
  auto record = audit_record_of(document.body);
  if (!record || document.id != audit_id(record->sequence)) {
    return fail(Errc::corrupt,
                "an audit record cannot be read (its id is \"" + document.id + "\"): ask for audit.verify");
  }
  return record;
}

/// The head as it is stored; a tenant without one has an empty log. Errors: corrupt.
Result<SignedHead> head_in(const OptionalDocument& stored, std::uint32_t tenant) {
  if (!stored) {
    SignedHead none;
    none.head.tenant = tenant;
    return none;
  }
  auto head = signed_head_of(stored->body);
  if (!head) return fail(Errc::corrupt, head.error().message);
  return head;
}

}  // namespace

bool AuditFilter::fits(const AuditRecord& record) const {
  return (actor.empty() || record.actor == actor) && record.action.starts_with(action_prefix) &&
         (object.empty() || record.object == object) && record.at >= from &&
         (until == 0 || record.at < until);
}

AuditLog::AuditLog(Parts parts)
    : parts_(parts),
      verified_at_(
          parts.metrics.gauge("dunlin_audit_verified_at_seconds",
                              "When the audit log was last verified, Unix time; 0: not since the start")),
      problems_(parts.metrics.gauge("dunlin_audit_verified_problems",
                                    "What the last verification of the audit log found: 0 or 1")) {}

/// Goes backwards in windows of kAuditPage numbers. Owned by its own completions.
class AuditLog::Listing : public std::enable_shared_from_this<AuditLog::Listing> {
 public:
  Listing(const Parts& parts, AuditTimes& times, AuditListQuery query, Done<AuditPage> done)
      : parts_(parts), times_(times), query_(std::move(query)), done_(std::move(done)) {}

  void run() {
    parts_.repository.get(parts_.executor, DocumentKind::audit, query_.tenant, std::string(kAuditHeadId),
                          [self = shared_from_this()](Result<OptionalDocument> stored) {
                            if (!stored) return self->done_(std::unexpected(stored.error()));
                            const auto head = head_in(*stored, self->query_.tenant);
                            if (!head) return self->done_(std::unexpected(head.error()));
                            self->first_ = head->head.first;
                            self->before_ = head->head.last + 1;
                            if (self->query_.before > 0)
                              self->before_ = std::min(self->before_, self->query_.before);
                            self->next_window();
                          });
  }

 private:
  void next_window() {
    std::uint64_t from = first_;
    while (true) {
      if (before_ <= first_) return done_(std::move(page_));
      const std::uint64_t block = AuditTimes::block_of(before_ - 1);
      from = std::max(first_, block);
      if (!times_.excludes(query_.tenant, block, {query_.filter.from, query_.filter.until})) break;
      before_ = from;
    }
    if (scanned_ >= kMaxAuditScanned) {
      page_.next = before_;
      return done_(std::move(page_));
    }
    parts_.repository.find(parts_.executor, behind(query_.tenant, from - 1, before_ - from),
                           [self = shared_from_this(), from](Result<Documents> found) {
                             if (!found) return self->done_(std::unexpected(found.error()));
                             self->take(from, *found);
                           });
  }
  void take(std::uint64_t from, const Documents& window) {
    const std::uint64_t block = AuditTimes::block_of(from);
    // The block as a whole, or all that is left of it.
    const bool is_whole = before_ == block + kAuditPage && window.size() == before_ - from;
    std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (auto at = window.rbegin(); at != window.rend(); ++at) {
      auto record = record_in(*at);
      if (!record) return done_(std::unexpected(record.error()));
      if (record->sequence >= before_) continue;  // after a gap the window reaches too far
      oldest = std::min(oldest, record->at);
      newest = std::max(newest, record->at);
      ++scanned_;
      if (!query_.filter.fits(*record)) continue;
      if (page_.records.size() == query_.limit) {
        page_.next = page_.records.back().sequence;
        return done_(std::move(page_));
      }
      page_.records.push_back(*std::move(record));
    }
    if (is_whole) times_.learn(query_.tenant, block, oldest, newest);
    before_ = from;
    next_window();
  }

  Parts parts_;
  AuditTimes& times_;
  AuditListQuery query_;
  Done<AuditPage> done_;
  AuditPage page_;
  std::uint64_t first_ = 1;
  std::uint64_t before_ = 1;
  std::size_t scanned_ = 0;
};

void AuditLog::list(AuditListQuery query, Done<AuditPage> done) {
  std::make_shared<Listing>(parts_, times_, std::move(query), std::move(done))->run();
}

void AuditLog::export_page(AuditExportQuery query, Done<AuditExport> done) {
  parts_.repository.get(
      parts_.executor, DocumentKind::audit, query.tenant, std::string(kAuditHeadId),
      [parts = parts_, query, done = std::move(done)](Result<OptionalDocument> stored) mutable {
        if (!stored) return done(std::unexpected(stored.error()));
        const auto head = head_in(*stored, query.tenant);
        if (!head) return done(std::unexpected(head.error()));
        AuditExport page;
        page.through = query.through == 0 ? head->head.last : std::min(query.through, head->head.last);
        const bool to_the_end = page.through == head->head.last;
        const std::uint64_t first = std::max(query.first, head->head.first);
        const std::size_t limit =
            first > page.through ? 0 : std::min<std::uint64_t>(query.limit, page.through + 1 - first);
        parts.repository.find(parts.executor, behind(query.tenant, first - 1, limit),
                              [page = std::move(page), head = *head, to_the_end, limit, first,
                               done = std::move(done)](Result<Documents> found) mutable {
                                if (!found) return done(std::unexpected(found.error()));
                                for (const Document& document : *found) {
                                  auto record = record_in(document);
                                  if (!record) return done(std::unexpected(record.error()));
                                  if (record->sequence <= page.through)
                                    page.records.push_back(*std::move(record));
                                }
                                const bool more =
                                    limit > 0 && first + limit <= page.through && !page.records.empty();
                                if (more) page.next = page.records.back().sequence + 1;
                                if (!more && to_the_end) page.head = head;
                                done(std::move(page));
                              });
      });
}

void AuditLog::note(const Result<AuditReport>& report) {
  progress_.ended_at = parts_.executor.wall_now();
  progress_.state = report ? AuditProgress::State::done : AuditProgress::State::failed;
  if (!report) {
    progress_.why = report.error().message;
    return;
  }
  progress_.report = *report;
  verified_at_.set(unix_milliseconds(progress_.ended_at) / 1000);
  problems_.set(report->problem ? 1 : 0);
}

/// Owned by its own completions.
class AuditLog::Verification : public std::enable_shared_from_this<AuditLog::Verification> {
 public:
  Verification(const Parts& parts, AuditProgress& progress, Done<AuditReport> done)
      : parts_(parts), progress_(progress), tenant_(progress.tenant), done_(std::move(done)) {}

  void run() {
    get_head([this](const OptionalDocument& stored) {
      report_ = {};
      if (!stored) {
        report_.head.tenant = tenant_;
        return end_with({0, "the head of the log is missing"});
      }
      const auto found = judge_head(*stored);
      if (!found) return end_with({0, found.error().message});
      report_.head = found->head;
      progress_.of = found->head.last + 1 - found->head.first;
      progress_.checked = 0;
      chain_.emplace(found->head.first, found->head.anchor);
      next_page({});
    });
  }

 private:
  void get_head(std::move_only_function<void(const OptionalDocument&)> next) {
    parts_.repository.get(
        parts_.executor, DocumentKind::audit, tenant_, std::string(kAuditHeadId),
        [self = shared_from_this(), next = std::move(next)](Result<OptionalDocument> stored) mutable {
          if (!stored) return self->done_(std::unexpected(stored.error()));
          next(*stored);
        });
  }
  Result<SignedHead> judge_head(const Document& stored) const {
    DUNLIN_TRY(auto found, signed_head_of(stored.body));
    if (found.head.tenant != tenant_ || parts_.key.sign(found.head) != found.signature ||
        !stored.index.empty() || to_json_text(found.head, found.signature) != stored.body)
      return fail(Errc::corrupt, "the head of the log was changed: it is not signed with this server's key");
    return found;
  }

  void next_page(std::string after) {
    store::Query query;
    query.kind = DocumentKind::audit;
    query.tenant = tenant_;
    query.after_id = std::move(after);
    query.limit = kAuditPage;
    parts_.repository.find(parts_.executor, std::move(query),
                           [self = shared_from_this()](Result<Documents> page) {
                             if (!page) return self->done_(std::unexpected(page.error()));
                             self->judge(*std::move(page));
                           });
  }
  /// Neither side touches what they share while the other works.
  void judge(Documents page) {
    parts_.workers.run([self = shared_from_this(), page = std::move(page)]() mutable {
      auto problem = self->take(page);
      Executor& executor = self->parts_.executor;
      executor.post([self = std::move(self), problem = std::move(problem),
                     after = page.size() == kAuditPage ? page.back().id : std::string()]() mutable {
        self->judged(std::move(problem), std::move(after));
      });
    });
  }
  void judged(std::optional<AuditProblem> problem, std::string after) {
    progress_.checked = report_.records;
    if (problem) return end_with(*std::move(problem));
    if (!after.empty()) return next_page(std::move(after));
    check_end();
  }
  std::optional<AuditProblem> take(const Documents& page) {
    for (const Document& document : page) {
      if (auto problem = take(document)) return problem;
    }
    return std::nullopt;
  }
  std::optional<AuditProblem> take(const Document& document) {
    if (is_old_audit_id(document.id)) {
      ++report_.old;
      return std::nullopt;
    }
    if (document.id == kAuditHeadId) return std::nullopt;
    if (!document.id.starts_with(kChainPrefix))
      return AuditProblem{0, "\"" + document.id + "\" is no record of this log: it was put there"};
    if (auto problem = chain_->take(document, tenant_)) return problem;
    report_.records = chain_->records();
    const AuditHead& head = report_.head;
    // Those that came since the check began may follow.
    return chain_->next() == head.last + 1 ? chain_->end(head) : std::nullopt;
  }
  void check_end() {
    if (chain_->next() <= report_.head.last) return end_with(*chain_->end(report_.head));
    if (report_.old > report_.head.before) {
      return end_with({0, std::to_string(report_.old) +
                              " records from before the chain are there, and there were " +
                              std::to_string(report_.head.before)});
    }
    get_head([this](const OptionalDocument& stored) {
      const auto now = stored ? judge_head(*stored) : fail(Errc::corrupt, "the head of the log is missing");
      if (!now) return end_with({0, now.error().message});
      if (chain_->next() > now->head.last + 1) return end_with(*chain_->end(now->head));
      done_(std::move(report_));
    });
  }
  /// Old records may have been removed while this went on: then it begins anew.
  void end_with(AuditProblem problem) {
    report_.problem = std::move(problem);
    if (++tries_ > kTries) return done_(std::move(report_));
    get_head([this](const OptionalDocument& stored) {
      const auto now = stored ? judge_head(*stored) : fail(Errc::corrupt, "");
      if (!now || now->head.first == report_.head.first) return done_(std::move(report_));
      run();
    });
  }

  static constexpr int kTries = 3;
  Parts parts_;
  AuditProgress& progress_;
  std::uint32_t tenant_;
  Done<AuditReport> done_;
  AuditReport report_;
  std::optional<AuditVerifier> chain_;
  int tries_ = 0;
};

void AuditLog::verify(std::uint32_t tenant, Done<AuditReport> done) {
  if (verifying()) {
    return parts_.executor.post(
        [done = std::move(done)]() mutable { done(fail(Errc::unavailable, "a verification is under way")); });
  }
  progress_ = {};
  progress_.state = AuditProgress::State::running;
  progress_.tenant = tenant;
  progress_.began_at = parts_.executor.wall_now();
  std::make_shared<Verification>(parts_, progress_,
                                 [this, done = std::move(done)](Result<AuditReport> report) mutable {
                                   note(report);
                                   done(std::move(report));
                                 })
      ->run();
}

}  // namespace dunlin::security
