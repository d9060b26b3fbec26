#include "service/rules/rule_index.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "service/rules/conversion.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

struct Bound {
  Value constant;
  bool inclusive = false;
  std::uint32_t rule = 0;
};

bool is_less(Value a, Value b) {
  const auto order = compare(a, b);
  return order && *order < 0;
}

}  // namespace

/// The rules that ask for one path, by what they compare it with.
struct RuleIndex::PathPlan {
  PathId path = PathTable::kRoot;
  const PathTable* table = nullptr;
  std::vector<Bound> above;  // path > constant, ascending
  std::vector<Bound> below;  // path < constant, descending
  std::vector<Bound> equal;  // numbers, ascending
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> texts;
  std::array<std::vector<std::uint32_t>, 2> truths;  // false, true

  void add(const Predicate& predicate, Value constant, std::uint32_t rule);
  void sort();
};

struct RuleIndex::Plan {
  std::vector<std::uint32_t> always;
  std::vector<PathPlan> paths;
  std::size_t followers = 0;
};

RuleIndex::RuleIndex() = default;
RuleIndex::~RuleIndex() = default;
RuleIndex::RuleIndex(RuleIndex&&) noexcept = default;
RuleIndex& RuleIndex::operator=(RuleIndex&&) noexcept = default;

std::size_t RuleIndex::NumbersHash::operator()(const std::vector<std::uint32_t>& numbers) const {
  const auto* const bytes = reinterpret_cast<const char*>(numbers.data());
  return std::hash<std::string_view>()({bytes, numbers.size() * sizeof(std::uint32_t)});
}

void RuleIndex::add(const Statement& statement, Sees sees) {
  const auto number = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({&statement, sees});
  trie_.add(statement.filter(), {number, {}});
  topics_.clear();
  plans_.clear();
  cached_ = 0;
}

RuleIndex::Found RuleIndex::find(Machine& machine) {
  const PlanRef plan = plan_for(machine.context().topic);
  found_.assign(plan->always.begin(), plan->always.end());
  if (plan->paths.empty()) return {found_, plan->followers};
  machine.start({}, {});
  for (const PathPlan& path : plan->paths) look_up(path, machine);
  std::ranges::sort(found_);
  return {found_, plan->followers};
}

RuleIndex::PlanRef RuleIndex::plan_for(std::string_view topic) {
  if (const auto known = topics_.find(topic); known != topics_.end()) return known->second;
  std::vector<const hub::Filter*> filters;
  trie_.match_filters(topic, filters);
  std::vector<std::uint32_t> followers;
  for (const hub::Filter* filter : filters) {
    for (const hub::Subscription& subscription : filter->subscriptions())
      followers.push_back(subscription.subscriber);
  }
  std::ranges::sort(followers);
  if (topics_.size() >= kMaxCachedTopics || cached_ >= kMaxCachedCandidates) {
    topics_.clear();
    plans_.clear();
    cached_ = 0;
  }
  const auto known = plans_.find(followers);
  PlanRef plan = known != plans_.end() ? known->second : make_plan(std::move(followers));
  if (topic.size() <= kMaxCachedTopicBytes) topics_.emplace(topic, plan);
  return plan;
}

void RuleIndex::PathPlan::add(const Predicate& predicate, Value constant, std::uint32_t rule) {
  const bool inclusive =
      predicate.operation == Operator::less_equal || predicate.operation == Operator::greater_equal;
  if (predicate.operation == Operator::greater || predicate.operation == Operator::greater_equal) {
    above.push_back({constant, inclusive, rule});
  } else if (predicate.operation != Operator::equal) {
    below.push_back({constant, inclusive, rule});
  } else if (constant.is_text()) {
    texts[constant.characters()].push_back(rule);
  } else if (constant.is_boolean()) {
    truths[constant.truth() ? 1 : 0].push_back(rule);
  } else {
    equal.push_back({constant, true, rule});
  }
}

