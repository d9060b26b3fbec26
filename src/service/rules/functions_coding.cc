// base64, hashes and regular expressions.

#include <array>
#include <memory>
#include <string>

#include "base/base64.h"
#include "base/core/utf8.h"
#include "security/checksum.h"
#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/json_reader.h"
#include "service/rules/regexp.h"

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

template <security::Checksum Kind>
Value checksum(Evaluation& evaluation, Arguments arguments) {
  const Value text = to_text(arguments[0], evaluation);
  if (text.is_undefined() || !evaluation.spend(1 + text.characters().size() / 16)) return {};
  return evaluation.text(security::checksum_hex(Kind, as_bytes(text.characters())));
}

/// The text and the compiled pattern of a call; null: one of them is none.
struct Search {
  std::string_view text;
  std::shared_ptr<const Regexp> pattern;  // shared with the cache
};
Search search_of(Evaluation& evaluation, Arguments arguments) {
  // Kept per thread: patterns are nearly always literals, so they are compiled once.
  thread_local RegexpCache cache;
  const Value text = to_text(arguments[0], evaluation);
  const Value pattern = to_text(arguments[1], evaluation);
  if (text.is_undefined() || pattern.is_undefined()) return {};
  // As if the pattern had to be compiled: one that the payload brings has to be.
  constexpr std::size_t kCompiling = 50;
  if (!evaluation.spend(kCompiling + pattern.characters().size() + text.characters().size() / 16)) return {};
  return {text.characters(), cache.find(pattern.characters())};
}

Value regexp_matches(Evaluation& evaluation, Arguments arguments) {
  const auto [text, pattern] = search_of(evaluation, arguments);
  return pattern ? Value::boolean(pattern->contains(text)) : Value();
}

Value regexp_substr(Evaluation& evaluation, Arguments arguments) {
  const auto [text, pattern] = search_of(evaluation, arguments);
  const auto found = pattern ? pattern->first(text) : std::nullopt;
  return found ? Value::text(*found) : Value();
}

Value regexp_replace(Evaluation& evaluation, Arguments arguments) {
  const auto [text, pattern] = search_of(evaluation, arguments);
  const Value replacement = to_text(arguments[2], evaluation);
  // Each match is a search of its own.
  if (!pattern || replacement.is_undefined() || !evaluation.spend(1 + text.size() / 4)) return {};
  const auto replaced = pattern->replace_all(text, replacement.characters());
  return replaced ? evaluation.text(*replaced) : Value();
}

constexpr Function kEncodePayload{"encode(*)", 1, 1, encode_all};

using security::Checksum;
constexpr std::array<Function, 12> kFunctions{{{"encode", 2, 2, encode},
                                               {"decode", 2, 2, decode},
                                               {"md2", 1, 1, checksum<Checksum::md2>},
                                               {"md5", 1, 1, checksum<Checksum::md5>},
                                               {"sha1", 1, 1, checksum<Checksum::sha1>},
                                               {"sha224", 1, 1, checksum<Checksum::sha224>},
                                               {"sha256", 1, 1, checksum<Checksum::sha256>},
                                               {"sha384", 1, 1, checksum<Checksum::sha384>},
                                               {"sha512", 1, 1, checksum<Checksum::sha512>},
                                               {"regexp_matches", 2, 2, regexp_matches},
                                               {"regexp_substr", 2, 2, regexp_substr},
                                               {"regexp_replace", 3, 3, regexp_replace}}};

}  // namespace

const Function& encode_payload() {
  return kEncodePayload;
}

std::span<const Function> coding_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
