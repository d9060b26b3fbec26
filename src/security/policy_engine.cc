#include <algorithm>
#include <utility>

#include "security/limits.h"
#include "security/names.h"
#include "security/policy.h"

namespace dunlin::security {
namespace {

constexpr std::uint8_t bit(Action action) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(action));
}

/// The filter inside a shared subscription (MQTT 5.0 section 4.8.2); empty when the form is broken.
std::string_view inner_filter(std::string_view filter) {
  constexpr std::string_view kShare = "$share/";
  if (!filter.starts_with(kShare)) return filter;
  filter.remove_prefix(kShare.size());
  const std::size_t slash = filter.find('/');
  const std::string_view group = filter.substr(0, slash);
  if (slash == std::string_view::npos || group.empty() || group.find_first_of("+#") != std::string_view::npos)
    return {};
  return filter.substr(slash + 1);
}

}  // namespace

std::string explain(const Decision& decision, const Principal& principal) {
  const std::string policy =
      decision.policy < principal.policies.size() ? principal.policies[decision.policy] : "?";
  const std::string place = "statement " + std::to_string(decision.statement) + " of policy " + policy;
  switch (decision.reason) {
    case Reason::allowed:
      return "allowed by " + place;
    case Reason::denied:
      return "denied by " + place;
    case Reason::nothing_allows:
      return "no statement allows it";
    case Reason::not_valid:
      return "not a valid topic, filter or client id";
    case Reason::broken_policy:
      return "policy " + policy + " cannot be read, so everything is denied";
  }
  return "unknown";
}

void BoundPolicy::add(const Statement& statement, std::uint16_t policy, std::uint16_t index,
                      const Principal& principal) {
  Rule rule{.actions = statement.actions,
            .policy = policy,
            .statement = index,
            .topics = {},
            .clients = {},
            .any_client = statement.clients.empty()};
  for (const TopicPatternSource& topic : statement.topics)
    rule.topics.push_back(topic.bind(principal, statement.effect));
  for (const ClientPatternSource& client : statement.clients) {
    Substituted text = substitute(client.text, principal);
    if (text.usable == Usable::yes) {
      rule.clients.push_back({.kind = client.kind, .text = std::move(text.text)});
    } else if (statement.effect == Effect::deny) {
      rule.any_client = true;  // an unusable value never narrows a denial
    }
  }
  (statement.effect == Effect::allow ? allow_ : deny_).push_back(std::move(rule));
}

Decision BoundPolicy::judge_filter(Action action, std::string_view filter) const {
  for (const Rule& rule : deny_) {
    if ((rule.actions & bit(action)) == 0) continue;
    if (std::ranges::any_of(rule.topics, [&](const TopicPattern& topic) { return topic.overlaps(filter); })) {
      return {Reason::denied, rule.policy, rule.statement};
    }
  }
  for (const Rule& rule : allow_) {
    if ((rule.actions & bit(action)) == 0) continue;
    if (std::ranges::any_of(rule.topics, [&](const TopicPattern& topic) { return topic.covers(filter); })) {
      return {Reason::allowed, rule.policy, rule.statement};
    }
  }
  return {};
}

Decision BoundPolicy::authorize(Action action, std::string_view text) const {
  if (broken_.reason == Reason::broken_policy) return broken_;
  if (action == Action::subscribe) {
    const std::string_view filter = inner_filter(text);
    if (!is_clean_utf8(text) || !is_valid_filter(filter)) return {Reason::not_valid};
    return judge_filter(action, filter);
  }
  const bool is_connect = action == Action::connect;
  if (is_connect ? text.size() > kMaxClientId || !is_clean_utf8(text) : !is_valid_topic(text))
    return {Reason::not_valid};
  const auto client_matches = [&](const ClientPattern& client) {
    return client.kind == ClientPatternSource::Kind::exact ? text == client.text
                                                           : text.starts_with(client.text);
  };
  const auto speaks = [&](const Rule& rule) {
    if ((rule.actions & bit(action)) == 0) return false;
    if (is_connect) return rule.any_client || std::ranges::any_of(rule.clients, client_matches);
    return std::ranges::any_of(rule.topics, [&](const TopicPattern& topic) { return topic.matches(text); });
  };
  if (const auto rule = std::ranges::find_if(deny_, speaks); rule != deny_.end()) {
    return {Reason::denied, rule->policy, rule->statement};
  }
  if (const auto rule = std::ranges::find_if(allow_, speaks); rule != allow_.end()) {
    return {Reason::allowed, rule->policy, rule->statement};
  }
  return {};
}

bool BoundPolicy::receives_all(std::string_view filter) const {
  const std::string_view inner = inner_filter(filter);
  if (broken_.reason == Reason::broken_policy || !is_valid_filter(inner)) return false;
  return judge_filter(Action::receive, inner).allowed();
}

PolicyEngine::PolicyEngine() : table_(std::make_shared<const Table>()) {}

PolicyEngine::Snapshot PolicyEngine::snapshot() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

void PolicyEngine::replace(Table policies) {
  const std::lock_guard lock(mutex_);
  table_ = std::make_shared<const Table>(std::move(policies));
  epoch_.fetch_add(1, std::memory_order_release);
}

void PolicyEngine::put(const std::string& name, PolicyRef policy) {
  const std::lock_guard lock(mutex_);
  Table changed = *table_;
  changed.insert_or_assign(name, std::move(policy));
  table_ = std::make_shared<const Table>(std::move(changed));
  epoch_.fetch_add(1, std::memory_order_release);
}

void PolicyEngine::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  Table changed = *table_;
  changed.erase(name);
  table_ = std::make_shared<const Table>(std::move(changed));
  epoch_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const BoundPolicy> PolicyEngine::bind(const Principal& principal) const {
  const Snapshot policies = snapshot();
  auto bound = std::make_shared<BoundPolicy>();
  if (principal.policies.size() > kMaxPoliciesPerPrincipal) {
    bound->broken_ = {Reason::broken_policy, static_cast<std::uint16_t>(kMaxPoliciesPerPrincipal)};
    return bound;
  }
  for (std::size_t i = 0; i < principal.policies.size(); ++i) {
    const auto index = static_cast<std::uint16_t>(i);
    const auto found = policies->find(principal.policies[i]);
    if (found == policies->end()) continue;
    if (found->second == nullptr) {
      // What it would have denied is unknown, so nothing that others allow can stand.
      bound->broken_ = {Reason::broken_policy, index};
      return bound;
    }
    const auto statements = found->second->statements();
    for (std::size_t s = 0; s < statements.size(); ++s) {
      bound->add(statements[s], index, static_cast<std::uint16_t>(s), principal);
    }
  }
  return bound;
}

const BoundPolicy& Authorizer::current() {
  // The epoch is read first: a change in between makes the next call bind again, never miss it.
  const std::uint64_t epoch = engine_->epoch();
  if (bound_ == nullptr || epoch != epoch_) {
    bound_ = engine_->bind(*principal_);
    epoch_ = epoch;
  }
  return *bound_;
}

}  // namespace dunlin::security
