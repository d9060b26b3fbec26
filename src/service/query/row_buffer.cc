#include <algorithm>

#include "base/core/assert.h"
#include "service/query/operator.h"

namespace dunlin::query {
namespace {

constexpr std::size_t kMaxBufferedRows = 1ULL << 31;

/// All rows of `from` behind those of `to`.
void append_all(Column& to, const Column& from, std::size_t before, std::size_t rows) {
  const bool is_plain = from.shape == Column::Shape::rows && from.type == to.type;
  if (!is_plain) {
    for (std::size_t i = 0; i < rows; ++i) append_row(to, from, i);
    return;
  }
  if (is_double(to.type)) {
    to.numbers.insert(to.numbers.end(), from.numbers.begin(),
                      from.numbers.begin() + static_cast<std::ptrdiff_t>(rows));
  } else {
    to.integers.insert(to.integers.end(), from.integers.begin(),
                       from.integers.begin() + static_cast<std::ptrdiff_t>(rows));
  }
  if (from.valid.empty() && to.valid.empty()) return;
  if (to.valid.empty()) to.valid.assign(before, 1);
  for (std::size_t i = 0; i < rows; ++i) to.valid.push_back(from.valid.empty() ? 1 : from.valid[i]);
}

}  // namespace

RowBuffer::RowBuffer(const std::vector<Type>& types) {
  for (const Type type : types) columns_.push_back(make_column(type, 0));
}

Result<void> RowBuffer::append(const Batch& batch, Workspace& space) {
  DUNLIN_ASSERT(batch.columns.size() >= columns_.size());
  const std::size_t bytes = batch.rows * columns_.size() * 9;
  DUNLIN_CHECK(space.budget.take(bytes));
  charged_ += bytes;
  if (rows_ + batch.rows > kMaxBufferedRows)
    return fail(Errc::limit_exceeded, "the query keeps too many rows");
  for (std::size_t i = 0; i < columns_.size(); ++i)
    append_all(columns_[i], *batch.columns[i], rows_, batch.rows);
  rows_ += batch.rows;
  return {};
}

Batch RowBuffer::batch(const std::vector<std::uint32_t>& places) const {
  Batch made;
  made.rows = places.size();
  for (const Column& column : columns_) {
    Column picked = make_column(column.type, 0);
    for (const std::uint32_t place : places) append_row(picked, column, place);
    made.columns.push_back(std::make_shared<const Column>(std::move(picked)));
  }
  return made;
}

Batch RowBuffer::batch(std::size_t begin, std::size_t end) const {
  std::vector<std::uint32_t> places;
  for (std::size_t i = begin; i < end; ++i) places.push_back(static_cast<std::uint32_t>(i));
  return batch(places);
}

void RowBuffer::keep(const std::vector<std::uint32_t>& places, Workspace& space) {
  const Batch kept = batch(places);
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i] = *kept.columns[i];
  rows_ = places.size();
  const std::size_t needed = rows_ * columns_.size() * 9;
  if (needed >= charged_) return;
  space.budget.give_back(charged_ - needed);
  charged_ = needed;
}

bool RowOrder::operator()(std::uint32_t a, std::uint32_t b) const {
  for (const SortKey& key : keys_) {
    const Column& column = rows_.column(key.column);
    const bool has_a = column.is_valid(a);
    const bool has_b = column.is_valid(b);
    if (has_a != has_b) return has_a;
    if (!has_a) continue;
    int order = 0;
    if (is_double(column.type)) {
      order = column.numbers[a] < column.numbers[b] ? -1 : column.numbers[a] > column.numbers[b] ? 1 : 0;
    } else if (column.type == Type::text) {
      order = column.integers[a] == column.integers[b]
                  ? 0
                  : texts_.text_at(column.integers[a]).compare(texts_.text_at(column.integers[b]));
    } else {
      order = column.integers[a] < column.integers[b] ? -1 : column.integers[a] > column.integers[b] ? 1 : 0;
    }
    if (order != 0) return key.direction == SortKey::Direction::ascending ? order < 0 : order > 0;
  }
  return a < b;
}

}  // namespace dunlin::query
