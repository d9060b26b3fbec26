#include "service/query/group_state.h"

#include <algorithm>
#include <bit>

namespace dunlin::query {
namespace {

std::uint64_t mixed(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
  return word ^ (word >> 31);
}

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

bool is_same(const Column& column, std::size_t a, std::size_t b) {
  if (!column.valid.empty() && column.valid[a] != column.valid[b]) return false;
  if (!column.valid.empty() && column.valid[a] == 0) return true;
  return is_double(column.type) ? column.numbers[a] == column.numbers[b]
                                : column.integers[a] == column.integers[b];
}

bool is_all_null(const Column& column) {
  return column.shape == Column::Shape::constant && !column.is_valid(0);
}

}  // namespace

Result<void> check_groups(std::size_t groups) {
  if (groups <= kMaxGroups) return {};
  return fail(Errc::limit_exceeded, "the query has more than 1000000 groups");
}

std::size_t GroupTable::group_of(const std::uint64_t* key) {
  std::size_t slot = first_slot(key);
  for (; slots_[slot] != kNone; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint64_t* const known = words(slots_[slot]);
    std::uint64_t differs = 0;
    for (std::size_t i = 0; i < words_; ++i) differs |= key[i] ^ known[i];
    if (differs == 0) return slots_[slot];
  }
  slots_[slot] = static_cast<std::uint32_t>(size_);
  keys_.insert(keys_.end(), key, key + words_);
  ++size_;
  if (size_ * 2 > slots_.size()) grow();
  return size_ - 1;
}

std::size_t GroupTable::first_slot(const std::uint64_t* key) const {
  std::uint64_t hash = 0x9E3779B97F4A7C15;
  for (std::size_t i = 0; i < words_; ++i) hash = mixed(hash ^ key[i]) + 0x9E3779B97F4A7C15;
  return static_cast<std::size_t>(hash) & (slots_.size() - 1);
}

void GroupTable::grow() {
  slots_.assign(slots_.size() * 4, kNone);
  for (std::size_t group = 0; group < size_; ++group) {
    std::size_t slot = first_slot(words(group));
    while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<std::uint32_t>(group);
  }
}

struct GroupState::Columns {
  std::vector<ColumnPtr> keys;
  std::vector<const Column*> changing;  // keys that are not the same for the whole batch
  std::vector<std::vector<ColumnPtr>> arguments;
  std::vector<std::size_t> concerned;  // aggregates for which there is something

  /// Rows of one group follow each other, mostly: they are taken together.
  std::size_t end_of_run(std::size_t begin, std::size_t rows) const {
    if (changing.empty()) return rows;
    std::size_t end = begin + 1;
    if (changing.size() == 1 && changing[0]->valid.empty() && !is_double(changing[0]->type)) {
      const std::vector<std::int64_t>& key = changing[0]->integers;
      while (end < rows && key[end] == key[begin]) ++end;
      return end;
    }
    for (; end < rows; ++end) {
      for (const Column* column : changing) {
        if (!is_same(*column, end - 1, end)) return end;
      }
    }
    return end;
  }
};

GroupState::GroupState(const GroupPlan& plan, Workspace& space)
    : plan_(plan), space_(space), table_(words_of(plan.keys.size())), key_(words_of(plan.keys.size())) {
  for (const MadeAggregate& made : plan.aggregates) {
    aggregates_.push_back(made.aggregate->fresh());
    bytes_per_group_ += made.aggregate->bytes_per_group();
    whole_columns_.push_back(made.arguments.empty() ? std::nullopt : column_of(*made.arguments[0]));
  }
}

GroupState::~GroupState() {
  space_.budget.give_back(charged_);
}

GroupState::Columns GroupState::evaluate(const Batch& batch) const {
  Columns columns;
  for (const ExpressionPtr& key : plan_.keys) {
    columns.keys.push_back(key->evaluate(batch, space_.texts));
    if (columns.keys.back()->shape == Column::Shape::rows)
      columns.changing.push_back(columns.keys.back().get());
  }
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    columns.arguments.emplace_back();
    if (!batch.wholes.empty()) {
      if (!whole_columns_[i] || *whole_columns_[i] == batch.whole_of) columns.concerned.push_back(i);
      continue;
    }
    for (const ExpressionPtr& argument : plan_.aggregates[i].arguments)
      columns.arguments.back().push_back(argument->evaluate(batch, space_.texts));
    // No aggregate looks at rows where its first argument is NULL.
    const auto& arguments = columns.arguments.back();
    if (arguments.empty() || !is_all_null(*arguments[0])) columns.concerned.push_back(i);
  }
  return columns;
}

