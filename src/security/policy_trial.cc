#include "security/policy_trial.h"

#include <algorithm>
#include <map>
#include <utility>

#include "security/principals.h"

namespace dunlin::security {
namespace {

/// nullopt: it is disabled, and so is denied everything before any policy is asked.
Result<std::optional<Principal>> enabled_thing(const store::Document& stored) {
  DUNLIN_TRY(auto thing, thing_of(stored));
  if (thing.state != ThingRecord::State::enabled) return std::nullopt;
  return principal_of_thing(std::move(thing));
}

Result<std::optional<Principal>> enabled_user(const store::Document& stored) {
  DUNLIN_TRY(auto user, user_of(stored));
  if (user.state != UserRecord::State::enabled) return std::nullopt;
  return principal_of_user(std::move(user));
}

}  // namespace

struct PolicyTrial::Trial {
  Executor* reply_to = nullptr;
  PolicyQuestion question;
  Done done;
  Principal principal;
  std::map<std::string, std::string> documents{};  // by policy
  PolicyEngine::Table compiled{};

  void fail_with(Error error) { done(std::unexpected(std::move(error))); }
  /// A stored policy that cannot be read denies everything, as it does in the engine.
  void take(const StoredPolicy& policy) {
    auto parsed = Policy::parse(policy.json);
    compiled[policy.name] = parsed ? std::make_shared<const Policy>(*std::move(parsed)) : nullptr;
    documents[policy.name] = policy.json;
  }
};

void PolicyTrial::ask(Executor& reply_to, PolicyQuestion question, Done done) {
  auto trial = std::make_unique<Trial>(Trial{&reply_to, std::move(question), std::move(done), {}});
  if (trial->question.draft) {
    if (const auto parsed = Policy::parse(trial->question.draft->json); !parsed) {
      reply_to.post([trial = std::move(trial), error = parsed.error()] { trial->fail_with(error); });
      return;
    }
  }
  const bool is_thing = trial->question.whose == PolicyQuestion::Whose::thing;
  const std::string name = trial->question.name;
  repository_.get(
      reply_to, is_thing ? store::DocumentKind::thing : store::DocumentKind::user, tenant_.value, name,
      [this, is_thing, trial = std::move(trial)](Result<std::optional<store::Document>> found) mutable {
        if (!found) return trial->fail_with(std::move(found).error());
        const std::string kind = is_thing ? "thing " : "user ";
        if (!*found) return trial->fail_with({Errc::not_found, "there is no " + kind + trial->question.name});
        const auto principal = is_thing ? enabled_thing(**found) : enabled_user(**found);
        if (!principal) return trial->fail_with(principal.error());
        if (!*principal)
          return trial->done(
              PolicyAnswer{.explanation = "the " + (kind + trial->question.name) + " is disabled"});
        trial->principal = **principal;
        trial->principal.tenant = tenant_;
        trial->principal.client_id = trial->principal.name;
        if (auto& draft = trial->question.draft) {
          auto& policies = trial->principal.policies;
          std::vector<std::string> names(policies.begin(), policies.end());
          const auto governing = engine_.policies_of(trial->principal);
          if (std::ranges::find(governing, draft->name, &GoverningPolicy::name) == governing.end())
            names.push_back(draft->name);
          policies = std::move(names);
          trial->take(*draft);
        }
        gather(std::move(trial));
      });
}

/// Those that govern it, and those that bound it.
std::vector<std::string> PolicyTrial::asked_policies(const Principal& principal) const {
  std::vector<std::string> names;
  for (GoverningPolicy& policy : engine_.policies_of(principal)) names.push_back(std::move(policy.name));
  if (principal.standing.is_usual()) return names;
  for (const DefaultPolicy& bound : bounds()) names.emplace_back(bound.name);
  return names;
}

void PolicyTrial::gather(TrialPtr trial) {
  for (const std::string& name : asked_policies(trial->principal)) {
    if (trial->documents.contains(name)) continue;
    Executor& reply_to = *trial->reply_to;
    return policies_.get(reply_to, name,
                         [this, name, trial = std::move(trial)](Result<StoredPolicy> found) mutable {
                           if (!found && found.error().code != Errc::not_found)
                             return trial->fail_with(std::move(found).error());
                           if (found) trial->take(*found);
                           trial->documents.try_emplace(name);
                           gather(std::move(trial));
                         });
  }
  judge(std::move(trial));
}

void PolicyTrial::judge(TrialPtr trial) const {
  PolicyEngine engine;
  engine.replace(std::move(trial->compiled));
  engine.share_attachments(engine_);
  const Decision decision = engine.authorize(trial->principal, trial->question.action, trial->question.on);
  PolicyAnswer answer{.allowed = decision.allowed(),
                      .explanation = engine.explain(decision, trial->principal),
                      .statement = decision.statement};
  if (decision.reason == Reason::allowed || decision.reason == Reason::denied) {
    GoverningPolicy deciding = engine.policies_of(trial->principal).at(decision.policy);
    answer.policy = std::move(deciding.name);
    answer.from = std::move(deciding.from);
    answer.json = trial->documents[answer.policy];
  }
  trial->done(std::move(answer));
}

}  // namespace dunlin::security
