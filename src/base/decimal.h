#pragma once
// Decimal numbers of up to 34 digits, as IEEE 754's decimal128 has them: what AWS IoT SQL calculates with.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin {

/// A value of 16 bytes, which allocates nothing but its text. Kept without zeros at its end: 1.50 and 1.5 are
/// the same, and 10.0 is the whole number 10. Results of more than kDigits digits are rounded to the nearest,
/// a half to the even one. What is nearer to zero than 1E-999 is zero; what is past 9.99..E999, a quotient by
/// zero and a remainder by zero are nothing. There is no negative zero. Any thread.
class Decimal {
 public:
  static constexpr int kDigits = 34;
  /// Of the first digit: the largest number is 9.99..E999, the smallest one 1E-999.
  static constexpr int kMaxExponent = 999;

  constexpr Decimal() = default;  // 0
  /// A number in JSON's grammar (RFC 8259 section 6), of any length: no blanks, no leading `+` or `.`, no
  /// zeros before the first digit. Takes linear time.
  static std::optional<Decimal> parse(std::string_view text);
  static Decimal from(std::int64_t value);
  /// The shortest decimal number that reads back as `value`. Nothing for NaN and infinities.
  static std::optional<Decimal> from(double value);

  std::optional<Decimal> add(const Decimal& other) const;
  std::optional<Decimal> subtract(const Decimal& other) const;
  std::optional<Decimal> multiply(const Decimal& other) const;
  std::optional<Decimal> divide(const Decimal& other) const;
  /// Exact, and of the dividend's sign.
  std::optional<Decimal> remainder(const Decimal& other) const;
  Decimal negate() const;

  bool is_zero() const { return low_ == 0 && high_ == 0; }
  bool is_negative() const { return (high_ & kSign) != 0; }
  bool is_whole() const;
  /// The next whole number towards minus, and plus, infinity.
  Decimal floor() const;
  Decimal ceil() const;
  /// The nearest whole number, of two the one that is further from zero.
  Decimal round_half_away() const;
  /// Without the digits behind the first `digits` of the fraction. `digits` from 0.
  Decimal truncate(int digits) const;

  /// Nothing for fractions and for what has no place.
  std::optional<std::int64_t> to_int64() const;
  /// The nearest double; zero and infinities for what has no place.
  double to_double() const;
  /// Whole numbers of up to 34 digits and fractions from 0.000001: all their digits. Others: 1.5E40, 2E-7.
  /// JSON's grammar, and read back as the same number.
  std::string to_text() const;

  /// By value, which is by their bits, since zeros at the end are not kept.
  friend bool operator==(const Decimal& a, const Decimal& b) = default;
  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) { return a.compare(b); }

 private:
  struct Number;
  static constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;

  static std::optional<Decimal> pack(const Number& number);
  Number unpack() const;
  std::strong_ordering compare(const Decimal& other) const;

  // The digits as a number below 10^34 (113 bits), then 14 bits of the exponent of the last one with a bias,
  // then the sign. Zero is all zeros.
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
};

}  // namespace dunlin
