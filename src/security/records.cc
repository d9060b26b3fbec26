#include "security/records.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>

#include "base/hex.h"
#include "base/time_text.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;
using store::Change;
using store::Document;
using store::DocumentKind;

constexpr std::array<std::pair<TokenType, std::string_view>, 3> kTypes = {
    {{TokenType::device, "device"}, {TokenType::api, "api"}, {TokenType::session, "session"}}};
constexpr std::array<std::pair<TokenType, std::string_view>, 3> kPrefixes = {
    {{TokenType::device, "dt_"}, {TokenType::api, "at_"}, {TokenType::session, "ss_"}}};
constexpr std::array<std::string_view, 3> kClaimStates = {"open", "used", "voided"};
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kSecretCharacters = 43;

std::string_view type_name(TokenType type) {
  return kTypes[static_cast<std::size_t>(type)].second;
}

/// Reads members of a stored object and remembers whether one was missing or of another type.
class Reader {
 public:
  explicit Reader(const Document& document) {
    json::error_code error;
    json::parse_options options;
    options.max_depth = 16;
    value_ = json::parse(document.body, error, {}, options);
    broken_ = error || !value_.is_object();
  }
  std::string text(std::string_view name) {
    const json::value* found = member(name);
    if (found != nullptr && found->is_string()) return std::string(found->get_string());
    broken_ = true;
    return {};
  }
  std::string optional_text(std::string_view name) {
    const json::value* found = member(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  }
  std::int64_t number(std::string_view name) {
    const json::value* found = member(name);
    if (found != nullptr && found->is_int64()) return found->get_int64();
    broken_ = true;
    return 0;
  }
  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> list;
    const json::value* found = member(name);
    if (found == nullptr || !found->is_array()) {
      broken_ = true;
      return list;
    }
    for (const json::value& entry : found->get_array()) {
      if (entry.is_string()) list.emplace_back(entry.get_string());
      broken_ = broken_ || !entry.is_string();
    }
    return list;
  }
  const json::value* member(std::string_view name) {
    return value_.is_object() ? value_.get_object().if_contains(name) : nullptr;
  }
  template <class Record>
  Result<Record> finish(Record record, std::string_view what) const {
    if (broken_) return fail(Errc::corrupt, "a stored " + std::string(what) + " cannot be read");
    return record;
  }
  /// One of two words; anything else is damage and must never read as the permissive one.
  template <class State>
  State word(std::string_view name, std::string_view first, State first_state, std::string_view second,
             State second_state) {
    const std::string found = text(name);
    if (found != first && found != second) broken_ = true;
    return found == first ? first_state : second_state;
  }

 private:
  json::value value_;
  bool broken_ = false;
};

json::array array_of(const std::vector<std::string>& texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

Document document(std::string id, const json::object& body,
                  std::vector<std::pair<std::string, std::string>> index = {}) {
  return {.id = std::move(id), .version = 0, .body = json::serialize(body), .index = std::move(index)};
}

std::vector<std::pair<std::string, std::string>> role_fields(const std::vector<std::string>& roles) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string& role : roles) fields.emplace_back(kRoleIndex, role);
  return fields;
}

}  // namespace

Result<UserRecord> user_of(const Document& stored) {
  Reader reader(stored);
  UserRecord user;
  user.name = stored.id;
  user.password = reader.text("password");
  user.permissions = reader.texts("permissions");
  if (reader.member("roles") != nullptr) user.roles = reader.texts("roles");
  user.policies = reader.texts("policies");
  user.state =
      reader.word("state", "enabled", UserRecord::State::enabled, "disabled", UserRecord::State::disabled);
  user.created_at = reader.number("created_at");
  return reader.finish(std::move(user), "user");
}

Document document_of(const UserRecord& user) {
  return document(user.name,
                  {{"password", user.password},
                   {"permissions", array_of(user.permissions)},
                   {"roles", array_of(user.roles)},
                   {"policies", array_of(user.policies)},
                   {"state", user.state == UserRecord::State::enabled ? "enabled" : "disabled"},
                   {"created_at", user.created_at}},
                  role_fields(user.roles));
}