const std::uint64_t* GroupState::key_at(const Columns& columns, std::size_t row) {
  const std::size_t keys = columns.keys.size();
  std::fill(key_.begin() + static_cast<std::ptrdiff_t>(keys), key_.end(), 0);
  for (std::size_t i = 0; i < keys; ++i) {
    key_[i] = word_of(*columns.keys[i], row);
    if (!columns.keys[i]->is_valid(row)) key_[keys + i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return key_.data();
}

std::size_t GroupState::group_of(const std::uint64_t* key) {
  const std::size_t group = table_.group_of(key);
  if (table_.size() != grown_) {
    grown_ = table_.size();
    for (const AggregatePtr& aggregate : aggregates_) aggregate->grow(grown_);
  }
  return group;
}

Result<void> GroupState::take(const Batch& batch) {
  const Columns columns = evaluate(batch);
  for (std::size_t begin = 0; begin < batch.rows;) {
    const std::size_t end = columns.end_of_run(begin, batch.rows);
    add(columns, batch, group_of(key_at(columns, begin)), begin, end);
    DUNLIN_CHECK(check_groups(table_.size()));
    begin = end;
  }
  return charge();
}

void GroupState::add(const Columns& columns, const Batch& batch, std::size_t group, std::size_t begin,
                     std::size_t end) {
  for (const std::size_t i : columns.concerned) {
    if (batch.wholes.empty()) {
      aggregates_[i]->add({columns.arguments[i], batch.origin, space_.texts}, group, begin, end);
      continue;
    }
    for (std::size_t row = begin; row < end; ++row) aggregates_[i]->add_whole(group, batch.wholes[row]);
  }
}

Result<void> GroupState::merge(const GroupState& behind) {
  std::vector<std::uint32_t> groups(behind.table_.size());
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i] = static_cast<std::uint32_t>(table_.group_of(behind.table_.words(i)));
  DUNLIN_CHECK(check_groups(table_.size()));
  grown_ = table_.size();
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    aggregates_[i]->grow(grown_);
    aggregates_[i]->merge(*behind.aggregates_[i], groups, space_.texts);
  }
  return charge();
}

void GroupState::end() {
  if (plan_.keys.empty()) group_of(key_.data());
}

Result<void> GroupState::charge() {
  std::size_t bytes = table_.bytes() + table_.size() * bytes_per_group_;
  for (const AggregatePtr& aggregate : aggregates_) bytes += aggregate->more_bytes();
  if (bytes <= charged_) return {};
  const std::size_t more = bytes - charged_;
  charged_ = bytes;
  return space_.budget.take(more);
}

ColumnPtr GroupState::key_column(std::size_t key, std::size_t begin, std::size_t end) const {
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

Pulled GroupState::next_groups() {
  if (given_ == table_.size()) return pulled(Pulled::State::end);
  const std::size_t begin = given_;
  given_ = std::min(table_.size(), begin + kBatchRows);
  return pulled(batch(begin, given_));
}

Batch GroupState::batch(std::size_t begin, std::size_t end) const {
  Batch made;
  made.rows = end - begin;
  for (std::size_t key = 0; key < plan_.keys.size(); ++key)
    made.columns.push_back(key_column(key, begin, end));
  for (const AggregatePtr& aggregate : aggregates_)
    made.columns.push_back(std::make_shared<const Column>(aggregate->results(begin, end, space_.texts)));
  return made;
}

}  // namespace dunlin::query
