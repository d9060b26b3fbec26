#include "security/accounts.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "security/account_rules.h"
#include "security/names.h"
#include "security/roles.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;

Result<void> check_user(const NewUser& user) {
  DUNLIN_CHECK(check_user_name(user.name));
  DUNLIN_CHECK(check_permissions(user.permissions));
  DUNLIN_CHECK(check_policies(user.policies));
  return check_new_password(user.password.view());
}

template <class T>
void answer(Executor& reply_to, Accounts::Done<T> done, Result<T> result) {
  reply_to.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

}  // namespace

void Accounts::write(Executor& reply_to, std::vector<Change> changes, Done<void> done) {
  repository_.write(reply_to, std::move(changes),
                    [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                      if (!written) return done(std::unexpected(written.error()));
                      done({});
                    });
}

struct Accounts::PendingUser {
  Executor& reply_to;
  Actor actor;
  UserRecord user;
  Done<CreatedUser> done;
  int tries_left = 3;  // of storing it, when the claim changes at the same moment
};

void Accounts::create_user(Executor& reply_to, Actor actor, NewUser user, Done<CreatedUser> done) {
  if (const auto fits = check_user(user); !fits)
    return answer<CreatedUser>(reply_to, std::move(done), std::unexpected(fits.error()));
  auto lease = authenticator_.roles().lease(user.roles);
  if (!lease) return answer<CreatedUser>(reply_to, std::move(done), std::unexpected(lease.error()));
  PendingUser pending{reply_to, std::move(actor), {}, holding(*std::move(lease), std::move(done))};
  pending.user.name = std::move(user.name);
  pending.user.permissions = std::move(user.permissions);
  pending.user.roles = std::move(user.roles);
  pending.user.policies = std::move(user.policies);
  pending.user.created_at = unix_milliseconds(clock_.wall_now());
  authenticator_.hash_new_password(reply_to, std::move(user.password),
                                   [this, pending = std::move(pending)](Result<std::string> hash) mutable {
                                     if (!hash) return pending.done(std::unexpected(hash.error()));
                                     pending.user.password = *std::move(hash);
                                     store_user(std::move(pending));
                                   });
}

void Accounts::store_user(PendingUser pending) {
  Executor& reply_to = pending.reply_to;
  repository_.get(reply_to, DocumentKind::setting, tenant().value, std::string(kClaimId),
                  [this, pending = std::move(pending)](Result<OptionalDocument> stored) mutable {
                    if (!stored) return pending.done(std::unexpected(stored.error()));
                    std::vector<Change> changes = {
                        put_change(DocumentKind::user, tenant(), document_of(pending.user), 0)};
                    auto claim = *stored ? claim_of(**stored) : fail(Errc::not_found, "");
                    auto link = CreatedUser::Link::untouched;
                    if (claim && claim->state == ClaimRecord::State::open) {
                      link = CreatedUser::Link::voided;
                      claim->state = ClaimRecord::State::voided;
                      changes.push_back(put_change(DocumentKind::setting, tenant(), document_of(*claim),
                                                   (*stored)->version));
                    }
                    const bool voided = link == CreatedUser::Link::voided;
                    changes.push_back(audit(pending.actor, "user.create", pending.user.name,
                                            voided ? "the one-time link is void" : ""));
                    Executor& executor = pending.reply_to;
                    write(executor, std::move(changes),
                          [this, link, pending = std::move(pending)](Result<void> written) mutable {
                            if (!written) return user_not_stored(std::move(pending), written.error());
                            if (link == CreatedUser::Link::voided) {
                              log::info("security",
                                        "the one-time link is void: a user was made before it was used",
                                        {{"user", pending.user.name}});
                            }
                            pending.done(CreatedUser{std::move(pending.user), link});
                          });
                  });
}

// A conflict is the user's name, or the claim that was used in the meantime.
void Accounts::user_not_stored(PendingUser pending, Error error) {
  if (error.code != Errc::conflict) return pending.done(std::unexpected(std::move(error)));
  Executor& reply_to = pending.reply_to;
  const std::string name = pending.user.name;
  repository_.get(
      reply_to, DocumentKind::user, tenant().value, name,
      [this, pending = std::move(pending), error = std::move(error)](Result<OptionalDocument> found) mutable {
        if (!found) return pending.done(std::unexpected(found.error()));
        if (*found) return pending.done(fail(Errc::already_exists, "a user of this name exists"));
        if (--pending.tries_left == 0) return pending.done(std::unexpected(std::move(error)));
        store_user(std::move(pending));
      });
}

