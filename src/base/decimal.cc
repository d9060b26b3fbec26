#include "base/decimal.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/core/assert.h"

namespace dunlin {
namespace {

using Wide = boost::multiprecision::uint256_t;  // fixed: allocates nothing

constexpr int kMaxPower = 76;  // the largest power of ten in 256 bits is 10^77
constexpr int kBias = 2048;
constexpr unsigned kExponentShift = 49;  // 113 bits of digits less 64
constexpr std::uint64_t kDigitsMask = (std::uint64_t{1} << kExponentShift) - 1;
constexpr std::uint64_t kExponentMask = (std::uint64_t{1} << 14U) - 1;

const Wide& power_of_ten(int exponent) {
  static const auto powers = [] {
    std::array<Wide, kMaxPower + 1> made;
    made[0] = 1;
    for (std::size_t i = 1; i < made.size(); ++i) made[i] = made[i - 1] * 10;
    return made;
  }();
  DUNLIN_ASSERT(exponent >= 0 && exponent <= kMaxPower);
  return powers[static_cast<std::size_t>(exponent)];
}

/// Of a number other than zero.
int digits_of(const Wide& number) {
  // log10(2) is about 1233/4096: the estimate is right or one too small.
  const int least = static_cast<int>(((boost::multiprecision::msb(number) + 1) * 1233) >> 12U);
  return number < power_of_ten(least) ? least : least + 1;
}

Wide without_zeros(Wide digits, int& exponent) {
  for (const int step : {32, 16, 8, 4, 2, 1}) {
    if (digits_of(digits) <= step) continue;
    Wide rest;
    Wide quotient;
    boost::multiprecision::divide_qr(digits, power_of_ten(step), quotient, rest);
    if (rest != 0) continue;
    digits = quotient;
    exponent += step;
  }
  return digits;
}

/// 10^exponent modulo something below 10^34: the squares fit.
Wide power_modulo(int exponent, const Wide& modulus) {
  Wide power = Wide(1) % modulus;
  Wide square = Wide(10) % modulus;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) power = power * square % modulus;
    square = square * square % modulus;
  }
  return power;
}

}  // namespace

/// digits * 10^exponent, not yet rounded.
struct Decimal::Number {
  enum class Sign : std::uint8_t { plus, minus } sign = Sign::plus;
  Wide digits;
  int exponent = 0;

  /// Of the first digit.
  int magnitude() const { return exponent + digits_of(digits) - 1; }
  bool is_negative() const { return sign == Sign::minus; }
};

namespace {

/// RFC 8259 section 6, character by character.
class NumberText {
 public:
  explicit NumberText(std::string_view text) : rest_(text) {}

  bool read() {
    negative_ = take('-');
    if (!take('0') && digits(Part::whole) == 0) return false;
    if (take('.') && digits(Part::fraction) == 0) return false;
    if (take('e') || take('E')) {
      const bool minus = take('-');
      if (!minus) take('+');
      const std::int64_t power = exponent();
      if (power < 0) return false;
      exponent_ += minus ? -power : power;
    }
    return rest_.empty();
  }
  bool is_negative() const { return negative_; }
  /// At most 36 digits; the last one says only that there were further ones that are not zero.
  const Wide& value() const { return value_; }
  int exponent_of_last() const { return static_cast<int>(std::clamp<std::int64_t>(exponent_, -kFar, kFar)); }

 private:
  enum class Part : std::uint8_t { whole, fraction };
  static constexpr std::int64_t kFar = 100'000;
  static constexpr int kKept = Decimal::kDigits + 1;

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

  std::size_t digits(Part part) {
    std::size_t count = 0;
    for (; at_digit(); ++count, rest_.remove_prefix(1)) keep(rest_.front() - '0', part);
    return count;
  }
  void keep(int digit, Part part) {
    if (kept_ > 0 || digit != 0) ++kept_;
    if (kept_ <= kKept) {
      value_ = value_ * 10 + digit;
      if (part == Part::fraction) --exponent_;
      return;
    }
    if (part == Part::whole) ++exponent_;
    if (digit == 0 || sticky_) return;
    sticky_ = true;
    value_ = value_ * 10 + 1;
    --exponent_;
  }
  /// -1: there is none. Past any use it is only far away.
  std::int64_t exponent() {
    std::int64_t power = -1;
    for (; at_digit(); rest_.remove_prefix(1))
      power = std::min<std::int64_t>(std::max<std::int64_t>(power, 0) * 10 + (rest_.front() - '0'), kTooFar);
    return power;
  }
  // A number may have so many zeros that only a far exponent brings it back.
  static constexpr std::int64_t kTooFar = std::int64_t{1} << 50U;

  std::string_view rest_;
  Wide value_ = 0;
  std::int64_t exponent_ = 0;
  std::int64_t kept_ = 0;
  bool negative_ = false;
  bool sticky_ = false;
};

}  // namespace

