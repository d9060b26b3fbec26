#include "service/query/group.h"

#include <bit>

namespace dunlin::query {
namespace {

std::uint64_t mixed(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
  return word ^ (word >> 31);
}

/// Groups by the words of their keys: an open table of group numbers.
class GroupTable {
 public:
  explicit GroupTable(std::size_t words) : words_(words), slots_(1024, kNone) {}

  std::size_t size() const { return size_; }
  std::uint64_t word(std::size_t group, std::size_t i) const { return keys_[group * words_ + i]; }
  std::size_t bytes() const { return keys_.capacity() * 8 + slots_.capacity() * 4; }

  /// The group of these words; a new one is the last.
  std::size_t group_of(const std::vector<std::uint64_t>& key) {
    std::size_t slot = first_slot(key.data());
    for (; slots_[slot] != kNone; slot = (slot + 1) & (slots_.size() - 1)) {
      if (std::equal(key.begin(), key.end(),
                     keys_.begin() + static_cast<std::ptrdiff_t>(slots_[slot] * words_)))
        return slots_[slot];
    }
    slots_[slot] = static_cast<std::uint32_t>(size_);
    keys_.insert(keys_.end(), key.begin(), key.end());
    ++size_;
    if (size_ * 2 > slots_.size()) grow();
    return size_ - 1;
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  std::size_t first_slot(const std::uint64_t* key) const {
    std::uint64_t hash = 0x9E3779B97F4A7C15;
    for (std::size_t i = 0; i < words_; ++i) hash = mixed(hash ^ key[i]) + 0x9E3779B97F4A7C15;
    return static_cast<std::size_t>(hash) & (slots_.size() - 1);
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kNone);
    for (std::size_t group = 0; group < size_; ++group) {
      std::size_t slot = first_slot(keys_.data() + group * words_);
      while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<std::uint32_t>(group);
    }
  }

  std::size_t words_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> slots_;
};

/// A key as it is compared: NULL equals NULL, 0.0 equals -0.0.
std::uint64_t word_of(const Column& column, std::size_t row) {
  if (!column.is_valid(row)) return 0;
  if (is_double(column.type)) return std::bit_cast<std::uint64_t>(column.number(row) + 0.0);
  return static_cast<std::uint64_t>(column.integer(row));
}

/// One for each key, then which of them are NULL, 64 in a word.
std::size_t words_of(std::size_t keys) {
  return keys + keys / 64 + 1;
}

class Group final : public Operator {
 public:
  Group(OperatorPtr input, GroupPlan plan, Workspace& space)
      : input_(std::move(input)), plan_(std::move(plan)), space_(space), table_(words_of(plan_.keys.size())) {
    key_.resize(words_of(plan_.keys.size()));
    for (const MadeAggregate& made : plan_.aggregates) bytes_per_group_ += made.aggregate->bytes_per_group();
  }

  Result<Pulled> next() override {
    if (is_read_) return given();
    DUNLIN_TRY(Pulled from, input_->next());
    if (from.state == Pulled::State::end) {
      is_read_ = true;
      if (plan_.keys.empty()) make_group_of(key_);
      return pulled(Pulled::State::busy);
    }
    if (from.state != Pulled::State::rows) return from;
    DUNLIN_CHECK(take(from.batch));
    return pulled(Pulled::State::busy);
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    lines.push_back(plan_line(depth, "group by " + std::to_string(plan_.keys.size()) + " keys, " +
                                         std::to_string(plan_.aggregates.size()) + " aggregates"));
    input_->explain(lines, depth + 1);
  }

 private:
  struct Columns {
    std::vector<ColumnPtr> keys;
    std::vector<const Column*> changing;  // keys that are not the same for the whole batch
    std::vector<std::vector<ColumnPtr>> arguments;
  };

  Columns evaluate(const Batch& batch) {
    Columns columns;
    for (const ExpressionPtr& key : plan_.keys) {
      columns.keys.push_back(key->evaluate(batch, space_.texts));
      if (columns.keys.back()->shape == Column::Shape::rows)
        columns.changing.push_back(columns.keys.back().get());
    }
    for (const MadeAggregate& made : plan_.aggregates) {
      columns.arguments.emplace_back();
      if (!batch.wholes.empty()) continue;
      for (const ExpressionPtr& argument : made.arguments)
        columns.arguments.back().push_back(argument->evaluate(batch, space_.texts));
    }
    return columns;
  }

  static bool is_same(const Column& column, std::size_t a, std::size_t b) {
    if (!column.valid.empty() && column.valid[a] != column.valid[b]) return false;
    if (!column.valid.empty() && column.valid[a] == 0) return true;
    return is_double(column.type) ? column.numbers[a] == column.numbers[b]
                                  : column.integers[a] == column.integers[b];
  }

