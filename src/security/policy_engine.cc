#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "security/decision_cache.h"
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

bool has_wildcard(std::string_view text) {
  return text.contains('+') || text.contains('#');
}

constexpr std::size_t kQuarantineBound = kLifecycleNames.size();

std::string explain_bound(std::size_t place) {
  const std::string name(bounds()[place].name);
  if (place == static_cast<std::size_t>(Lifecycle::decommission)) return "the thing is decommissioned";
  if (place == kQuarantineBound) return "the thing is in quarantine (policy " + name + ")";
  return "the thing is in " + std::string(kLifecycleNames[place]) + " (policy " + name + ")";
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
    case Reason::standing:
      return explain_bound(decision.policy);
  }
  return "unknown";
}

namespace {

/// One question, asked of statement after statement.
class Question {
 public:
  Question(const Principal& principal, Action action, std::string_view text)
      : principal_(principal), action_(action), text_(text), asked_(asked_of(action, text)) {}

  bool speaks(const Statement& statement) const {
    if ((statement.actions & bit(action_)) == 0) return false;
    if (action_ == Action::connect) return speaks_of_client(statement);
    const TopicPattern::For whom{principal_, statement.effect};
    return std::ranges::any_of(statement.topics, [&](const TopicPattern& topic) {
      if (asked_ == Asked::topic) return topic.matches(text_, whom);
      return statement.effect == Effect::allow ? topic.covers(text_, whom)
                                               : topic.overlaps(text_, principal_);
    });
  }

 private:
  enum class Asked : std::uint8_t { topic, every_topic_of_a_filter };
  static Asked asked_of(Action action, std::string_view text) {
    const bool filter = action == Action::subscribe || (action == Action::receive && has_wildcard(text));
    return filter ? Asked::every_topic_of_a_filter : Asked::topic;
  }
  bool speaks_of_client(const Statement& statement) const {
    const auto fits = [&](const ClientPattern& client) {
      const bool is_exact = client.kind == ClientPattern::Kind::exact;
      const Fit fit = is_exact ? fit_whole(client.text, principal_, text_)
                               : fit_beginning(client.text, principal_, text_);
      // An unusable value never narrows a denial.
      return fit == Fit::equal || (fit == Fit::unusable && statement.effect == Effect::deny);
    };
    return statement.clients.empty() || std::ranges::any_of(statement.clients, fits);
  }

  const Principal& principal_;
  const Action action_;
  const std::string_view text_;
  const Asked asked_;
};

bool is_valid_question(Action action, std::string_view whole, std::string_view text) {
  if (action == Action::connect) return text.size() <= kMaxClientId && is_clean_utf8(text);
  if (action == Action::subscribe) return is_clean_utf8(whole) && is_valid_filter(text);
  if (action == Action::receive && has_wildcard(text)) return is_valid_filter(text);
  return is_valid_topic(text);
}

/// The policies that a principal names and that exist, with their places.
struct Named {
  const Policy* policy = nullptr;
  std::uint16_t place = 0;
};
using NamedPolicies = std::array<Named, kMaxPoliciesPerPrincipal>;

std::optional<Decision> first_that_speaks(const Question& question, std::span<const Named> named,
                                          Effect effect) {
  for (const Named& one : named) {
    const auto statements = one.policy->statements();
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (statements[i].effect != effect || !question.speaks(statements[i])) continue;
      const Reason reason = effect == Effect::allow ? Reason::allowed : Reason::denied;
      return Decision{reason, one.place, static_cast<std::uint16_t>(i)};
    }
  }
  return std::nullopt;
}

Decision decide(const Question& question, std::span<const Named> named) {
  if (const auto denied = first_that_speaks(question, named, Effect::deny)) return *denied;
  return first_that_speaks(question, named, Effect::allow).value_or(Decision{});
}

