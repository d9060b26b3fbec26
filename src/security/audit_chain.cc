#include "security/audit_chain.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "security/audit.h"
#include "security/audit_tail.h"
#include "security/audit_verify.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using OptionalDocument = std::optional<Document>;
using Versions = std::vector<std::uint64_t>;
using WriteDone = AuditChain::Done<Versions>;

constexpr const char* kSystem = "system";

template <class T>
void answer(Executor& reply_to, AuditChain::Done<T> done, Result<T> result) {
  reply_to.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

/// The removal of what is at the old end.
struct Cut {
  std::uint64_t from = 0;   // where the chain began when this was planned
  std::uint64_t first = 0;  // where it begins then
  Digest anchor{};
  std::vector<Change> changes;
  std::size_t removed = 0;
};

/// A write that waits for its turn.
struct Pending {
  Executor* reply_to = nullptr;
  std::uint32_t tenant = 0;
  std::vector<Change> changes;
  WriteDone done;
  std::optional<Cut> cut;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Change& change : changes) sum += change.document.body.size();
    return sum;
  }
};

/// The tenant whose log the changes add to; nullopt: no record among them. Errors: invalid_argument,
/// permission_denied.
Result<std::optional<std::uint32_t>> tenant_of(const std::vector<Change>& changes) {
  std::optional<std::uint32_t> tenant;
  for (const Change& change : changes) {
    if (change.kind != DocumentKind::audit) continue;
    if (change.action == Change::Action::remove)
      return fail(Errc::permission_denied, "audit records cannot be removed");
    if (tenant && *tenant != change.tenant)
      return fail(Errc::invalid_argument, "a write holds the audit records of one tenant");
    DUNLIN_CHECK(unplaced_record_of(change.document, change.tenant));
    tenant = change.tenant;
  }
  return tenant;
}

/// Gives the record of `change` the next place of the chain.
void place(AuditHead& head, Change& change) {
  AuditRecord record = unplaced_record_of(change.document, head.tenant).value();  // tenant_of() has read it
  record.sequence = head.last + 1;
  record.previous = head.hash;
  record.hash = record_hash(record);
  head.last = record.sequence;
  head.hash = record.hash;
  change.document.id = audit_id(record.sequence);
  change.document.body = to_json_text(record);
  change.document.index.clear();
  change.expected_version = 0;
}

Change removal_of(const Document& document, std::uint32_t tenant) {
  Change change;
  change.action = Change::Action::remove;
  change.kind = DocumentKind::audit;
  change.tenant = tenant;
  change.document.id = document.id;
  return change;
}

/// Milliseconds of a record from before the chain: its id begins with nanoseconds.
std::int64_t time_of_old(std::string_view id) {
  return std::strtoll(std::string(id.substr(0, 20)).c_str(), nullptr, 10) / 1'000'000;
}

/// The oldest records that `wanted` does not want any more. Stops at the first that stays.
Cut plan_cut(const AuditHead& head, const AuditExpiry& wanted, const Documents& oldest) {
  Cut cut{head.first, head.first, head.anchor, {}, 0};
  const std::uint64_t count = head.last + 1 - head.first;
  // A hundredth more than must go, so that this is not done for every new record.
  const std::uint64_t surplus =
      wanted.most > 0 && count > wanted.most ? count - wanted.most + wanted.most / 100 : 0;
  for (const Document& document : oldest) {
    if (is_old_audit_id(document.id)) {
      if (time_of_old(document.id) >= wanted.older_than && surplus == 0) break;
    } else {
      const auto record = audit_record_of(document.body);
      // What cannot be read stays where it is, for those who look into it.
      if (!record || document.id != audit_id(cut.first) || record->sequence >= head.last) break;
      if (record->at >= wanted.older_than && cut.first - head.first >= surplus) break;
      ++cut.first;
      cut.anchor = record->hash;
    }
    ++cut.removed;
    cut.changes.push_back(removal_of(document, head.tenant));
  }
  return cut;
}

std::string object_of(const Cut& cut) {
  if (cut.first == cut.from) return std::to_string(cut.removed) + " from before the chain";
  return std::to_string(cut.from) + "-" + std::to_string(cut.first - 1);
}

}  // namespace

class AuditChain::Core : public std::enable_shared_from_this<AuditChain::Core> {
 public:
  explicit Core(AuditChainParts parts)
      : parts_(std::move(parts)),
        refused_(parts_.metrics.counter("dunlin_audit_refused_total",
                                        "Changes refused because too many waited for the audit log")),
        records_(parts_.metrics.counter("dunlin_audit_records_total", "Audit records stored")),
        failed_(parts_.metrics.counter("dunlin_audit_writes_failed_total",
                                       "Writes with audit records that the store did not take")),
        expired_(parts_.metrics.counter("dunlin_audit_records_expired_total",
                                        "Audit records removed because of their age or number")),
        breaches_(parts_.metrics.counter("dunlin_audit_breaches_total",
                                         "Times the end of the audit log did not hold when it was read")) {}

