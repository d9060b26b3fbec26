// The part of Accounts that signs people in: claim, login, logout.
#include <algorithm>
#include <utility>

#include "security/accounts.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;

constexpr std::string_view kFirstUser = "admin";
constexpr const char* kNotValid =
    "the link is not valid: if it was used, sign in; if it is older than a day, restart the server for a new "
    "one";
constexpr const char* kUserExists = "the link is not valid any more: there is a user already; sign in";
constexpr const char* kVoid =
    "the link is void: a user was made on the server before it was used; sign in with that user's name";

store::Query any_user(TenantId tenant) {
  store::Query query;
  query.kind = DocumentKind::user;
  query.tenant = tenant.value;
  query.limit = 1;
  return query;
}

}  // namespace

void Accounts::prepare_claim(Executor& reply_to, Done<std::optional<Secret>> done) {
  repository_.find(reply_to, any_user(tenant()),
                   [this, &reply_to, done = std::move(done)](Result<Documents> users) mutable {
                     if (!users) return done(std::unexpected(users.error()));
                     if (!users->empty()) {
                       return write(reply_to,
                                    {remove_change(DocumentKind::setting, tenant(), std::string(kClaimId))},
                                    [done = std::move(done)](Result<void> removed) mutable {
                                      if (!removed && removed.error().code != Errc::not_found)
                                        return done(std::unexpected(removed.error()));
                                      done(std::optional<Secret>());
                                    });
                     }
                     Secret token(random_text(rng_, 32));
                     ClaimRecord record;
                     record.hash = sha256_hex(as_bytes(token.view()));
                     record.expires_at = unix_milliseconds(clock_.wall_now() + kClaimLifetime);
                     Change change = put_change(DocumentKind::setting, tenant(), document_of(record), 0);
                     change.expected_version.reset();
                     std::vector<Change> changes;
                     changes.push_back(std::move(change));
                     write(reply_to, std::move(changes),
                           [token = std::move(token), done = std::move(done)](Result<void> written) mutable {
                             if (!written) return done(std::unexpected(written.error()));
                             done(std::optional<Secret>(std::move(token)));
                           });
                   });
}

