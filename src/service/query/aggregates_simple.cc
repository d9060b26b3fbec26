// count, sum, avg, min, max.

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_set>

#include "service/query/aggregates.h"

namespace dunlin::query {
namespace {

std::size_t count_valid(const Column& column, std::size_t begin, std::size_t end) {
  if (column.type == Type::null) return 0;
  if (column.valid.empty()) return end - begin;
  if (column.shape == Column::Shape::constant) return column.valid[0] != 0 ? end - begin : 0;
  std::size_t count = 0;
  for (std::size_t i = begin; i < end; ++i) count += column.valid[i];
  return count;
}

class Count final : public Aggregate {
 public:
  explicit Count(CountOf what) : what_(what) {}
  Type type() const override { return Type::integer; }
  AggregatePtr fresh() const override { return std::make_unique<Count>(what_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const Count&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) counts_[groups[i]] += other.counts_[i];
  }
  void grow(std::size_t groups) override { counts_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    counts_[group] += static_cast<std::int64_t>(
        what_ == CountOf::rows ? end - begin : count_valid(*input.arguments[0], begin, end));
  }
  void add_whole(std::size_t group, const store::ChunkSummary& chunk) override {
    counts_[group] += static_cast<std::int64_t>(what_ == CountOf::rows ? chunk.points : chunk.numbers);
  }
  bool can_take_whole() const override { return true; }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    Column made = make_column(Type::integer, end - begin);
    std::copy(counts_.begin() + static_cast<std::ptrdiff_t>(begin),
              counts_.begin() + static_cast<std::ptrdiff_t>(end), made.integers.begin());
    return made;
  }
  std::size_t bytes_per_group() const override { return sizeof(std::int64_t); }

 private:
  CountOf what_;
  std::vector<std::int64_t> counts_;
};

class CountDistinct final : public Aggregate {
 public:
  Type type() const override { return Type::integer; }
  AggregatePtr fresh() const override { return std::make_unique<CountDistinct>(); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const CountDistinct&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const std::uint64_t word : other.seen_[i]) values_ += seen_[groups[i]].insert(word).second ? 1 : 0;
    }
  }
  void grow(std::size_t groups) override { seen_.resize(groups); }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    if (column.type == Type::null) return;
    for (std::size_t i = begin; i < end; ++i) {
      if (!column.is_valid(i)) continue;
      const std::uint64_t word = is_double(column.type) ? std::bit_cast<std::uint64_t>(column.number(i) + 0.0)
                                                        : static_cast<std::uint64_t>(column.integer(i));
      values_ += seen_[group].insert(word).second ? 1 : 0;
    }
  }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    Column made = make_column(Type::integer, end - begin);
    for (std::size_t i = begin; i < end; ++i)
      made.integers[i - begin] = static_cast<std::int64_t>(seen_[i].size());
    return made;
  }
  std::size_t bytes_per_group() const override { return sizeof(std::unordered_set<std::uint64_t>); }
  std::size_t more_bytes() const override { return values_ * 40; }

 private:
  std::vector<std::unordered_set<std::uint64_t>> seen_;
  std::size_t values_ = 0;
};

class Sum final : public Aggregate {
 public:
  Sum(SumKind kind, Type type) : kind_(kind), type_(type) {}
  Type type() const override { return type_; }
  AggregatePtr fresh() const override { return std::make_unique<Sum>(kind_, type_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const Sum&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      sums_[groups[i]] += other.sums_[i];
      counts_[groups[i]] += other.counts_[i];
    }
  }
  void grow(std::size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    // One after another, so that it makes no difference into which batches the rows were cut.
    double sum = sums_[group];
    if (is_double(column.type) && column.valid.empty() && column.shape == Column::Shape::rows) {
      for (std::size_t i = begin; i < end; ++i) sum += column.numbers[i];
      counts_[group] += end - begin;
    } else {
      for (std::size_t i = begin; i < end; ++i) {
        if (!column.is_valid(i)) continue;
        sum += column.number(i);
        ++counts_[group];
      }
    }
    sums_[group] = sum;
  }
  void add_whole(std::size_t group, const store::ChunkSummary& chunk) override {
    sums_[group] += chunk.sum;
    counts_[group] += chunk.numbers;
  }
  bool can_take_whole() const override { return true; }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    std::vector<double> values;
    std::vector<std::uint8_t> has;
    for (std::size_t i = begin; i < end; ++i) {
      values.push_back(kind_ == SumKind::sum || counts_[i] == 0 ? sums_[i]
                                                                : sums_[i] / static_cast<double>(counts_[i]));
      has.push_back(counts_[i] != 0 ? 1 : 0);
    }
    Column made = number_results(values, has);
    if (type_ != Type::interval) return made;
    Column lengths = make_column(Type::interval, made.numbers.size());
    for (std::size_t i = 0; i < made.numbers.size(); ++i)
      lengths.integers[i] = std::abs(made.numbers[i]) < 9e18 ? static_cast<std::int64_t>(made.numbers[i]) : 0;
    lengths.valid = std::move(made.valid);
    return lengths;
  }
  std::size_t bytes_per_group() const override { return 16; }

 private:
  SumKind kind_;
  Type type_;
  std::vector<double> sums_;
  std::vector<std::uint64_t> counts_;
};

