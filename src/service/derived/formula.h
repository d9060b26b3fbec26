#pragma once
// What a derived channel is computed by: an expression of the queries' SQL over channels, read once and
// evaluated for many rows at a time.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"
#include "service/analytics/aggregate.h"

namespace dunlin::derived {

/// A channel that is read.
struct Input {
  std::string device;  // empty: the device whose channel is computed
  std::string channel;
  friend bool operator==(const Input&, const Input&) = default;
};

/// What is taken of a channel for one operand.
enum class Take : std::uint8_t {
  value,     // the last value as a number
  text,      // the same as a text
  previous,  // the value before it
  // Of the values in a window:
  mean,
  sum,
  min,
  max,
  count,
  first,
  last,
  deviation,
  percentile,
  rate,
  integral,
  time_weighted_mean,
};

struct FormulaColumn {
  std::size_t input = 0;
  Take take = Take::value;
  Duration length{};    // of the window that ends with the row; zero: that of the definition
  double quantile = 0;  // of a percentile
  friend bool operator==(const FormulaColumn&, const FormulaColumn&) = default;
};

/// What one operand is in a row.
struct Cell {
  enum class State : std::uint8_t { missing, known } state = State::missing;
  double number = 0;
  std::string text;

  static Cell of(double number) { return {State::known, number, {}}; }
  bool is_known() const { return state == State::known; }
  friend bool operator==(const Cell&, const Cell&) = default;
};

struct Row {
  std::string device;
  WallTime time;
  std::vector<Cell> cells{};  // as Formula::columns()
};

class Formula {
 public:
  /// Whether operands are the values at a time, or what they amount to in the definition's windows.
  enum class Over : std::uint8_t { time, windows };

  /// Errors: malformed, invalid_argument, limit_exceeded; the text names line and column, and what was meant.
  static Result<Formula> parse(std::string_view text, Over over);

  const std::vector<Input>& inputs() const;
  const std::vector<FormulaColumn>& columns() const;
  /// "number", "boolean" ...
  std::string_view type() const;
  /// One for each row; nothing where the result is NULL, no finite number or too long a text.
  std::vector<std::optional<model::Value>> evaluate(std::span<const Row> rows) const;

 private:
  struct Compiled;
  explicit Formula(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;  // shared: by the copies of a definition
};

/// What a window's values amount to.
double number_of(Take take, double quantile, const analytics::Aggregate& values);

}  // namespace dunlin::derived
