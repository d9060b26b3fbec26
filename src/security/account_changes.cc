// The part of Accounts that changes users and tokens that are there.
#include <algorithm>
#include <utility>

#include "security/account_rules.h"
#include "security/accounts.h"
#include "security/names.h"
#include "security/roles.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;

Result<void> check_change(const UserChange& change) {
  if (change.permissions) DUNLIN_CHECK(check_permissions(*change.permissions));
  if (change.policies) DUNLIN_CHECK(check_policies(*change.policies));
  return {};
}

UserRecord changed(UserRecord user, UserChange change) {
  if (change.permissions) user.permissions = *std::move(change.permissions);
  if (change.roles) user.roles = *std::move(change.roles);
  if (change.policies) user.policies = *std::move(change.policies);
  if (change.state) user.state = *change.state;
  return user;
}

/// Which members a change names, for the audit.
std::string members_of(const UserChange& change) {
  std::string names;
  const auto add = [&names](bool named, std::string_view name) {
    if (named) names.append(names.empty() ? "" : ", ").append(name);
  };
  add(change.permissions.has_value(), "permissions");
  add(change.roles.has_value(), "roles");
  add(change.policies.has_value(), "policies");
  add(change.state.has_value(), "state");
  return names;
}

template <class T>
void answer(Executor& reply_to, Accounts::Done<T> done, Error error) {
  reply_to.post([done = std::move(done), error = std::move(error)]() mutable {
    done(std::unexpected(std::move(error)));
  });
}

}  // namespace

Result<void> check_permissions(const std::vector<std::string>& permissions) {
  const auto fits = [](const std::string& text) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || c == ':' || c == '*' || c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= kMaxPermissionBytes && std::ranges::all_of(text, allowed);
  };
  if (permissions.size() <= kMaxPermissions && std::ranges::all_of(permissions, fits)) return {};
  return fail(Errc::invalid_argument,
              "permissions: at most " + std::to_string(kMaxPermissions) + ", each like things:read");
}

Result<void> check_policies(const std::vector<std::string>& policies) {
  if (policies.size() > kMaxPoliciesPerPrincipal) return fail(Errc::invalid_argument, "policies: too many");
  for (const std::string& policy : policies) DUNLIN_CHECK(check_policy_name(policy));
  return {};
}

void Accounts::load_user(Executor& reply_to, std::string name, Done<Document> done) {
  repository_.get(reply_to, DocumentKind::user, tenant().value, name,
                  [name, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no user " + name));
                    done(**std::move(found));
                  });
}

void Accounts::get_user(Executor& reply_to, std::string name, Done<UserRecord> done) {
  load_user(reply_to, std::move(name), [done = std::move(done)](Result<Document> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    done(user_of(*found));
  });
}

void Accounts::change_user(Executor& reply_to, Actor actor, std::string name, UserChange change,
                           Done<UserRecord> done) {
  if (const auto fits = check_change(change); !fits) return answer(reply_to, std::move(done), fits.error());
  auto lease = authenticator_.roles().lease(change.roles.value_or(std::vector<std::string>{}));
  if (!lease) return answer(reply_to, std::move(done), lease.error());
  done = holding(*std::move(lease), std::move(done));
  load_user(reply_to, std::move(name),
            [this, &reply_to, actor = std::move(actor), change = std::move(change),
             done = std::move(done)](Result<Document> found) mutable {
              if (!found) return done(std::unexpected(found.error()));
              auto user = user_of(*found);
              if (!user) return done(std::unexpected(user.error()));
              const std::string members = members_of(change);
              *user = changed(*std::move(user), std::move(change));
              std::vector<Change> changes = {
                  put_change(DocumentKind::user, tenant(), document_of(*user), found->version),
                  audit(actor, "user.update", user->name, members)};
              write(reply_to, std::move(changes),
                    [user = *std::move(user), done = std::move(done)](Result<void> written) mutable {
                      if (!written) return done(std::unexpected(written.error()));
                      done(std::move(user));
                    });
            });
}

