#include "service/rules/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/decimal.h"

namespace dunlin::rules {
namespace {

// The product of two mantissas, and one moved by kMaxScale digits, have room in it.
__extension__ using Wide = __int128;

constexpr std::array<std::int64_t, 19> kPowers = [] {
  std::array<std::int64_t, 19> powers{};
  std::int64_t power = 1;
  for (std::size_t i = 0; i < powers.size(); ++i) {
    powers[i] = power;
    if (i + 1 < powers.size()) power *= 10;
  }
  return powers;
}();

Wide power_of(int digits) {
  return kPowers[static_cast<std::size_t>(digits)];
}

bool is_small(Value value) {
  return value.kind() == Value::Kind::number;
}

/// Undefined where 64 bits do not hold it. `scale` from 0 to 36.
Value small_number(Wide mantissa, int scale) {
  while (scale > 0 && mantissa % 10 == 0) {
    mantissa /= 10;
    --scale;
  }
  const bool fits = mantissa >= std::numeric_limits<std::int64_t>::min() &&
                    mantissa <= std::numeric_limits<std::int64_t>::max();
  if (!fits || scale > Value::kMaxScale) return {};
  return Value::scaled(static_cast<std::int64_t>(mantissa), scale);
}

struct Aligned {
  Wide a;
  Wide b;
  int scale;
};
Aligned align(Value a, Value b) {
  const int scale = std::max(a.scale(), b.scale());
  return {a.mantissa() * power_of(scale - a.scale()), b.mantissa() * power_of(scale - b.scale()), scale};
}

std::optional<Decimal> to_decimal(Value value) {
  if (is_small(value) && value.scale() == 0) return Decimal::from(value.mantissa());
  if (is_small(value)) {
    std::string text;
    append_number(value, text);
    return Decimal::parse(text);
  }
  // Decimal reads JSON's grammar; the language allows zeros before the first digit.
  std::string_view text = value.characters();
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  while (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') text.remove_prefix(1);
  const auto number = Decimal::parse(text);
  return number && negative ? number->negate() : number;
}

Value from_decimal(const std::optional<Decimal>& number, Arena& arena) {
  if (!number) return {};
  const std::string text = number->to_text();
  const Value value = parse_number(text);
  if (is_small(value)) return value;
  const auto kept = arena.items<char>(text.size());
  if (kept.empty()) return {};
  std::memcpy(kept.data(), text.data(), text.size());
  return Value::big({kept.data(), kept.size()});
}

using DecimalOperation = std::optional<Decimal> (Decimal::*)(const Decimal&) const;
Value calculate(DecimalOperation operation, Value a, Value b, Arena& arena) {
  const auto left = to_decimal(a);
  const auto right = to_decimal(b);
  if (!left || !right) return {};
  return from_decimal(((*left).*operation)(*right), arena);
}

template <class Operation>
Value calculate_one(Value a, Arena& arena, Operation operation) {
  const auto number = to_decimal(a);
  return number ? from_decimal(operation(*number), arena) : Value();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// What stands in a number's text: its digits, as far as 64 bits hold them, and where the point is.
struct Digits {
  std::uint64_t mantissa = 0;
  int count = 0;              // without zeros before the first
  std::int64_t exponent = 0;  // of the last digit
  bool negative = false;
};
Digits digits_of(std::string_view text) {
  constexpr int kMost = 19;
  Digits digits;
  std::size_t at = 0;
  digits.negative = text.starts_with('-');
  if (digits.negative) ++at;
  bool fraction = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (!is_digit(text[at])) break;
    if (fraction) --digits.exponent;
    if (digits.count == 0 && text[at] == '0') continue;
    if (++digits.count > kMost) return digits;
    digits.mantissa = digits.mantissa * 10 + static_cast<std::uint64_t>(text[at] - '0');
  }
  if (at == text.size()) return digits;
  std::string_view exponent = text.substr(at + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
  if (error != std::errc()) {
    digits.count = digits.mantissa == 0 ? 0 : kMost + 1;  // of a size that no number here has
    return digits;
  }
  digits.exponent += value;
  return digits;
}

}  // namespace

Value parse_number(std::string_view text) {
  Digits digits = digits_of(text);
  if (digits.count > 19 ||
      digits.mantissa > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return Value::big(text);
  if (digits.mantissa == 0) return Value::whole(0);
  while (digits.exponent < 0 && digits.mantissa % 10 == 0) {
    digits.mantissa /= 10;
    ++digits.exponent;
  }
  const auto mantissa = static_cast<std::int64_t>(digits.mantissa);
  const std::int64_t signed_mantissa = digits.negative ? -mantissa : mantissa;
  if (digits.exponent <= 0) {
    if (digits.exponent < -Value::kMaxScale) return Value::big(text);
    return Value::scaled(signed_mantissa, static_cast<int>(-digits.exponent));
  }
  std::int64_t whole = 0;
  if (digits.exponent > Value::kMaxScale ||
      __builtin_mul_overflow(signed_mantissa, kPowers[static_cast<std::size_t>(digits.exponent)], &whole))
    return Value::big(text);
  return Value::whole(whole);
}

bool spells_number(std::string_view text) {
  std::size_t at = 0;
  const auto take_digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (!take_digits()) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!take_digits()) return false;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && text[at] == '-') ++at;
    if (!take_digits()) return false;
  }
  return at == text.size();
}

Value normalized(Value a, Arena& arena) {
  return is_small(a) ? a : from_decimal(to_decimal(a), arena);
}

Value add(Value a, Value b, Arena& arena) {
  if (is_small(a) && is_small(b)) {
    const Aligned both = align(a, b);
    const Value sum = small_number(both.a + both.b, both.scale);
    if (!sum.is_undefined()) return sum;
  }
  return calculate(&Decimal::add, a, b, arena);
}

Value subtract(Value a, Value b, Arena& arena) {
  if (is_small(a) && is_small(b)) {
    const Aligned both = align(a, b);
    const Value difference = small_number(both.a - both.b, both.scale);
    if (!difference.is_undefined()) return difference;
  }
  return calculate(&Decimal::subtract, a, b, arena);
}

Value multiply(Value a, Value b, Arena& arena) {
  if (is_small(a) && is_small(b)) {
    const Value product = small_number(Wide{a.mantissa()} * b.mantissa(), a.scale() + b.scale());
    if (!product.is_undefined()) return product;
  }
  return calculate(&Decimal::multiply, a, b, arena);
}

Value divide(Value a, Value b, Arena& arena) {
  if (is_small(a) && is_small(b)) {
    if (b.mantissa() == 0) return {};
    const Aligned both = align(a, b);
    if (both.a % both.b == 0) {
      const Value quotient = small_number(both.a / both.b, 0);
      if (!quotient.is_undefined()) return quotient;
    }
    // Short fractions: 37 / 5 is 7.4.
    constexpr int kDigits = 9;
    if (const Wide moved = Wide{a.mantissa()} * power_of(kDigits); moved % b.mantissa() == 0) {
      const int scale = kDigits + a.scale() - b.scale();
      const Value quotient = scale < 0 ? Value() : small_number(moved / b.mantissa(), scale);
      if (!quotient.is_undefined()) return quotient;
    }
  }
  return calculate(&Decimal::divide, a, b, arena);
}

Value remainder(Value a, Value b, Arena& arena) {
  if (is_small(a) && is_small(b)) {
    if (b.mantissa() == 0) return {};
    const Aligned both = align(a, b);
    const Value rest = small_number(both.a % both.b, both.scale);
    if (!rest.is_undefined()) return rest;
  }
  return calculate(&Decimal::remainder, a, b, arena);
}

Value negate(Value a, Arena& arena) {
  if (is_small(a) && a.mantissa() != std::numeric_limits<std::int64_t>::min())
    return Value::scaled(-a.mantissa(), a.scale());
  return calculate_one(a, arena, [](const Decimal& number) { return number.negate(); });
}

std::optional<std::strong_ordering> compare(Value a, Value b) {
  if (is_small(a) && is_small(b)) {
    if (a.scale() == b.scale()) return a.mantissa() <=> b.mantissa();
    const Aligned both = align(a, b);
    if (both.a == both.b) return std::strong_ordering::equal;
    return both.a < both.b ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  const auto left = to_decimal(a);
  const auto right = to_decimal(b);
  if (!left || !right) return std::nullopt;
  return *left <=> *right;
}

Value floor(Value a, Arena& arena) {
  if (!is_small(a)) return calculate_one(a, arena, [](const Decimal& number) { return number.floor(); });
  const std::int64_t unit = kPowers[static_cast<std::size_t>(a.scale())];
  const std::int64_t towards_zero = a.mantissa() / unit;
  return Value::whole(a.mantissa() % unit < 0 ? towards_zero - 1 : towards_zero);
}

Value ceil(Value a, Arena& arena) {
  if (!is_small(a)) return calculate_one(a, arena, [](const Decimal& number) { return number.ceil(); });
  const std::int64_t unit = kPowers[static_cast<std::size_t>(a.scale())];
  const std::int64_t towards_zero = a.mantissa() / unit;
  return Value::whole(a.mantissa() % unit > 0 ? towards_zero + 1 : towards_zero);
}

Value round(Value a, Arena& arena) {
  if (!is_small(a))
    return calculate_one(a, arena, [](const Decimal& number) { return number.round_half_away(); });
  if (a.scale() == 0) return a;
  const std::int64_t unit = kPowers[static_cast<std::size_t>(a.scale())];
  const std::int64_t rest = a.mantissa() % unit;
  const std::int64_t towards_zero = a.mantissa() / unit;
  if (rest >= unit / 2) return Value::whole(towards_zero + 1);
  return Value::whole(rest <= -(unit / 2) ? towards_zero - 1 : towards_zero);
}

Value truncate(Value a, int digits, Arena& arena) {
  if (!is_small(a))
    return calculate_one(a, arena, [digits](const Decimal& number) { return number.truncate(digits); });
  if (a.scale() <= digits) return a;
  return small_number(a.mantissa() / kPowers[static_cast<std::size_t>(a.scale() - digits)], digits);
}

std::optional<std::int64_t> to_integer(Value a) {
  if (is_small(a)) {
    const std::int64_t unit = kPowers[static_cast<std::size_t>(a.scale())];
    return a.mantissa() / unit - (a.mantissa() % unit < 0 ? 1 : 0);
  }
  const auto number = to_decimal(a);
  return number ? number->floor().to_int64() : std::nullopt;
}

std::int64_t to_clamped_integer(Value a) {
  if (const auto whole = to_integer(a)) return *whole;
  return a.characters().starts_with('-') ? std::numeric_limits<std::int64_t>::min()
                                         : std::numeric_limits<std::int64_t>::max();
}

double to_double(Value a) {
  constexpr std::int64_t kMostExact = std::int64_t{1} << 53;
  // Both are exact in a double, so the quotient is the nearest one.
  if (is_small(a) && a.mantissa() < kMostExact && a.mantissa() > -kMostExact)
    return static_cast<double>(a.mantissa()) /
           static_cast<double>(kPowers[static_cast<std::size_t>(a.scale())]);
  std::string text;
  append_number(a, text);
  double number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
    const auto decimal = Decimal::parse(text);
    return decimal ? decimal->to_double() : std::numeric_limits<double>::quiet_NaN();
  }
  return number;
}

Value from_double(double number, Arena& arena) {
  if (!std::isfinite(number)) return {};
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc()) return {};
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const Value value = parse_number(text);
  return is_small(value) ? value : from_decimal(Decimal::from(number), arena);
}

void append_number(Value a, std::string& out) {
  if (!is_small(a)) {
    out += a.characters();
    return;
  }
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), a.mantissa()).ptr;
  std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const auto scale = static_cast<std::size_t>(a.scale());
  if (scale == 0) {
    out += text;
    return;
  }
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  if (text.size() <= scale) {
    out += "0.";
    out.append(scale - text.size(), '0');
    out += text;
    return;
  }
  out += text.substr(0, text.size() - scale);
  out += '.';
  out += text.substr(text.size() - scale);
}

}  // namespace dunlin::rules
