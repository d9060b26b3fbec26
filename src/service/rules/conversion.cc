#include "service/rules/conversion.h"

#include <algorithm>
#include <array>

#include "base/core/utf8.h"
#include "model/sql_tokens.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

std::size_t plain_run(std::string_view text) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
}

void append_escape(char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kControls = "\b\f\n\r\t";
  constexpr std::string_view kLetters = "bfnrt";
  out += '\\';
  if (c == '"' || c == '\\') {
    out += c;
  } else if (const std::size_t at = kControls.find(c); at != std::string_view::npos) {
    out += kLetters[at];
  } else {
    out += "u00";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 0xf];
  }
}

void append_valid(std::string_view text, std::string& out) {
  while (true) {
    const std::size_t plain = plain_run(text);
    out.append(text.data(), plain);
    if (plain == text.size()) return;
    append_escape(text[plain], out);
    text.remove_prefix(plain + 1);
  }
}

bool same(Value a, Value b, Evaluation& evaluation);

bool same_members(Value a, Value b, Evaluation& evaluation) {
  if (a.members().size() != b.members().size()) return false;
  return std::ranges::all_of(a.members(), [&](const Member& member) {
    if (!evaluation.spend(1 + b.members().size() / 4)) return false;
    const Value other = member_of(b, member.name);
    return !other.is_undefined() && same(member.value, other, evaluation);
  });
}

bool same(Value a, Value b, Evaluation& evaluation) {
  if (!evaluation.spend(1)) return false;
  if (a.is_number() && b.is_number()) {
    const auto order = compare(a, b);
    return order ? *order == 0 : a.kind() == b.kind() && a.characters() == b.characters();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::boolean:
      return a.truth() == b.truth();
    case Value::Kind::text:
      return a.characters() == b.characters();
    case Value::Kind::object:
      return same_members(a, b, evaluation);
    case Value::Kind::array:
      return std::ranges::equal(a.elements(), b.elements(),
                                [&](Value x, Value y) { return same(x, y, evaluation); });
    default:
      return true;
  }
}

}  // namespace

void append_json_text(std::string_view text, std::string& out) {
  out += '"';
  if (is_valid_utf8(text)) {
    append_valid(text, out);
  } else {
    for (const char c : text) {
      if ((c & 0x80) != 0) {
        out += "\xef\xbf\xbd";
      } else {
        append_valid({&c, 1}, out);
      }
    }
  }
  out += '"';
}

bool append_json(Value value, std::string& out, std::size_t limit) {
  if (out.size() > limit) return false;
  switch (value.kind()) {
    case Value::Kind::undefined:
      return true;
    case Value::Kind::null:
      out += "null";
      return true;
    case Value::Kind::boolean:
      out += value.truth() ? "true" : "false";
      return true;
    case Value::Kind::number:
    case Value::Kind::big:
      append_number(value, out);
      return true;
    case Value::Kind::text:
      append_json_text(value.characters(), out);
      return out.size() <= limit;
    default:
      break;
  }
  const bool is_array = value.is_array();
  out += is_array ? '[' : '{';
  bool first = true;
  const auto separate = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  for (const Value element : is_array ? value.elements() : std::span<const Value>()) {
    separate();
    if (!append_json(element, out, limit)) return false;
  }
  for (const Member& member : is_array ? std::span<const Member>() : value.members()) {
    separate();
    append_json_text(member.name, out);
    out += ':';
    if (!append_json(member.value, out, limit)) return false;
  }
  out += is_array ? ']' : '}';
  return out.size() <= limit;
}

Value to_number(Value value, Evaluation& evaluation) {
  if (value.is_number()) return value;
  if (!value.is_text() || !evaluation.spend(1 + value.characters().size() / 64)) return {};
  return spells_number(value.characters()) ? normalized(parse_number(value.characters()), evaluation.arena)
                                           : Value();
}

std::optional<bool> to_boolean(Value value) {
  if (value.is_boolean()) return value.truth();
  if (!value.is_text()) return std::nullopt;
  if (model::is_sql_keyword(value.characters(), "TRUE")) return true;
  if (model::is_sql_keyword(value.characters(), "FALSE")) return false;
  return std::nullopt;
}

std::optional<std::int64_t> to_whole(Value value, Evaluation& evaluation) {
  const Value number = to_number(value, evaluation);
  return number.is_undefined() ? std::nullopt : to_integer(number);
}

Value to_text(Value value, Evaluation& evaluation) {
  if (value.is_text()) return value;
  if (value.is_undefined() || value.is_null()) return {};
  if (value.is_boolean()) return Value::text(value.truth() ? "true" : "false");
  std::string text;
  if (!append_json(value, text, kMaxResultBytes)) return {};
  return evaluation.text(text);
}

Value equals(Value a, Value b, Evaluation& evaluation) {
  if (a.is_undefined() || b.is_undefined()) return {};
  return Value::boolean(same(a, b, evaluation));
}

}  // namespace dunlin::rules
