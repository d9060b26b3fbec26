#include "service/query/tables.h"

#include <algorithm>
#include <map>
#include <set>

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

constexpr std::size_t kMaxNamesInError = 20;

void add_tags(Table& table, const series::SeriesStore& store, const TagSource& tags, TenantId tenant) {
  std::set<std::string> names;
  if (const auto* of_devices = store.tag_names(tenant);
      of_devices != nullptr && table.kind != TableKind::things) {
    for (const auto& [name, count] : *of_devices) names.insert(name);
  }
  for (std::string& name : tags.names(tenant)) names.insert(std::move(name));
  for (const TableColumn& column : table.columns) names.erase(column.name);
  for (const std::string& name : names) table.columns.push_back({Kind::tag, name, Type::text});
}

Table samples_table() {
  return {TableKind::samples,
          "samples",
          {{Kind::time, "time", Type::time},
           {Kind::device, "device", Type::text},
           {Kind::name, "channel", Type::text},
           {Kind::value, "value", Type::number},
           {Kind::text, "text", Type::text},
           {Kind::quality, "quality", Type::text},
           {Kind::flags, "flags", Type::integer},
           {Kind::unit, "unit", Type::text}},
          {}};
}

Table things_table() {
  return {TableKind::things,
          "things",
          {{Kind::device, "name", Type::text},
           {Kind::thing_type, "type", Type::text},
           {Kind::thing_gateway, "gateway", Type::text},
           {Kind::thing_state, "state", Type::text}},
          {}};
}

bool is_text(const model::Value& value) {
  return std::holds_alternative<std::string>(value) || std::holds_alternative<model::JsonText>(value);
}

/// Signs between the names of a table and a column.
constexpr std::string_view kSigns = "/.";

/// What follows the name of a table inside of another; empty where the channel is of another one.
std::string_view column_in(std::string_view table, std::string_view channel) {
  const bool is_in = channel.size() > table.size() && channel.starts_with(table) &&
                     kSigns.find(channel[table.size()]) != std::string_view::npos;
  return is_in ? channel.substr(table.size() + 1) : std::string_view();
}

void add_channel(Table& table, const std::string& name, const series::EntryList& series) {
  if (name != "time" && name != "device")
    table.columns.push_back({Kind::channel, name, Type::number, &series});
}

/// The channels of `table` are among those of the table that its name begins with.
void add_gathered(Table& table, const series::TableIndex::Columns& columns) {
  std::map<std::string, series::EntryList> channels;
  for (const auto& [name, column] : columns) {
    for (const series::SeriesEntry* entry : column.series()) {
      const std::string_view channel = column_in(table.name, entry->info.channel);
      if (!channel.empty()) channels[std::string(channel)].push_back(entry);
    }
  }
  for (auto& [name, list] : channels) {
    std::ranges::stable_sort(list, {},
                             [](const auto* entry) -> const std::string& { return entry->info.device; });
    add_channel(table, name, table.gathered.emplace_back(std::move(list)));
  }
}

Error no_table(std::string_view name, const series::TableIndex::Tables* tables) {
  std::string text =
      "there is no table \"" + std::string(name.substr(0, 64)) + "\"; there are samples, things";
  if (tables == nullptr) return {Errc::not_found, std::move(text)};
  std::size_t told = 0;
  for (const auto& [other, columns] : *tables) {
    if (++told > kMaxNamesInError) return {Errc::not_found, text + " and more"};
    text += ", " + other;
  }
  return {Errc::not_found, std::move(text)};
}

}  // namespace

bool is_fixed(const TableColumn& column) {
  return column.kind == Kind::device || column.kind == Kind::tag || column.kind == Kind::name ||
         column.kind == Kind::unit;
}

Type channel_type(const series::EntryList& series) {
  const bool all_texts = std::ranges::all_of(
      series, [](const series::SeriesEntry* entry) { return is_text(entry->info.last.value); });
  return all_texts ? Type::text : Type::number;
}

/// The dictionary has those that came with the measurements at hand.
std::optional<std::string> tag_of(const series::SeriesEntry& series, std::string_view name,
                                  const TagSource& tags) {
  if (series.tags != nullptr) {
    if (const auto found = series.tags->find(name); found != series.tags->end()) return found->second;
  }
  return tags.attribute(series.info.tenant, series.info.device, name);
}

Result<Table> find_table(const series::SeriesStore& store, const TagSource& tags, TenantId tenant,
                         std::string_view name) {
  if (name == "things" || name == "samples") {
    Table table = name == "things" ? things_table() : samples_table();
    add_tags(table, store, tags, tenant);
    return table;
  }
  Table table{TableKind::wide,
              std::string(name),
              {{Kind::time, "time", Type::time}, {Kind::device, "device", Type::text}},
              {}};
  const std::size_t own = table.columns.size();
  const std::size_t sign = name.find_first_of(kSigns);
  const auto* columns = store.index().table(tenant, name.substr(0, sign));
  if (columns != nullptr && sign == std::string_view::npos) {
    for (const auto& [channel, column] : *columns) add_channel(table, channel, column.series());
  } else if (columns != nullptr) {
    add_gathered(table, *columns);
  }
  if (table.columns.size() == own) return std::unexpected(no_table(name, store.index().tables(tenant)));
  add_tags(table, store, tags, tenant);
  return table;
}

}  // namespace dunlin::query
