#pragma once
// What a value becomes where another kind is wanted (section 3 of the language), and what equals what.

#include <optional>
#include <string>
#include <string_view>

#include "service/rules/evaluation.h"
#include "service/rules/value.h"

namespace dunlin::rules {

/// A number, or a text that spells one; else Undefined.
Value to_number(Value value, Evaluation& evaluation);
/// True and false, or a text that says so in any case.
std::optional<bool> to_boolean(Value value);
/// Rounded down; nullopt: no number, or beyond 64 bits.
std::optional<std::int64_t> to_whole(Value value, Evaluation& evaluation);
/// The standard text of a value; Undefined of Null and Undefined, and past kMaxResultBytes.
Value to_text(Value value, Evaluation& evaluation);

/// `=`: by value and without conversion. Undefined where a side is.
Value equals(Value a, Value b, Evaluation& evaluation);

/// Compact JSON. False, and something shorter, past `limit` bytes of `out`. Undefined is written as nothing.
bool append_json(Value value, std::string& out, std::size_t limit);
/// A text as a JSON string; what is no UTF-8 becomes U+FFFD.
void append_json_text(std::string_view text, std::string& out);

}  // namespace dunlin::rules
