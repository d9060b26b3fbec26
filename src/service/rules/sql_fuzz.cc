// A statement in the first line, a payload after it: no text crashes the parser, and what parses evaluates
// for any payload, to what the plain walk of the tree gives.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "base/rng.h"
#include "service/rules/json_reader.h"
#include "service/rules/limits.h"
#include "service/rules/parser.h"
#include "service/rules/template.h"
#include "service/rules/testing/tree_walk.h"

using namespace dunlin;

namespace {

/// Whether it gives the same each time.
bool repeats(std::string_view sql) {
  std::string small(sql);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return small.find("rand") == std::string::npos && small.find("newuuid") == std::string::npos;
}

void compare(std::string_view sql, const rules::Context& context, const std::string& expected) {
  auto parser = rules::Parser::of(sql, {});
  const auto syntax = parser->statement();
  SeededRng rng(1);
  rules::Evaluation evaluation(rng);
  evaluation.context = context;
  rules::JsonReader reader;
  rules::Arena arena(rules::kMaxParsedBytes);
  const std::string_view payload = as_text(context.payload);
  const rules::Value document =
      payload.size() <= rules::kMaxPayloadBytes ? reader.read(payload, arena) : rules::Value();
  rules::testing::TreeWalk tree(*syntax, evaluation, document);
  tree.matches();
  const rules::Value output = tree.select();
  std::string text;
  (void)rules::append_output(output, text);
  DUNLIN_ASSERT(evaluation.stopped || text == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view sql = input.substr(0, line);
  const std::string_view payload =
      line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  rules::Context context;
  context.payload = as_bytes(payload);
  context.topic = "plant/north/tank";
  context.client_id = "press-01";
  SeededRng rng(1);
  rules::Machine machine(rng);
  machine.begin(context);

  if (const auto statement = rules::Statement::parse(sql)) {
    statement->matches(machine);
    std::string output;
    const bool fits = rules::append_output(statement->select(machine), output).has_value();
    DUNLIN_ASSERT(output.size() <= 2 * rules::kMaxOutputBytes);
    if (fits && !machine.stopped() && repeats(sql)) compare(sql, context, output);
  }
  if (const auto rendered = rules::Template::parse(sql)) {
    machine.start({}, {});
    DUNLIN_ASSERT(rendered->render(machine).size() <= 2 * rules::kMaxResultBytes);
  }
  return 0;
}
