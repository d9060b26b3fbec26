#include <algorithm>

#include "service/query/operator.h"

namespace dunlin::query {
namespace {

class Filter final : public Operator {
 public:
  Filter(OperatorPtr input, RowCondition condition, Workspace& space)
      : input_(std::move(input)), condition_(std::move(condition)), space_(space) {}

  Result<Pulled> next() override {
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state != Pulled::State::rows) return from;
    const auto rows = rows_where(*condition_.condition, from.batch, space_.texts);
    if (rows.empty()) return pulled(Pulled::State::busy);
    if (rows.size() == from.batch.rows) return from;
    for (std::size_t i = 0; i < condition_.needed.size(); ++i) {
      if (!condition_.needed[i]) from.batch.columns[i] = nullptr;
    }
    return pulled(pick(from.batch, rows));
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(plan_line(depth, "filter " + condition_.text));
    input_->explain(lines, depth + 1);
  }

 private:
  OperatorPtr input_;
  RowCondition condition_;
  Workspace& space_;
};

class Projection final : public Operator {
 public:
  Projection(OperatorPtr input, std::vector<ExpressionPtr> columns, Workspace& space)
      : input_(std::move(input)), columns_(std::move(columns)), space_(space) {}

  Result<Pulled> next() override {
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state != Pulled::State::rows) return from;
    Batch made;
    made.rows = from.batch.rows;
    for (const ExpressionPtr& column : columns_)
      made.columns.push_back(column->evaluate(from.batch, space_.texts));
    return pulled(std::move(made));
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(plan_line(depth, "compute " + std::to_string(columns_.size()) + " columns"));
    input_->explain(lines, depth + 1);
  }

 private:
  OperatorPtr input_;
  std::vector<ExpressionPtr> columns_;
  Workspace& space_;
};

Batch part_of(const Batch& batch, std::size_t begin, std::size_t end) {
  std::vector<std::uint32_t> rows;
  for (std::size_t i = begin; i < end; ++i) rows.push_back(static_cast<std::uint32_t>(i));
  return pick(batch, rows);
}

class Limit final : public Operator {
 public:
  Limit(OperatorPtr input, std::uint64_t offset, std::optional<std::uint64_t> limit)
      : input_(std::move(input)), offset_(offset), limit_(limit) {}

  Result<Pulled> next() override {
    if (limit_ && given_ == *limit_) return pulled(Pulled::State::end);
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state != Pulled::State::rows) return from;
    const std::uint64_t skipped = std::min<std::uint64_t>(offset_ - skipped_, from.batch.rows);
    skipped_ += skipped;
    std::uint64_t rows = from.batch.rows - skipped;
    if (limit_) rows = std::min<std::uint64_t>(rows, *limit_ - given_);
    if (rows == 0) return pulled(Pulled::State::busy);
    given_ += rows;
    if (rows == from.batch.rows) return from;
    return pulled(part_of(from.batch, skipped, skipped + rows));
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    std::string text = "rows from " + std::to_string(offset_);
    if (limit_) text += ", at most " + std::to_string(*limit_);
    lines.push_back(plan_line(depth, text));
    input_->explain(lines, depth + 1);
  }

 private:
  OperatorPtr input_;
  std::uint64_t offset_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t skipped_ = 0;
  std::uint64_t given_ = 0;
};

class FirstColumns final : public Operator {
 public:
  FirstColumns(OperatorPtr input, std::size_t count) : input_(std::move(input)), count_(count) {}

  Result<Pulled> next() override {
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::rows) from.batch.columns.resize(count_);
    return from;
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    input_->explain(lines, depth);
  }

 private:
  OperatorPtr input_;
  std::size_t count_;
};

class GivenRows final : public Operator {
 public:
  explicit GivenRows(Batch batch) : batch_(std::move(batch)) {}

  Result<Pulled> next() override {
    if (batch_.rows == 0) return pulled(Pulled::State::end);
    return pulled(std::exchange(batch_, {}));
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(plan_line(depth, "given rows"));
  }

 private:
  Batch batch_;
};

}  // namespace

OperatorPtr make_rows(Batch batch) {
  return std::make_unique<GivenRows>(std::move(batch));
}

OperatorPtr make_filter(OperatorPtr input, RowCondition condition, Workspace& space) {
  return std::make_unique<Filter>(std::move(input), std::move(condition), space);
}

OperatorPtr make_projection(OperatorPtr input, std::vector<ExpressionPtr> columns, Workspace& space) {
  return std::make_unique<Projection>(std::move(input), std::move(columns), space);
}

OperatorPtr make_limit(OperatorPtr input, std::uint64_t offset, std::optional<std::uint64_t> limit) {
  return std::make_unique<Limit>(std::move(input), offset, limit);
}

OperatorPtr make_columns(OperatorPtr input, std::size_t count) {
  return std::make_unique<FirstColumns>(std::move(input), count);
}

}  // namespace dunlin::query
