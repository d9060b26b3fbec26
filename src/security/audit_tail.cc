#include "security/audit_tail.h"

#include <utility>

#include "security/audit.h"

namespace dunlin::security {
namespace {

using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;
using Documents = std::vector<Document>;

constexpr std::uint64_t kNoRecordBehind = std::uint64_t{1} << 62U;
constexpr std::size_t kCountPage = 1000;

/// Owned by its own completions.
class Search : public std::enable_shared_from_this<Search> {
 public:
  using Done = std::move_only_function<void(Result<AuditTail>)>;
  Search(store::Repository& repository, Executor& executor, const AuditKey& key, std::uint32_t tenant,
         Done done)
      : repository_(repository), executor_(executor), key_(key), done_(std::move(done)) {
    tail_.head.tenant = tenant;
  }

  void run() {
    get(std::string(kAuditHeadId), [this](const OptionalDocument& stored) { take_head(stored); });
  }

 private:
  void get(std::string id, std::move_only_function<void(const OptionalDocument&)> next) {
    repository_.get(
        executor_, DocumentKind::audit, tail_.head.tenant, std::move(id),
        [self = shared_from_this(), next = std::move(next)](Result<OptionalDocument> found) mutable {
          if (!found) return self->done_(std::unexpected(std::move(found).error()));
          next(*found);
        });
  }
  void find(store::Query query, std::move_only_function<void(const Documents&)> next) {
    query.kind = DocumentKind::audit;
    query.tenant = tail_.head.tenant;
    repository_.find(executor_, std::move(query),
                     [self = shared_from_this(), next = std::move(next)](Result<Documents> found) mutable {
                       if (!found) return self->done_(std::unexpected(std::move(found).error()));
                       next(*found);
                     });
  }
  void finish() { done_(std::move(tail_)); }

  void take_head(const OptionalDocument& stored) {
    if (!stored) {
      // A tenant's first record comes when the key is long there; the default tenant's came with the key.
      if (!key_.is_fresh() && tail_.head.tenant == kDefaultTenant.value)
        tail_.breach = "the head of the log is missing";
      return bisect(0, kNoRecordBehind);
    }
    const auto found = signed_head_of(stored->body);
    if (!found || found->head.tenant != tail_.head.tenant || key_.sign(found->head) != found->signature) {
      tail_.breach = "the head of the log was changed";
      return bisect(0, kNoRecordBehind);
    }
    tail_.head = found->head;
    head_holds_ = true;
    check_last();
  }

  void check_last() {
    if (tail_.head.last < tail_.head.first) return check_behind();
    get(audit_id(tail_.head.last), [this](const OptionalDocument& stored) {
      const std::string name = "record " + std::to_string(tail_.head.last) + ", the last one,";
      const auto record = stored ? audit_record_of(stored->body) : fail(Errc::not_found, "");
      if (!stored) {
        tail_.breach = name + " is missing";
      } else if (!record || record->hash != tail_.head.hash || record_hash(*record) != record->hash) {
        tail_.breach = name + " was changed";
      }
      check_behind();
    });
  }
  void check_behind() {
    store::Query query;
    query.id_prefix = kChainPrefix;
    query.after_id = audit_id(tail_.head.last);
    query.limit = 1;
    find(std::move(query), [this](const Documents& behind) {
      if (behind.empty()) return finish();
      tail_.breach = "there are records behind the last one that the head of the log knows";
      bisect(tail_.head.last, kNoRecordBehind);
    });
  }

  /// Whether a record is behind `from` is known; none is behind `to`.
  void bisect(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t middle = from + (to - from) / 2;
    store::Query query;
    query.id_prefix = kChainPrefix;
    query.after_id = audit_id(middle);
    query.limit = 1;
    find(std::move(query), [this, from, to, middle](const Documents& behind) {
      const std::uint64_t low = behind.empty() ? from : middle;
      const std::uint64_t high = behind.empty() ? middle : to;
      if (high - low > 1) return bisect(low, high);
      end_at(high);
    });
  }
  /// The greatest number that may be there: of the last stored record, or 1 where there is none.
  void end_at(std::uint64_t last) {
    get(audit_id(last), [this, last](const OptionalDocument& stored) {
      if (!stored && last <= 1 && tail_.head.last == 0) return without_records();
      if (tail_.breach.empty()) tail_.breach = "the head of the log is missing";
      const auto record = stored ? audit_record_of(stored->body) : fail(Errc::not_found, "");
      if (last > tail_.head.last) {
        tail_.head.last = last;
        tail_.head.hash = record ? record->hash : Digest{};
      }
      take_first();
    });
  }
  /// From the oldest stored record; that it is the oldest one nobody can say any more.
  void take_first() {
    store::Query query;
    query.id_prefix = kChainPrefix;
    query.limit = 1;
    find(std::move(query), [this](const Documents& found) {
      const auto record = found.empty() ? fail(Errc::not_found, "") : audit_record_of(found.front().body);
      if (record && !head_holds_ && record->sequence <= tail_.head.last) {
        tail_.head.first = record->sequence;
        tail_.head.anchor = record->previous;
      }
      if (head_holds_) return finish();
      count_old({});
    });
  }
  void without_records() {
    if (tail_.breach.empty()) tail_.state = AuditTail::State::begins;
    count_old({});
  }
  void count_old(std::string after) {
    store::Query query;
    query.after_id = std::move(after);
    query.limit = kCountPage;
    find(std::move(query), [this](const Documents& page) {
      for (const Document& document : page) {
        if (!is_old_audit_id(document.id)) return finish();
        ++tail_.head.before;
      }
      if (page.size() < kCountPage) return finish();
      count_old(page.back().id);
    });
  }

  store::Repository& repository_;
  Executor& executor_;
  const AuditKey& key_;
  AuditTail tail_;
  bool head_holds_ = false;  // what it says is ours
  Done done_;
};

}  // namespace

void find_audit_tail(store::Repository& repository, Executor& executor, const AuditKey& key,
                     std::uint32_t tenant, std::move_only_function<void(Result<AuditTail>)> done) {
  std::make_shared<Search>(repository, executor, key, tenant, std::move(done))->run();
}

}  // namespace dunlin::security