void Accounts::list_users(Executor& reply_to, std::string after, std::size_t limit,
                          Done<std::vector<UserRecord>> done) {
  store::Query query;
  query.kind = DocumentKind::user;
  query.tenant = tenant().value;
  query.after_id = std::move(after);
  query.limit = limit;
  repository_.find(reply_to, std::move(query), [done = std::move(done)](Result<Documents> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    std::vector<UserRecord> users;
    for (const Document& document : *found) {
      auto user = user_of(document);
      if (!user) return done(std::unexpected(user.error()));
      users.push_back(*std::move(user));
    }
    done(std::move(users));
  });
}

void Accounts::find_tokens(Executor& reply_to, TokenType type, const std::string& owner,
                           Done<Documents> done) {
  store::Query query;
  query.kind = DocumentKind::token;
  query.tenant = tenant().value;
  query.equals = {{"owner", token_owner_key(type, owner)}};
  query.limit = kMaxTokensPerOwner + kMaxSessionsPerUser;
  repository_.find(reply_to, std::move(query), std::move(done));
}

void Accounts::remove_user(Executor& reply_to, Actor actor, std::string name, Done<void> done) {
  repository_.get(reply_to, DocumentKind::user, tenant().value, name,
                  [=, this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no user " + name));
                    remove_with_tokens(reply_to, actor, name, std::move(done));
                  });
}

void Accounts::remove_with_tokens(Executor& reply_to, Actor actor, std::string name, Done<void> done) {
  find_tokens(reply_to, TokenType::api, name,
              [=, this, &reply_to, done = std::move(done)](Result<Documents> tokens) mutable {
                if (!tokens) return done(std::unexpected(tokens.error()));
                std::vector<Change> changes = {remove_change(DocumentKind::user, tenant(), name),
                                               audit(actor, "user.delete", name)};
                changes.push_back(remove_change(DocumentKind::second_factor, tenant(), name));
                changes.push_back(
                    remove_change(DocumentKind::scram, tenant(), scram_id(ScramRecord::Owner::user, name)));
                for (const Document& token : *tokens)
                  changes.push_back(remove_change(DocumentKind::token, tenant(), token.id));
                find_tokens(reply_to, TokenType::session, name,
                            [this, &reply_to, name, changes = std::move(changes),
                             done = std::move(done)](Result<Documents> sessions) mutable {
                              if (!sessions) return done(std::unexpected(sessions.error()));
                              for (const Document& one : *sessions)
                                changes.push_back(remove_change(DocumentKind::token, tenant(), one.id));
                              auto companion =
                                  removal_planner_ ? removal_planner_(name) : AttachmentCompanion{};
                              std::ranges::move(companion.changes, std::back_inserter(changes));
                              write(reply_to, std::move(changes),
                                    [stored = std::move(companion.stored),
                                     done = std::move(done)](Result<void> written) mutable {
                                      if (written && stored) stored();
                                      done(std::move(written));
                                    });
                            });
              });
}

void Accounts::store_token(Executor& reply_to, Actor actor, NewToken made, Done<IssuedToken> done) {
  std::string owner = token_owner_key(made.record.type, made.record.owner);
  token_turns_.run<IssuedToken>(
      reply_to, std::move(owner), std::move(done),
      [this, &reply_to, actor = std::move(actor), made = std::move(made)](Done<IssuedToken> stored) mutable {
        store_token_in_turn(reply_to, std::move(actor), std::move(made), std::move(stored));
      });
}

void Accounts::store_token_in_turn(Executor& reply_to, Actor actor, NewToken made, Done<IssuedToken> done) {
  const TokenType type = made.record.type;
  const std::string owner = made.record.owner;
  find_tokens(
      reply_to, type, owner,
      [=, this, &reply_to, made = std::move(made), done = std::move(done)](Result<Documents> held) mutable {
        if (!held) return done(std::unexpected(held.error()));
        if (held->size() >= kMaxTokensPerOwner) {
          return done(fail(Errc::limit_exceeded,
                           owner + " has " + std::to_string(held->size()) + " tokens: delete one first"));
        }
        std::vector<Change> changes = {
            put_change(DocumentKind::token, tenant(), document_of(made.record), 0),
            audit(actor, "token.create", made.record.id, "of " + token_owner_key(type, owner))};
        write(reply_to, std::move(changes),
              [made = std::move(made), done = std::move(done)](Result<void> written) mutable {
                if (!written) return done(std::unexpected(written.error()));
                done(IssuedToken{std::move(made.record), std::move(made.text)});
              });
      });
}

