#include "security/policies.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "security/limits.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;
using Documents = std::vector<Document>;
using Versions = std::vector<std::uint64_t>;

/// Policies that are made once, and not again when somebody has removed them.
struct DefaultSet {
  std::string_view made;  // the setting that says so
  std::span<const DefaultPolicy> policies;
};
std::array<DefaultSet, 2> default_sets() {
  return {{{"policies.defaults_made", default_policies()}, {"policies.bounds_made", bounds()}}};
}

Document document(std::string name, std::string json) {
  return {.id = std::move(name), .version = 0, .body = std::move(json), .index = {}};
}

StoredPolicy policy_of(const Document& stored) {
  return {stored.id, stored.body, stored.version};
}

PolicyEngine::PolicyRef compile(std::string_view json) {
  auto policy = Policy::parse(json);
  return policy ? std::make_shared<const Policy>(*std::move(policy)) : nullptr;
}

}  // namespace

void PolicyRegister::load(Executor& reply_to, Done<void> done) {
  make_defaults(reply_to, 0, std::move(done));
}

void PolicyRegister::make_defaults(Executor& reply_to, std::size_t set, Done<void> done) {
  if (set == default_sets().size()) return fill_engine(reply_to, std::move(done));
  std::string setting(default_sets()[set].made);
  repository_.get(reply_to, DocumentKind::setting, tenant_.value, std::move(setting),
                  [this, &reply_to, set, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (*found) return make_defaults(reply_to, set + 1, std::move(done));
                    write_defaults(reply_to, set, std::move(done));
                  });
}

/// A policy that has the name already is an operator's: it stays.
void PolicyRegister::write_defaults(Executor& reply_to, std::size_t set, Done<void> done) {
  list(reply_to,
       [this, &reply_to, set, done = std::move(done)](Result<std::vector<StoredPolicy>> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         const DefaultSet wanted = default_sets()[set];
         std::vector<Change> changes = {
             put_change(DocumentKind::setting, tenant_, document(std::string(wanted.made), "{}"), 0)};
         for (const DefaultPolicy& policy : wanted.policies) {
           const bool is_there = std::ranges::find(*held, policy.name, &StoredPolicy::name) != held->end();
           if (policy.json.empty() || is_there) continue;
           changes.push_back(put_change(DocumentKind::policy, tenant_,
                                        document(std::string(policy.name), std::string(policy.json)), 0));
         }
         repository_.write(reply_to, std::move(changes),
                           [this, &reply_to, set, done = std::move(done)](Result<Versions> written) mutable {
                             if (!written) return done(std::unexpected(written.error()));
                             make_defaults(reply_to, set + 1, std::move(done));
                           });
       });
}

void PolicyRegister::fill_engine(Executor& reply_to, Done<void> done) {
  list(reply_to, [this, done = std::move(done)](Result<std::vector<StoredPolicy>> policies) mutable {
    if (!policies) return done(std::unexpected(policies.error()));
    PolicyEngine::Table table;
    for (const StoredPolicy& policy : *policies) table.emplace(policy.name, compile(policy.json));
    engine_.replace(std::move(table));
    done({});
  });
}

void PolicyRegister::put(Executor& reply_to, Actor actor, StoredPolicy policy,
                         std::optional<std::uint64_t> expected_version, Done<StoredPolicy> done) {
  const auto refuse = [&](Error error) {
    reply_to.post([done = std::move(done), error = std::move(error)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  };
  if (const auto fits = check_policy_name(policy.name); !fits) return refuse(fits.error());
  auto parsed = Policy::parse(policy.json);
  if (!parsed) return refuse(parsed.error());
  auto compiled =
      std::make_shared<const Policy>(*std::move(parsed));  // shared: it goes into the engine's snapshots
  list(reply_to, [=, this, &reply_to, policy = std::move(policy),
                  done = std::move(done)](Result<std::vector<StoredPolicy>> held) mutable {
    if (!held) return done(std::unexpected(held.error()));
    const bool is_new = std::ranges::find(*held, policy.name, &StoredPolicy::name) == held->end();
    if (is_new && held->size() >= kMaxPolicies)
      return done(fail(Errc::limit_exceeded, "there are too many policies"));
    Change change = put_change(DocumentKind::policy, tenant_, document(policy.name, policy.json), 0);
    change.expected_version = expected_version;
    std::vector<Change> changes = {
        std::move(change), audit_change(tenant_, clock_.wall_now(),
                                        {.actor = actor, .action = "policy.put", .object = policy.name})};
    repository_.write(reply_to, std::move(changes),
                      [this, compiled, policy = std::move(policy),
                       done = std::move(done)](Result<Versions> written) mutable {
                        if (!written) return done(std::unexpected(written.error()));
                        engine_.put(policy.name, compiled);
                        policy.version = written->front();
                        done(std::move(policy));
                      });
  });
}

void PolicyRegister::get(Executor& reply_to, std::string name, Done<StoredPolicy> done) {
  repository_.get(reply_to, DocumentKind::policy, tenant_.value, name,
                  [name, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no policy " + name));
                    done(policy_of(**found));
                  });
}

void PolicyRegister::list(Executor& reply_to, Done<std::vector<StoredPolicy>> done) {
  store::Query query;
  query.kind = DocumentKind::policy;
  query.tenant = tenant_.value;
  query.limit = kMaxPolicies;
  repository_.find(reply_to, std::move(query), [done = std::move(done)](Result<Documents> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    std::vector<StoredPolicy> policies;
    for (const Document& stored : *found) policies.push_back(policy_of(stored));
    done(std::move(policies));
  });
}

void PolicyRegister::remove(Executor& reply_to, Actor actor, std::string name, Done<void> done) {
  repository_.get(reply_to, DocumentKind::policy, tenant_.value, name,
                  [=, this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found) return done(fail(Errc::not_found, "there is no policy " + name));
                    std::vector<Change> changes = {
                        remove_change(DocumentKind::policy, tenant_, name),
                        audit_change(tenant_, clock_.wall_now(),
                                     {.actor = actor, .action = "policy.delete", .object = name})};
                    repository_.write(reply_to, std::move(changes),
                                      [this, name, done = std::move(done)](Result<Versions> written) mutable {
                                        if (!written) return done(std::unexpected(written.error()));
                                        engine_.remove(name);
                                        done({});
                                      });
                  });
}

}  // namespace dunlin::security
