#pragma once
// One record of the audit log: who did what to which object, and how it ended. Its stored form and its hash:
// docs/formats/audit.md. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"
#include "security/crypto.h"
#include "store/repository.h"

namespace dunlin::security {

/// Who acts, how that was proven, and from where.
struct Actor {
  // Not explicit: a name alone is enough for what the program does itself.
  Actor(std::string who) : name(std::move(who)) {}  // NOLINT(google-explicit-constructor)
  Actor(const char* who) : name(who) {}             // NOLINT(google-explicit-constructor)
  Actor(std::string_view who) : name(who) {}        // NOLINT(google-explicit-constructor)
  Actor(std::string who, Proof how, std::string from)
      : name(std::move(who)), proof(how), address(std::move(from)) {}

  std::string name;
  Proof proof = Proof::in_process;
  std::string address;  // of the peer; empty where there is none
};
/// `address` is the peer's.
Actor actor_of(const Principal& principal, std::string address);
/// "none", "certificate", "token", "password", "session" or "in_process".
std::string_view proof_name(Proof proof);

enum class AuditOutcome : std::uint8_t {
  ok,
  denied,  // the actor may not do this
  failed   // a sign-in that proved nothing; a change of which it is not known how much was made
};

/// What is told of one event. Nothing here may be a secret. Texts past their limit are cut (limits.h).
struct AuditEntry {
  Actor actor;
  std::string_view action;  // the operation's name, or an event's
  std::string_view object;
  AuditOutcome outcome = AuditOutcome::ok;
  std::string_view detail{};
  std::uint64_t count = 1;  // events that this one record stands for
};

/// The one way to record something: goes into the same write as the change that it tells of. The record gets
/// its place in the chain when that write passes AuditChain.
store::Change audit_change(TenantId tenant, WallTime now, const AuditEntry& entry);
/// What somebody whose call came from `address` has done in his tenant.
store::Change audit_of(const Principal& principal, std::string address, WallTime now, std::string_view action,
                       std::string_view object, std::string_view detail = {});

/// A record as it is stored.
struct AuditRecord {
  std::uint32_t tenant = kDefaultTenant.value;
  std::uint64_t sequence = 0;  // from 1, dense within a tenant
  std::int64_t at = 0;         // Unix ms
  std::string actor;
  std::string proof;
  std::string address;
  std::string action;
  std::string object;
  std::string outcome;
  std::string detail;
  std::uint64_t count = 1;
  Digest previous{};  // hash of the record before; zeros: this is the first
  Digest hash{};      // record_hash() of this one
};

/// All fields but `hash`, as they are hashed.
std::vector<std::uint8_t> hashed_bytes(const AuditRecord& record);
/// SHA-256 over these.
Digest record_hash(const AuditRecord& record);

/// One line of JSON, always the same for the same record.
std::string to_json_text(const AuditRecord& record);
/// The reverse; knows every member and takes no other. Errors: malformed, limit_exceeded.
Result<AuditRecord> audit_record_of(std::string_view json);
/// What audit_change() made, before it has a place: sequence 0. Errors: malformed.
Result<AuditRecord> unplaced_record_of(const store::Document& document, std::uint32_t tenant);

/// Ids of stored records sort by sequence, and behind those of records from before the chain.
inline constexpr std::string_view kChainPrefix = "c";
std::string audit_id(std::uint64_t sequence);
/// Whether this is the id of a record from before the chain.
bool is_old_audit_id(std::string_view id);

}  // namespace dunlin::security