void Accounts::create_device_token(Executor& reply_to, Actor actor, std::string thing, std::string label,
                                   Done<IssuedToken> done) {
  if (!check_thing_name(thing) || label.size() > kMaxLabel) {
    return answer<IssuedToken>(reply_to, std::move(done),
                               fail(Errc::invalid_argument, "the thing's name or the label does not fit"));
  }
  repository_.get(reply_to, DocumentKind::thing, tenant().value, thing,
                  [=, this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no thing " + thing));
                    if (const auto takes = check_takes_credentials(**found); !takes)
                      return done(std::unexpected(takes.error()));
                    NewToken made = make_token(TokenType::device, thing, clock_.wall_now(), rng_);
                    made.record.label = label;
                    store_token(reply_to, actor, std::move(made), std::move(done));
                  });
}

void Accounts::create_api_token(Executor& reply_to, Actor actor, NewApiToken wanted, Done<IssuedToken> done) {
  auto fits = check_permissions(wanted.permissions);
  const bool lifetime_fits = wanted.lifetime >= Duration{0} && wanted.lifetime <= kMaxTokenLifetime;
  const bool gives_nothing = wanted.permissions.empty() && wanted.roles.empty();
  if (fits && (!lifetime_fits || wanted.label.size() > kMaxLabel || gives_nothing)) {
    fits = fail(Errc::invalid_argument,
                "a token needs a permission or a role, a lifetime of at most five years and a short label");
  }
  if (!fits) return answer<IssuedToken>(reply_to, std::move(done), std::unexpected(fits.error()));
  auto lease = authenticator_.roles().lease(wanted.roles);
  if (!lease) return answer<IssuedToken>(reply_to, std::move(done), std::unexpected(lease.error()));
  done = holding(*std::move(lease), std::move(done));
  load_user(
      reply_to, wanted.owner, [=, this, &reply_to, done = std::move(done)](Result<Document> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        const auto user = user_of(*found);
        if (!user) return done(std::unexpected(user.error()));
        const WallTime now = clock_.wall_now();
        NewToken made = make_token(TokenType::api, wanted.owner, now, rng_);
        made.record.label = wanted.label;
        made.record.permissions = wanted.permissions;
        made.record.roles = wanted.roles;
        const RoleTable& roles = authenticator_.roles();
        const auto all = roles.permissions_of(made.record);
        if (cut_permissions(all, roles.permissions_of(*user)).size() != all.size())
          return done(fail(Errc::permission_denied, "a token cannot have more permissions than its owner"));
        if (wanted.lifetime > Duration{0}) made.record.expires_at = unix_milliseconds(now + wanted.lifetime);
        store_token(reply_to, actor, std::move(made), std::move(done));
      });
}

void Accounts::list_tokens(Executor& reply_to, TokenType type, std::string owner,
                           Done<std::vector<TokenRecord>> done) {
  find_tokens(reply_to, type, owner, [done = std::move(done)](Result<Documents> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    std::vector<TokenRecord> tokens;
    for (const Document& document : *found) {
      auto token = token_of(document);
      if (!token) return done(std::unexpected(token.error()));
      tokens.push_back(*std::move(token));
    }
    done(std::move(tokens));
  });
}

void Accounts::remove_token(Executor& reply_to, Actor actor, std::string id, Done<TokenRecord> done) {
  repository_.get(
      reply_to, DocumentKind::token, tenant().value, id,
      [=, this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found) return done(fail(Errc::not_found, "there is no such token"));
        // One that cannot be read goes too; whose sessions it opened is not known then: they end nobody's.
        TokenRecord token;
        token.id = id;
        if (auto read = token_of(**found)) token = *std::move(read);
        write(reply_to,
              {remove_change(DocumentKind::token, tenant(), id),
               audit(actor, "token.delete", id,
                     token.owner.empty() ? std::string() : "of " + token_owner_key(token.type, token.owner))},
              [token = std::move(token), done = std::move(done)](Result<void> written) mutable {
                if (!written) return done(std::unexpected(written.error()));
                done(std::move(token));
              });
      });
}

}  // namespace dunlin::security