std::optional<Decimal> Decimal::pack(const Number& number) {
  if (number.digits == 0) return Decimal{};
  Wide digits = number.digits;
  int exponent = number.exponent;
  const int over = digits_of(digits) - kDigits;
  if (over > 0) {
    Wide rest;
    Wide kept;
    boost::multiprecision::divide_qr(digits, power_of_ten(over), kept, rest);
    const Wide half = power_of_ten(over) / 2;
    if (rest > half || (rest == half && kept % 2 == 1)) ++kept;
    digits = kept;
    exponent += over;
  }
  digits = without_zeros(digits, exponent);
  const int magnitude = exponent + digits_of(digits) - 1;
  if (magnitude > kMaxExponent) return std::nullopt;
  if (magnitude < -kMaxExponent) return Decimal{};
  Decimal made;
  made.low_ = static_cast<std::uint64_t>(digits & Wide(~std::uint64_t{0}));
  made.high_ = static_cast<std::uint64_t>(digits >> 64U);
  made.high_ |= static_cast<std::uint64_t>(exponent + kBias) << kExponentShift;
  if (number.is_negative()) made.high_ |= kSign;
  return made;
}

Decimal::Number Decimal::unpack() const {
  Number number;
  if (is_zero()) return number;
  number.sign = is_negative() ? Number::Sign::minus : Number::Sign::plus;
  number.digits = (Wide(high_ & kDigitsMask) << 64U) | Wide(low_);
  number.exponent = static_cast<int>((high_ >> kExponentShift) & kExponentMask) - kBias;
  return number;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  NumberText reader(text);
  if (!reader.read()) return std::nullopt;
  Number number;
  number.sign = reader.is_negative() ? Number::Sign::minus : Number::Sign::plus;
  number.digits = reader.value();
  number.exponent = reader.exponent_of_last();
  return pack(number);
}

Decimal Decimal::from(std::int64_t value) {
  Number number;
  number.sign = value < 0 ? Number::Sign::minus : Number::Sign::plus;
  const auto bits = static_cast<std::uint64_t>(value);
  number.digits = value < 0 ? 0 - bits : bits;
  return *pack(number);
}

std::optional<Decimal> Decimal::from(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  return parse({text.data(), end.ptr});
}

std::optional<Decimal> Decimal::add(const Decimal& other) const {
  if (is_zero()) return other;
  if (other.is_zero()) return *this;
  Number a = unpack();
  Number b = other.unpack();
  if (a.exponent < b.exponent) std::swap(a, b);
  const int shift = a.exponent - b.exponent;
  const int room = kMaxPower - 1 - digits_of(a.digits);
  if (shift <= room) {
    a.digits *= power_of_ten(shift);
    a.exponent = b.exponent;
  } else {
    // `b` is far behind the last digit that is kept: only its being there counts.
    a.digits *= power_of_ten(room);
    a.exponent -= room;
    b.digits = 1;
    b.exponent = a.exponent;
  }
  Number sum;
  sum.exponent = a.exponent;
  if (a.sign == b.sign) {
    sum.sign = a.sign;
    sum.digits = a.digits + b.digits;
  } else if (a.digits >= b.digits) {
    sum.sign = a.sign;
    sum.digits = a.digits - b.digits;
  } else {
    sum.sign = b.sign;
    sum.digits = b.digits - a.digits;
  }
  return pack(sum);
}

std::optional<Decimal> Decimal::subtract(const Decimal& other) const {
  return add(other.negate());
}

Decimal Decimal::negate() const {
  Decimal made = *this;
  if (!is_zero()) made.high_ ^= kSign;
  return made;
}

std::optional<Decimal> Decimal::multiply(const Decimal& other) const {
  const Number a = unpack();
  const Number b = other.unpack();
  Number product;
  product.sign = a.sign == b.sign ? Number::Sign::plus : Number::Sign::minus;
  product.digits = a.digits * b.digits;
  product.exponent = a.exponent + b.exponent;
  return pack(product);
}

std::optional<Decimal> Decimal::divide(const Decimal& other) const {
  if (other.is_zero()) return std::nullopt;
  if (is_zero()) return Decimal{};
  const Number a = unpack();
  const Number b = other.unpack();
  // So that the quotient has a digit more than is kept, or two.
  const int shift = kDigits + 1 + digits_of(b.digits) - digits_of(a.digits);
  Number quotient;
  Wide rest;
  boost::multiprecision::divide_qr(Wide(a.digits * power_of_ten(shift)), b.digits, quotient.digits, rest);
  quotient.sign = a.sign == b.sign ? Number::Sign::plus : Number::Sign::minus;
  quotient.exponent = a.exponent - b.exponent - shift;
  if (rest != 0) {
    // The digits that follow decide only between below, at and above the half.
    quotient.digits = quotient.digits * 10 + 1;
    --quotient.exponent;
  }
  return pack(quotient);
}