void Accounts::confirm_password(Executor& reply_to, std::string user, Secret password, std::string address,
                                Done<void> done) {
  authenticator_.check_password(reply_to, std::move(user), std::move(password), std::move(address),
                                [done = std::move(done)](Result<UserRecord> found) mutable {
                                  if (!found) return done(std::unexpected(found.error()));
                                  done({});
                                });
}

void Accounts::set_password(Executor& reply_to, Actor actor, std::string name, Secret password,
                            Done<void> done) {
  authenticator_.hash_new_password(reply_to, std::move(password),
                                   [this, &reply_to, actor = std::move(actor), name = std::move(name),
                                    done = std::move(done)](Result<std::string> hash) mutable {
                                     if (!hash) return done(std::unexpected(hash.error()));
                                     store_password(reply_to, std::move(actor), std::move(name),
                                                    *std::move(hash), std::move(done));
                                   });
}

// Whoever has stolen a session must not outlive the change that was made because of it.
void Accounts::store_password(Executor& reply_to, Actor actor, std::string name, std::string hash,
                              Done<void> done) {
  load_user(reply_to, name,
            [this, &reply_to, actor = std::move(actor), name, hash = std::move(hash),
             done = std::move(done)](Result<Document> found) mutable {
              if (!found) return done(std::unexpected(found.error()));
              auto user = user_of(*found);
              if (!user) return done(std::unexpected(user.error()));
              user->password = std::move(hash);
              std::vector<Change> changes = {
                  put_change(DocumentKind::user, tenant(), document_of(*user), found->version)};
              find_tokens(
                  reply_to, TokenType::session, name,
                  [this, &reply_to, actor = std::move(actor), name, changes = std::move(changes),
                   done = std::move(done)](Result<Documents> sessions) mutable {
                    if (!sessions) return done(std::unexpected(sessions.error()));
                    for (const Document& one : *sessions)
                      changes.push_back(remove_change(DocumentKind::token, tenant(), one.id));
                    changes.push_back(audit(actor, "user.password", name,
                                            std::to_string(sessions->size()) + " sessions have ended"));
                    write(reply_to, std::move(changes), std::move(done));
                  });
            });
}

void Accounts::get_token(Executor& reply_to, std::string id, Done<TokenRecord> done) {
  repository_.get(reply_to, DocumentKind::token, tenant().value, std::move(id),
                  [done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no such token"));
                    done(token_of(**found));
                  });
}

void Accounts::narrow_token(Executor& reply_to, Actor actor, std::string id,
                            std::vector<std::string> permissions, Done<TokenRecord> done) {
  auto fits = check_permissions(permissions);
  if (fits && permissions.empty())
    fits = fail(Errc::invalid_argument, "a token needs a permission: delete it if it is to have none");
  if (!fits) return answer(reply_to, std::move(done), fits.error());
  repository_.get(
      reply_to, DocumentKind::token, tenant().value, std::move(id),
      [this, &reply_to, actor = std::move(actor), permissions = std::move(permissions),
       done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        auto token = *found ? token_of(**found) : fail(Errc::not_found, "there is no such token");
        if (token && token->type != TokenType::api) token = fail(Errc::not_found, "this is no API token");
        if (!token) return done(std::unexpected(token.error()));
        const auto held = authenticator_.roles().permissions_of(*token);
        if (cut_permissions(permissions, held).size() != permissions.size())
          return done(fail(Errc::permission_denied, "a token can be given less than it has, never more"));
        token->permissions = std::move(permissions);
        token->roles.clear();
        std::vector<Change> changes = {
            put_change(DocumentKind::token, tenant(), document_of(*token), (*found)->version),
            audit(actor, "token.narrow", token->id, "of " + token_owner_key(token->type, token->owner))};
        write(reply_to, std::move(changes),
              [token = *std::move(token), done = std::move(done)](Result<void> written) mutable {
                if (!written) return done(std::unexpected(written.error()));
                done(std::move(token));
              });
      });
}

}  // namespace dunlin::security
