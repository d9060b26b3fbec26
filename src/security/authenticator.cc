#include "security/authenticator.h"

#include <algorithm>
#include <utility>

#include "security/authenticator_attempt.h"
#include "security/jwt.h"
#include "security/names.h"
#include "security/principals.h"
#include "security/roles.h"
#include "security/sas_token.h"
#include "security/x509.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;

constexpr std::string_view kLocalAdminPrefix = "at_local_";
constexpr std::size_t kMaxUsernameField = 256;
constexpr const char* kUnnamed = "(token)";  // who shows a token that nobody knows

/// The server could not judge: it is not the peer's doing.
bool is_own_trouble(Errc code) {
  return code == Errc::unavailable || code == Errc::io || code == Errc::corrupt || code == Errc::no_space;
}

std::string make_client_id(const Principal& principal, Rng& rng) {
  const bool is_thing = principal.kind == PrincipalKind::device || principal.kind == PrincipalKind::gateway;
  const std::string prefix = is_thing ? principal.name + "/" : std::string(kUserClientPrefix);
  return prefix + "auto-" + random_text(rng, 12);
}

}  // namespace

Authenticator::Authenticator(Parts parts, AuthenticatorOptions options)
    : parts_(parts), options_(options), gate_(parts.workers), penalties_(parts.clock) {
  dummy_password_ =
      hash_password(random_text(parts_.rng, 32), parts_.rng, options_.password_cost).value_or("");
}

void Authenticator::finish(AttemptPtr attempt, Result<PrincipalRef> result) {
  if (!result) tell_failure(*attempt, result.error());
  give(std::move(attempt), std::move(result));
}