void RuleIndex::PathPlan::sort() {
  const auto ascending = [](const Bound& a, const Bound& b) { return is_less(a.constant, b.constant); };
  std::ranges::sort(above, ascending);
  std::ranges::sort(equal, ascending);
  std::ranges::sort(below, [](const Bound& a, const Bound& b) { return is_less(b.constant, a.constant); });
}

/// An equality that few of the rules share leaves the fewest; after that an order; then any.
const Predicate* RuleIndex::best_of(const Statement& statement, const Shares& shares, std::size_t followers) {
  constexpr std::size_t kFew = 4;  // a quarter of them
  const Predicate* best = nullptr;
  for (const Predicate& predicate : statement.predicates()) {
    const bool is_equality = predicate.operation == Operator::equal;
    if (is_equality && shares.at(share_of(statement, predicate)) * kFew <= followers) return &predicate;
    if (best == nullptr || (best->operation == Operator::equal && !is_equality)) best = &predicate;
  }
  return best;
}

std::string RuleIndex::share_of(const Statement& statement, const Predicate& predicate) {
  std::string share = std::to_string(predicate.path) + "=";
  append_json(statement.constant(predicate), share, kMaxSqlBytes * 2);
  return share;
}

RuleIndex::PlanRef RuleIndex::make_plan(std::vector<std::uint32_t> followers) {
  auto plan = std::make_shared<Plan>();
  plan->followers = followers.size();
  Shares shares;
  for (const std::uint32_t number : followers) {
    const Statement& statement = *entries_[number].statement;
    for (const Predicate& predicate : statement.predicates()) {
      if (predicate.operation == Operator::equal) ++shares[share_of(statement, predicate)];
    }
  }
  std::map<std::pair<const PathTable*, PathId>, PathPlan> paths;
  for (const std::uint32_t number : followers) {
    const auto& [statement, sees] = entries_[number];
    const Predicate* const predicate = best_of(*statement, shares, followers.size());
    if (sees == Sees::everything || predicate == nullptr) {
      plan->always.push_back(number);
      continue;
    }
    PathPlan& path = paths[{statement->path_table(), predicate->path}];
    path.path = predicate->path;
    path.table = statement->path_table();
    path.add(*predicate, statement->constant(*predicate), number);
  }
  for (auto& [id, path] : paths) {
    path.sort();
    plan->paths.push_back(std::move(path));
  }
  cached_ += followers.size() + 1;
  plans_.emplace(std::move(followers), plan);
  return plan;
}

void RuleIndex::look_up(const PathPlan& path, Machine& machine) {
  const Value value = machine.path(*path.table, path.path);
  if (value.is_text()) {
    const auto same = path.texts.find(value.characters());
    if (same != path.texts.end()) found_.insert(found_.end(), same->second.begin(), same->second.end());
  }
  if (value.is_boolean()) {
    const auto& same = path.truths[value.truth() ? 1 : 0];
    found_.insert(found_.end(), same.begin(), same.end());
  }
  if (path.above.empty() && path.below.empty() && path.equal.empty()) return;
  // A number beyond 34 digits is compared as the one nearest to it, as the statements do.
  const Value converted = to_number(value, machine.evaluation());
  const Value number =
      converted.is_undefined() ? converted : normalized(converted, machine.evaluation().arena);
  if (number.is_undefined()) return;
  for (const Bound& bound : path.above) {
    const auto order = compare(bound.constant, number);
    if (order && *order > 0) break;
    if (order && (*order < 0 || bound.inclusive)) found_.push_back(bound.rule);
  }
  for (const Bound& bound : path.below) {
    const auto order = compare(bound.constant, number);
    if (order && *order < 0) break;
    if (order && (*order > 0 || bound.inclusive)) found_.push_back(bound.rule);
  }
  if (!value.is_number()) return;  // `=` does not convert
  const auto by_constant = [](const Bound& bound, Value wanted) { return is_less(bound.constant, wanted); };
  for (auto bound = std::lower_bound(path.equal.begin(), path.equal.end(), number, by_constant);
       bound != path.equal.end() && !is_less(number, bound->constant); ++bound)
    found_.push_back(bound->rule);
}

}  // namespace dunlin::rules
