#pragma once
// Values, and columns of them: what expressions and operators work on.

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "service/query/limits.h"
#include "store/chunk/chunk.h"

namespace dunlin::query {

/// `null` is the type of NULL itself, which fits anywhere. Times are nanoseconds since 1970, intervals
/// nanoseconds.
enum class Type : std::uint8_t { null, boolean, integer, number, text, time, interval };
std::string_view type_name(Type type);

/// Whether values stand in Column::numbers.
constexpr bool is_double(Type type) {
  return type == Type::number;
}

/// One value, for constants.
struct Datum {
  Type type = Type::null;
  std::int64_t integer = 0;  // boolean, integer, time, interval
  double number = 0;
  std::string text;
};

/// The texts of one query, each once: columns hold their places. Not ordered. Any thread.
class TextPool {
 public:
  std::int64_t place_of(std::string_view text);
  /// Of a place that place_of() has told, here or to another thread that has handed it over.
  std::string_view text_at(std::int64_t place) const {
    const Spot spot = spot_of(static_cast<std::size_t>(place));
    return blocks_[spot.block].load(std::memory_order_acquire)[spot.index];
  }
  std::size_t bytes() const { return bytes_; }

 private:
  /// Each block is twice as long as the one before it, so that texts never move.
  static constexpr std::size_t kFirstBlock = 256;
  static constexpr std::size_t kBlocks = 40;
  struct Spot {
    std::size_t block = 0;
    std::size_t index = 0;
  };
  static Spot spot_of(std::size_t place) {
    const auto block = static_cast<std::size_t>(std::bit_width(place / kFirstBlock + 1)) - 1;
    return {block, place - kFirstBlock * ((std::size_t{1} << block) - 1)};
  }

  std::array<std::atomic<std::string*>, kBlocks> blocks_{};
  mutable std::shared_mutex mutex_;  // guards the three below
  std::vector<std::unique_ptr<std::string[]>> owned_;
  std::unordered_map<std::string_view, std::int64_t> places_;
  std::size_t size_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
};

/// Values of one type for the rows of a batch, or one that stands for all rows.
struct Column {
  enum class Shape : std::uint8_t { rows, constant };

  Type type = Type::null;
  Shape shape = Shape::rows;
  std::vector<std::int64_t> integers;  // all but numbers; a text is its place in the pool
  std::vector<double> numbers;
  std::vector<std::uint8_t> valid;  // 0 where the value is NULL; empty: none is

  /// Where the value of a row stands.
  std::size_t place(std::size_t row) const { return shape == Shape::constant ? 0 : row; }
  bool is_valid(std::size_t row) const {
    return type != Type::null && (valid.empty() || valid[place(row)] != 0);
  }
  std::int64_t integer(std::size_t row) const { return integers[place(row)]; }
  /// Of a number or an integer.
  double number(std::size_t row) const {
    return is_double(type) ? numbers[place(row)] : static_cast<double>(integers[place(row)]);
  }
  std::size_t bytes() const { return (integers.size() + numbers.size()) * 8 + valid.size(); }
};
using ColumnPtr = std::shared_ptr<const Column>;

ColumnPtr constant_column(const Datum& value, TextPool& texts);
/// Of `type`, for which NULL stands in every row.
ColumnPtr null_column(Type type);
/// Room for `rows` values of the type, none of which is NULL.
Column make_column(Type type, std::size_t rows);
Datum datum_at(const Column& column, std::size_t row, const TextPool& texts);
/// Appends a row of `from`, of the same type or null, to a column of rows.
void append_row(Column& to, const Column& from, std::size_t row);
/// The rows at `places`.
ColumnPtr gather(const ColumnPtr& column, const std::vector<std::uint32_t>& places);

/// Rows on their way from an operator to the next.
struct Batch {
  std::size_t rows = 0;
  std::vector<ColumnPtr> columns;
  /// Which series or device the rows are of; rows of one follow each other by time.
  std::uint64_t origin = 0;
  /// Not empty: each row is a whole chunk, whose time is that of its first point.
  std::vector<store::ChunkSummary> wholes;
  std::size_t whole_of = 0;  // the column whose values these have
};

/// What a query has taken of the memory that it may have. Any thread.
class Budget {
 public:
  explicit Budget(std::size_t most) : most_(most) {}
  /// Errors: limit_exceeded.
  Result<void> take(std::size_t bytes) {
    if (used_.fetch_add(bytes) + bytes > most_) {
      return fail(Errc::limit_exceeded,
                  "the query needs more memory than it may have; group by less or ask for a shorter time");
    }
    return {};
  }
  void give_back(std::size_t bytes) { used_ -= bytes; }
  std::size_t used() const { return used_; }

 private:
  std::size_t most_;
  std::atomic<std::size_t> used_ = 0;
};

}  // namespace dunlin::query