Result<RoleRecord> role_of(const Document& stored) {
  Reader reader(stored);
  RoleRecord role;
  role.name = stored.id;
  role.about = reader.text("about");
  role.permissions = reader.texts("permissions");
  role.created_at = reader.number("created_at");
  return reader.finish(std::move(role), "role");
}

Document document_of(const RoleRecord& role) {
  return document(
      role.name,
      {{"about", role.about}, {"permissions", array_of(role.permissions)}, {"created_at", role.created_at}});
}

Result<AttachmentRecord> attachment_of(const Document& stored) {
  Reader reader(stored);
  AttachmentRecord attached;
  attached.policies = reader.texts("policies");
  attached.groups = reader.texts("groups");
  return reader.finish(std::move(attached), "attachment");
}

Document document_of(std::string subject, const AttachmentRecord& attached) {
  std::vector<std::pair<std::string, std::string>> index;
  for (const std::string& policy : attached.policies) index.emplace_back(kPolicyIndex, policy);
  for (const std::string& group : attached.groups) index.emplace_back(kGroupIndex, group);
  return document(std::move(subject),
                  {{"policies", array_of(attached.policies)}, {"groups", array_of(attached.groups)}},
                  std::move(index));
}

Result<GroupRecord> group_of(const Document& stored) {
  Reader reader(stored);
  GroupRecord group;
  group.name = stored.id;
  group.about = reader.text("about");
  group.created_at = reader.number("created_at");
  return reader.finish(std::move(group), "group");
}

Document document_of(const GroupRecord& group) {
  return document(group.name, {{"about", group.about}, {"created_at", group.created_at}});
}

Result<TokenRecord> token_of(const Document& stored) {
  Reader reader(stored);
  TokenRecord token;
  token.id = stored.id;
  const std::string type = reader.text("type");
  const auto known = std::ranges::find(kTypes, type, &std::pair<TokenType, std::string_view>::second);
  if (known == kTypes.end()) return fail(Errc::corrupt, "a stored token cannot be read");
  token.type = known->first;
  token.owner = reader.text("owner");
  token.hash = reader.text("hash");
  token.label = reader.text("label");
  token.permissions = reader.texts("permissions");
  if (reader.member("roles") != nullptr) token.roles = reader.texts("roles");
  token.created_at = reader.number("created_at");
  token.expires_at = reader.number("expires_at");
  token.last_used_at = reader.number("last_used_at");
  return reader.finish(std::move(token), "token");
}

Document document_of(const TokenRecord& token) {
  auto index = role_fields(token.roles);
  index.emplace_back("owner", token_owner_key(token.type, token.owner));
  return document(token.id,
                  {{"type", type_name(token.type)},
                   {"owner", token.owner},
                   {"hash", token.hash},
                   {"label", token.label},
                   {"permissions", array_of(token.permissions)},
                   {"roles", array_of(token.roles)},
                   {"created_at", token.created_at},
                   {"expires_at", token.expires_at},
                   {"last_used_at", token.last_used_at}},
                  std::move(index));
}

namespace {

constexpr std::array<std::string_view, 3> kUses = {"device", "claim", "server"};

/// Absent in records of devices from before there were others.
Result<CertificateRecord::Use> use_of(std::string_view word) {
  if (word.empty()) return CertificateRecord::Use::device;
  const auto found = std::ranges::find(kUses, word);
  if (found == kUses.end()) return fail(Errc::corrupt, "a stored certificate has an unknown use");
  return static_cast<CertificateRecord::Use>(found - kUses.begin());
}

}  // namespace

std::string_view use_name(CertificateRecord::Use use) {
  return kUses[static_cast<std::size_t>(use)];
}

std::string retirement_hour(std::int64_t unix_ms) {
  constexpr std::int64_t kHour = std::chrono::milliseconds{std::chrono::hours{1}}.count();
  return std::to_string(unix_ms / kHour);
}

