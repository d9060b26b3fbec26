#include <algorithm>

#include "service/query/group.h"

namespace dunlin::query {
namespace {

/// Pulls the groups sorted by their other keys and then by time.
class GapFill final : public Operator {
 public:
  GapFill(OperatorPtr sorted, GapPlan plan, Workspace& space)
      : input_(std::move(sorted)), plan_(std::move(plan)), space_(space), rows_(plan_.types) {}

  Result<Pulled> next() override {
    if (is_read_) return given();
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::rows) {
      DUNLIN_CHECK(rows_.append(from.batch, space_));
      return pulled(Pulled::State::busy);
    }
    if (from.state != Pulled::State::end) return from;
    is_read_ = true;
    return pulled(Pulled::State::busy);
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(plan_line(depth, "fill the gaps between buckets"));
    input_->explain(lines, depth + 1);
  }

 private:
  /// One value of `keys` without the time: rows begin to end.
  struct Part {
    std::size_t begin;
    std::size_t end;
  };

  bool is_same_part(std::size_t a, std::size_t b) const {
    for (std::size_t key = 0; key < plan_.keys; ++key) {
      if (key == plan_.bucket) continue;
      const Column& column = rows_.column(key);
      if (column.is_valid(a) != column.is_valid(b)) return false;
      if (!column.is_valid(a)) continue;
      if (is_double(column.type) ? column.numbers[a] != column.numbers[b]
                                 : column.integers[a] != column.integers[b])
        return false;
    }
    return true;
  }

  Result<Pulled> given() {
    if (given_ == rows_.rows()) return pulled(Pulled::State::end);
    Part part{given_, given_ + 1};
    while (part.end < rows_.rows() && is_same_part(part.begin, part.end)) ++part.end;
    given_ = part.end;
    DUNLIN_TRY(Batch made, filled(part));
    return pulled(std::move(made));
  }

  /// Where rows without a time stand in the way, they stay as they are.
  Result<Batch> filled(const Part& part) {
    const Column& times = rows_.column(plan_.bucket);
    std::size_t timed = part.begin;
    while (timed < part.end && times.is_valid(timed)) ++timed;
    std::vector<std::int64_t> buckets;
    DUNLIN_CHECK(add_buckets(buckets, part.begin, timed));
    Batch made = spread(part, timed, buckets);
    for (const Fill& fill : plan_.fills) {
      ColumnPtr value = fill.value->evaluate(made, space_.texts);
      made.columns.push_back(fill.kind == Fill::Kind::locf ? carried(*value, made.rows)
                                                           : interpolated(*value, buckets, made.rows));
    }
    return made;
  }

  Result<void> add_buckets(std::vector<std::int64_t>& buckets, std::size_t begin, std::size_t end) {
    const Column& times = rows_.column(plan_.bucket);
    if (begin == end && !plan_.from) return {};
    std::int64_t first = begin == end ? *plan_.from : times.integers[begin];
    std::int64_t last = begin == end ? *plan_.from : times.integers[end - 1];
    if (plan_.from) first = std::min(first, plan_.bucketing.begin_of(*plan_.from).value_or(first));
    if (plan_.to) last = std::max(last, plan_.bucketing.begin_of(*plan_.to - 1).value_or(last));
    const double count =
        (static_cast<double>(last) - static_cast<double>(first)) / static_cast<double>(plan_.bucketing.width);
    if (count > static_cast<double>(kMaxGapBuckets))
      return fail(Errc::limit_exceeded,
                  "there would be more than 100000 buckets; name a shorter time in WHERE");
    for (std::int64_t time = first; time <= last;) {
      buckets.push_back(time);
      if (__builtin_add_overflow(time, plan_.bucketing.width, &time)) break;
    }
    return space_.budget.take(buckets.size() * (plan_.types.size() + 1) * 9);
  }

  Batch spread(const Part& part, std::size_t timed, const std::vector<std::int64_t>& buckets) {
    Batch made;
    made.rows = buckets.size() + (part.end - timed);
    const Column& times = rows_.column(plan_.bucket);
    for (std::size_t i = 0; i < plan_.types.size(); ++i) {
      Column column = make_column(plan_.types[i], 0);
      const Column& from = rows_.column(i);
      const ColumnPtr null = null_column(plan_.types[i]);
      std::size_t row = part.begin;
      for (const std::int64_t bucket : buckets) {
        const bool is_there = row < timed && times.integers[row] == bucket;
        if (i == plan_.bucket) {
          column.integers.push_back(bucket);
          if (!column.valid.empty()) column.valid.push_back(1);
        } else if (is_there || i < plan_.keys) {
          append_row(column, from, is_there ? row : part.begin);
        } else {
          append_row(column, *null, 0);
        }
        row += is_there ? 1 : 0;
      }
      for (std::size_t rest = timed; rest < part.end; ++rest) append_row(column, from, rest);
      made.columns.push_back(std::make_shared<const Column>(std::move(column)));
    }
    return made;
  }

  static ColumnPtr carried(const Column& value, std::size_t rows) {
    Column made = make_column(value.type, 0);
    std::size_t last = 0;
    bool has = false;
    for (std::size_t row = 0; row < rows; ++row) {
      if (value.is_valid(row)) {
        last = row;
        has = true;
      }
      append_row(made, value, has ? last : row);
    }
    return std::make_shared<const Column>(std::move(made));
  }

  static ColumnPtr interpolated(const Column& value, const std::vector<std::int64_t>& buckets,
                                std::size_t rows) {
    Column made = make_column(Type::number, rows);
    made.valid.assign(rows, 0);
    std::size_t before = rows;
    for (std::size_t row = 0; row < rows; ++row) {
      if (!value.is_valid(row)) continue;
      made.numbers[row] = value.number(row);
      made.valid[row] = 1;
      for (std::size_t gap = before + 1; before < rows && row < buckets.size() && gap < row; ++gap) {
        const double part = static_cast<double>(buckets[gap] - buckets[before]) /
                            static_cast<double>(buckets[row] - buckets[before]);
        made.numbers[gap] = made.numbers[before] + (made.numbers[row] - made.numbers[before]) * part;
        made.valid[gap] = 1;
      }
      before = row;
    }
    return std::make_shared<const Column>(std::move(made));
  }

  OperatorPtr input_;
  GapPlan plan_;
  Workspace& space_;
  RowBuffer rows_;
  std::size_t given_ = 0;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_gap_fill(OperatorPtr input, GapPlan plan, Workspace& space) {
  std::vector<SortKey> keys;
  for (std::size_t key = 0; key < plan.keys; ++key) {
    if (key != plan.bucket) keys.push_back({key, SortKey::Direction::ascending});
  }
  keys.push_back({plan.bucket, SortKey::Direction::ascending});
  OperatorPtr sorted = make_sort(std::move(input), plan.types, std::move(keys), std::nullopt, space);
  return std::make_unique<GapFill>(std::move(sorted), std::move(plan), space);
}

}  // namespace dunlin::query