  store::Repository& inner() { return *parts_.inner; }
  const AuditKey& key() const { return parts_.key; }

  void enqueue(Pending pending);
  void expire(Executor& reply_to, AuditExpiry wanted, Done<std::size_t> done);

 private:
  void begin_next();
  void store();
  Result<void> take_cut(AuditHead& head);
  void stored(const AuditHead& head, std::size_t records, Result<Versions> written);
  void finish(Result<Versions> result);
  void cut(Executor& reply_to, const AuditHead& head, const AuditExpiry& wanted, const Documents& oldest,
           Done<std::size_t> done);
  Change own_change(const AuditHead& head, std::string_view action, std::string_view object,
                    std::string_view detail) const {
    return audit_change(TenantId{head.tenant}, parts_.clock.wall_now(),
                        {.actor = kSystem, .action = action, .object = object, .detail = detail});
  }

  AuditChainParts parts_;
  std::mutex mutex_;  // guards the three below
  std::deque<Pending> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool busy_ = false;
  // Of the write under way: one thread after the other.
  std::optional<Pending> current_;
  std::size_t wanted_versions_ = 0;
  std::unordered_map<std::uint32_t, AuditTail> tails_;
  metrics::Cell& refused_;  // guarded by mutex_
  metrics::Cell& records_;
  metrics::Cell& failed_;
  metrics::Cell& expired_;
  metrics::Cell& breaches_;
};

void AuditChain::Core::enqueue(Pending pending) {
  const std::size_t bytes = pending.bytes();
  {
    const std::scoped_lock lock(mutex_);
    const bool full = waiting_.size() >= kMaxAuditWaiting ||
                      (!waiting_.empty() && waiting_bytes_ + bytes > kMaxAuditWaitingBytes);
    if (full) {
      refused_.add();
      Executor& reply_to = *pending.reply_to;
      return answer<Versions>(
          reply_to, std::move(pending.done),
          fail(Errc::unavailable, "too many changes wait for their place in the audit log"));
    }
    waiting_.push_back(std::move(pending));
    waiting_bytes_ += bytes;
    if (busy_) return;
    busy_ = true;
  }
  begin_next();
}

void AuditChain::Core::begin_next() {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) {
      busy_ = false;
      return;
    }
    current_.emplace(std::move(waiting_.front()));
    waiting_.pop_front();
    waiting_bytes_ -= current_->bytes();
  }
  if (tails_.contains(current_->tenant)) return store();
  find_audit_tail(*parts_.inner, parts_.executor, parts_.key, current_->tenant,
                  [self = shared_from_this()](Result<AuditTail> found) {
                    if (!found) return self->finish(std::unexpected(std::move(found).error()));
                    if (!found->breach.empty()) {
                      self->breaches_.add();
                      log::error("security", "the audit log does not hold", {{"why", found->breach}});
                    }
                    if (self->tails_.size() >= kMaxAuditHeads) self->tails_.clear();
                    self->tails_.insert_or_assign(self->current_->tenant, *std::move(found));
                    self->store();
                  });
}

/// The old end that goes, where this write removes one. Errors: conflict.
Result<void> AuditChain::Core::take_cut(AuditHead& head) {
  if (!current_->cut) return {};
  Cut& cut = *current_->cut;
  if (cut.from != head.first || cut.first > head.last)
    return fail(Errc::conflict, "the audit log has changed in the meantime");
  head.first = cut.first;
  head.anchor = cut.anchor;
  return {};
}

void AuditChain::Core::store() {
  const AuditTail& tail = tails_.at(current_->tenant);
  AuditHead head = tail.head;
  if (const auto fits = take_cut(head); !fits) return finish(std::unexpected(fits.error()));
  const std::uint64_t before = head.last;
  std::vector<Change> changes = std::move(current_->changes);
  wanted_versions_ = changes.size();
  std::vector<Change> added;
  if (!tail.breach.empty()) added.push_back(own_change(head, kAuditBreach, "audit", tail.breach));
  if (tail.state == AuditTail::State::begins) {
    added.push_back(own_change(head, kAuditBegin, "audit",
                               std::to_string(head.before) + " records from before are not of the chain"));
  }
  for (Change& change : added) place(head, change);
  for (Change& change : changes) {
    if (change.kind == DocumentKind::audit) place(head, change);
  }
  std::ranges::move(added, std::back_inserter(changes));
  if (current_->cut) std::ranges::move(current_->cut->changes, std::back_inserter(changes));
  Change put;
  put.kind = DocumentKind::audit;
  put.tenant = head.tenant;
  put.document.id = kAuditHeadId;
  put.document.body = to_json_text(head, parts_.key.sign(head));
  changes.push_back(std::move(put));
  parts_.inner->write(parts_.executor, std::move(changes),
                      [self = shared_from_this(), head, before](Result<Versions> written) mutable {
                        self->stored(head, head.last - before, std::move(written));
                      });
}