std::optional<Decimal> Decimal::remainder(const Decimal& other) const {
  if (other.is_zero()) return std::nullopt;
  if (is_zero()) return Decimal{};
  Number a = unpack();
  Number b = other.unpack();
  if (b.exponent > a.exponent) {
    const int shift = b.exponent - a.exponent;
    if (digits_of(b.digits) + shift > kDigits + 1) return *this;
    b.digits *= power_of_ten(shift);
    a.digits %= b.digits;
  } else {
    a.digits = a.digits % b.digits * power_modulo(a.exponent - b.exponent, b.digits) % b.digits;
    a.exponent = b.exponent;
  }
  return pack(a);
}

std::strong_ordering Decimal::compare(const Decimal& other) const {
  const auto sign_of = [](const Decimal& one) { return one.is_zero() ? 0 : one.is_negative() ? -1 : 1; };
  const int sign = sign_of(*this);
  if (sign != sign_of(other)) return sign <=> sign_of(other);
  if (sign == 0) return std::strong_ordering::equal;
  Number a = unpack();
  Number b = other.unpack();
  if (sign < 0) std::swap(a, b);
  if (a.magnitude() != b.magnitude()) return a.magnitude() <=> b.magnitude();
  // Of one magnitude: the exponents are less than 34 apart.
  if (a.exponent > b.exponent) a.digits *= power_of_ten(a.exponent - b.exponent);
  if (b.exponent > a.exponent) b.digits *= power_of_ten(b.exponent - a.exponent);
  return a.digits.compare(b.digits) <=> 0;
}

bool Decimal::is_whole() const {
  return is_zero() || static_cast<int>((high_ >> kExponentShift) & kExponentMask) >= kBias;
}

Decimal Decimal::truncate(int digits) const {
  DUNLIN_ASSERT(digits >= 0);
  Number number = unpack();
  if (number.exponent >= -digits) return *this;
  const int cut = -digits - number.exponent;
  if (cut >= kDigits) return Decimal{};
  number.digits /= power_of_ten(cut);
  number.exponent += cut;
  return *pack(number);
}

Decimal Decimal::floor() const {
  const Decimal cut = truncate(0);
  // Where something was cut there were fewer than 34 digits before: one more has a place.
  return is_negative() && cut != *this ? *cut.subtract(from(std::int64_t{1})) : cut;
}

Decimal Decimal::ceil() const {
  return negate().floor().negate();
}

Decimal Decimal::round_half_away() const {
  if (is_whole()) return *this;
  const Number half{is_negative() ? Number::Sign::minus : Number::Sign::plus, 5, -1};
  const Decimal cut = truncate(0);
  const Decimal fraction = *subtract(cut);
  const bool away = is_negative() ? fraction <= *pack(half) : fraction >= *pack(half);
  if (!away) return cut;
  return *cut.add(from(std::int64_t{is_negative() ? -1 : 1}));
}

std::optional<std::int64_t> Decimal::to_int64() const {
  const Number number = unpack();
  if (is_zero()) return 0;
  if (number.exponent < 0 || number.magnitude() > 18) return std::nullopt;
  const Wide value = number.digits * power_of_ten(number.exponent);
  const Wide most = (Wide(1) << 63U) - (is_negative() ? 0 : 1);
  if (value > most) return std::nullopt;
  const auto bits = static_cast<std::uint64_t>(value);
  return static_cast<std::int64_t>(is_negative() ? 0 - bits : bits);
}

double Decimal::to_double() const {
  const std::string text = to_text();
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc::result_out_of_range) return value;
  if (unpack().magnitude() < 0) return is_negative() ? -0.0 : 0.0;
  return is_negative() ? -HUGE_VAL : HUGE_VAL;
}

std::string Decimal::to_text() const {
  if (is_zero()) return "0";
  const Number number = unpack();
  std::string digits;
  for (auto rest = number.digits; rest != 0; rest /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  const int magnitude = number.magnitude();
  const std::string sign = is_negative() ? "-" : "";
  if (number.exponent >= 0 && magnitude < kDigits)
    return sign + digits + std::string(static_cast<std::size_t>(number.exponent), '0');
  constexpr int kLeastPlain = -6;
  if (number.exponent < 0 && magnitude >= 0)
    return sign + digits.insert(static_cast<std::size_t>(magnitude) + 1, ".");
  if (number.exponent < 0 && magnitude >= kLeastPlain)
    return sign + "0." + std::string(static_cast<std::size_t>(-magnitude) - 1, '0') + digits;
  if (digits.size() > 1) digits.insert(1, ".");
  return sign + digits + "E" + std::to_string(magnitude);
}

}  // namespace dunlin
