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

/// A policy that governs a principal and that exists, with its place.
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

/// "group line-1"
std::string spoken(const Subject& subject) {
  return std::string(subject_kind_name(subject.kind)) + " " + subject.name;
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

/// The names of the policies that govern a principal, in the order of their places: its own, then those
/// attached to it, to its groups, to its certificate. Points into principal and rules; makes no copy.
class PolicyEngine::Governing {
 public:
  struct Source {
    std::string_view policy;
    const Subject* from = nullptr;  // null: the principal names it
  };

  Governing(const AttachmentTable& attachments, const Principal& principal) : attachments_(attachments) {
    for (const std::string& policy : principal.policies) add({policy, nullptr});
    if (attachments.is_empty()) return;
    if (principal.is_thing()) take(SubjectKind::thing, principal.name);
    if (principal.kind == PrincipalKind::user) take(SubjectKind::user, principal.name);
    if (!principal.fingerprint().empty()) take(SubjectKind::certificate, principal.fingerprint());
  }

  std::span<const Source> sources() const { return {sources_.data(), count_}; }
  bool are_too_many() const { return too_many_; }
  const Subject* broken() const { return broken_; }

 private:
  void take(SubjectKind kind, std::string_view name) {
    const Attached* attached = attachments_.find(kind, name);
    if (attached == nullptr) return;
    if (attached->state == Attached::State::broken) broken_ = &attached->subject;
    for (const std::string& policy : attached->policies) add({policy, &attached->subject});
    for (const std::string& group : attached->groups) take(SubjectKind::group, group);
  }
  void add(Source source) {
    if (std::ranges::find(sources(), source.policy, &Source::policy) != sources().end()) return;
    too_many_ = too_many_ || count_ == sources_.size();
    if (!too_many_) sources_[count_++] = source;
  }

  const AttachmentTable& attachments_;
  std::array<Source, kMaxPoliciesPerPrincipal> sources_;
  std::size_t count_ = 0;
  bool too_many_ = false;
  const Subject* broken_ = nullptr;
};

PolicyEngine::PolicyEngine()
    : id_(next_id()),
      rules_(std::make_shared<const Rules>(Rules{std::make_shared<const Table>(), AttachmentTable()})) {}

PolicyEngine::Snapshot PolicyEngine::snapshot() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

/// The rules of this thread's last question, while they are still the newest.
const PolicyEngine::Rules& PolicyEngine::current() const {
  struct Known {
    std::uint64_t engine = 0;
    std::uint64_t epoch = 0;
    Snapshot rules;
  };
  thread_local Known known;
  // The epoch is read first: a change in between makes the next question look again, never miss it.
  const std::uint64_t now = epoch();
  if (known.engine != id_ || known.epoch != now) known = {id_, now, snapshot()};
  return *known.rules;
}

void PolicyEngine::publish(Rules changed) {
  auto rules = std::make_shared<const Rules>(std::move(changed));
  {
    const std::lock_guard lock(mutex_);
    rules_.swap(rules);
  }
  epoch_.fetch_add(1, std::memory_order_release);
}

void PolicyEngine::replace(Table policies) {
  const std::lock_guard one(writers_);
  publish({std::make_shared<const Table>(std::move(policies)), snapshot()->attachments});
}

void PolicyEngine::put(const std::string& name, PolicyRef policy) {
  const std::lock_guard one(writers_);
  const Snapshot before = snapshot();
  Table changed = *before->policies;
  changed.insert_or_assign(name, std::move(policy));
  publish({std::make_shared<const Table>(std::move(changed)), before->attachments});
}

void PolicyEngine::remove(const std::string& name) {
  const std::lock_guard one(writers_);
  const Snapshot before = snapshot();
  Table changed = *before->policies;
  changed.erase(name);
  publish({std::make_shared<const Table>(std::move(changed)), before->attachments});
}

void PolicyEngine::attach(std::span<const AttachedRef> changes) {
  const std::lock_guard one(writers_);
  Rules changed = *snapshot();
  changed.attachments.put(changes);
  publish(std::move(changed));
}

void PolicyEngine::share_attachments(const PolicyEngine& other) {
  const std::lock_guard one(writers_);
  publish({snapshot()->policies, other.snapshot()->attachments});
}

std::vector<GoverningPolicy> PolicyEngine::policies_of(const Principal& principal) const {
  const Snapshot rules = snapshot();
  std::vector<GoverningPolicy> policies;
  for (const Governing::Source& source : Governing(rules->attachments, principal).sources()) {
    const Subject* from = source.from;
    policies.push_back({std::string(source.policy), from == nullptr ? "" : spoken(*from)});
  }
  return policies;
}

std::string PolicyEngine::explain(const Decision& decision, const Principal& principal) const {
  const auto policies = policies_of(principal);
  const bool is_known = decision.policy < policies.size();
  std::string policy = is_known ? policies[decision.policy].name : "?";
  if (is_known && !policies[decision.policy].from.empty())
    policy += ", attached to " + policies[decision.policy].from;
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
    case Reason::too_many:
      return "more than " + std::to_string(kMaxPoliciesPerPrincipal) +
             " policies govern it, so everything is denied";
    case Reason::broken_attachment:
      return explain_broken(principal);
    case Reason::standing:
      return explain_bound(decision.policy);
  }
  return "unknown";
}

std::string PolicyEngine::explain_broken(const Principal& principal) const {
  const Snapshot rules = snapshot();
  const Subject* broken = Governing(rules->attachments, principal).broken();
  return "what is attached to " + (broken == nullptr ? "it" : spoken(*broken)) +
         " cannot be read, so everything is denied";
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
  if (principal.policies.size() > kMaxPoliciesPerPrincipal) return {Reason::too_many};
  const Rules& rules = current();
  const Table& table = *rules.policies;
  const Governing governing(rules.attachments, principal);
  if (governing.are_too_many()) return {Reason::too_many};
  if (governing.broken() != nullptr) return {Reason::broken_attachment};
  NamedPolicies named;
  std::size_t count = 0;
  for (std::size_t i = 0; i < governing.sources().size(); ++i) {
    const auto place = static_cast<std::uint16_t>(i);
    const auto found = table.find(governing.sources()[i].policy);
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
  return within_bounds(*current().policies, thing, action, text, allowed);
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
