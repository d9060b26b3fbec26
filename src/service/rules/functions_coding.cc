// base64, hashes and regular expressions.

#include <algorithm>
#include <array>
#include <string>

#include "base/base64.h"
#include "base/core/utf8.h"
#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/json_reader.h"

namespace dunlin::rules {
namespace {

bool is_base64(Value encoding) {
  return encoding.is_text() && encoding.characters() == "base64";
}

Value encode(Evaluation& evaluation, Arguments arguments) {
  const Value text = to_text(arguments[0], evaluation);
  if (text.is_undefined() || !is_base64(arguments[1])) return {};
  return evaluation.text(to_base64(as_bytes(text.characters())));
}

Value encode_all(Evaluation& evaluation, Arguments arguments) {
  if (!is_base64(arguments[0]) || !evaluation.spend(evaluation.context.payload.size() / 64)) return {};
  return evaluation.text(to_base64(evaluation.context.payload));
}

/// JSON becomes its value, any other text stays one. Null: not base64, or no text.
Value decode(Evaluation& evaluation, Arguments arguments) {
  const Value text = to_text(arguments[0], evaluation);
  if (text.is_undefined() || !is_base64(arguments[1])) return {};
  if (!evaluation.spend(1 + text.characters().size() / 16)) return {};
  const auto bytes = from_base64(text.characters());
  if (!bytes) return Value::null();
  const std::string_view decoded = as_text(*bytes);
  // Kept per thread: it owns the buffers that simdjson works in.
  thread_local JsonReader reader;
  const Value value = reader.read_copy(decoded, evaluation.arena);
  if (!value.is_undefined()) return value;
  return is_valid_utf8(decoded) ? evaluation.text(decoded) : Value::null();
}

constexpr Function kEncodePayload{"encode(*)", 1, 1, encode_all};

constexpr std::array<Function, 2> kFunctions{{{"encode", 2, 2, encode}, {"decode", 2, 2, decode}}};

}  // namespace

const Function& encode_payload() {
  return kEncodePayload;
}

std::span<const Function> coding_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