  /// Rows of one group follow each other, mostly: they are taken together.
  static std::size_t end_of_run(const Columns& columns, std::size_t begin, std::size_t rows) {
    if (columns.changing.empty()) return rows;
    std::size_t end = begin + 1;
    if (columns.changing.size() == 1 && columns.changing[0]->valid.empty() &&
        !is_double(columns.changing[0]->type)) {
      const std::vector<std::int64_t>& key = columns.changing[0]->integers;
      while (end < rows && key[end] == key[begin]) ++end;
      return end;
    }
    for (; end < rows; ++end) {
      for (const Column* column : columns.changing) {
        if (!is_same(*column, end - 1, end)) return end;
      }
    }
    return end;
  }

  const std::vector<std::uint64_t>& key_at(const Columns& columns, std::size_t row) {
    const std::size_t keys = columns.keys.size();
    std::fill(key_.begin() + static_cast<std::ptrdiff_t>(keys), key_.end(), 0);
    for (std::size_t i = 0; i < keys; ++i) {
      key_[i] = word_of(*columns.keys[i], row);
      if (!columns.keys[i]->is_valid(row)) key_[keys + i / 64] |= std::uint64_t{1} << (i % 64);
    }
    return key_;
  }

  std::size_t make_group_of(const std::vector<std::uint64_t>& key) {
    const std::size_t group = table_.group_of(key);
    if (table_.size() != grown_) {
      grown_ = table_.size();
      for (const MadeAggregate& made : plan_.aggregates) made.aggregate->grow(grown_);
    }
    return group;
  }

  Result<void> take(const Batch& batch) {
    const Columns columns = evaluate(batch);
    for (std::size_t begin = 0; begin < batch.rows;) {
      const std::size_t end = end_of_run(columns, begin, batch.rows);
      const std::size_t group = make_group_of(key_at(columns, begin));
      if (table_.size() > kMaxGroups)
        return fail(Errc::limit_exceeded, "the query has more than 1000000 groups");
      for (std::size_t i = 0; i < plan_.aggregates.size(); ++i) {
        if (batch.wholes.empty()) {
          plan_.aggregates[i].aggregate->add({columns.arguments[i], batch.origin, space_.texts}, group, begin,
                                             end);
          continue;
        }
        for (std::size_t row = begin; row < end; ++row)
          plan_.aggregates[i].aggregate->add_whole(group, batch.wholes[row]);
      }
      begin = end;
    }
    return charge();
  }

  Result<void> charge() {
    std::size_t bytes = table_.bytes() + table_.size() * bytes_per_group_;
    for (const MadeAggregate& made : plan_.aggregates) bytes += made.aggregate->more_bytes();
    if (bytes <= charged_) return {};
    const std::size_t more = bytes - charged_;
    charged_ = bytes;
    return space_.budget.take(more);
  }

  ColumnPtr key_column(std::size_t key, std::size_t begin, std::size_t end) const {
    const Type type = plan_.keys[key]->type();
    Column made = make_column(type, end - begin);
    made.valid.resize(end - begin);
    for (std::size_t group = begin; group < end; ++group) {
      const std::uint64_t word = table_.word(group, key);
      if (is_double(type)) {
        made.numbers[group - begin] = std::bit_cast<double>(word);
      } else {
        made.integers[group - begin] = static_cast<std::int64_t>(word);
      }
      const std::uint64_t nulls = table_.word(group, plan_.keys.size() + key / 64) >> (key % 64);
      made.valid[group - begin] = nulls % 2 != 0 || type == Type::null ? 0 : 1;
    }
    return std::make_shared<const Column>(std::move(made));
  }

  Result<Pulled> given() {
    if (given_ == table_.size()) return pulled(Pulled::State::end);
    const std::size_t begin = given_;
    given_ = std::min(table_.size(), begin + kBatchRows);
    Batch made;
    made.rows = given_ - begin;
    for (std::size_t key = 0; key < plan_.keys.size(); ++key)
      made.columns.push_back(key_column(key, begin, given_));
    for (const MadeAggregate& one : plan_.aggregates) {
      made.columns.push_back(
          std::make_shared<const Column>(one.aggregate->results(begin, given_, space_.texts)));
    }
    return pulled(std::move(made));
  }

  OperatorPtr input_;
  GroupPlan plan_;
  Workspace& space_;
  GroupTable table_;
  std::vector<std::uint64_t> key_;
  std::size_t bytes_per_group_ = 0;
  std::size_t charged_ = 0;
  std::size_t grown_ = 0;
  std::size_t given_ = 0;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_group(OperatorPtr input, GroupPlan plan, Workspace& space) {
  return std::make_unique<Group>(std::move(input), std::move(plan), space);
}

}  // namespace dunlin::query