template <Extreme Which, class T>
bool is_better(const T& candidate, const T& best) {
  return Which == Extreme::least ? candidate < best : candidate > best;
}

template <Extreme Which>
class ExtremeNumber final : public Aggregate {
 public:
  Type type() const override { return Type::number; }
  AggregatePtr fresh() const override { return std::make_unique<ExtremeNumber>(); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool&) override {
    const auto& other = static_cast<const ExtremeNumber&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (other.has_[i] != 0) take(groups[i], other.best_[i]);
    }
  }
  void grow(std::size_t groups) override {
    best_.resize(groups);
    has_.resize(groups);
  }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    for (std::size_t i = begin; i < end; ++i) {
      if (column.is_valid(i)) take(group, column.number(i));
    }
  }
  void add_whole(std::size_t group, const store::ChunkSummary& chunk) override {
    if (chunk.numbers != 0) take(group, Which == Extreme::least ? chunk.min : chunk.max);
  }
  bool can_take_whole() const override { return true; }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    return number_results(std::span(best_).subspan(begin, end - begin),
                          std::span(has_).subspan(begin, end - begin));
  }
  std::size_t bytes_per_group() const override { return 9; }

 private:
  void take(std::size_t group, double value) {
    if (has_[group] == 0 || is_better<Which>(value, best_[group])) best_[group] = value;
    has_[group] = 1;
  }
  std::vector<double> best_;
  std::vector<std::uint8_t> has_;
};

/// All that are kept as integers; texts by their bytes.
template <Extreme Which>
class ExtremeInteger final : public Aggregate {
 public:
  explicit ExtremeInteger(Type type) : type_(type) {}
  Type type() const override { return type_; }
  AggregatePtr fresh() const override { return std::make_unique<ExtremeInteger>(type_); }
  void merge(const Aggregate& behind, std::span<const std::uint32_t> groups, const TextPool& texts) override {
    const auto& other = static_cast<const ExtremeInteger&>(behind);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (other.has_[i] != 0) take(texts, groups[i], other.best_[i]);
    }
  }
  void grow(std::size_t groups) override {
    best_.resize(groups);
    has_.resize(groups);
  }
  void add(const AggregateInput& input, std::size_t group, std::size_t begin, std::size_t end) override {
    const Column& column = *input.arguments[0];
    for (std::size_t i = begin; i < end; ++i) {
      if (column.is_valid(i)) take(input.texts, group, column.integer(i));
    }
  }
  Column results(std::size_t begin, std::size_t end, TextPool&) const override {
    Column made = make_column(type_, end - begin);
    for (std::size_t i = begin; i < end; ++i) made.integers[i - begin] = best_[i];
    made.valid.assign(has_.begin() + static_cast<std::ptrdiff_t>(begin),
                      has_.begin() + static_cast<std::ptrdiff_t>(end));
    return made;
  }
  std::size_t bytes_per_group() const override { return 9; }

 private:
  void take(const TextPool& texts, std::size_t group, std::int64_t value) {
    if (has_[group] == 0 || is_before(texts, value, best_[group])) best_[group] = value;
    has_[group] = 1;
  }
  bool is_before(const TextPool& texts, std::int64_t value, std::int64_t best) const {
    if (type_ != Type::text) return is_better<Which>(value, best);
    return value != best && is_better<Which>(texts.text_at(value), texts.text_at(best));
  }
  Type type_;
  std::vector<std::int64_t> best_;
  std::vector<std::uint8_t> has_;
};

}  // namespace

AggregatePtr make_count(CountOf what) {
  return std::make_unique<Count>(what);
}

AggregatePtr make_count_distinct() {
  return std::make_unique<CountDistinct>();
}

AggregatePtr make_sum(SumKind kind, Type type) {
  return std::make_unique<Sum>(kind, type);
}

AggregatePtr make_extreme(Extreme which, Type type) {
  if (type == Type::number) {
    if (which == Extreme::least) return std::make_unique<ExtremeNumber<Extreme::least>>();
    return std::make_unique<ExtremeNumber<Extreme::greatest>>();
  }
  if (which == Extreme::least) return std::make_unique<ExtremeInteger<Extreme::least>>(type);
  return std::make_unique<ExtremeInteger<Extreme::greatest>>(type);
}

}  // namespace dunlin::query