Result<CertificateRecord> certificate_of(const Document& stored) {
  Reader reader(stored);
  CertificateRecord certificate;
  certificate.fingerprint = stored.id;
  DUNLIN_TRY(certificate.use, use_of(reader.optional_text("use")));
  certificate.thing = reader.text("thing");
  certificate.serial = reader.text("serial");
  certificate.pem = reader.text("pem");
  certificate.not_before = reader.number("not_before");
  certificate.not_after = reader.number("not_after");
  certificate.state = reader.word("state", "active", CertificateRecord::State::active, "revoked",
                                  CertificateRecord::State::revoked);
  certificate.created_at = reader.number("created_at");
  certificate.revoked_at = reader.number("revoked_at");
  certificate.reason = reader.optional_text("reason");
  certificate.authority = reader.optional_text("authority");
  certificate.issuer = reader.optional_text("issuer");
  if (reader.member("retires_at") != nullptr) certificate.retires_at = reader.number("retires_at");
  return reader.finish(std::move(certificate), "certificate");
}

Document document_of(const CertificateRecord& certificate) {
  const std::string state = certificate.state == CertificateRecord::State::active ? "active" : "revoked";
  std::vector<std::pair<std::string, std::string>> index = {{"thing", certificate.thing},
                                                            {"state", state},
                                                            {"serial", certificate.serial},
                                                            {"issuer", certificate.issuer}};
  if (certificate.retires_at != 0 && certificate.state == CertificateRecord::State::active) {
    index.emplace_back(kRetiring, "yes");
    index.emplace_back(kRetiresIn, retirement_hour(certificate.retires_at));
  }
  if (certificate.authority == kPinned) {
    index.emplace_back("pinned", "yes");
  } else if (!certificate.authority.empty()) {
    index.emplace_back("authority", certificate.authority);
  }
  return document(certificate.fingerprint,
                  {{"use", use_name(certificate.use)},
                   {"thing", certificate.thing},
                   {"serial", certificate.serial},
                   {"pem", certificate.pem},
                   {"not_before", certificate.not_before},
                   {"not_after", certificate.not_after},
                   {"state", state},
                   {"created_at", certificate.created_at},
                   {"revoked_at", certificate.revoked_at},
                   {"reason", certificate.reason},
                   {"authority", certificate.authority},
                   {"issuer", certificate.issuer},
                   {"retires_at", certificate.retires_at}},
                  std::move(index));
}

RevocationReason reason_of(const CertificateRecord& record) {
  if (record.reason == kThingRemoved) return RevocationReason::cessation_of_operation;
  return reason_of_name(record.reason).value_or(RevocationReason::unspecified);
}

Result<ClaimRecord> claim_of(const Document& stored) {
  Reader reader(stored);
  ClaimRecord claim;
  claim.hash = reader.text("hash");
  claim.expires_at = reader.number("expires_at");
  const std::string state = reader.text("state");
  const auto known = std::ranges::find(kClaimStates, state);
  if (known == kClaimStates.end()) return fail(Errc::corrupt, "a stored claim cannot be read");
  claim.state = static_cast<ClaimRecord::State>(known - kClaimStates.begin());
  return reader.finish(std::move(claim), "claim");
}

Document document_of(const ClaimRecord& claim) {
  return document(std::string(kClaimId), {{"hash", claim.hash},
                                          {"expires_at", claim.expires_at},
                                          {"state", kClaimStates[static_cast<std::size_t>(claim.state)]}});
}

