#include "store/chunk/number_column.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/core/assert.h"
#include "store/chunk/decimal.h"
#include "store/chunk/integer_column.h"
#include "store/chunk/limits.h"
#include "store/chunk/xor_column.h"

namespace dunlin::store {
namespace {

/// First byte: the number of decimals, and whether outliers follow; or kShared.
constexpr std::uint8_t kHasOutliers = 0x10;
constexpr std::uint8_t kShared = 0x20;

/// An outlier costs about ten bytes; so many are cheaper than what sharing takes.
constexpr std::size_t kValuesToAnOutlier = 8;

constexpr unsigned kNotDecimal = kMaxDecimals + 1;

/// The fewest decimals that tell it, tried from those of its neighbour; kNotDecimal: none does.
unsigned decimals_needed(double value, unsigned neighbour) {
  if (neighbour <= kMaxDecimals && to_decimal(value, neighbour)) {
    // What fits with some decimals fits with more.
    while (neighbour > 0 && to_decimal(value, neighbour - 1)) --neighbour;
    return neighbour;
  }
  for (unsigned decimals = neighbour <= kMaxDecimals ? neighbour + 1 : 0; decimals <= kMaxDecimals;
       ++decimals) {
    if (to_decimal(value, decimals)) return decimals;
  }
  return kNotDecimal;
}

/// So many that nearly all values are told; kNotDecimal if too many are not.
unsigned common_decimals(std::span<const double> values) {
  std::array<std::size_t, kNotDecimal + 1> count{};
  unsigned last = 0;
  for (const double value : values) {
    const unsigned needed = decimals_needed(value, last);
    ++count[needed];
    if (needed != kNotDecimal) last = needed;
  }
  const std::size_t allowed = values.size() / kValuesToAnOutlier;
  std::size_t outliers = 0;
  for (unsigned decimals = kNotDecimal; decimals > 0; --decimals) {
    outliers += count[decimals];
    if (outliers > allowed) return decimals;
  }
  return 0;
}

}  // namespace

std::optional<DecimalColumn> decimals_of(std::span<const double> values) {
  const unsigned decimals = common_decimals(values);
  if (decimals == kNotDecimal) return std::nullopt;
  DecimalColumn column{decimals, {}, {}};
  column.scaled.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto scaled = to_decimal(values[i], decimals);
    if (!scaled) column.outliers.push_back({i, values[i]});
    column.scaled.push_back(scaled.value_or(column.scaled.empty() ? 0 : column.scaled.back()));
  }
  return column;
}

void write_decimals(ByteWriter& to, const DecimalColumn& column) {
  DUNLIN_ASSERT(column.decimals <= kMaxDecimals);
  to.byte(static_cast<std::uint8_t>(column.decimals) | (column.outliers.empty() ? 0U : kHasOutliers));
  write_integers(to, column.scaled);
  if (column.outliers.empty()) return;
  to.varint(column.outliers.size());
  std::size_t next = 0;
  for (const auto& outlier : column.outliers) {
    to.varint(outlier.index - next);
    to.number(outlier.value);
    next = outlier.index + 1;
  }
}

void write_doubles(ByteWriter& to, std::span<const double> values) {
  to.byte(kShared);
  write_shared(to, values);
}

namespace {

void read_outliers(ByteReader& from, std::span<double> values) {
  const std::uint64_t count = from.varint();
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    const std::uint64_t skipped = from.varint();
    if (skipped >= values.size() - next) {
      from.broken();
      return;
    }
    next += skipped;
    values[next++] = from.number();
  }
}

}  // namespace

std::vector<double> read_doubles(ByteReader& from, std::size_t count) {
  DUNLIN_ASSERT(count <= kMaxChunkPoints);
  const std::uint8_t head = from.byte();
  if (head == kShared) return read_shared(from, count);
  const unsigned decimals = head & 0x0fU;
  if ((head & ~(kHasOutliers | 0x0fU)) != 0 || decimals > kMaxDecimals) from.broken();
  const auto scaled = read_integers(from, count);
  std::vector<double> values(scaled.size());
  if (decimals == 0) {
    // Nothing to divide, which takes longer than all the rest.
    std::ranges::transform(scaled, values.begin(), [](std::int64_t whole) { return from_decimal(whole, 0); });
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_decimal(scaled[i], decimals);
  }
  if ((head & kHasOutliers) != 0) read_outliers(from, values);
  return values;
}

}  // namespace dunlin::store
