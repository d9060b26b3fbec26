#include "service/query/value.h"

#include <mutex>

#include "base/core/assert.h"

namespace dunlin::query {

std::string_view type_name(Type type) {
  constexpr std::string_view kNames[] = {"NULL", "boolean", "integer", "number", "text", "time", "interval"};
  return kNames[static_cast<std::size_t>(type)];
}

std::int64_t TextPool::place_of(std::string_view text) {
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = places_.find(text); found != places_.end()) return found->second;
  }
  const std::lock_guard lock(mutex_);
  const auto place = static_cast<std::int64_t>(size_);
  const Spot spot = spot_of(size_);
  std::string* block = blocks_[spot.block].load();
  if (block == nullptr) {
    owned_.push_back(std::make_unique<std::string[]>(kFirstBlock << spot.block));
    block = owned_.back().get();
    blocks_[spot.block].store(block, std::memory_order_release);
  }
  block[spot.index] = text;
  const auto [known, is_new] = places_.emplace(block[spot.index], place);
  if (!is_new) return known->second;  // another thread was first
  ++size_;
  bytes_ += text.size() + 96;
  return place;
}

ColumnPtr constant_column(const Datum& value, TextPool& texts) {
  if (value.type == Type::null) return null_column(Type::null);
  Column column{
      .type = value.type, .shape = Column::Shape::constant, .integers = {}, .numbers = {}, .valid = {}};
  if (value.type == Type::number) {
    column.numbers.push_back(value.number);
  } else {
    column.integers.push_back(value.type == Type::text ? texts.place_of(value.text) : value.integer);
  }
  return std::make_shared<const Column>(std::move(column));
}

ColumnPtr null_column(Type type) {
  Column column = make_column(type, 1);
  column.shape = Column::Shape::constant;
  column.valid.push_back(0);
  return std::make_shared<const Column>(std::move(column));
}

Column make_column(Type type, std::size_t rows) {
  Column column;
  column.type = type;
  if (is_double(type)) {
    column.numbers.resize(rows);
  } else {
    column.integers.resize(rows);
  }
  return column;
}

Datum datum_at(const Column& column, std::size_t row, const TextPool& texts) {
  if (!column.is_valid(row)) return {};
  Datum value;
  value.type = column.type;
  if (is_double(column.type)) {
    value.number = column.number(row);
  } else {
    value.integer = column.integer(row);
    if (column.type == Type::text) value.text = texts.text_at(value.integer);
  }
  return value;
}

void append_row(Column& to, const Column& from, std::size_t row) {
  DUNLIN_ASSERT(to.shape == Column::Shape::rows && (from.type == to.type || from.type == Type::null));
  const std::size_t before = is_double(to.type) ? to.numbers.size() : to.integers.size();
  const bool is_valid = from.is_valid(row);
  if (is_double(to.type)) {
    to.numbers.push_back(is_valid ? from.number(row) : 0);
  } else {
    to.integers.push_back(is_valid ? from.integer(row) : 0);
  }
  if (!is_valid && to.valid.empty()) to.valid.assign(before, 1);
  if (!is_valid || !to.valid.empty()) to.valid.push_back(is_valid ? 1 : 0);
}

ColumnPtr gather(const ColumnPtr& column, const std::vector<std::uint32_t>& places) {
  if (column->shape == Column::Shape::constant) return column;
  Column picked = make_column(column->type, places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (is_double(column->type)) {
      picked.numbers[i] = column->numbers[places[i]];
    } else {
      picked.integers[i] = column->integers[places[i]];
    }
  }
  if (!column->valid.empty()) {
    picked.valid.resize(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) picked.valid[i] = column->valid[places[i]];
  }
  return std::make_shared<const Column>(std::move(picked));
}

}  // namespace dunlin::query
