#pragma once
// Doubles that were decimal numbers once, as integers.

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

namespace dunlin::store {

inline constexpr unsigned kMaxDecimals = 9;
inline constexpr std::array<double, kMaxDecimals + 1> kPowersOfTen{1e0, 1e1, 1e2, 1e3, 1e4,
                                                                   1e5, 1e6, 1e7, 1e8, 1e9};

/// The double that is nearest to scaled / 10^decimals. `decimals` is at most kMaxDecimals.
inline double from_decimal(std::int64_t scaled, unsigned decimals) {
  return static_cast<double>(scaled) / kPowersOfTen[decimals];
}

/// The integer that from_decimal() makes exactly `value` of, bit for bit; none for what has more decimals or
/// digits, for -0.0, NaN and the infinities.
inline std::optional<std::int64_t> to_decimal(double value, unsigned decimals) {
  constexpr double kLargest = 9e15;  // below 2^53: every integer up to here is a double
  const double scaled = std::nearbyint(value * kPowersOfTen[decimals]);
  if (!(std::abs(scaled) < kLargest)) return std::nullopt;
  const auto integer = static_cast<std::int64_t>(scaled);
  const double back = from_decimal(integer, decimals);
  if (std::bit_cast<std::uint64_t>(back) != std::bit_cast<std::uint64_t>(value)) return std::nullopt;
  return integer;
}

}  // namespace dunlin::store
