#include "service/query/operator.h"

namespace dunlin::query {
namespace {

/// Pulls sorted rows, keeps them, and looks back and ahead in each partition.
class Window final : public Operator {
 public:
  Window(OperatorPtr sorted, const std::vector<Type>& types, std::vector<std::size_t> partition,
         std::vector<WindowCall> calls, Workspace& space)
      : input_(std::move(sorted)),
        rows_(types),
        partition_(std::move(partition)),
        calls_(std::move(calls)),
        space_(space) {}

  Result<Pulled> next() override {
    if (is_read_) return given();
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::end) {
      is_read_ = true;
      return pulled(Pulled::State::busy);
    }
    if (from.state != Pulled::State::rows) return from;
    DUNLIN_CHECK(space_.budget.take(from.batch.rows * sizeof(std::uint32_t)));
    DUNLIN_CHECK(rows_.append(from.batch, space_));
    while (starts_.size() < rows_.rows()) {
      const auto row = static_cast<std::uint32_t>(starts_.size());
      starts_.push_back(row == 0 || !is_same_partition(row - 1, row) ? row : starts_[row - 1]);
    }
    return pulled(Pulled::State::busy);
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(
        plan_line(depth, "look back and ahead for " + std::to_string(calls_.size()) + " columns"));
    input_->explain(lines, depth + 1);
  }

 private:
  bool is_same_partition(std::size_t a, std::size_t b) const {
    for (const std::size_t key : partition_) {
      const Column& column = rows_.column(key);
      if (column.is_valid(a) != column.is_valid(b)) return false;
      if (!column.is_valid(a)) continue;
      if (is_double(column.type) ? column.numbers[a] != column.numbers[b]
                                 : column.integers[a] != column.integers[b])
        return false;
    }
    return true;
  }

  ColumnPtr looked_up(const WindowCall& call, std::size_t begin, std::size_t end) const {
    Column made = make_column(call.type, 0);
    const ColumnPtr null = null_column(call.type);
    for (std::size_t row = begin; row < end; ++row) {
      if (call.kind == WindowCall::Kind::row_number) {
        made.integers.push_back(static_cast<std::int64_t>(row - starts_[row] + 1));
        continue;
      }
      const bool is_lag = call.kind == WindowCall::Kind::lag;
      const bool is_there =
          is_lag ? row - starts_[row] >= call.distance
                 : call.distance < rows_.rows() - row && starts_[row + call.distance] == starts_[row];
      if (!is_there) {
        append_row(made, *null, 0);
      } else {
        append_row(made, rows_.column(call.column), is_lag ? row - call.distance : row + call.distance);
      }
    }
    return std::make_shared<const Column>(std::move(made));
  }

  Result<Pulled> given() {
    if (given_ == rows_.rows()) return pulled(Pulled::State::end);
    const std::size_t begin = given_;
    given_ = std::min(rows_.rows(), begin + kBatchRows);
    Batch made = rows_.batch(begin, given_);
    for (const WindowCall& call : calls_) made.columns.push_back(looked_up(call, begin, given_));
    return pulled(std::move(made));
  }

  OperatorPtr input_;
  RowBuffer rows_;
  std::vector<std::size_t> partition_;
  std::vector<WindowCall> calls_;
  Workspace& space_;
  std::vector<std::uint32_t> starts_;  // of each row's partition
  std::size_t given_ = 0;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_window(OperatorPtr input, std::vector<Type> types, std::vector<std::size_t> partition,
                        std::vector<SortKey> order, std::vector<WindowCall> calls, Workspace& space) {
  std::vector<SortKey> keys;
  for (const std::size_t column : partition) keys.push_back({column, SortKey::Direction::ascending});
  keys.insert(keys.end(), order.begin(), order.end());
  OperatorPtr sorted = make_sort(std::move(input), types, std::move(keys), std::nullopt, space);
  return std::make_unique<Window>(std::move(sorted), types, std::move(partition), std::move(calls), space);
}

}  // namespace dunlin::query
