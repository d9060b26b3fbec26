#pragma once
// What is made of many rows: one state for each group.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/query/expression.h"
#include "service/query/syntax.h"
#include "service/query/value.h"

namespace dunlin::query {

/// What an aggregate reads of a batch.
struct AggregateInput {
  std::span<const ColumnPtr> arguments;
  std::uint64_t origin = 0;
  const TextPool& texts;
};

class Aggregate {
 public:
  virtual ~Aggregate() = default;
  virtual Type type() const = 0;
  /// Another one of the same kind, without groups.
  virtual std::unique_ptr<Aggregate> fresh() const = 0;
  /// Adds what one of the same kind has of rows behind all of these: its group i is groups[i] here.
  virtual void merge(const Aggregate& behind, std::span<const std::uint32_t> groups,
                     const TextPool& texts) = 0;
  /// There are so many groups now.
  virtual void grow(std::size_t groups) = 0;
  virtual void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) = 0;
  /// A whole chunk of the column that the aggregate is of; only where can_take_whole().
  virtual void add_whole(std::size_t group, const store::ChunkSummary& chunk);
  virtual bool can_take_whole() const { return false; }
  /// The results of groups begin to end.
  virtual Column results(std::size_t begin, std::size_t end, TextPool& texts) const = 0;
  virtual std::size_t bytes_per_group() const = 0;
  /// What groups take beyond that.
  virtual std::size_t more_bytes() const { return 0; }
};
using AggregatePtr = std::unique_ptr<Aggregate>;

struct AggregateCall {
  std::string_view name;
  Syntax::Quantifier quantifier = Syntax::Quantifier::all;
  std::vector<ExpressionPtr> arguments;                                         // empty: count(*)
  enum class Order : std::uint8_t { by_time, unknown } order = Order::unknown;  // of the rows of each origin
};
struct MadeAggregate {
  AggregatePtr aggregate;                // without groups
  std::vector<ExpressionPtr> arguments;  // to be evaluated for it
};

bool is_aggregate(std::string_view name);
/// Errors: invalid_argument.
Result<MadeAggregate> make_aggregate(AggregateCall call);

}  // namespace dunlin::query
