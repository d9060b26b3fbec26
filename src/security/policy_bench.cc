// Authorisation with 10,000 policies and 100,000 things: how long single questions take, to things drawn at
// random. `uncached` is the first question of such a thing: its name, its policies and their text come from
// memory. `cached` is the next one of the same thing and topic, which the thread's DecisionCache answers, as
// on a connection that is in use. Every thing is a member of a group with a policy of its own. The clock's
// own cost is in them and is shown as `clock_ns`. `change` is the time from a change of one policy to the
// first answer by it.
//
// The exit status is 1 when a p50 is over its goal.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "base/core/assert.h"
#include "base/rng.h"
#include "security/limits.h"
#include "security/policy.h"

namespace {

using namespace dunlin;
using namespace dunlin::security;

constexpr std::size_t kPolicies = 10'000;
constexpr std::size_t kThings = 100'000;
constexpr std::size_t kQuestions = 200'000;
constexpr double kCachedGoal = 200;     // nanoseconds
constexpr double kUncachedGoal = 5000;  // nanoseconds

PolicyEngine::PolicyRef compile(std::string_view json) {
  auto policy = Policy::parse(json);
  DUNLIN_ASSERT(policy.has_value());
  return std::make_shared<const Policy>(std::move(*policy));
}

/// The default policy of devices, and one of a customer for each of 10,000 groups of things. Each thing is
/// also a member of a static group, to which another of them is attached.
struct Fleet {
  Fleet() {
    PolicyEngine::Table table;
    for (const DefaultPolicy& policy : default_policies())
      table.emplace(std::string(policy.name), compile(policy.json));
    for (std::size_t i = 0; table.size() < kPolicies; ++i) {
      const std::string group = "group-" + std::to_string(i);
      table.emplace(group, compile(R"({"statements": [
        {"effect": "allow", "actions": ["mqtt:publish", "mqtt:subscribe", "mqtt:receive"],
         "resources": ["topic/)" + group +
                                   R"(/+/${thing.name}/#", "topic/)" + group + R"(/all/#"]},
        {"effect": "deny", "actions": ["mqtt:publish"], "resources": ["topic/)" +
                                   group + R"(/+/+/locked/#"]}]})"));
    }
    engine.replace(std::move(table));
    for (std::size_t i = 0; i < kThings; ++i) {
      Principal principal;
      principal.kind = PrincipalKind::device;
      principal.name = "press-" + std::to_string(i);
      principal.client_id = principal.name;
      const std::string group = "group-" + std::to_string(i % (kPolicies - default_policies().size()));
      principal.policies = {"device", group};
      topics.push_back(group + "/line-1/" + principal.name + "/temperature");
      things.push_back(seal(std::move(principal)));
    }
    attach();
  }

  void attach() {
    std::vector<AttachedRef> attached;
    const auto add = [&](SubjectKind kind, std::string name, std::vector<std::string> policies,
                         std::vector<std::string> groups) {
      attached.push_back(std::make_shared<const Attached>(Attached{
          .subject = {kind, std::move(name)}, .policies = std::move(policies), .groups = std::move(groups)}));
    };
    for (std::size_t i = 0; i < kMaxGroups; ++i)
      add(SubjectKind::group, "line-" + std::to_string(i), {"group-" + std::to_string(i)}, {});
    for (std::size_t i = 0; i < kThings; ++i)
      add(SubjectKind::thing, things[i]->name, {},
          {"line-" + std::to_string((i + kMaxGroups / 2) % kMaxGroups)});
    engine.attach(attached);
  }

  Decision ask(std::size_t thing, std::string_view topic) const {
    return engine.authorize(*things[thing], Action::publish, topic);
  }

  PolicyEngine engine;
  std::vector<PrincipalRef> things;
  std::vector<std::string> topics;
};

Fleet& fleet() {
  static Fleet one;
  return one;
}

double nanoseconds(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count();
}

class Percentiles {
 public:
  void add(double value) { values_.push_back(value); }
  double at(double share) {
    std::ranges::sort(values_);
    return values_[static_cast<std::size_t>(share * static_cast<double>(values_.size() - 1))];
  }

 private:
  std::vector<double> values_;
};

double clock_cost() {
  Percentiles empty;
  for (std::size_t i = 0; i < 10'000; ++i) empty.add(nanoseconds(std::chrono::steady_clock::now()));
  return empty.at(0.5);
}

enum class Asked : std::uint8_t { first, again };

int& missed_goals() {
  static int missed = 0;
  return missed;
}

void measure(benchmark::State& state, Asked asked) {
  Fleet& all = fleet();
  SeededRng rng(7);
  Percentiles times;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kQuestions; ++i) {
      const auto thing = static_cast<std::size_t>(rng.below(kThings));
      const std::string topic = all.topics[thing];  // as a packet that has just been read
      if (asked == Asked::again) all.ask(thing, topic);
      const auto begin = std::chrono::steady_clock::now();
      const Decision decision = all.ask(thing, topic);
      times.add(nanoseconds(begin));
      DUNLIN_ASSERT(decision.allowed());
    }
  }
  const double goal = asked == Asked::again ? kCachedGoal : kUncachedGoal;
  const double p50 = times.at(0.5);
  if (p50 > goal) ++missed_goals();
  state.SetLabel(p50 > goal ? "over its goal" : "within its goal");
  state.counters["goal_ns"] = goal;
  state.counters["p50_ns"] = p50;
  state.counters["p99_ns"] = times.at(0.99);
  state.counters["clock_ns"] = clock_cost();
}

void cached(benchmark::State& state) {
  measure(state, Asked::again);
}
void uncached(benchmark::State& state) {
  measure(state, Asked::first);
}

void change(benchmark::State& state) {
  Fleet& all = fleet();
  const auto policy = compile(default_policies()[0].json);
  for (auto _ : state) {
    all.engine.put("group-5000", policy);
    benchmark::DoNotOptimize(all.ask(1, all.topics[1]));
  }
}

/// The same of a thing that joins a group and leaves it.
void change_of_membership(benchmark::State& state) {
  Fleet& all = fleet();
  for (auto _ : state) {
    Attached changed = *all.engine.attached({SubjectKind::thing, all.things[1]->name});
    changed.groups.front() = changed.groups.front() == "line-1" ? "line-2" : "line-1";
    const AttachedRef one = std::make_shared<const Attached>(std::move(changed));
    all.engine.attach({&one, 1});
    benchmark::DoNotOptimize(all.ask(1, all.topics[1]));
  }
}

BENCHMARK(cached)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(uncached)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(change)->Unit(benchmark::kMicrosecond);
BENCHMARK(change_of_membership)->Unit(benchmark::kMicrosecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return missed_goals() == 0 ? 0 : 1;
}
