// Which series a scan reads, and what is the same for all rows of each.

#include <algorithm>
#include <map>

#include "service/query/scan.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;
using series::SeriesEntry;

/// What may become a unit: the channels by their order in the plan, null where the device has not got one.
struct Candidates {
  std::size_t width = 1;
  std::vector<const SeriesEntry*> channels;  // `width` of each
  std::vector<const SeriesEntry*> any;       // one of each

  std::size_t size() const { return any.size(); }
};

const std::string& device_of(const SeriesEntry* entry) {
  return entry->info.device;
}

/// Places in the lists of a plan's channels, which move on together.
class ChannelLists {
 public:
  explicit ChannelLists(const ScanPlan& plan) {
    for (const TableColumn& column : plan.columns) {
      if (column.kind != Kind::channel) continue;
      auto [begin, end] = std::pair(column.series->begin(), column.series->end());
      if (plan.device) {
        const auto found = std::ranges::equal_range(begin, end, *plan.device, {}, device_of);
        begin = found.begin();
        end = found.end();
      }
      lists_.push_back({begin, end});
    }
  }
  std::size_t width() const { return lists_.size(); }

  /// The next device's; false: there is none.
  bool next(Candidates& to) {
    const SeriesEntry* first = nullptr;
    for (const List& list : lists_) {
      if (list.at == list.end) continue;
      if (first == nullptr || device_of(*list.at) < device_of(first)) first = *list.at;
    }
    if (first == nullptr) return false;
    to.any.push_back(first);
    for (List& list : lists_) {
      const bool has_it = list.at != list.end && device_of(*list.at) == device_of(first);
      to.channels.push_back(has_it ? *list.at : nullptr);
      // The second one of a device has the same column's name with another sign.
      while (list.at != list.end && device_of(*list.at) == device_of(first)) ++list.at;
    }
    return true;
  }

 private:
  struct List {
    series::EntryList::const_iterator at;
    series::EntryList::const_iterator end;
  };
  std::vector<List> lists_;
};

/// Series of one channel are a column of some table.
series::EntryList series_of_channel(const ScanPlan& plan, const series::SeriesStore& store) {
  const series::ColumnName name = series::column_of(*plan.channel);
  if (name.column.empty()) return store.entries(plan.tenant, {});
  const auto* columns = store.index().table(plan.tenant, name.table);
  if (columns == nullptr) return {};
  const auto column = columns->find(name.column);
  return column == columns->end() ? series::EntryList() : column->second.series();
}

Candidates candidates_of_samples(const ScanPlan& plan, const series::SeriesStore& store) {
  Candidates found;
  if (plan.channel && !plan.device) {
    found.any = series_of_channel(plan, store);
  } else {
    found.any = store.entries(plan.tenant, plan.device.value_or(""));
  }
  found.channels = found.any;
  return found;
}

Candidates candidates_of(const ScanPlan& plan, const series::SeriesStore& store) {
  if (plan.kind == TableKind::samples) return candidates_of_samples(plan, store);
  ChannelLists lists(plan);
  Candidates found;
  found.width = lists.width();
  while (lists.next(found)) {
  }
  return found;
}

/// What a column that is the same for a series says of it; nullopt: NULL, or the column changes.
std::optional<std::string> fixed_text(const TableColumn& column, const SeriesEntry& entry,
                                      const TagSource& tags) {
  switch (column.kind) {
    case Kind::device:
      return entry.info.device;
    case Kind::name:
      return entry.info.channel;
    case Kind::unit:
      return entry.info.unit;
    case Kind::tag:
      return tag_of(entry, column.name, tags);
    default:
      return std::nullopt;
  }
}