void Accounts::claim(Executor& reply_to, Secret token, Secret password, std::string address,
                     Done<StartedSession> done) {
  const std::string key = "claim|" + network_of(address);
  const auto refuse = [&](Error error) {
    reply_to.post([done = std::move(done), error = std::move(error)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  };
  Authenticator::SignIn attempt{AuditOutcome::failed, kClaimAction, std::string(kFirstUser),
                                Proof::token,         address,      {}};
  if (authenticator_.penalties().wait({key}) > Duration{0}) {
    attempt.detail = kWaits;
    authenticator_.tell_refused({.kind = RefusalKind::penalty, .address = address, .reason = kWaits});
    authenticator_.tell(std::move(attempt));
    return refuse({Errc::quota_exceeded, "too many failed attempts; wait before the next"});
  }
  // The password first: a claim must not be spent, nor punished, for one that is too short.
  if (const auto fits = check_new_password(password.view()); !fits) return refuse(fits.error());
  repository_.get(
      reply_to, DocumentKind::setting, tenant().value, std::string(kClaimId),
      [this, &reply_to, key, attempt = std::move(attempt), token = std::move(token),
       password = std::move(password), done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        const auto failed = [&](const char* why) {
          authenticator_.penalties().failed(key, kMaxAddressPenalty);
          attempt.detail = "the link is not valid";
          authenticator_.tell_refused({.kind = RefusalKind::token,
                                       .address = attempt.address,
                                       .reason = "the one-time link is not valid"});
          authenticator_.tell(attempt);
          return done(fail(Errc::unauthenticated, why));
        };
        // Without a record there is a user already: it is made at every start until there is one.
        if (!*found) return failed(kUserExists);
        const auto record = claim_of(**found);
        const bool right =
            record && token.view().size() <= kMaxSecretBytes && secret_matches(token.view(), record->hash);
        if (right && record->state == ClaimRecord::State::voided)
          return done(fail(Errc::unauthenticated, kVoid));
        const bool open = right && record->state == ClaimRecord::State::open &&
                          unix_milliseconds(clock_.wall_now()) < record->expires_at;
        if (!open) return failed(kNotValid);
        claim_with(reply_to, *std::move(*found), std::move(password), std::move(attempt.address),
                   std::move(done));
      });
}

void Accounts::claim_with(Executor& reply_to, Document stored, Secret password, std::string address,
                          Done<StartedSession> done) {
  repository_.find(reply_to, any_user(tenant()),
                   [this, &reply_to, stored = std::move(stored), password = std::move(password),
                    address = std::move(address), done = std::move(done)](Result<Documents> users) mutable {
                     if (!users) return done(std::unexpected(users.error()));
                     if (!users->empty()) return done(fail(Errc::unauthenticated, kUserExists));
                     authenticator_.hash_new_password(
                         reply_to, std::move(password),
                         [this, &reply_to, stored = std::move(stored), address = std::move(address),
                          done = std::move(done)](Result<std::string> hash) mutable {
                           if (!hash) return done(std::unexpected(hash.error()));
                           UserRecord user;
                           user.name = kFirstUser;
                           user.password = *std::move(hash);
                           user.permissions = {"*"};
                           user.policies = {"user"};
                           user.created_at = unix_milliseconds(clock_.wall_now());
                           ClaimRecord used;
                           used.state = ClaimRecord::State::used;
                           // One write with the version that was read: of two claims at the same moment one
                           // wins.
                           std::vector<Change> changes = {
                               put_change(DocumentKind::setting, tenant(), document_of(used), stored.version),
                               put_change(DocumentKind::user, tenant(), document_of(user), 0),
                               audit(Actor(std::string(kFirstUser), Proof::token, address), kClaimAction,
                                     kFirstUser, "the first user")};
                           write(reply_to, std::move(changes),
                                 [this, &reply_to, user = std::move(user), address = std::move(address),
                                  done = std::move(done)](Result<void> written) mutable {
                                   if (written)
                                     return start_session(reply_to, std::move(user),
                                                          {std::move(address), {}, {}}, std::move(done));
                                   if (written.error().code != Errc::conflict)
                                     return done(std::unexpected(written.error()));
                                   done(fail(Errc::unauthenticated,
                                             "the link is not valid: a user was made a moment ago"));
                                 });
                         });
                   });
}

void Accounts::login(Executor& reply_to, SignInRequest request, Done<std::optional<StartedSession>> done) {
  std::string address = request.address;
  std::string code = std::move(request.code);
  authenticator_.check_password(
      reply_to, std::move(request.user), std::move(request.password), std::move(request.address),
      [this, &reply_to, address = std::move(address), code = std::move(code),
       done = std::move(done)](Result<UserRecord> user) mutable {
        if (!user) return done(std::unexpected(user.error()));
        std::string name = user->name;
        second_factors_.check(reply_to, std::move(name), std::move(code),
                              [this, &reply_to, user = *std::move(user), address = std::move(address),
                               done = std::move(done)](Result<SecondFactors::Verdict> verdict) mutable {
                                second_factor_judged(reply_to, std::move(user), std::move(address),
                                                     std::move(verdict), std::move(done));
                              });
      });
}

void Accounts::second_factor_judged(Executor& reply_to, UserRecord user, std::string address,
                                    Result<SecondFactors::Verdict> verdict,
                                    Done<std::optional<StartedSession>> done) {
  if (!verdict) {
    const bool waits = verdict.error().code == Errc::quota_exceeded;
    authenticator_.tell_refused({.kind = waits ? RefusalKind::penalty : RefusalKind::second_factor,
                                 .address = address,
                                 .user = user.name,
                                 .reason = verdict.error().message});
    authenticator_.tell({AuditOutcome::failed, kLoginAction, user.name, Proof::password, address,
                         "the second factor was not right"});
    return done(std::unexpected(verdict.error()));
  }
  if (verdict->outcome == SecondFactors::Verdict::Outcome::code_needed)
    return done(std::optional<StartedSession>());
  start_session(reply_to, std::move(user),
                {std::move(address), std::move(verdict->changes), std::move(verdict->detail)},
                [done = std::move(done)](Result<StartedSession> started) mutable {
                  // Of two sign-ins with one code at the same moment one comes too late.
                  if (!started && started.error().code == Errc::conflict)
                    return done(fail(Errc::unauthenticated, "the code was used a moment ago"));
                  if (!started) return done(std::unexpected(started.error()));
                  done(std::optional(*std::move(started)));
                });
}

void Accounts::start_session(Executor& reply_to, UserRecord user, Beginning beginning,
                             Done<StartedSession> done) {
  const std::string name = user.name;
  find_tokens(reply_to, TokenType::session, name,
              [this, &reply_to, user = std::move(user), beginning = std::move(beginning),
               done = std::move(done)](Result<Documents> held) mutable {
                if (!held) return done(std::unexpected(held.error()));
                const WallTime now = clock_.wall_now();
                NewToken made = make_token(TokenType::session, user.name, now, rng_);
                made.record.expires_at = unix_milliseconds(now + kSessionLifetime);
                made.record.last_used_at = made.record.created_at;
                made.record.label = beginning.address.substr(0, kMaxLabel);
                std::vector<Change> changes = std::move(beginning.changes);
                changes.push_back(put_change(DocumentKind::token, tenant(), document_of(made.record), 0));
                const Actor actor(user.name, Proof::password, beginning.address);
                std::vector<TokenRecord> sessions;
                for (const Document& document : *held) {
                  if (auto token = token_of(document)) sessions.push_back(*std::move(token));
                }
                std::ranges::sort(sessions, {}, &TokenRecord::last_used_at);
                const std::size_t surplus =
                    sessions.size() >= kMaxSessionsPerUser ? sessions.size() - kMaxSessionsPerUser + 1 : 0;
                for (std::size_t i = 0; i < surplus; ++i) {
                  changes.push_back(remove_change(DocumentKind::token, tenant(), sessions[i].id));
                }
                std::string detail = std::move(beginning.detail);
                if (surplus > 0) {
                  detail += detail.empty() ? "" : "; ";
                  detail += std::to_string(surplus) + " older sessions have ended";
                }
                changes.push_back(audit(actor, kLoginAction, user.name, detail));
                write(reply_to, std::move(changes),
                      [this, user = std::move(user), made = std::move(made),
                       done = std::move(done)](Result<void> written) mutable {
                        if (!written) return done(std::unexpected(written.error()));
                        const WallTime expires_at = from_unix_milliseconds(made.record.expires_at);
                        auto permissions = authenticator_.roles().permissions_of(user);
                        done(StartedSession{std::move(made.text), std::move(user), expires_at,
                                            std::move(permissions)});
                      });
              });
}

void Accounts::logout(Executor& reply_to, Secret cookie, Done<void> done) {
  auto parsed =
      cookie.view().size() <= kMaxSecretBytes ? parse_token(cookie.view()) : fail(Errc::unauthenticated, "");
  if (!parsed || parsed->type != TokenType::session) {
    return reply_to.post([done = std::move(done)]() mutable { done({}); });
  }
  std::string id = parsed->id;
  repository_.get(reply_to, DocumentKind::token, tenant().value, std::move(id),
                  [this, &reply_to, token = *std::move(parsed),
                   done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    const auto record = *found ? token_of(**found) : fail(Errc::not_found, "");
                    // Only whoever holds the whole cookie ends the session.
                    if (!record || !secret_matches(token.secret.view(), record->hash)) return done({});
                    write(reply_to,
                          {remove_change(DocumentKind::token, tenant(), record->id),
                           audit(Actor(record->owner, Proof::session, {}), "session.logout", record->owner)},
                          std::move(done));
                  });
}

}  // namespace dunlin::security
