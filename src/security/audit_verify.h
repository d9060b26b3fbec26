#pragma once
// Judges whether the records of an audit log are those that were written, all of them and in order.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "security/audit.h"
#include "security/audit_head.h"

namespace dunlin::security {

/// The first thing that does not hold.
struct AuditProblem {
  std::uint64_t sequence = 0;  // of the record; 0: it is not one record's
  std::string why;             // a sentence that begins with the record
};

/// Takes records from the oldest to the newest. One thread.
class AuditVerifier {
 public:
  /// `first` and `anchor` as a head or the first record of a range says.
  AuditVerifier(std::uint64_t first, const Digest& anchor) : next_(first), previous_(anchor) {}

  std::optional<AuditProblem> take(const AuditRecord& record);
  /// The same for what a store holds: also every byte beside the record's fields.
  std::optional<AuditProblem> take(const store::Document& document, std::uint32_t tenant);
  /// After the last record: nothing is missing behind it.
  std::optional<AuditProblem> end(const AuditHead& head) const;

  std::uint64_t next() const { return next_; }
  std::uint64_t records() const { return records_; }
  const Digest& hash() const { return previous_; }

 private:
  std::uint64_t next_;
  std::uint64_t records_ = 0;
  Digest previous_;
};

/// An exported log, line by line: records, and the head as the last line where the export is complete.
class AuditFileVerifier {
 public:
  /// `key` may be null: the head's signature is not judged then.
  explicit AuditFileVerifier(const AuditKey* key = nullptr) : key_(key) {}

  /// Without its line break. Empty lines are passed over.
  std::optional<AuditProblem> take_line(std::string_view line);
  std::optional<AuditProblem> end();

  std::uint64_t lines() const { return lines_; }
  std::uint64_t records() const { return chain_ ? chain_->records() : 0; }
  std::uint64_t first() const { return first_; }
  /// Of the last record so far. Zeros: none.
  Digest hash() const { return chain_ ? chain_->hash() : Digest{}; }
  std::uint64_t last() const { return chain_ ? chain_->next() - 1 : 0; }
  bool has_head() const { return head_.has_value(); }

 private:
  std::optional<AuditProblem> take_head(std::string_view line);

  const AuditKey* key_;
  std::optional<AuditVerifier> chain_;
  std::optional<SignedHead> head_;
  std::uint64_t lines_ = 0;
  std::uint64_t first_ = 0;
  std::uint32_t tenant_ = 0;
};

/// Actions of the log about itself.
inline constexpr std::string_view kAuditBegin = "audit.begin";    // the chain begins
inline constexpr std::string_view kAuditExpire = "audit.expire";  // old records were removed
inline constexpr std::string_view kAuditBreach = "audit.breach";  // at a start the end did not hold

}  // namespace dunlin::security
