#include "security/audit.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <limits>
#include <vector>

#include "base/hex.h"
#include "security/limits.h"
#include "security/names.h"
#include "store/encoding.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 6> kProofs = {"none",     "certificate", "token",
                                                     "password", "session",     "in_process"};
constexpr std::array<std::string_view, 3> kOutcomes = {"ok", "denied", "failed"};
constexpr std::string_view kHashDomain = "dunlin-audit-record-1";
constexpr std::size_t kSequenceDigits = 20;
constexpr std::size_t kOldIdBytes = 29;  // 20 digits, '-', 8 hexadecimal digits

/// Reads the members of one record; every member must be asked for once.
class Members {
 public:
  explicit Members(std::string_view text) {
    json::error_code error;
    json::parse_options options;
    options.max_depth = 2;
    value_ = json::parse(text, error, {}, options);
    broken_ = error || !value_.is_object();
  }
  std::string text(std::string_view name, std::size_t most) {
    const json::value* found = next(name);
    if (found == nullptr || !found->is_string() || found->get_string().size() > most) {
      broken_ = true;
      return {};
    }
    return std::string(found->get_string());
  }
  template <std::size_t N>
  std::string word(std::string_view name, const std::array<std::string_view, N>& words) {
    std::string found = text(name, 16);
    broken_ = broken_ || std::ranges::find(words, found) == words.end();
    return found;
  }
  std::int64_t number(std::string_view name, std::int64_t least) {
    const json::value* found = next(name);
    if (found == nullptr || !found->is_int64() || found->get_int64() < least) {
      broken_ = true;
      return 0;
    }
    return found->get_int64();
  }
  std::uint32_t tenant() {
    const std::int64_t found = number("tenant", 0);
    broken_ = broken_ || found > std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(found);
  }
  Digest digest(std::string_view name) {
    Digest digest{};
    const std::string hex = text(name, 2 * digest.size());
    const auto bytes = from_hex(hex);
    // The other case of a digit would be another text of the same record.
    if (!bytes || bytes->size() != digest.size() || to_hex(*bytes) != hex) {
      broken_ = true;
      return digest;
    }
    std::ranges::copy(*bytes, digest.begin());
    return digest;
  }
  bool ok() const { return !broken_ && asked_ == value_.get_object().size(); }

 private:
  const json::value* next(std::string_view name) {
    ++asked_;
    return value_.is_object() ? value_.get_object().if_contains(name) : nullptr;
  }

  json::value value_;
  std::size_t asked_ = 0;
  bool broken_ = false;
};

json::object told(const AuditRecord& record) {
  return {{"at", record.at},           {"actor", record.actor},   {"proof", record.proof},
          {"address", record.address}, {"action", record.action}, {"object", record.object},
          {"outcome", record.outcome}, {"detail", record.detail}, {"count", record.count}};
}

void read_told(Members& members, AuditRecord& record) {
  record.at = members.number("at", 0);
  record.actor = members.text("actor", kMaxAuditName);
  record.proof = members.word("proof", kProofs);
  record.address = members.text("address", kMaxAuditAddress);
  record.action = members.text("action", kMaxAuditAction);
  record.object = members.text("object", kMaxAuditText);
  record.outcome = members.word("outcome", kOutcomes);
  record.detail = members.text("detail", kMaxAuditText);
  record.count = static_cast<std::uint64_t>(members.number("count", 1));
}

/// As ids were before there was a chain: they sort by time. AuditChain replaces them.
std::string unplaced_id(WallTime now, std::string_view body) {
  std::array<char, 24> time{};
  std::snprintf(time.data(), time.size(), "%020lld", static_cast<long long>(unix_nanoseconds(now)));
  return std::string(time.data()) + "-" + sha256_hex(as_bytes(body)).substr(0, 8);
}

}  // namespace

Actor actor_of(const Principal& principal, std::string address) {
  return {principal.name, principal.proof, std::move(address)};
}

std::string_view proof_name(Proof proof) {
  return kProofs.at(static_cast<std::size_t>(proof));
}

store::Change audit_change(TenantId tenant, WallTime now, const AuditEntry& entry) {
  AuditRecord record;
  record.at = unix_milliseconds(now);
  record.actor = shown_text(entry.actor.name, kMaxAuditName);
  record.proof = proof_name(entry.actor.proof);
  record.address = shown_text(entry.actor.address, kMaxAuditAddress);
  record.action = shown_text(entry.action, kMaxAuditAction);
  record.object = shown_text(entry.object, kMaxAuditText);
  record.outcome = kOutcomes.at(static_cast<std::size_t>(entry.outcome));
  record.detail = shown_text(entry.detail, kMaxAuditText);
  record.count = entry.count;
  store::Change change;
  change.kind = store::DocumentKind::audit;
  change.tenant = tenant.value;
  change.document.body = json::serialize(told(record));
  change.document.id = unplaced_id(now, change.document.body);
  return change;
}

store::Change audit_of(const Principal& principal, std::string address, WallTime now, std::string_view action,
                       std::string_view object, std::string_view detail) {
  return audit_change(principal.tenant, now,
                      {.actor = actor_of(principal, std::move(address)),
                       .action = action,
                       .object = object,
                       .detail = detail});
}

std::vector<std::uint8_t> hashed_bytes(const AuditRecord& record) {
  std::vector<std::uint8_t> bytes;
  store::append_text(bytes, kHashDomain);
  store::append_number(bytes, record.tenant);
  store::append_number(bytes, record.sequence);
  store::append_bytes(bytes, record.previous);
  store::append_number(bytes, record.at);
  for (const std::string* text : {&record.actor, &record.proof, &record.address, &record.action,
                                  &record.object, &record.outcome, &record.detail})
    store::append_text(bytes, *text);
  store::append_number(bytes, record.count);
  return bytes;
}

Digest record_hash(const AuditRecord& record) {
  return sha256(hashed_bytes(record));
}

std::string to_json_text(const AuditRecord& record) {
  json::object line{{"tenant", record.tenant}, {"sequence", record.sequence}};
  for (auto& member : told(record)) line[member.key()] = std::move(member.value());
  line["previous"] = to_hex(record.previous);
  line["hash"] = to_hex(record.hash);
  return json::serialize(line);
}

Result<AuditRecord> audit_record_of(std::string_view text) {
  if (text.size() > kMaxAuditRecordBytes) return fail(Errc::limit_exceeded, "the record is too long");
  Members members(text);
  AuditRecord record;
  record.tenant = members.tenant();
  record.sequence = static_cast<std::uint64_t>(members.number("sequence", 1));
  read_told(members, record);
  record.previous = members.digest("previous");
  record.hash = members.digest("hash");
  if (!members.ok()) return fail(Errc::malformed, "it is not the text of a record");
  return record;
}

Result<AuditRecord> unplaced_record_of(const store::Document& document, std::uint32_t tenant) {
  Members members(document.body);
  AuditRecord record;
  record.tenant = tenant;
  read_told(members, record);
  if (!members.ok()) return fail(Errc::malformed, "it is not an audit record");
  return record;
}

std::string audit_id(std::uint64_t sequence) {
  std::string digits = std::to_string(sequence);
  return std::string(kChainPrefix) + std::string(kSequenceDigits - digits.size(), '0') + digits;
}

bool is_old_audit_id(std::string_view id) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return id.size() == kOldIdBytes && std::ranges::all_of(id.substr(0, kSequenceDigits), is_digit) &&
         id[kSequenceDigits] == '-' && from_hex(id.substr(kSequenceDigits + 1)).has_value();
}

}  // namespace dunlin::security
