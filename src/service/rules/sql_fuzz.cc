// A statement in the first line, a payload after it: no text crashes the parser, and what parses evaluates
// for any payload.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "base/rng.h"
#include "service/rules/limits.h"
#include "service/rules/template.h"

using namespace dunlin;

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
    (void)rules::append_output(statement->select(machine), output);
    DUNLIN_ASSERT(output.size() <= 2 * rules::kMaxOutputBytes);
  }
  if (const auto rendered = rules::Template::parse(sql)) {
    machine.start({}, {});
    DUNLIN_ASSERT(rendered->render(machine).size() <= 2 * rules::kMaxResultBytes);
  }
  return 0;
}
