#pragma once
// What a query can read: the tables and their columns.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"
#include "service/query/value.h"
#include "service/series/series_store.h"

namespace dunlin::query {

/// A thing of the registry as the table `things` shows it.
struct ThingRow {
  std::string name;
  std::string type;
  std::string gateway;
  std::string state;
  std::map<std::string, std::string> attributes;
};

/// What is known of devices beside their measurements. Owned by the composer; one executor's thread.
class TagSource {
 public:
  virtual ~TagSource() = default;
  /// Gets what the other calls answer. Errors: the store's.
  virtual void load(TenantId tenant, std::move_only_function<void(Result<void>)> loaded) = 0;
  /// The names of all attributes that some thing has.
  virtual std::vector<std::string> names(TenantId tenant) const = 0;
  /// A thing's attribute. A tag of that name that came with the measurements goes before it (tag_of()).
  virtual std::optional<std::string> attribute(TenantId tenant, std::string_view device,
                                               std::string_view name) const = 0;
  virtual std::vector<ThingRow> things(TenantId tenant) const = 0;
};

enum class TableKind : std::uint8_t {
  samples,  // a row for each point
  wide,     // a row for each device and time, its channels as columns
  things
};

struct TableColumn {
  enum class Kind : std::uint8_t {
    time,
    device,
    tag,
    channel,  // of a wide table: the value
    name,     // the channel's
    value,
    text,
    quality,
    flags,
    unit,
    thing_type,
    thing_gateway,
    thing_state
  } kind = Kind::time;
  std::string name;
  Type type = Type::time;
  /// Of a channel, sorted by device. Valid in the turn in which it was asked for.
  const series::EntryList* series = nullptr;
};
/// A text where all last values are texts: looks through them.
Type channel_type(const series::EntryList& series);
/// As TagSource::tag() of its device.
std::optional<std::string> tag_of(const series::SeriesEntry& series, std::string_view name,
                                  const TagSource& tags);
/// Whether the column is the same for all rows of a series or device.
bool is_fixed(const TableColumn& column);

struct Table {
  TableKind kind = TableKind::wide;
  std::string name;
  /// All that there are, in the order of SELECT *. The types of channels are not told: channel_type().
  std::vector<TableColumn> columns;
  std::deque<series::EntryList> gathered;  // lists that the columns point to, of a table inside of another
};

/// Errors: not_found (names the tables that there are). A name with a slash or a point, such as `line/motor`,
/// is the table of the channels behind it.
Result<Table> find_table(const series::SeriesStore& store, const TagSource& tags, TenantId tenant,
                         std::string_view name);

}  // namespace dunlin::query