/// Those that meet the conditions on what is the same for a series, judged many at once.
std::vector<std::size_t> chosen(const ScanPlan& plan, const Candidates& candidates,
                                const ScanEnvironment& environment) {
  std::vector<std::size_t> all(candidates.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  if (plan.fixed_conditions.empty()) return all;
  std::vector<std::size_t> read;
  for (const ExpressionPtr& condition : plan.fixed_conditions) condition->add_columns(read);
  TextPool& texts = environment.space->texts;
  std::vector<std::size_t> found;
  for (std::size_t begin = 0; begin < all.size(); begin += kBatchRows) {
    Batch batch;
    batch.rows = std::min(kBatchRows, all.size() - begin);
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
      if (std::ranges::find(read, i) == read.end()) {
        batch.columns.push_back(null_column(plan.columns[i].type));
        continue;
      }
      Column column = make_column(Type::text, batch.rows);
      column.valid.assign(batch.rows, 1);
      for (std::size_t row = 0; row < batch.rows; ++row) {
        const auto text = fixed_text(plan.columns[i], *candidates.any[begin + row], environment.tags);
        column.integers[row] = text ? texts.place_of(*text) : 0;
        column.valid[row] = text ? 1 : 0;
      }
      batch.columns.push_back(std::make_shared<const Column>(std::move(column)));
    }
    std::vector<std::uint8_t> meets(batch.rows, 1);
    for (const ExpressionPtr& condition : plan.fixed_conditions) {
      std::vector<std::uint8_t> here(batch.rows, 0);
      for (const std::uint32_t row : rows_where(*condition, batch, texts)) here[row] = 1;
      for (std::size_t row = 0; row < batch.rows; ++row) meets[row] &= here[row];
    }
    for (std::size_t row = 0; row < batch.rows; ++row) {
      if (meets[row] != 0) found.push_back(begin + row);
    }
  }
  return found;
}

/// Makes units; the same text is one column for all that have it.
class UnitMaker {
 public:
  UnitMaker(const ScanPlan& plan, const ScanEnvironment& environment)
      : plan_(plan), environment_(environment) {}

  Unit unit(const SeriesEntry& any, std::span<const SeriesEntry* const> channels) {
    Unit made;
    made.origin = ++last_origin_;
    for (const TableColumn& column : plan_.columns) made.fixed.push_back(fixed(column, any));
    if (plan_.kind == TableKind::samples) {
      made.series.push_back(series_of(&any, Type::number));
      return made;
    }
    std::size_t next = 0;
    for (const TableColumn& column : plan_.columns) {
      if (column.kind == Kind::channel) made.series.push_back(series_of(channels[next++], column.type));
    }
    return made;
  }

 private:
  UnitSeries series_of(const SeriesEntry* entry, Type type) const {
    if (entry == nullptr) return {{}, type, {}};
    const bool wants_last = plan_.mode == ScanPlan::Mode::last_values;
    return {entry->info.id, type, wants_last ? entry->info.last : series::Point()};
  }

  ColumnPtr fixed(const TableColumn& column, const SeriesEntry& entry) {
    if (!is_fixed(column)) return nullptr;
    auto text = fixed_text(column, entry, environment_.tags);
    if (!text) return null_column(Type::text);
    if (column.kind != Kind::device) {
      if (const auto known = known_.find(*text); known != known_.end()) return known->second;
    }
    Datum value;
    value.type = Type::text;
    value.text = *std::move(text);
    ColumnPtr made = constant_column(value, environment_.space->texts);
    if (column.kind != Kind::device) known_.emplace(std::move(value.text), made);
    return made;
  }

  const ScanPlan& plan_;
  const ScanEnvironment& environment_;
  std::map<std::string, ColumnPtr, std::less<>> known_;
  std::uint64_t last_origin_ = 0;
};

/// Each channel for itself.
void take_apart(Unit unit, std::vector<Unit>& to) {
  for (std::size_t i = 0; i < unit.series.size(); ++i) {
    if (!unit.series[i].id) continue;
    to.push_back({unit.origin, {unit.series[i]}, unit.fixed, i});
  }
}

}  // namespace

std::vector<Unit> list_units(const ScanPlan& plan, const ScanEnvironment& environment) {
  if (plan.from >= plan.to) return {};
  const Candidates candidates = candidates_of(plan, environment.store);
  const std::span<const SeriesEntry* const> channels(candidates.channels);
  UnitMaker maker(plan, environment);
  std::vector<Unit> units;
  for (const std::size_t i : chosen(plan, candidates, environment)) {
    Unit unit = maker.unit(*candidates.any[i], channels.subspan(i * candidates.width, candidates.width));
    if (plan.channels == ScanPlan::Channels::apart) {
      take_apart(std::move(unit), units);
    } else {
      units.push_back(std::move(unit));
    }
  }
  return units;
}

}  // namespace dunlin::query
