#include "service/series/table_index.h"

#include <algorithm>

#include "base/core/assert.h"
#include "service/series/dictionary.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kSigns = "/.";

bool is_before(const SeriesEntry* a, const SeriesEntry* b) {
  const int order = a->info.device.compare(b->info.device);
  return order != 0 ? order < 0 : a->info.channel > b->info.channel;  // the slash is behind the point
}

bool is_hidden(const SeriesEntry* entry) {
  return entry->presence == SeriesEntry::Presence::hidden;
}

}  // namespace

ColumnName column_of(std::string_view channel) {
  const std::size_t sign = channel.find_first_of(kSigns);
  if (sign == std::string_view::npos) return {kPointsTable, channel};
  const std::string_view table = channel.substr(0, sign);
  if (table == kPointsTable) return {};
  return {table, channel.substr(sign + 1)};
}

void IndexedColumn::add(const SeriesEntry& entry) {
  purge();
  if (sorted_ == series_.size() && (series_.empty() || is_before(series_.back(), &entry))) ++sorted_;
  series_.push_back(&entry);
  ++shown_;
}

/// Before what is hidden comes again or goes.
void IndexedColumn::purge() const {
  if (!std::exchange(has_hidden_, false)) return;
  (void)series();
  std::erase_if(series_, is_hidden);
  sorted_ = series_.size();
}

const EntryList& IndexedColumn::series() const {
  if (sorted_ != series_.size()) {
    const auto middle = series_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    std::sort(middle, series_.end(), is_before);
    std::inplace_merge(series_.begin(), middle, series_.end(), is_before);
    sorted_ = series_.size();
  }
  purge();
  return series_;
}

void TableIndex::show(const SeriesEntry& entry) {
  DUNLIN_ASSERT(is_hidden(&entry));
  const ColumnName name = column_of(entry.info.channel);
  if (name.column.empty()) return;
  Tables& tables = tenants_[entry.info.tenant];
  auto table = tables.find(name.table);
  if (table == tables.end()) table = tables.emplace(name.table, Columns()).first;
  auto column = table->second.find(name.column);
  if (column == table->second.end()) column = table->second.emplace(name.column, IndexedColumn()).first;
  column->second.add(entry);
}

void TableIndex::hide(const SeriesEntry& entry) {
  DUNLIN_ASSERT(is_hidden(&entry));
  IndexedColumn* column = find(entry);
  if (column == nullptr) return;
  column->has_hidden_ = true;
  if (--column->shown_ != 0) return;
  const ColumnName name = column_of(entry.info.channel);
  Tables& tables = tenants_[entry.info.tenant];
  const auto table = tables.find(name.table);
  table->second.erase(table->second.find(name.column));
  if (table->second.empty()) tables.erase(table);
}

void TableIndex::forget(const SeriesEntry& entry) {
  if (const IndexedColumn* column = find(entry)) column->purge();
}

IndexedColumn* TableIndex::find(const SeriesEntry& entry) {
  const ColumnName name = column_of(entry.info.channel);
  const auto tables = tenants_.find(entry.info.tenant);
  if (name.column.empty() || tables == tenants_.end()) return nullptr;
  const auto table = tables->second.find(name.table);
  if (table == tables->second.end()) return nullptr;
  const auto column = table->second.find(name.column);
  return column == table->second.end() ? nullptr : &column->second;
}

const TableIndex::Tables* TableIndex::tables(TenantId tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() || found->second.empty() ? nullptr : &found->second;
}

const TableIndex::Columns* TableIndex::table(TenantId tenant, std::string_view name) const {
  const Tables* all = tables(tenant);
  if (all == nullptr) return nullptr;
  const auto found = all->find(name);
  return found == all->end() ? nullptr : &found->second;
}

}  // namespace dunlin::series
