#pragma once
// Arithmetic of the rules' SQL: 64-bit decimals where they hold the result, else 34 digits.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "service/rules/arena.h"
#include "service/rules/value.h"

namespace dunlin::rules {

// What they are given are numbers (Value::is_number). What they give is one, or Undefined: past 9.99..E999,
// divided by zero, or the arena is used up.

/// `text` matches -?digits(.digits)?([eE][+-]?digits)?, and outlives the value. All digits are kept.
Value parse_number(std::string_view text);
/// Whether a text spells a number as the language has it (section 3): no blanks, no `+`, no `.5` and no `5.`.
bool spells_number(std::string_view text);
/// With at most 34 digits and in JSON's grammar. Undefined where a decimal has no place for it.
Value normalized(Value a, Arena& arena);

Value add(Value a, Value b, Arena& arena);
Value subtract(Value a, Value b, Arena& arena);
Value multiply(Value a, Value b, Arena& arena);
/// Exact where 34 digits hold the quotient.
Value divide(Value a, Value b, Arena& arena);
/// Of the dividend's sign.
Value remainder(Value a, Value b, Arena& arena);
Value negate(Value a, Arena& arena);

/// nullopt: one of them has no place in a decimal of 34 digits.
std::optional<std::strong_ordering> compare(Value a, Value b);

Value floor(Value a, Arena& arena);
Value ceil(Value a, Arena& arena);
/// Halves away from zero.
Value round(Value a, Arena& arena);
/// Without the digits behind the first `digits` (0 to 34) of the fraction.
Value truncate(Value a, int digits, Arena& arena);

/// Rounded down; nullopt beyond 64 bits.
std::optional<std::int64_t> to_integer(Value a);
/// The same, but the nearest there is beyond 64 bits.
std::int64_t to_clamped_integer(Value a);
double to_double(Value a);
/// Undefined for NaN and infinities. Whole ones are whole numbers.
Value from_double(double number, Arena& arena);

/// A number as JSON has it.
void append_number(Value a, std::string& out);

}  // namespace dunlin::rules
