// The part of Authenticator that judges the signed tokens of things.
#include <algorithm>
#include <limits>
#include <utility>

#include "security/authenticator_attempt.h"
#include "security/jwt.h"
#include "security/names.h"
#include "security/sas_token.h"
#include "security/thing_keys.h"

namespace dunlin::security {
namespace {

using OptionalDocument = std::optional<store::Document>;

constexpr const char* kNotSigned = "the JWT is not signed by a key of this thing";
constexpr const char* kNotMade = "the SAS token is not made with a key of this thing";
/// Which key a SAS token may say it is made with, beside the slots' names.
constexpr std::string_view kGroupKeyName = "group";
/// service/provision's: by what a thing has enrolled.
constexpr std::string_view kEnrolledBy = "enrolled_by";
constexpr std::string_view kByGroup = "group:";

/// The client id belongs to its thing, so it names it; whoever has none says its name otherwise.
std::string shown_name(const Credentials& shown) {
  if (!shown.client_id.empty()) return shown.client_id.substr(0, shown.client_id.find('/'));
  return shown.username;
}

/// The keys that may have made the token at that time.
std::vector<PublicKeyRecord> candidates(ThingKeysRecord held, SignatureAlgorithm algorithm,
                                        std::int64_t now) {
  std::erase_if(held.public_keys, [&](const PublicKeyRecord& one) {
    return one.key.algorithm != algorithm || (one.expires_at != 0 && one.expires_at <= now);
  });
  return std::move(held.public_keys);
}

}  // namespace

std::string Authenticator::begin_signed(Attempt& attempt) const {
  std::string name = shown_name(attempt.credentials);
  attempt.proof = Proof::token;
  attempt.penalty_key = "token|" + network_of(attempt.credentials.address) + "|" + name;
  return name;
}

void Authenticator::by_jwt(AttemptPtr attempt) {
  attempt->refused_as = RefusalKind::jwt;
  std::string name = begin_signed(*attempt);
  if (must_wait(*attempt)) return turn_away(std::move(attempt));
  auto jwt = parse_jwt(attempt->credentials.password.view());
  if (!jwt) return refuse(std::move(attempt), jwt.error().message);
  const WallTime now = parts_.clock.wall_now();
  const auto end = check_claims(*jwt, options_.audiences, now);
  if (!end) return refuse(std::move(attempt), end.error().message);
  if (name.empty()) name = jwt->subject;
  if (!check_thing_name(name)) return refuse(std::move(attempt), "the JWT does not say whose it is");
  if (!jwt->subject.empty() && jwt->subject != name)
    return refuse(std::move(attempt), "the JWT is refused: its \"sub\" is another thing");
  attempt->proof_ends = unix_milliseconds(*end);
  Executor& reply_to = *attempt->reply_to;
  parts_.repository.get(reply_to, store::DocumentKind::thing_keys, options_.tenant.value, name,
                        [this, name, attempt = std::move(attempt),
                         jwt = *std::move(jwt)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
                          auto held = *found ? thing_keys_of(**found) : ThingKeysRecord{name, {}};
                          if (!held) return finish(std::move(attempt), std::unexpected(held.error()));
                          verify_jwt(std::move(attempt), std::move(jwt), *std::move(held));
                        });
}

void Authenticator::verify_jwt(AttemptPtr attempt, Jwt jwt, ThingKeysRecord held) {
  std::string name = held.thing;
  auto keys = candidates(std::move(held), jwt.algorithm, unix_milliseconds(parts_.clock.wall_now()));
  if (keys.empty()) return refuse(std::move(attempt), kNotSigned);
  // Up to four RSA verifications would hold up whoever shares the reactor.
  parts_.workers.run([this, attempt = std::move(attempt), name = std::move(name), jwt = std::move(jwt),
                      keys = std::move(keys)]() mutable {
    const auto signer = std::ranges::find_if(keys, [&](const PublicKeyRecord& one) {
      return verify_signature(one.key, jwt.signed_part, jwt.signature);
    });
    if (signer == keys.end()) return refuse(std::move(attempt), kNotSigned);
    if (signer->expires_at != 0) attempt->proof_ends = std::min(attempt->proof_ends, signer->expires_at);
    load_thing(std::move(attempt), std::move(name), signer->created_at);
  });
}

void Authenticator::by_sas_token(AttemptPtr attempt) {
  attempt->refused_as = RefusalKind::sas_token;
  const std::string name = begin_signed(*attempt);
  if (must_wait(*attempt)) return turn_away(std::move(attempt));
  auto token = parse_sas_token(attempt->credentials.password.view());
  if (!token) return refuse(std::move(attempt), token.error().message);
  const auto end = check_sas_token(*token, options_.audiences, parts_.clock.wall_now());
  if (!end) return refuse(std::move(attempt), end.error().message);
  // A user name is not asked: devices of Azure have their host in it.
  if (!check_thing_name(token->thing) || (!attempt->credentials.client_id.empty() && token->thing != name))
    return refuse(std::move(attempt), "the SAS token is refused: its sr is another thing");
  attempt->proof_ends = unix_milliseconds(*end);
  Executor& reply_to = *attempt->reply_to;
  std::string thing = token->thing;
  parts_.repository.get(reply_to, store::DocumentKind::thing_keys, options_.tenant.value, std::move(thing),
                        [this, attempt = std::move(attempt),
                         token = *std::move(token)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
                          const auto held = *found ? thing_keys_of(**found) : ThingKeysRecord{};
                          if (!held) return finish(std::move(attempt), std::unexpected(held.error()));
                          verify_sas_token(std::move(attempt), std::move(token), *held);
                        });
}

void Authenticator::verify_sas_token(AttemptPtr attempt, SasToken token, const ThingKeysRecord& held) {
  for (const SharedKeySlot slot : kSharedKeySlots) {
    const SharedKeyRecord& record = held.shared[static_cast<std::size_t>(slot)];
    const bool meant = token.key_name.empty() || token.key_name == slot_name(slot);
    if (!meant || record.salt.empty()) continue;
    if (sas_signed_by(token, shared_key(options_.key_secret, token.thing, slot, record)))
      return load_thing(std::move(attempt), std::move(token.thing), record.created_at);
  }
  const bool may_be_group = token.key_name.empty() || token.key_name == kGroupKeyName;
  if (!may_be_group || !group_keys_) return refuse(std::move(attempt), kNotMade);
  Executor& reply_to = *attempt->reply_to;
  std::string name = token.thing;
  parts_.repository.get(
      reply_to, store::DocumentKind::thing, options_.tenant.value, std::move(name),
      [this, attempt = std::move(attempt), token = std::move(token)](Result<OptionalDocument> found) mutable {
        if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
        auto thing = *found ? thing_of(**found) : fail(Errc::not_found, "");
        const std::string enrolled_by = thing ? thing->attributes[std::string(kEnrolledBy)] : std::string();
        if (!enrolled_by.starts_with(kByGroup)) return refuse(std::move(attempt), kNotMade);
        ask_group_key(std::move(attempt), std::move(token), enrolled_by.substr(kByGroup.size()));
      });
}

void Authenticator::ask_group_key(AttemptPtr attempt, SasToken token, std::string group) {
  Executor& reply_to = *attempt->reply_to;
  std::string name = token.thing;
  group_keys_(reply_to, std::move(group), std::move(name),
              [this, attempt = std::move(attempt),
               token = std::move(token)](Result<std::optional<Digest>> key) mutable {
                if (!key) return finish(std::move(attempt), std::unexpected(key.error()));
                if (!*key || !sas_signed_by(token, **key)) return refuse(std::move(attempt), kNotMade);
                // The group's key is older than its things; that this one is of the group is written with it.
                load_thing(std::move(attempt), std::move(token.thing),
                           std::numeric_limits<std::int64_t>::max());
              });
}

}  // namespace dunlin::security