/// The answer, when somebody else has told of a refusal.
void Authenticator::give(AttemptPtr attempt, Result<PrincipalRef> result) {
  (result ? accepted_ : refused_).fetch_add(1, std::memory_order_relaxed);
  Executor& reply_to = *attempt->reply_to;
  reply_to.post(
      [done = std::move(attempt->done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void Authenticator::tell_failure(const Attempt& attempt, const Error& error) const {
  const Credentials& shown = attempt.credentials;
  const std::string& user =
      shown.username.empty() && attempt.person != kUnnamed ? attempt.person : shown.username;
  tell_refused({.kind = is_own_trouble(error.code) ? RefusalKind::server_busy : attempt.refused_as,
                .address = shown.address,
                .device = shown.client_id,
                .user = user,
                .reason = error.message});
}

void Authenticator::refuse(AttemptPtr attempt, std::string_view detail) {
  if (!attempt->penalty_key.empty()) penalties_.failed(attempt->penalty_key, kMaxAddressPenalty);
  if (!attempt->person.empty()) tell_of(*attempt, AuditOutcome::failed, detail);
  finish(std::move(attempt), fail(Errc::unauthenticated, std::string(detail)));
}

void Authenticator::tell_of(const Attempt& attempt, AuditOutcome outcome, std::string_view detail) const {
  tell({outcome, kLoginAction, attempt.person, attempt.proof, attempt.credentials.address,
        std::string(detail)});
}

bool Authenticator::must_wait(const Attempt& attempt) const {
  return penalties_.wait({attempt.penalty_key}) > Duration{0};
}

void Authenticator::turn_away(AttemptPtr attempt) {
  penalised_.fetch_add(1, std::memory_order_relaxed);
  attempt->refused_as = RefusalKind::penalty;
  if (!attempt->person.empty()) tell_of(*attempt, AuditOutcome::failed, kWaits);
  finish(std::move(attempt), fail(Errc::quota_exceeded, "too many failed attempts; wait before the next"));
}

void Authenticator::authenticate(Executor& reply_to, Credentials credentials, AuthenticationDone done) {
  auto attempt = std::make_unique<Attempt>();
  attempt->reply_to = &reply_to;
  attempt->done = std::move(done);
  attempt->credentials = std::move(credentials);
  Credentials& shown = attempt->credentials;
  if (shown.username.size() > kMaxUsernameField || shown.password.view().size() > kMaxSecretBytes ||
      shown.client_id.size() > kMaxClientId || shown.certificate_der.size() > kMaxCertificateBytes) {
    attempt->refused_as = RefusalKind::malformed;
    return finish(std::move(attempt), fail(Errc::limit_exceeded, "a credential is too long"));
  }
  if (!shown.certificate_der.empty()) return by_certificate(std::move(attempt));
  const std::string_view password = shown.password.view();
  if (looks_like_jwt(password)) return by_jwt(std::move(attempt));
  if (looks_like_sas_token(password)) return by_sas_token(std::move(attempt));
  if (password.starts_with("dt_") || password.starts_with("at_")) {
    attempt->penalty_key = "token|" + network_of(shown.address) + "|" + shown.username;
    attempt->proof = Proof::token;
    attempt->refused_as = RefusalKind::token;
    if (password.starts_with("at_")) attempt->person = shown.username.empty() ? kUnnamed : shown.username;
    if (must_wait(*attempt)) return turn_away(std::move(attempt));
    auto token = parse_token(password);
    if (!token) return refuse(std::move(attempt), "the token is not valid");
    return by_token(std::move(attempt), std::move(*token));
  }
  if (!shown.username.empty() || !shown.password.empty()) return by_password(std::move(attempt));
  by_nothing(std::move(attempt));
}

void Authenticator::by_certificate(AttemptPtr attempt) {
  attempt->proof = Proof::certificate;
  attempt->refused_as = RefusalKind::certificate_invalid;
  auto info = certificates_.read(as_bytes(attempt->credentials.certificate_der));
  if (!info) return refuse(std::move(attempt), "the certificate cannot be read");
  const WallTime now = parts_.clock.wall_now();
  if (now < info->not_before || now >= info->not_after) {
    attempt->refused_as = RefusalKind::certificate_expired;
    return refuse(std::move(attempt), "the certificate is out of date");
  }
  if (parts_.revocations.is_revoked(info->fingerprint)) {
    attempt->refused_as = RefusalKind::certificate_revoked;
    return refuse(std::move(attempt), "the certificate is revoked");
  }
  attempt->refused_as = RefusalKind::certificate_unregistered;
  std::string named = info->thing_name;
  attempt->certificate = *std::move(info);
  by_register(std::move(attempt), std::move(named), Unregistered::may_be_new);
}

void Authenticator::by_register(AttemptPtr attempt, std::string named, Unregistered unregistered) {
  Executor& reply_to = *attempt->reply_to;
  std::string fingerprint = attempt->certificate->fingerprint;
  parts_.repository.get(
      reply_to, DocumentKind::certificate, options_.tenant.value, std::move(fingerprint),
      [this, attempt = std::move(attempt), named = std::move(named),
       unregistered](Result<OptionalDocument> found) mutable {
        if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
        if (!*found && newcomers_ && unregistered == Unregistered::may_be_new)
          return ask_newcomers(std::move(attempt), std::move(named));
        const auto record = *found ? certificate_of(**found) : fail(Errc::not_found, "");
        if (record && record->use == CertificateRecord::Use::claim)
          return refuse(std::move(attempt), "a claim certificate may only enrol");
        // A registered authority's certificates are named by its template; ours name their thing themselves.
        const bool fits = record && record->use == CertificateRecord::Use::device &&
                          (record->thing == named || !record->authority.empty());
        if (!fits) return refuse(std::move(attempt), "the certificate is not registered");
        attempt->refused_as = RefusalKind::certificate_revoked;
        if (record->state != CertificateRecord::State::active)
          return refuse(std::move(attempt), "the certificate is revoked");
        attempt->refused_as = RefusalKind::certificate_expired;
        if (!is_usable(*record, unix_milliseconds(parts_.clock.wall_now())))
          return refuse(std::move(attempt), "the certificate was renewed and is no longer taken");
        attempt->refused_as = RefusalKind::client_id;
        const std::string& username = attempt->credentials.username;
        if (!username.empty() && username != record->thing)
          return refuse(std::move(attempt), "the user name is not the name in the certificate");
        attempt->proof_ends =
            record->retires_at == 0 ? record->not_after : std::min(record->not_after, record->retires_at);
        if (record->authority != kPinned) attempt->authority = record->authority;
        load_thing(std::move(attempt), record->thing, record->created_at);
      });
}

void Authenticator::ask_newcomers(AttemptPtr attempt, std::string named) {
  const Credentials& shown = attempt->credentials;
  Executor& reply_to = *attempt->reply_to;
  const std::string& id = shown.client_id;
  std::string asked = shown.username.empty() ? id.substr(0, id.find('/')) : shown.username;
  newcomers_(reply_to, shown.certificate_der, std::move(asked), shown.address,
             [this, attempt = std::move(attempt), named = std::move(named)](Result<void> admitted) mutable {
               attempt->refused_as = RefusalKind::enrolment;
               if (!admitted) return finish(std::move(attempt), std::unexpected(admitted.error()));
               by_register(std::move(attempt), std::move(named), Unregistered::refused);
             });
}

void Authenticator::by_token(AttemptPtr attempt, TokenText token) {
  attempt->proof = token.type == TokenType::session ? Proof::session : Proof::token;
  attempt->refused_as = RefusalKind::token;
  Executor& reply_to = *attempt->reply_to;
  std::string id = token.id;
  parts_.repository.get(
      reply_to, DocumentKind::token, options_.tenant.value, std::move(id),
      [this, attempt = std::move(attempt), token = std::move(token)](Result<OptionalDocument> found) mutable {
        if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
        if (!*found) return refuse(std::move(attempt), "the token is not valid");
        check_token(std::move(attempt), std::move(token), **found);
      });
}

void Authenticator::check_token(AttemptPtr attempt, TokenText token, const store::Document& stored) {
  const auto record = token_of(stored);
  if (!record || record->type != token.type || !secret_matches(token.secret.view(), record->hash)) {
    return refuse(std::move(attempt), "the token is not valid");
  }
  const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
  if (record->expires_at != 0 && now >= record->expires_at)
    return refuse(std::move(attempt), "the token has expired");
  attempt->proof_ends = record->expires_at;
  const std::string& username = attempt->credentials.username;
  if (record->type == TokenType::device) {
    if (!constant_time_equal(username, record->owner))
      return refuse(std::move(attempt), "the token is not valid");
    return load_thing(std::move(attempt), record->owner, record->created_at);
  }
  if (!username.empty() && username != record->owner)
    return refuse(std::move(attempt), "the token is not valid");
  if (record->type == TokenType::api)
    return load_user(std::move(attempt), record->owner, roles_.permissions_of(*record));
  if (is_idle(*record)) return refuse(std::move(attempt), "the session has ended");
  touch_session(*attempt->reply_to, *record, stored.version);
  // Whatever lives longer than a request asks again before the session could have ended unseen.
  attempt->proof_ends =
      std::min(record->expires_at, unix_milliseconds(parts_.clock.wall_now() + kSessionIdle));
  load_user(std::move(attempt), record->owner, {"*"});
}

bool Authenticator::is_idle(const TokenRecord& token) const {
  const std::lock_guard lock(mutex_);
  const auto used = session_use_.find(token.id);
  const std::int64_t last = std::max(token.last_used_at, used == session_use_.end() ? 0 : used->second);
  return parts_.clock.wall_now() - from_unix_milliseconds(last) >= kSessionIdle;
}

void Authenticator::touch_session(Executor& reply_to, const TokenRecord& token, std::uint64_t version) {
  const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
  {
    const std::lock_guard lock(mutex_);
    // What is lost here is at most kSessionTouch of idle time: the stored value is written below.
    if (session_use_.size() >= kMaxTrackedSessions) session_use_.clear();
    session_use_[token.id] = now;
  }
  if (std::chrono::milliseconds{now - token.last_used_at} < kSessionTouch) return;
  TokenRecord touched = token;
  touched.last_used_at = now;
  // The version guards a sign-out in the meantime: a removed session must not come back. A lost race costs
  // nothing.
  parts_.repository.write(reply_to,
                          {put_change(DocumentKind::token, options_.tenant, document_of(touched), version)},
                          [](Result<std::vector<std::uint64_t>>) {});
}

void Authenticator::accept_proven(Executor& reply_to, Credentials credentials, Proven proven,
                                  AuthenticationDone done) {
  auto attempt = std::make_unique<Attempt>();
  attempt->reply_to = &reply_to;
  attempt->done = std::move(done);
  attempt->credentials = std::move(credentials);
  attempt->proof = Proof::password;
  attempt->refused_as = RefusalKind::malformed;
  if (attempt->credentials.client_id.size() > kMaxClientId)
    return finish(std::move(attempt), fail(Errc::limit_exceeded, "the client id is too long"));
  if (proven.owner == ScramRecord::Owner::thing)
    return load_thing(std::move(attempt), std::move(proven.name), proven.credential_made_at);
  load_user(std::move(attempt), std::move(proven.name), {"*"});
}

void Authenticator::by_nothing(AttemptPtr attempt) {
  const Credentials& shown = attempt->credentials;
  const bool allowed = options_.anonymous == Anonymous::on_loopback && shown.listener == Listener::loopback &&
                       is_loopback(shown.address);
  if (!allowed) return refuse(std::move(attempt), "credentials are needed");
  attempt->refused_as = RefusalKind::client_id;
  Principal principal;
  principal.kind = PrincipalKind::anonymous;
  principal.tenant = options_.tenant;
  principal.name = "anonymous";
  principal.policies = {"anonymous"};
  if (shown.client_id.empty() || shown.client_id.starts_with(kUserClientPrefix)) {
    return accept(std::move(attempt), std::move(principal));
  }
  if (!is_clean_utf8(shown.client_id))
    return finish(std::move(attempt), fail(Errc::malformed, "the client id is not clean text"));
  // Test programs choose any client id; only those of things are kept from them.
  std::string owner = shown.client_id.substr(0, shown.client_id.find('/'));
  Executor& reply_to = *attempt->reply_to;
  parts_.repository.get(reply_to, DocumentKind::thing, options_.tenant.value, std::move(owner),
                        [this, attempt = std::move(attempt),
                         principal = std::move(principal)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
                          if (*found)
                            return finish(std::move(attempt),
                                          fail(Errc::permission_denied, "this client id belongs to a thing"));
                          principal.client_id = attempt->credentials.client_id;
                          finish(std::move(attempt), seal(std::move(principal)));
                        });
}

void Authenticator::load_thing(AttemptPtr attempt, std::string name, std::int64_t credential_made_at) {
  attempt->refused_as = RefusalKind::identity_disabled;
  if (!check_thing_name(name)) return refuse(std::move(attempt), "the thing is not known");
  Executor& reply_to = *attempt->reply_to;
  parts_.repository.get(
      reply_to, DocumentKind::thing, options_.tenant.value, std::move(name),
      [this, credential_made_at, attempt = std::move(attempt)](Result<OptionalDocument> found) mutable {
        if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
        if (!*found) return refuse(std::move(attempt), "the thing is not known");
        auto thing = thing_of(**found);
        if (!thing) return finish(std::move(attempt), std::unexpected(thing.error()));
        if (thing->state != ThingRecord::State::enabled)
          return refuse(std::move(attempt), "the thing is disabled");
        if (thing->standing.lifecycle == Lifecycle::decommission)
          return refuse(std::move(attempt), "the thing is decommissioned");
        // A new thing of an old name: what was given to the old one is not its own.
        if (credential_made_at < thing->created_at)
          return refuse(std::move(attempt), "the credential is older than the thing");
        accept(std::move(attempt), principal_of_thing(*std::move(thing)));
      });
}

void Authenticator::load_user(AttemptPtr attempt, std::string name, std::vector<std::string> cut_to) {
  attempt->refused_as = RefusalKind::identity_disabled;
  Executor& reply_to = *attempt->reply_to;
  parts_.repository.get(reply_to, DocumentKind::user, options_.tenant.value, std::move(name),
                        [this, attempt = std::move(attempt),
                         cut_to = std::move(cut_to)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
                          auto user = *found ? user_of(**found) : fail(Errc::not_found, "");
                          if (!user || user->state != UserRecord::State::enabled)
                            return refuse(std::move(attempt), "the user is not known");
                          Principal principal = principal_of_user(*user);
                          auto all = roles_.permissions_of(*user);
                          const bool uncut = cut_to == std::vector<std::string>{"*"};
                          principal.permissions = uncut ? std::move(all) : cut_permissions(cut_to, all);
                          accept(std::move(attempt), std::move(principal));
                        });
}

void Authenticator::accept(AttemptPtr attempt, Principal principal) {
  // Withdrawn while it was looked at: whoever did that has ended the sessions that were open then.
  attempt->refused_as = RefusalKind::certificate_revoked;
  if (attempt->certificate && parts_.revocations.is_revoked(attempt->certificate->fingerprint))
    return refuse(std::move(attempt), "the certificate is revoked");
  if (!attempt->authority.empty() && vouchers_ &&
      !vouchers_(attempt->authority, attempt->credentials.certificate_der))
    return refuse(std::move(attempt), "the authority that vouches for the certificate is disabled");
  principal.tenant = options_.tenant;
  principal.proof = attempt->proof;
  if (attempt->certificate) show_certificate(principal, *attempt->certificate);
  principal.client_id = attempt->credentials.client_id;
  principal.expires_at = attempt->proof_ends;
  if (attempt->credentials.protocol == "mqtt") {
    if (principal.client_id.empty()) principal.client_id = make_client_id(principal, parts_.rng);
    if (const auto fits = check_client_id(principal, principal.client_id); !fits) {
      attempt->refused_as = RefusalKind::client_id;
      return finish(std::move(attempt), std::unexpected(fits.error()));
    }
  }
  if (!attempt->penalty_key.empty()) penalties_.succeeded(attempt->penalty_key);
  if (principal.kind == PrincipalKind::user && attempt->credentials.protocol == "mqtt") {
    attempt->person = principal.name;
    tell_of(*attempt, AuditOutcome::ok, "by MQTT");
  }
  finish(std::move(attempt), seal(std::move(principal)));
}

void Authenticator::authenticate_bearer(Executor& reply_to, Secret token, std::string address,
                                        AuthenticationDone done) {
  auto attempt = std::make_unique<Attempt>();
  attempt->reply_to = &reply_to;
  attempt->done = std::move(done);
  attempt->proof = Proof::token;
  attempt->refused_as = RefusalKind::token;
  attempt->person = kUnnamed;
  attempt->credentials.address = address;
  if (token.view().size() > kMaxSecretBytes) return refuse(std::move(attempt), "the token is not valid");
  if (token.view().starts_with(kLocalAdminPrefix)) {
    const std::unique_lock lock(mutex_);
    const bool right =
        !local_admin_hash_.empty() && secret_matches(token.view(), local_admin_hash_) && is_loopback(address);
    if (!right) return refuse(std::move(attempt), "the token is not valid");
    Principal principal;
    principal.kind = PrincipalKind::service;
    principal.name = "local-admin";
    principal.permissions = {"*"};
    return accept(std::move(attempt), std::move(principal));
  }
  auto parsed = parse_token(token.view());
  if (!parsed || parsed->type != TokenType::api) return refuse(std::move(attempt), "the token is not valid");
  attempt->person = "token " + parsed->id;
  // By token, not by address alone: one stale script must not shut out its whole network.
  attempt->penalty_key = "bearer|" + network_of(address) + "|" + parsed->id;
  if (must_wait(*attempt)) return turn_away(std::move(attempt));
  by_token(std::move(attempt), std::move(*parsed));
}

void Authenticator::authenticate_session(Executor& reply_to, Secret cookie, std::string address,
                                         AuthenticationDone done) {
  auto attempt = std::make_unique<Attempt>();
  attempt->reply_to = &reply_to;
  attempt->done = std::move(done);
  attempt->proof = Proof::session;
  attempt->refused_as = RefusalKind::token;
  attempt->credentials.address = std::move(address);
  auto parsed =
      cookie.view().size() <= kMaxSecretBytes ? parse_token(cookie.view()) : fail(Errc::unauthenticated, "");
  if (!parsed || parsed->type != TokenType::session)
    return refuse(std::move(attempt), "the session has ended");
  by_token(std::move(attempt), std::move(*parsed));
}

Result<void> Authenticator::write_local_admin_token(Fs& fs, const std::string& data_folder) {
  const Secret token(std::string(kLocalAdminPrefix) + random_text(parts_.rng, 32));
  DUNLIN_CHECK(write_file_atomically(fs, data_folder + "/admin.token", as_bytes(token.view())));
  const std::lock_guard lock(mutex_);
  local_admin_hash_ = sha256_hex(as_bytes(token.view()));
  return {};
}

Authenticator::Counts Authenticator::counts() const {
  return {accepted_.load(), refused_.load(), penalised_.load(), overloaded_.load()};
}

std::vector<std::string> cut_permissions(const std::vector<std::string>& wanted,
                                         const std::vector<std::string>& held) {
  std::vector<std::string> granted;
  std::ranges::copy_if(wanted, std::back_inserter(granted),
                       [&](const std::string& permission) { return holds_permission(held, permission); });
  return granted;
}

}  // namespace dunlin::security
