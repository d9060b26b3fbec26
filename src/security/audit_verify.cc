#include "security/audit_verify.h"

#include <algorithm>

namespace dunlin::security {
namespace {

// Only the head has this member.
constexpr std::string_view kHeadMember = R"("anchor":")";

std::string name_of(std::uint64_t sequence) {
  return "record " + std::to_string(sequence);
}

std::string range(std::uint64_t first, std::uint64_t last) {
  if (first == last) return name_of(first) + " is";
  return "records " + std::to_string(first) + " to " + std::to_string(last) + " are";
}

std::optional<AuditProblem> problem(std::uint64_t sequence, std::string why) {
  return AuditProblem{sequence, std::move(why)};
}

}  // namespace

std::optional<AuditProblem> AuditVerifier::take(const AuditRecord& record) {
  if (record.sequence > next_)
    return problem(next_, range(next_, record.sequence - 1) + " missing before " + name_of(record.sequence));
  if (record.sequence < next_) {
    return problem(record.sequence,
                   name_of(record.sequence) + " is out of its place: " + name_of(next_) + " should be there");
  }
  if (record_hash(record) != record.hash)
    return problem(next_, name_of(next_) + " was changed: its hash is not that of its fields");
  if (record.previous != previous_) {
    return problem(next_,
                   name_of(next_) + " does not follow what is before it: that was changed or replaced");
  }
  if (record.action == kAuditBreach)
    return problem(next_, name_of(next_) + " says that the log was found damaged: " + record.detail);
  previous_ = record.hash;
  ++next_;
  ++records_;
  return std::nullopt;
}

std::optional<AuditProblem> AuditVerifier::take(const store::Document& document, std::uint32_t tenant) {
  const auto record = audit_record_of(document.body);
  if (!record) {
    return problem(next_, name_of(next_) + " cannot be read: " + record.error().message + " (its id is \"" +
                              document.id + "\")");
  }
  if (document.id != audit_id(record->sequence)) {
    return problem(next_, name_of(next_) + " is not what is stored in its place: there is " +
                              name_of(record->sequence) + " (its id is \"" + document.id + "\")");
  }
  if (record->tenant != tenant) return problem(next_, name_of(next_) + " is another tenant's");
  if (document.version != 1 || !document.index.empty() || to_json_text(*record) != document.body)
    return problem(record->sequence, name_of(record->sequence) + " was changed: it was written over");
  return take(*record);
}

std::optional<AuditProblem> AuditVerifier::end(const AuditHead& head) const {
  if (next_ <= head.last) return problem(next_, range(next_, head.last) + " missing at the end");
  if (next_ > head.last + 1)
    return problem(head.last + 1, range(head.last + 1, next_ - 1) + " not known to the head of the log");
  if (previous_ != head.hash)
    return problem(head.last, name_of(head.last) + " is not the one that the head of the log names");
  return std::nullopt;
}

std::optional<AuditProblem> AuditFileVerifier::take_line(std::string_view line) {
  ++lines_;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (line.empty()) return std::nullopt;
  const std::string where = "line " + std::to_string(lines_);
  if (head_) return problem(0, where + ": nothing may follow the head");
  const auto record = audit_record_of(line);
  if (!record && line.contains(kHeadMember)) return take_head(line);
  if (!record) return problem(chain_ ? chain_->next() : 0, where + ": " + record.error().message);
  if (!chain_) {
    first_ = record->sequence;
    tenant_ = record->tenant;
    chain_.emplace(record->sequence, record->previous);
  }
  if (record->tenant != tenant_) return problem(0, where + ": it is another tenant's");
  auto found = chain_->take(*record);
  if (found) found->why = where + ": " + found->why;
  return found;
}

std::optional<AuditProblem> AuditFileVerifier::take_head(std::string_view line) {
  const std::string where = "line " + std::to_string(lines_);
  auto head = signed_head_of(line);
  if (!head) return problem(0, where + ": " + head.error().message);
  if (key_ != nullptr && key_->sign(head->head) != head->signature)
    return problem(0, where + ": the head is not signed with this key");
  if (chain_ && head->head.tenant != tenant_) return problem(0, where + ": the head is another tenant's");
  head_ = *head;
  return std::nullopt;
}

std::optional<AuditProblem> AuditFileVerifier::end() {
  if (!head_) return std::nullopt;
  if (!chain_) {
    if (head_->head.last < head_->head.first) return std::nullopt;
    return problem(head_->head.first, range(head_->head.first, head_->head.last) + " missing");
  }
  return chain_->end(head_->head);
}

}  // namespace dunlin::security