/// The bounds as they stand in this program, compiled once.
const Policy* built_in_bound(std::size_t place) {
  static const std::vector<Policy> kCompiled = [] {
    std::vector<Policy> compiled;
    for (const DefaultPolicy& bound : bounds())
      compiled.push_back(bound.json.empty() ? Policy() : Policy::parse(bound.json).value());
    return compiled;
  }();
  return &kCompiled[place];
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

PolicyEngine::PolicyEngine() : id_(next_id()), table_(std::make_shared<const Table>()) {}

PolicyEngine::Snapshot PolicyEngine::snapshot() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

/// The table of this thread's last question, while it is still the newest.
const PolicyEngine::Table& PolicyEngine::current() const {
  struct Known {
    std::uint64_t engine = 0;
    std::uint64_t epoch = 0;
    Snapshot table;
  };
  thread_local Known known;
  // The epoch is read first: a change in between makes the next question look again, never miss it.
  const std::uint64_t now = epoch();
  if (known.engine != id_ || known.epoch != now) known = {id_, now, snapshot()};
  return *known.table;
}

void PolicyEngine::publish(Table changed) {
  auto table = std::make_shared<const Table>(std::move(changed));
  {
    const std::lock_guard lock(mutex_);
    table_.swap(table);
  }
  epoch_.fetch_add(1, std::memory_order_release);
}

void PolicyEngine::replace(Table policies) {
  const std::lock_guard one(writers_);
  publish(std::move(policies));
}

void PolicyEngine::put(const std::string& name, PolicyRef policy) {
  const std::lock_guard one(writers_);
  Table changed = *snapshot();
  changed.insert_or_assign(name, std::move(policy));
  publish(std::move(changed));
}

void PolicyEngine::remove(const std::string& name) {
  const std::lock_guard one(writers_);
  Table changed = *snapshot();
  changed.erase(name);
  publish(std::move(changed));
}

Decision PolicyEngine::authorize(const Principal& principal, Action action, std::string_view text) const {
  // Asked once a connection: kept, the answer would only take the place of one that is asked again.
  if (action == Action::connect || action == Action::subscribe) return judge(principal, action, text);
  DecisionCache& cache = DecisionCache::of_this_thread();
  // The epoch is read before the table: after a change in between, the newer answer is kept under the older
  // epoch, where no later question finds it.
  const DecisionCache::Question question{id_, epoch(), principal, action, text};
  if (const Decision* known = cache.find(question)) return *known;
  const Decision decision = judge(principal, action, text);
  cache.keep(question, decision);
  return decision;
}

Decision PolicyEngine::judge(const Principal& principal, Action action, std::string_view text) const {
  if (principal.policies.size() > kMaxPoliciesPerPrincipal)
    return {Reason::broken_policy, static_cast<std::uint16_t>(kMaxPoliciesPerPrincipal)};
  const Table& table = current();
  NamedPolicies named;
  std::size_t count = 0;
  for (std::size_t i = 0; i < principal.policies.size(); ++i) {
    const auto place = static_cast<std::uint16_t>(i);
    const auto found = table.find(std::string_view(principal.policies[i]));
    if (found == table.end()) continue;
    // What it would have denied is unknown, so nothing that others allow can stand.
    if (found->second == nullptr) return {Reason::broken_policy, place};
    named[count++] = {found->second.get(), place};
  }
  const std::string_view inner = action == Action::subscribe ? inner_filter(text) : text;
  if (!is_valid_question(action, text, inner)) return {Reason::not_valid};
  const Question question(principal, action, inner);
  const Decision own = decide(question, std::span<const Named>(named.data(), count));
  if (!own.allowed() || principal.standing.is_usual()) return own;
  return within_bounds(table, principal, action, inner, own);
}

Decision PolicyEngine::bound(const Principal& thing, Action action, std::string_view text) const {
  const Decision allowed{Reason::allowed};
  if (thing.standing.is_usual()) return allowed;
  return within_bounds(current(), thing, action, text, allowed);
}

Decision PolicyEngine::within_bounds(const Table& table, const Principal& principal, Action action,
                                     std::string_view text, Decision own) {
  const Question question(principal, action, text);
  const auto allows = [&](std::size_t place) {
    const auto stored = table.find(bounds()[place].name);
    const Policy* bound = stored == table.end() ? built_in_bound(place) : stored->second.get();
    if (bound == nullptr) return false;
    const Named named{bound, 0};
    return decide(question, std::span(&named, 1)).allowed();
  };
  const Standing standing = principal.standing;
  const auto stage = static_cast<std::size_t>(standing.lifecycle);
  const bool alive = standing.lifecycle != Lifecycle::decommission;
  if (!alive || (standing.lifecycle != Lifecycle::operation && !allows(stage)))
    return {Reason::standing, static_cast<std::uint16_t>(stage)};
  if (standing.quarantine == Quarantine::yes && !allows(kQuarantineBound))
    return {Reason::standing, static_cast<std::uint16_t>(kQuarantineBound)};
  return own;
}

}  // namespace dunlin::security
