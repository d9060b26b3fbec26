// What the engine costs a message, beside a plain loop that parses, compares and writes by hand, and what a
// rule costs in memory. Goals: docs/performance.md.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "service/rules/json_reader.h"
#include "service/rules/number.h"
#include "service/rules/rule.h"
#include "service/rules/rule_index.h"

namespace {

using namespace dunlin;
using namespace dunlin::rules;

constexpr int kRules = 1000;

std::string payload_of(int value) {
  return R"({"device":"press-0417","site":"plant-7","value":)" + std::to_string(value) +
         R"(.5,"unit":"Cel","quality":"good","seq":123456,"t":1764500000123,"state":{"mode":"auto","fan":true}})";
}

Rule make_rule(const std::string& sql, const Environment& language) {
  const auto document = boost::json::value{
      {"name", "cold-0001"}, {"sql", sql}, {"actions", {{{"republish", {{"topic", "out/${topic(2)}"}}}}}}};
  return *rule_from_json(document.get_object(), language);
}

struct Engine {
  template <class SqlOf>
  explicit Engine(SqlOf sql_of) {
    for (int i = 0; i < kRules; ++i) {
      rules.push_back(std::make_unique<Rule>(make_rule(sql_of(i), language)));
      index.add(rules.back()->statement, RuleIndex::Sees::matches);
    }
  }
  /// How many rules fired.
  std::int64_t take(const std::string& topic, const std::string& payload) {
    Context context;
    context.payload = as_bytes(payload);
    context.topic = topic;
    machine.begin(context);
    std::int64_t fired = 0;
    for (const std::uint32_t number : index.find(machine).rules) {
      const Rule& rule = *rules[number];
      if (!rule.statement.matches(machine)) continue;
      ++fired;
      output.clear();
      benchmark::DoNotOptimize(append_output(rule.statement.select(machine), output));
      benchmark::DoNotOptimize(std::get<RepublishAction>(rule.actions[0]).topic.render(machine).data());
    }
    return fired;
  }

  Environment language;
  std::vector<std::unique_ptr<Rule>> rules;
  RuleIndex index;
  SystemRng rng;
  Machine machine{rng};
  std::string output;
};

/// A thousand rules, one for each of a thousand topics; each message fires one.
void distinct_topics(benchmark::State& state) {
  Engine engine([](int i) {
    return "SELECT device, value * 1.8 + 32 AS value, 'degF' AS unit FROM 'demo/dev-" + std::to_string(i) +
           "/temperature' WHERE value > 10 AND quality = 'good'";
  });
  std::vector<std::string> topics;
  for (int i = 0; i < kRules; ++i) topics.push_back("demo/dev-" + std::to_string(i) + "/temperature");
  const std::string payload = payload_of(21);
  std::int64_t fired = 0;
  std::size_t next = 0;
  for (auto round : state) {
    fired += engine.take(topics[next], payload);
    next = next + 1 == topics.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["fired"] = static_cast<double>(fired) / static_cast<double>(state.iterations());
}
BENCHMARK(distinct_topics);

/// A thousand rules on one topic, of which ten fire.
void one_topic(benchmark::State& state, const std::string& operation) {
  Engine engine([&operation](int i) {
    const std::string constant = operation == "=" ? std::to_string(i / 10) + ".5" : std::to_string(i);
    return "SELECT device, value AS value, topic(2) AS at FROM 'demo/+/temperature' WHERE value " +
           operation + " " + constant + " AND quality = 'good'";
  });
  const std::string payload = payload_of(operation == ">" ? 9 : 42);
  std::int64_t fired = 0;
  for (auto round : state) fired += engine.take("demo/dev-1/temperature", payload);
  state.SetItemsProcessed(state.iterations());
  state.counters["fired"] = static_cast<double>(fired) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(one_topic, thresholds, ">");
BENCHMARK_CAPTURE(one_topic, equality, "=");

/// The same messages by hand: read, compare with a thousand constants, write what ten would.
void plain_loop(benchmark::State& state) {
  JsonReader reader;
  Arena arena(kMaxParsedBytes);
  const std::string payload = payload_of(9);
  std::string output;
  std::int64_t fired = 0;
  for (auto round : state) {
    arena.reset();
    const Value document = reader.read(payload, arena);
    const double value = to_double(member_of(document, "value"));
    for (int i = 0; i < kRules; ++i) {
      if (value <= i) continue;
      ++fired;
      output.assign(R"({"device":")")
          .append(member_of(document, "device").characters())
          .append(R"(","value":)");
      append_number(member_of(document, "value"), output);
      output.append(R"(,"at":"dev-1"})");
      benchmark::DoNotOptimize(output.data());
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["fired"] = static_cast<double>(fired) / static_cast<double>(state.iterations());
}
BENCHMARK(plain_loop);

void read_payload(benchmark::State& state) {
  JsonReader reader;
  Arena arena(kMaxParsedBytes);
  const std::string payload = payload_of(9);
  for (auto round : state) {
    arena.reset();
    benchmark::DoNotOptimize(reader.read(payload, arena));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_payload);

/// Bytes of the heap that a rule takes: the counter `bytes`.
void memory_of_a_rule(benchmark::State& state) {
  double bytes = 0;
  for (auto round : state) {
    const auto before = mallinfo2().uordblks;
    const Engine engine([](int i) {
      return "SELECT device, value * 1.8 + 32 AS value, topic(2) AS at FROM 'demo/+/temperature' WHERE value "
             "> " +
             std::to_string(i) + " AND quality = 'good'";
    });
    bytes = static_cast<double>(mallinfo2().uordblks - before) / kRules;
  }
  state.counters["bytes"] = bytes;
}
BENCHMARK(memory_of_a_rule)->Iterations(3);

}  // namespace
