#include "store/chunk/integer_column.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/core/assert.h"
#include "store/chunk/bit_packing.h"
#include "store/chunk/limits.h"

namespace dunlin::store {
namespace {

constexpr unsigned kWidths = 65;  // 0 to 64 bits

/// What a value is expected to be.
enum class Predictor : std::uint8_t {
  smallest,  // the smallest of all: noise around a level
  previous,  // the one before: what wanders
  line,      // as far from the one before as that one was from its own: counters, times
};
constexpr std::array kPredictors{Predictor::smallest, Predictor::previous, Predictor::line};

/// First bytes: the predictor (2 bits) and whether there are exceptions (1 bit); the width.
constexpr unsigned kPredictorBits = 3;
constexpr std::uint8_t kHasExceptions = 4;

struct Residuals {
  Predictor predictor{};
  std::vector<std::uint64_t> numbers;  // zigzag, but for `smallest`
  std::vector<std::int64_t> openings;  // what the first values are told by
};

Residuals residuals_of(Predictor predictor, std::span<const std::int64_t> values) {
  Residuals made{predictor, {}, {}};
  made.numbers.reserve(values.size());
  if (predictor == Predictor::smallest) {
    const std::int64_t least = std::ranges::min(values);
    made.openings = {least};
    for (const std::int64_t value : values)
      made.numbers.push_back(static_cast<std::uint64_t>(wrapping_subtract(value, least)));
    return made;
  }
  made.openings = {values[0]};
  std::int64_t step = 0;
  std::size_t next = 1;
  if (predictor == Predictor::line) {
    step = values.size() > 1 ? wrapping_subtract(values[1], values[0]) : 0;
    made.openings.push_back(step);
    next = 2;
  }
  for (; next < values.size(); ++next) {
    const std::int64_t difference = wrapping_subtract(values[next], values[next - 1]);
    made.numbers.push_back(zigzag(wrapping_subtract(difference, step)));
    if (predictor == Predictor::line) step = difference;
  }
  return made;
}

/// How many bits most numbers need, and what the rest costs.
struct Packing {
  unsigned width = 0;
  std::size_t bytes = 0;  // of packed numbers and exceptions
};

Packing best_packing(std::span<const std::uint64_t> numbers) {
  std::array<std::size_t, kWidths> count{};
  for (const std::uint64_t number : numbers) ++count[static_cast<std::size_t>(std::bit_width(number))];
  Packing best{64, packed_bytes(numbers.size(), 64)};
  std::size_t wider = 0;        // numbers that are exceptions
  std::size_t wider_bytes = 0;  // theirs, with a byte or two for where they are
  for (unsigned width = kWidths; width-- > 0;) {
    const std::size_t bytes = packed_bytes(numbers.size(), width) + wider_bytes + (wider > 0 ? 2 : 0);
    if (bytes <= best.bytes) best = {width, bytes};
    wider += count[width];
    wider_bytes += count[width] * (2 + (width + 6) / 7);
  }
  return best;
}

void write_exceptions(ByteWriter& to, std::span<const std::uint64_t> numbers, unsigned width) {
  const auto is_wider = [&](std::uint64_t number) {
    return static_cast<unsigned>(std::bit_width(number)) > width;
  };
  to.varint(static_cast<std::uint64_t>(std::ranges::count_if(numbers, is_wider)));
  std::size_t after = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!is_wider(numbers[i])) continue;
    to.varint(i - after);
    to.varint(numbers[i]);
    after = i + 1;
  }
}

void read_exceptions(ByteReader& from, std::span<std::int64_t> numbers) {
  const std::uint64_t count = from.varint();
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    const std::uint64_t skipped = from.varint();
    const std::uint64_t number = from.varint();
    if (skipped >= numbers.size() - next) {
      from.broken();
      return;
    }
    next += skipped;
    numbers[next++] = static_cast<std::int64_t>(number);
  }
}

/// Into all of `numbers`.
void read_numbers(ByteReader& from, std::span<std::int64_t> numbers, bool has_exceptions) {
  const unsigned width = from.byte();
  if (width >= kWidths) {
    from.broken();
    return;
  }
  const std::string_view packed = from.text(packed_bytes(numbers.size(), width));
  if (!from.ok()) return;
  unpack_bits(packed, numbers, width);
  if (has_exceptions) read_exceptions(from, numbers);
}

/// Of what the numbers say to the values, in their place.
std::int64_t signed_number(std::int64_t number) {
  return unzigzag(static_cast<std::uint64_t>(number));
}

}  // namespace

void write_integers(ByteWriter& to, std::span<const std::int64_t> values) {
  DUNLIN_ASSERT(values.size() <= kMaxChunkPoints);
  if (values.empty()) return;
  Residuals best;
  Packing packing;
  for (const Predictor predictor : kPredictors) {
    Residuals tried = residuals_of(predictor, values);
    const Packing needed = best_packing(tried.numbers);
    const bool better = predictor == kPredictors.front() || needed.bytes < packing.bytes;
    if (!better) continue;
    best = std::move(tried);
    packing = needed;
    if (packing.bytes == 0) break;
  }
  std::vector<std::uint64_t> packed = best.numbers;
  bool has_exceptions = false;
  for (std::uint64_t& number : packed) {
    if (static_cast<unsigned>(std::bit_width(number)) <= packing.width) continue;
    number = 0;
    has_exceptions = true;
  }
  to.byte(static_cast<std::uint8_t>(best.predictor) | (has_exceptions ? kHasExceptions : 0U));
  for (const std::int64_t opening : best.openings) to.signed_varint(opening);
  to.byte(static_cast<std::uint8_t>(packing.width));
  to.text(pack_bits(packed, packing.width));
  if (has_exceptions) write_exceptions(to, best.numbers, packing.width);
}

std::vector<std::int64_t> read_integers(ByteReader& from, std::size_t count) {
  DUNLIN_ASSERT(count <= kMaxChunkPoints);
  if (count == 0) return {};
  const std::uint8_t head = from.byte();
  const auto predictor = static_cast<Predictor>(head & 3U);
  if (head >> kPredictorBits != 0 || predictor > Predictor::line) from.broken();
  const std::int64_t opening = from.signed_varint();
  std::int64_t step = predictor == Predictor::line ? from.signed_varint() : 0;
  const std::size_t told = predictor == Predictor::smallest ? 0 : predictor == Predictor::previous ? 1 : 2;
  std::vector<std::int64_t> values(count);
  const std::span<std::int64_t> numbers = std::span(values).subspan(std::min(count, told));
  read_numbers(from, numbers, (head & kHasExceptions) != 0);
  if (!from.ok()) return {};
  // Each number gives way to the value that it tells.
  if (predictor == Predictor::smallest) {
    for (std::int64_t& value : numbers) value = wrapping_add(opening, value);
    return values;
  }
  std::int64_t last = values[0] = opening;
  if (predictor == Predictor::previous) {
    for (std::int64_t& value : numbers) value = last = wrapping_add(last, signed_number(value));
    return values;
  }
  if (count > 1) values[1] = last = wrapping_add(opening, step);
  for (std::int64_t& value : numbers) {
    step = wrapping_add(step, signed_number(value));
    value = last = wrapping_add(last, step);
  }
  return values;
}

}  // namespace dunlin::store
