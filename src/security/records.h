#pragma once
// The documents of this room in the repository: users, roles, tokens (also sessions), certificates, the
// claim. Audit records: audit.h. JSON bodies; times are Unix milliseconds, 0 for none. docs/security.md lists
// the members.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"
#include "hub/principal.h"
#include "security/audit.h"
#include "security/crl.h"
#include "security/crypto.h"
#include "store/repository.h"

namespace dunlin::security {

struct UserRecord {
  std::string name;
  std::string password;                  // Argon2id text
  std::vector<std::string> permissions;  // beside those of the roles
  std::vector<std::string> roles;        // roles.h
  std::vector<std::string> policies;
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  std::int64_t created_at = 0;
};

/// A set of permissions that an installation has given a name (roles.h).
struct RoleRecord {
  std::string name;
  std::string about;
  std::vector<std::string> permissions;
  std::int64_t created_at = 0;
};

/// What is attached to a subject (attachments.h); its id is "thing:NAME" and the like.
struct AttachmentRecord {
  std::vector<std::string> policies;
  std::vector<std::string> groups;  // thing only: of which it is a member
};

/// A static group of things: who its members are, their attachments say.
struct GroupRecord {
  std::string name;
  std::string about;
  std::int64_t created_at = 0;
};

enum class TokenType : std::uint8_t { device, api, session };

struct TokenRecord {
  std::string id;  // public; part of the token's text
  TokenType type = TokenType::device;
  std::string owner;                     // thing or user
  std::string hash;                      // SHA-256 of the secret part, hexadecimal
  std::string label;                     // session: the address it began from
  std::vector<std::string> permissions;  // api only
  std::vector<std::string> roles{};      // api only, beside the permissions
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;
  std::int64_t last_used_at = 0;  // session only
};

struct CertificateRecord {
  std::string fingerprint;
  /// Of our own there are also claim certificates, which only enrol devices, and the server's: they are here
  /// so that lists and OCSP know them.
  enum class Use : std::uint8_t { device, claim, server } use = Use::device;
  std::string thing;  // empty: of no device
  std::string serial;
  std::string pem;
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  enum class State : std::uint8_t { active, revoked } state = State::active;
  std::int64_t created_at = 0;
  std::int64_t revoked_at = 0;
  std::string reason;     // why revoked: one of the words below, or a reason_name(); empty: active, or from
                          // before reasons
  std::string authority;  // fingerprint of the registered CA that vouches for it; empty: our own
  std::string issuer;     // our own: key identifier of the intermediate that issued it; else empty
  std::int64_t retires_at = 0;  // renewed: it is good until then at most; 0: until not_after
};
std::string_view use_name(CertificateRecord::Use use);
/// A renewed one whose time is over proves nothing any more, also before that is written down.
inline bool is_retired(const CertificateRecord& record, std::int64_t now) {
  return record.retires_at != 0 && now >= record.retires_at;
}
/// Whether it may still prove anything at that time (Unix milliseconds); says nothing of its thing.
inline bool is_usable(const CertificateRecord& record, std::int64_t now) {
  return record.state == CertificateRecord::State::active && now < record.not_after &&
         !is_retired(record, now);
}
/// The `authority` of one that was registered by itself: neither a chain nor revocation lists count for it.
inline constexpr std::string_view kPinned = "pinned";
inline constexpr std::string_view kRequested = "requested";
/// A renewed one that counts until `retires_at` is found by this field of the index, and by the hour of its
/// end since 1970.
inline constexpr std::string_view kRetiring = "retiring";
inline constexpr std::string_view kRetiresIn = "retires_in";
std::string retirement_hour(std::int64_t unix_ms);
inline constexpr std::string_view kThingRemoved = "thing_removed";
/// The thing was decommissioned: RFC 5280 section 5.3.1.
inline constexpr std::string_view kCessationOfOperation = "cessationOfOperation";
/// What our lists say of it.
RevocationReason reason_of(const CertificateRecord& record);

/// What proves a password by SCRAM-SHA-256 (RFC 5802 section 3) without being one.
struct ScramRecord {
  enum class Owner : std::uint8_t { user, thing } owner = Owner::user;
  std::string name;
  std::string salt;  // bytes
  std::uint32_t iterations = 0;
  Digest stored_key{};
  Digest server_key{};
  std::int64_t created_at = 0;
};
/// "user:NAME" or "thing:NAME": the two have their own names.
std::string scram_id(ScramRecord::Owner owner, std::string_view name);

struct ClaimRecord {
  std::string hash;
  std::int64_t expires_at = 0;
  enum class State : std::uint8_t { open, used, voided } state = State::open;
};

/// What this room needs of a thing's document, which service/registry owns.
struct ThingRecord {
  std::string name;
  std::string type;
  std::map<std::string, std::string> attributes;
  std::vector<std::string> policies;  // none in the document: "gateway" for the type gateway, else "device"
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  Standing standing;
  std::int64_t created_at = 0;
};
/// Whether a credential may be given to the thing, or to that of the document. Errors: conflict (it is
/// decommissioned), corrupt.
Result<void> check_takes_credentials(const ThingRecord& thing);
Result<void> check_takes_credentials(const store::Document& thing);

/// Errors of all: corrupt.
Result<UserRecord> user_of(const store::Document& stored);
Result<RoleRecord> role_of(const store::Document& stored);
Result<AttachmentRecord> attachment_of(const store::Document& stored);
Result<GroupRecord> group_of(const store::Document& stored);
Result<TokenRecord> token_of(const store::Document& stored);
Result<CertificateRecord> certificate_of(const store::Document& stored);
Result<ScramRecord> scram_of(const store::Document& stored);
Result<ClaimRecord> claim_of(const store::Document& stored);
Result<ThingRecord> thing_of(const store::Document& stored);

store::Document document_of(const UserRecord& user);
store::Document document_of(const RoleRecord& role);
store::Document document_of(std::string subject, const AttachmentRecord& attached);
store::Document document_of(const GroupRecord& group);
store::Document document_of(const TokenRecord& token);
store::Document document_of(const CertificateRecord& certificate);
store::Document document_of(const ScramRecord& credential);
store::Document document_of(const ClaimRecord& claim);
inline constexpr std::string_view kClaimId = "claim";

/// Users and tokens have an index field of this name for each of their roles.
inline constexpr const char* kRoleIndex = "role";

/// Attachments have an index field of these names for each of their policies and groups.
inline constexpr const char* kPolicyIndex = "policy";
inline constexpr const char* kGroupIndex = "group";

/// The value of the token index "owner": "device:NAME", "api:NAME", "session:NAME".
std::string token_owner_key(TokenType type, std::string_view owner);

store::Change put_change(store::DocumentKind kind, TenantId tenant, store::Document stored,
                         std::uint64_t expected_version);
store::Change remove_change(store::DocumentKind kind, TenantId tenant, std::string id);

/// The text of a token: PREFIX_ID_SECRET, e.g. "dt_0123456789abcdef_" and 43 characters of base64url (256
/// random bits).
struct TokenText {
  TokenType type = TokenType::device;
  std::string id;
  Secret secret;
};
/// Errors: unauthenticated (no token of ours).
Result<TokenText> parse_token(std::string_view text);
/// A new token: its record (hash, id filled in) and its text.
struct NewToken {
  TokenRecord record;
  Secret text;
};
NewToken make_token(TokenType type, std::string owner, WallTime now, Rng& rng);
bool secret_matches(std::string_view secret, std::string_view stored_hash);

/// Whether `held` grants the permission: the same text, "*", or "things:*" for anything of things.
bool holds_permission(const std::vector<std::string>& held, std::string_view permission);

}  // namespace dunlin::security
