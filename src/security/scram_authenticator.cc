#include "security/scram_authenticator.h"

#include <utility>

#include "security/limits.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;
using Owner = ScramRecord::Owner;

constexpr std::size_t kNonceBytes = 24;
constexpr std::string_view kNotRight = "the user name or the password is not right";

template <class T>
void answer(Executor& reply_to, std::move_only_function<void(Result<T>)> done, Result<T> result) {
  reply_to.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

std::string address_key(const ScramExchange& exchange) {
  return "address|" + network_of(exchange.credentials.address);
}

std::string user_key(const ScramExchange& exchange) {
  return "user|" + exchange.username.substr(0, kMaxUserName);
}

/// What nobody may learn from: both forms of "not yours" look alike.
Error refusal(const Error& error) {
  const bool is_clear = error.code == Errc::unauthenticated || error.code == Errc::malformed ||
                        error.code == Errc::unsupported || error.code == Errc::permission_denied;
  return is_clear ? Error{Errc::unauthenticated, error.message} : error;
}

}  // namespace

Result<std::string> ScramAuthenticator::load_secret(const SecretFiles& files, Rng& rng,
                                                    const std::string& data_folder) {
  return load_secret_file(files, rng, data_folder + "/scram.secret");
}

bool ScramAuthenticator::must_wait(const ScramExchange& exchange) {
  PenaltyTable& penalties = parts_.authenticator.penalties();
  if (penalties.wait({address_key(exchange), user_key(exchange)}) <= Duration{0}) return false;
  parts_.authenticator.count_penalised();
  tell_refused(exchange, RefusalKind::penalty, kWaits);
  tell(exchange, kWaits);
  return true;
}

void ScramAuthenticator::failed(const ScramExchange& exchange) {
  PenaltyTable& penalties = parts_.authenticator.penalties();
  penalties.failed(address_key(exchange), kMaxAddressPenalty);
  if (!exchange.username.empty()) penalties.failed(user_key(exchange), kMaxUserPenalty);
  parts_.authenticator.count_refused();
  tell_refused(exchange, RefusalKind::password, "by SCRAM");
  tell(exchange, "by SCRAM");
}

void ScramAuthenticator::tell_refused(const ScramExchange& exchange, RefusalKind kind,
                                      const char* why) const {
  parts_.authenticator.tell_refused({.kind = kind,
                                     .address = exchange.credentials.address,
                                     .device = exchange.credentials.client_id,
                                     .user = exchange.username,
                                     .reason = why});
}

// Whether the name is a person's or a thing's is not said before it is proven.
void ScramAuthenticator::tell(const ScramExchange& exchange, const char* detail) const {
  const bool is_thing = exchange.proven && exchange.proven->owner == ScramRecord::Owner::thing;
  if (is_thing) return;
  parts_.authenticator.tell({AuditOutcome::failed, kLoginAction, exchange.username, Proof::password,
                             exchange.credentials.address, detail});
}

void ScramAuthenticator::begin(Executor& reply_to, Credentials credentials, const std::string& message,
                               Done<std::unique_ptr<ScramExchange>> done) {
  using Exchange = std::unique_ptr<ScramExchange>;
  auto exchange = std::make_unique<ScramExchange>();
  exchange->credentials = std::move(credentials);
  auto first = parse_scram_client_first(message);
  if (first) exchange->username = first->username;
  if (must_wait(*exchange)) {
    return answer<Exchange>(reply_to, std::move(done),
                            fail(Errc::quota_exceeded, "too many failed attempts; wait before the next"));
  }
  const Credentials& shown = exchange->credentials;
  if (first && !shown.username.empty() && shown.username != first->username)
    first = fail(Errc::unauthenticated, "the user name of CONNECT is not the one of the exchange");
  if (first && !shown.certificate_der.empty())
    first = fail(Errc::unauthenticated, "a client certificate and SCRAM cannot both be shown");
  if (!first) {
    failed(*exchange);
    return answer<Exchange>(reply_to, std::move(done), std::unexpected(refusal(first.error())));
  }
  const std::uint32_t tenant = parts_.authenticator.tenant().value;
  const std::string name = first->username.substr(0, kMaxThingName);
  const std::string other = scram_id(Owner::thing, name);
  // Both are asked for in either case: known and unknown users take the same time.
  parts_.repository.get(
      reply_to, DocumentKind::scram, tenant, scram_id(Owner::user, name),
      [this, &reply_to, tenant, other, first = *std::move(first), exchange = std::move(exchange),
       done = std::move(done)](Result<OptionalDocument> user) mutable {
        if (!user) return done(std::unexpected(user.error()));
        parts_.repository.get(
            reply_to, DocumentKind::scram, tenant, other,
            [this, user = *std::move(user), first = std::move(first), exchange = std::move(exchange),
             done = std::move(done)](Result<OptionalDocument> thing) mutable {
              if (!thing) return done(std::unexpected(thing.error()));
              const OptionalDocument& found = user ? user : *thing;
              std::optional<ScramRecord> credential;
              if (found) {
                auto read = scram_of(*found);
                if (!read) return done(std::unexpected(read.error()));
                // A name past the limit of names was cut for the search and is nobody's.
                if (read->name == first.username) credential = *std::move(read);
              }
              challenge(std::move(exchange), first, credential, std::move(done));
            });
      });
}

void ScramAuthenticator::challenge(std::unique_ptr<ScramExchange> exchange, const ScramClientFirst& first,
                                   const std::optional<ScramRecord>& credential,
                                   Done<std::unique_ptr<ScramExchange>> done) {
  const std::string nonce = random_text(parts_.rng, kNonceBytes);
  const Digest fake = hmac_sha256(as_bytes(parts_.secret), as_bytes(first.username));
  std::string salt(reinterpret_cast<const char*>(fake.data()), kScramSaltBytes);
  std::uint32_t iterations = kScramIterations;
  if (credential) {
    salt = credential->salt;
    iterations = credential->iterations;
    exchange->keys = {credential->stored_key, credential->server_key};
    exchange->proven = Authenticator::Proven{credential->owner, credential->name, credential->created_at};
  } else {
    // No key's hash: no proof fits, and finish() asks for `proven` besides.
    parts_.rng.fill(exchange->keys.stored_key);
    parts_.rng.fill(exchange->keys.server_key);
  }
  exchange->challenge = make_scram_challenge(first, nonce, salt, iterations);
  done(std::move(exchange));
}

void ScramAuthenticator::finish(Executor& reply_to, std::unique_ptr<ScramExchange> exchange,
                                const std::string& message, Done<Success> done) {
  if (must_wait(*exchange)) {
    return answer<Success>(reply_to, std::move(done),
                           fail(Errc::quota_exceeded, "too many failed attempts; wait before the next"));
  }
  Result<std::string> verified = verify_scram(exchange->challenge, message, exchange->keys);
  if (verified && !exchange->proven) verified = fail(Errc::unauthenticated, std::string(kNotRight));
  if (!verified) {
    failed(*exchange);
    return answer<Success>(reply_to, std::move(done), std::unexpected(refusal(verified.error())));
  }
  parts_.authenticator.penalties().succeeded(user_key(*exchange));
  parts_.authenticator.accept_proven(
      reply_to, std::move(exchange->credentials), *std::move(exchange->proven),
      [done = std::move(done), final = *std::move(verified)](Result<PrincipalRef> principal) mutable {
        if (!principal) return done(std::unexpected(principal.error()));
        done(Success{std::move(final), *std::move(principal)});
      });
}

}  // namespace dunlin::security
