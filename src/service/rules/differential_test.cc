// Machine against the tree walk, on statements and payloads by chance. The number of pairs can be raised:
// DUNLIN_PAIRS=1000000.

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"
#include "service/rules/conversion.h"
#include "service/rules/json_reader.h"
#include "service/rules/limits.h"
#include "service/rules/parser.h"
#include "service/rules/statement.h"
#include "service/rules/testing/random_statement.h"
#include "service/rules/testing/tree_walk.h"

namespace dunlin::rules {
namespace {

std::string shown(bool matches, Value output) {
  std::string text = matches ? "fires: " : "not: ";
  append_json(output, text, kMaxOutputBytes);
  return text + (output.is_undefined() ? "Undefined" : "");
}

Context context_of(const std::string& payload) {
  Context context;
  context.payload = as_bytes(payload);
  context.topic = "site/line/7";
  context.client_id = "press-01";
  return context;
}

struct Plain {
  explicit Plain(const std::string& payload) { evaluation.context = context_of(payload); }
  SeededRng rng{7};
  Evaluation evaluation{rng};
  Arena arena{kMaxParsedBytes};
  JsonReader reader;
};

TEST(DifferentialTest, TheMachineGivesWhatTheTreeGives) {
  const char* const wanted = std::getenv("DUNLIN_PAIRS");
  const long pairs = wanted != nullptr ? std::atol(wanted) : 4000;
  SeededRng rng(20160323);
  testing::RandomStatement random(rng);
  SeededRng unused(7);
  Machine machine(unused);
  long fired = 0;
  long defined = 0;
  std::string sql;
  for (long i = 0; i < pairs; ++i) {
    if (i % 4 == 0) sql = random.statement();
    const std::string payload = random.payload();
    SCOPED_TRACE(sql + "\n" + payload);
    const auto statement = Statement::parse(sql);
    ASSERT_TRUE(statement) << statement.error().message;
    auto parser = Parser::of(sql, {});
    const auto syntax = parser->statement();
    Plain plain(payload);
    testing::TreeWalk tree(*syntax, plain.evaluation, plain.reader.read(payload, plain.arena));
    const bool tree_fires = tree.matches();
    const std::string expected = shown(tree_fires, tree.select());
    machine.begin(context_of(payload));
    const bool fires = statement->matches(machine);
    const std::string found = shown(fires, statement->select(machine));
    if (plain.evaluation.stopped || machine.stopped()) continue;  // they count their steps in their own ways
    ASSERT_EQ(found, expected);
    fired += fires ? 1 : 0;
    defined += found.ends_with("Undefined") ? 0 : 1;
  }
  // By chance, but not of nothing.
  EXPECT_GT(fired, pairs / 10);
  EXPECT_GT(defined, pairs / 3);
}

}  // namespace
}  // namespace dunlin::rules