Result<ThingRecord> thing_of(const Document& stored) {
  Reader reader(stored);
  ThingRecord thing;
  thing.name = stored.id;
  thing.type = reader.optional_text("type");
  if (reader.member("state") != nullptr) {
    thing.state = reader.word("state", "enabled", ThingRecord::State::enabled, "disabled",
                              ThingRecord::State::disabled);
  }
  if (reader.member("lifecycle") != nullptr) {
    const auto stage = parse_lifecycle(reader.text("lifecycle"));
    if (!stage) return fail(Errc::corrupt, "a stored thing is in no known stage of its life");
    thing.standing.lifecycle = *stage;
  }
  if (reader.member("quarantine") != nullptr) thing.standing.quarantine = Quarantine::yes;
  if (const auto created = parse_rfc3339(reader.optional_text("created_at"))) {
    thing.created_at = unix_milliseconds(*created);
  }
  const json::value* attributes = reader.member("attributes");
  if (attributes != nullptr && attributes->is_object()) {
    for (const auto& member : attributes->get_object()) {
      if (thing.attributes.size() == kMaxStoredAttributes) break;
      if (member.value().is_string()) thing.attributes.emplace(member.key(), member.value().get_string());
    }
  }
  if (reader.member("policies") != nullptr) {
    thing.policies = reader.texts("policies");
  } else {
    thing.policies = {thing.type == "gateway" ? "gateway" : "device"};
  }
  return reader.finish(std::move(thing), "thing");
}

Result<void> check_takes_credentials(const ThingRecord& thing) {
  if (thing.standing.lifecycle != Lifecycle::decommission) return {};
  return fail(Errc::conflict, "the thing " + thing.name + " is decommissioned: it takes no credential");
}

Result<void> check_takes_credentials(const Document& thing) {
  DUNLIN_TRY(const ThingRecord record, thing_of(thing));
  return check_takes_credentials(record);
}

std::string token_owner_key(TokenType type, std::string_view owner) {
  return std::string(type_name(type)) + ":" + std::string(owner);
}

Change put_change(DocumentKind kind, TenantId tenant, Document stored, std::uint64_t expected_version) {
  return {.action = Change::Action::put,
          .kind = kind,
          .tenant = tenant.value,
          .document = std::move(stored),
          .expected_version = expected_version};
}

Change remove_change(DocumentKind kind, TenantId tenant, std::string id) {
  return {.action = Change::Action::remove,
          .kind = kind,
          .tenant = tenant.value,
          .document = {.id = std::move(id), .version = 0, .body = {}, .index = {}},
          .expected_version = std::nullopt};
}

Result<TokenText> parse_token(std::string_view text) {
  const auto prefix =
      std::ranges::find_if(kPrefixes, [&](const auto& known) { return text.starts_with(known.second); });
  const auto refused = [] { return fail(Errc::unauthenticated, "not a valid token"); };
  if (prefix == kPrefixes.end()) return refused();
  text.remove_prefix(prefix->second.size());
  if (text.size() != kIdDigits + 1 + kSecretCharacters || text[kIdDigits] != '_') return refused();
  const std::string_view id = text.substr(0, kIdDigits);
  if (!from_hex(id)) return refused();
  return TokenText{.type = prefix->first,
                   .id = std::string(id),
                   .secret = Secret(std::string(text.substr(kIdDigits + 1)))};
}

NewToken make_token(TokenType type, std::string owner, WallTime now, Rng& rng) {
  std::array<std::uint8_t, kIdDigits / 2> id{};
  rng.fill(id);
  const Secret secret(random_text(rng, 32));
  NewToken made;
  made.record.id = to_hex(id);
  made.record.type = type;
  made.record.owner = std::move(owner);
  made.record.hash = sha256_hex(as_bytes(secret.view()));
  made.record.created_at = unix_milliseconds(now);
  std::string text(kPrefixes[static_cast<std::size_t>(type)].second);
  text.reserve(text.size() + kIdDigits + 1 + kSecretCharacters);
  text.append(made.record.id).append("_").append(secret.view());
  made.text = Secret(std::move(text));
  return made;
}

bool secret_matches(std::string_view secret, std::string_view stored_hash) {
  return constant_time_equal(sha256_hex(as_bytes(secret)), stored_hash);
}

bool holds_permission(const std::vector<std::string>& held, std::string_view permission) {
  return std::ranges::any_of(held, [&](std::string_view one) {
    if (one == "*" || one == permission) return true;
    return one.ends_with(":*") && permission.starts_with(one.substr(0, one.size() - 1));
  });
}

}  // namespace dunlin::security