void AuditChain::Core::stored(const AuditHead& head, std::size_t records, Result<Versions> written) {
  if (!written) {
    // Whether the store has it after all is not known: it is asked before the next.
    tails_.erase(head.tenant);
    if (written.error().code != Errc::conflict) failed_.add();
    return finish(std::move(written));
  }
  tails_.insert_or_assign(head.tenant, AuditTail{.head = head, .breach = {}});
  records_.add(static_cast<std::int64_t>(records));
  if (current_->cut) expired_.add(static_cast<std::int64_t>(current_->cut->removed));
  if (const auto sealed = parts_.key.seal(); !sealed)
    log::warning("security", "the audit log's key could not be named", {{"why", sealed.error().message}});
  written->resize(wanted_versions_);
  finish(std::move(written));
}

void AuditChain::Core::finish(Result<Versions> result) {
  Pending done = *std::move(current_);
  current_.reset();
  begin_next();
  Executor& reply_to = *done.reply_to;
  answer<Versions>(reply_to, std::move(done.done), std::move(result));
}

void AuditChain::Core::expire(Executor& reply_to, AuditExpiry wanted, Done<std::size_t> done) {
  inner().get(parts_.executor, DocumentKind::audit, wanted.tenant, std::string(kAuditHeadId),
              [self = shared_from_this(), &reply_to, wanted,
               done = std::move(done)](Result<OptionalDocument> stored) mutable {
                if (!stored)
                  return answer<std::size_t>(reply_to, std::move(done), std::unexpected(stored.error()));
                const auto head = *stored ? signed_head_of((*stored)->body) : fail(Errc::not_found, "");
                // Without a head nothing is known to be the oldest.
                if (!head) return answer<std::size_t>(reply_to, std::move(done), 0);
                store::Query query;
                query.kind = DocumentKind::audit;
                query.tenant = wanted.tenant;
                query.limit = kAuditPage;
                self->inner().find(self->parts_.executor, std::move(query),
                                   [self, &reply_to, wanted, head = head->head,
                                    done = std::move(done)](Result<Documents> oldest) mutable {
                                     if (!oldest) {
                                       return answer<std::size_t>(reply_to, std::move(done),
                                                                  std::unexpected(oldest.error()));
                                     }
                                     self->cut(reply_to, head, wanted, *oldest, std::move(done));
                                   });
              });
}

void AuditChain::Core::cut(Executor& reply_to, const AuditHead& head, const AuditExpiry& wanted,
                           const Documents& oldest, Done<std::size_t> done) {
  Cut cut = plan_cut(head, wanted, oldest);
  const std::size_t removed = cut.removed;
  if (removed == 0) return answer<std::size_t>(reply_to, std::move(done), 0);
  Pending pending{&reply_to, head.tenant, {}, {}, {}};
  pending.changes.push_back(
      own_change(head, kAuditExpire, object_of(cut), std::to_string(removed) + " records removed"));
  pending.cut = std::move(cut);
  pending.done = [removed, done = std::move(done)](const Result<Versions>& written) mutable {
    if (!written) return done(std::unexpected(written.error()));
    done(removed);
  };
  enqueue(std::move(pending));
}

AuditChain::AuditChain(AuditChainParts parts) : core_(std::make_shared<Core>(std::move(parts))) {}

AuditChain::~AuditChain() = default;

void AuditChain::start(Executor& reply_to, Done<void> done) {
  Pending pending{&reply_to, kDefaultTenant.value, {}, {}, {}};
  pending.done = [done = std::move(done)](const Result<Versions>& written) mutable {
    if (!written) return done(std::unexpected(written.error()));
    done({});
  };
  core_->enqueue(std::move(pending));
}

void AuditChain::get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
                     Done<OptionalDocument> done) {
  core_->inner().get(reply_to, kind, tenant, std::move(id), std::move(done));
}

void AuditChain::find(Executor& reply_to, store::Query query, Done<Documents> done) {
  core_->inner().find(reply_to, std::move(query), std::move(done));
}

void AuditChain::count(Executor& reply_to, store::DocumentKind kind, std::uint32_t tenant, Field field,
                       Done<std::size_t> done) {
  core_->inner().count(reply_to, kind, tenant, std::move(field), std::move(done));
}

void AuditChain::write(Executor& reply_to, std::vector<Change> changes, Done<Versions> done) {
  const auto tenant = tenant_of(changes);
  if (!tenant) return answer<Versions>(reply_to, std::move(done), std::unexpected(tenant.error()));
  if (!*tenant) return core_->inner().write(reply_to, std::move(changes), std::move(done));
  core_->enqueue({&reply_to, **tenant, std::move(changes), std::move(done), {}});
}

void AuditChain::expire(Executor& reply_to, AuditExpiry wanted, Done<std::size_t> done) {
  core_->expire(reply_to, wanted, std::move(done));
}

const AuditKey& AuditChain::key() const {
  return core_->key();
}

}  // namespace dunlin::security
