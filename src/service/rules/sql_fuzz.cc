// A statement in the first line, a payload after it: no text crashes the parser, and what parses evaluates
// for any payload.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/assert.h"
#include "model/text.h"
#include "service/rules/statement.h"

using namespace dunlin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view sql = input.substr(0, line);
  const std::string_view payload =
      line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(payload, error);
  rules::Context context;
  context.payload = error ? nullptr : &document;
  context.topic = "plant/north/tank";
  context.client_id = "press-01";

  if (const auto statement = rules::Statement::parse(sql)) {
    DUNLIN_ASSERT(!statement->filter().empty());
    statement->matches(context);
    const rules::Value output = statement->select(context);
    DUNLIN_ASSERT(!output || !model::json_text(*output).empty());
  }
  if (const auto rendered = rules::Template::parse(sql)) rendered->render(context);
  return 0;
}
