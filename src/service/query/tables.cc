#include "service/query/tables.h"

#include <algorithm>
#include <set>

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

constexpr std::size_t kMaxNamesInError = 20;

void add_tags(Table& table, const TagSource& tags, TenantId tenant) {
  for (std::string& name : tags.names(tenant, table.series)) {
    const bool is_taken =
        std::ranges::any_of(table.columns, [&](const auto& column) { return column.name == name; });
    if (!is_taken) table.columns.push_back({Kind::tag, std::move(name), Type::text});
  }
}

Table samples_table(const TagSource& tags, TenantId tenant, SeriesList series) {
  Table table{TableKind::samples,
              "samples",
              {},
              {{Kind::time, "time", Type::time},
               {Kind::device, "device", Type::text},
               {Kind::name, "channel", Type::text},
               {Kind::value, "value", Type::number},
               {Kind::text, "text", Type::text},
               {Kind::quality, "quality", Type::text},
               {Kind::flags, "flags", Type::integer},
               {Kind::unit, "unit", Type::text}},
              std::move(series)};
  add_tags(table, tags, tenant);
  return table;
}

Table things_table(const TagSource& tags, TenantId tenant) {
  Table table{TableKind::things,
              "things",
              {},
              {{Kind::device, "name", Type::text},
               {Kind::thing_type, "type", Type::text},
               {Kind::thing_gateway, "gateway", Type::text},
               {Kind::thing_state, "state", Type::text}},
              {}};
  add_tags(table, tags, tenant);
  return table;
}

bool is_text(const model::Value& value) {
  return std::holds_alternative<std::string>(value) || std::holds_alternative<model::JsonText>(value);
}

/// Line protocol has a slash between the table's name and the column's, the members of a JSON object a point.
constexpr std::string_view kSigns = "/.";

/// What follows the table's name; empty where the channel is of another one.
std::string_view column_in(std::string_view table, std::string_view channel) {
  if (table == "points")
    return channel.find_first_of(kSigns) == std::string_view::npos ? channel : std::string_view();
  const bool is_in = channel.size() > table.size() && channel.starts_with(table) &&
                     kSigns.find(channel[table.size()]) != std::string_view::npos;
  return is_in ? channel.substr(table.size() + 1) : std::string_view();
}

Error no_table(std::string_view name, const SeriesList& series) {
  std::set<std::string_view> known;
  for (const series::SeriesInfo* info : series) {
    const std::string_view channel = info->channel;
    const std::size_t sign = channel.find_first_of(kSigns);
    if (known.size() <= kMaxNamesInError)
      known.insert(sign == std::string_view::npos ? "points" : channel.substr(0, sign));
  }
  std::string text =
      "there is no table \"" + std::string(name.substr(0, 64)) + "\"; there are samples, things";
  std::size_t told = 0;
  for (const std::string_view other : known) {
    if (++told > kMaxNamesInError) return {Errc::not_found, text + " and more"};
    text += ", " + std::string(other);
  }
  return {Errc::not_found, std::move(text)};
}

}  // namespace

bool is_fixed(const TableColumn& column) {
  return column.kind == Kind::device || column.kind == Kind::tag || column.kind == Kind::name ||
         column.kind == Kind::unit;
}

Result<Table> find_table(const series::SeriesStore& store, const TagSource& tags, TenantId tenant,
                         std::string_view name) {
  if (name == "things") return things_table(tags, tenant);
  SeriesList all = store.list(tenant, {});
  if (name == "samples") return samples_table(tags, tenant, std::move(all));
  std::map<std::string, Type, std::less<>> channels;
  SeriesList of_table;
  for (const series::SeriesInfo* info : all) {
    const std::string_view channel = column_in(name, info->channel);
    if (channel.empty()) continue;
    of_table.push_back(info);
    const Type type = is_text(info->last.value) ? Type::text : Type::number;
    const auto known = channels.find(channel);
    if (known == channels.end()) {
      channels.emplace(channel, type);
    } else if (type == Type::number) {
      known->second = type;
    }
  }
  if (channels.empty()) return std::unexpected(no_table(name, all));
  Table table{TableKind::wide,
              std::string(name),
              name == "points" ? std::string() : std::string(name),
              {{Kind::time, "time", Type::time}, {Kind::device, "device", Type::text}},
              std::move(of_table)};
  for (const auto& [channel, type] : channels) {
    if (channel != "time" && channel != "device") table.columns.push_back({Kind::channel, channel, type});
  }
  add_tags(table, tags, tenant);
  return table;
}

}  // namespace dunlin::query
