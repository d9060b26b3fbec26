#pragma once
// Which series stand in which table of queries: changes with the dictionary, so that a plan does not look
// through all names.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/principal.h"

namespace dunlin::series {

struct SeriesEntry;
using EntryList = std::vector<const SeriesEntry*>;

/// The table of channels without a slash or a point in their names.
inline constexpr std::string_view kPointsTable = "points";

/// Where a channel stands: `readings/velocity` (the line protocol) and `readings.velocity` (a member of a
/// JSON object) are both the column `velocity` of `readings`.
struct ColumnName {
  std::string_view table;
  std::string_view column;  // empty: in no table
};
ColumnName column_of(std::string_view channel);

/// The series of one column that somebody sees.
class IndexedColumn {
 public:
  /// Sorted by device; of two of one device the one with the slash comes first. Valid until the next change.
  const EntryList& series() const;

 private:
  friend class TableIndex;
  void add(const SeriesEntry& entry);
  void purge() const;

  // Sorted when it is asked for: series come and go many at once.
  mutable EntryList series_;
  mutable std::size_t sorted_ = 0;  // so many of the first
  mutable bool has_hidden_ = false;
  std::size_t shown_ = 0;
};

/// One thread. Takes 8 bytes a series.
class TableIndex {
 public:
  using Columns = std::map<std::string, IndexedColumn, std::less<>>;
  using Tables = std::map<std::string, Columns, std::less<>>;

  /// The series is about to be shown.
  void show(const SeriesEntry& entry);
  /// It is hidden now, and may be shown again.
  void hide(const SeriesEntry& entry);
  /// A hidden series is about to go.
  void forget(const SeriesEntry& entry);

  /// Those that somebody sees, none of them empty. Null: the tenant has none.
  const Tables* tables(TenantId tenant) const;
  /// Null: there is no such table.
  const Columns* table(TenantId tenant, std::string_view name) const;

 private:
  IndexedColumn* find(const SeriesEntry& entry);

  std::map<TenantId, Tables> tenants_;
};

}  // namespace dunlin::series
