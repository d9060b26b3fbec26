#include "store/chunk/chunk_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "store/chunk/decimal.h"

namespace dunlin::store {
namespace {

__extension__ using Wide = __int128;  // the sums of squares of 64-bit numbers
constexpr Wide kLargest = std::numeric_limits<std::int64_t>::max();

bool fits(Wide value) {
  return value <= kLargest && value >= -kLargest;
}

}  // namespace

std::optional<DecimalSummary> DecimalSummary::of(std::span<const std::int64_t> values, unsigned decimals) {
  const Wide first = values.front();
  Wide sum = 0;
  Wide squares = 0;
  Wide least = 0;
  Wide most = 0;
  for (const std::int64_t value : values) {
    const Wide distance = value - first;
    if (!fits(distance)) return std::nullopt;
    least = std::min(least, distance);
    most = std::max(most, distance);
    sum += distance;
    squares += distance * distance;
    if (!fits(squares)) return std::nullopt;
  }
  // No sum is larger than that of the squares.
  DecimalSummary made;
  made.decimals = decimals;
  made.points = values.size();
  made.first = values.front();
  made.last = static_cast<std::int64_t>(values.back() - first);
  made.below = static_cast<std::uint64_t>(-least);
  made.above = static_cast<std::uint64_t>(most);
  made.sum = static_cast<std::int64_t>(sum);
  made.squares = static_cast<std::uint64_t>(squares);
  return made;
}

void DecimalSummary::write(ByteWriter& to) const {
  to.byte(static_cast<std::uint8_t>(decimals));
  to.signed_varint(first);
  to.signed_varint(last);
  to.varint(below);
  to.varint(above);
  to.signed_varint(sum);
  to.varint(squares);
}

DecimalSummary DecimalSummary::read(ByteReader& from, std::uint64_t points) {
  DecimalSummary made;
  made.points = points;
  made.decimals = from.byte();
  if (made.decimals > kMaxDecimals) {
    from.broken();
    return {};
  }
  made.first = from.signed_varint();
  made.last = from.signed_varint();
  made.below = from.varint();
  made.above = from.varint();
  made.sum = from.signed_varint();
  made.squares = from.varint();
  return made;
}

void DecimalSummary::tell(ChunkSummary& summary) const {
  const double unit = kPowersOfTen[decimals];
  const Wide count = points;
  const auto value = [&](Wide distance) { return static_cast<double>(first + distance) / unit; };
  summary.numbers = points;
  summary.first = value(0);
  summary.last = value(last);
  summary.min = value(-static_cast<Wide>(below));
  summary.max = value(above);
  summary.sum = static_cast<double>(count * first + sum) / unit;
  if (points == 0) return;
  const Wide scaled = count * squares - static_cast<Wide>(sum) * sum;
  summary.squares = static_cast<double>(scaled) / static_cast<double>(points) / (unit * unit);
}

DoubleSummary DoubleSummary::of(std::span<const double> values) {
  DoubleSummary made;
  double mean = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    if (made.numbers++ == 0) made.first = made.min = made.max = value;
    made.last = value;
    made.min = std::min(made.min, value);
    made.max = std::max(made.max, value);
    made.sum += value;
    const double distance = value - mean;
    mean += distance / static_cast<double>(made.numbers);
    made.squares += distance * (value - mean);
  }
  return made;
}

void DoubleSummary::write(ByteWriter& to) const {
  to.varint(numbers);
  for (const double value : {first, last, min, max, sum, squares}) to.number(value);
}

DoubleSummary DoubleSummary::read(ByteReader& from) {
  DoubleSummary made;
  made.numbers = from.varint();
  for (double* value : {&made.first, &made.last, &made.min, &made.max, &made.sum, &made.squares})
    *value = from.number();
  return made;
}

void DoubleSummary::tell(ChunkSummary& summary) const {
  summary.numbers = numbers;
  summary.first = first;
  summary.last = last;
  summary.min = min;
  summary.max = max;
  summary.sum = sum;
  summary.squares = squares;
}

}  // namespace dunlin::store
