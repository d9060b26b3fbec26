#pragma once
// The steps of a query: each pulls batches of rows from the one below it.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "service/query/expression.h"
#include "service/query/value.h"

namespace dunlin::query {

/// What all steps of one query share. Any thread.
struct Workspace {
  TextPool texts;
  Budget budget{kMaxQueryMemory};
  std::atomic<std::uint64_t> points_read = 0;
  std::atomic<std::uint64_t> chunks_by_summary = 0;
  std::atomic<std::uint64_t> parts_by_rollup = 0;
  std::atomic<std::uint64_t> parts_left_out = 0;  // of rollups, because the range cuts them
  std::atomic<bool> is_cancelled = false;         // nobody waits for the answer any more

  /// Errors: limit_exceeded, once texts and what was charged are more than a query may have.
  Result<void> check_memory() const {
    if (texts.bytes() + budget.used() <= kMaxQueryMemory) return {};
    return fail(Errc::limit_exceeded, "the query needs more memory than it may have");
  }
};

struct Pulled {
  enum class State : std::uint8_t {
    rows,
    busy,  // something was done; ask again
    wait,  // nothing is there yet: the source will say when
    end
  } state = State::end;
  Batch batch;
};

/// One thread. A call does the work of about one batch.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Errors: limit_exceeded, and the store's.
  virtual Result<Pulled> next() = 0;
  /// Adds a line for itself, and those of what it pulls from.
  virtual void explain(std::vector<std::string>& lines, std::size_t depth) const = 0;
};
using OperatorPtr = std::unique_ptr<Operator>;

inline Pulled pulled(Pulled::State state) {
  return {state, {}};
}
inline Pulled pulled(Batch batch) {
  return {Pulled::State::rows, std::move(batch)};
}
inline std::string plan_line(std::size_t depth, const std::string& text) {
  return std::string(2 * depth, ' ') + text;
}

/// Rows that are kept: columns without constants.
class RowBuffer {
 public:
  explicit RowBuffer(const std::vector<Type>& types);
  /// Errors: limit_exceeded.
  Result<void> append(const Batch& batch, Workspace& space);
  std::size_t rows() const { return rows_; }
  const Column& column(std::size_t i) const { return columns_[i]; }
  /// Rows at `places`.
  Batch batch(const std::vector<std::uint32_t>& places) const;
  /// Rows begin to end.
  Batch batch(std::size_t begin, std::size_t end) const;
  /// Only these rows stay, in this order.
  void keep(const std::vector<std::uint32_t>& places, Workspace& space);

 private:
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
  std::size_t charged_ = 0;
};

struct SortKey {
  std::size_t column = 0;
  enum class Direction : std::uint8_t { ascending, descending } direction = Direction::ascending;
};
/// Whether row a comes before row b: by the keys (NULL last), then as they came.
class RowOrder {
 public:
  RowOrder(const RowBuffer& rows, const std::vector<SortKey>& keys, const TextPool& texts)
      : rows_(rows), keys_(keys), texts_(texts) {}
  bool operator()(std::uint32_t a, std::uint32_t b) const;

 private:
  const RowBuffer& rows_;
  const std::vector<SortKey>& keys_;
  const TextPool& texts_;
};

// The steps that need no file of their own (operators_simple.cc).

/// A condition on rows, and how EXPLAIN has it.
struct RowCondition {
  ExpressionPtr condition;
  std::string text;
  std::vector<bool> needed{};  // columns that something behind it reads; empty: all
};
/// Keeps the rows for which the condition is true. Columns that nobody needs any more may be null behind it.
OperatorPtr make_filter(OperatorPtr input, RowCondition condition, Workspace& space);
/// Computes each of its columns.
OperatorPtr make_projection(OperatorPtr input, std::vector<ExpressionPtr> columns, Workspace& space);
/// Rows offset to offset + limit. Pulls no more than it needs.
OperatorPtr make_limit(OperatorPtr input, std::uint64_t offset, std::optional<std::uint64_t> limit);
/// These rows and no others.
OperatorPtr make_rows(Batch batch);
/// Leaves only the first columns.
OperatorPtr make_columns(OperatorPtr input, std::size_t count);

/// `most`: how many of the first rows will be asked for.
OperatorPtr make_sort(OperatorPtr input, std::vector<Type> types, std::vector<SortKey> keys,
                      std::optional<std::uint64_t> most, Workspace& space);

/// lag and lead over rows in an order.
struct WindowCall {
  enum class Kind : std::uint8_t { lag, lead, row_number } kind = Kind::lag;
  std::size_t column = 0;  // the value's
  std::size_t distance = 1;
  Type type = Type::null;
};
/// All calls have one window. The input's columns and one for each call. Rows come out by partition and
/// order.
OperatorPtr make_window(OperatorPtr input, std::vector<Type> types, std::vector<std::size_t> partition,
                        std::vector<SortKey> order, std::vector<WindowCall> calls, Workspace& space);

}  // namespace dunlin::query
