#include "service/query/tables.h"

#include <algorithm>
#include <set>

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

constexpr std::size_t kMaxNamesInError = 20;

void add_tags(Table& table, const TagSource& tags, TenantId tenant) {
  for (std::string& name : tags.names(tenant)) {
    const bool is_taken =
        std::ranges::any_of(table.columns, [&](const auto& column) { return column.name == name; });
    if (!is_taken) table.columns.push_back({Kind::tag, std::move(name), Type::text});
  }
}

Table samples_table(const TagSource& tags, TenantId tenant) {
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
               {Kind::unit, "unit", Type::text}}};
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
               {Kind::thing_state, "state", Type::text}}};
  add_tags(table, tags, tenant);
  return table;
}

bool is_text(const model::Value& value) {
  return std::holds_alternative<std::string>(value) || std::holds_alternative<model::JsonText>(value);
}

/// The name of the table that a channel is in, and what follows it. Line protocol has a slash between the
/// two, the members of a JSON object a point.
std::pair<std::string_view, std::string_view> split(std::string_view channel) {
  const std::size_t slash = channel.find_first_of("/.");
  if (slash == std::string_view::npos) return {"points", channel};
  return {channel.substr(0, slash), channel.substr(slash + 1)};
}

Error no_table(std::string_view name, const std::set<std::string>& known) {
  std::string text =
      "there is no table \"" + std::string(name.substr(0, 64)) + "\"; there are samples, things";
  std::size_t told = 0;
  for (const std::string& other : known) {
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

Result<Table> find_table(const series::SeriesStore& store, const TagSource& tags, TenantId tenant,
                         std::string_view name) {
  if (name == "samples") return samples_table(tags, tenant);
  if (name == "things") return things_table(tags, tenant);
  std::map<std::string, Type> channels;
  std::set<std::string> known;
  for (const series::SeriesInfo* info : store.list(tenant, {})) {
    const auto [table, channel] = split(info->channel);
    if (table != name) {
      if (known.size() <= kMaxNamesInError) known.emplace(table);
      continue;
    }
    const Type type = is_text(info->last.value) ? Type::text : Type::number;
    const auto place = channels.try_emplace(std::string(channel), type).first;
    if (type == Type::number) place->second = type;
  }
  if (channels.empty()) return std::unexpected(no_table(name, known));
  Table table{TableKind::wide,
              std::string(name),
              name == "points" ? std::string() : std::string(name),
              {{Kind::time, "time", Type::time}, {Kind::device, "device", Type::text}}};
  for (const auto& [channel, type] : channels) {
    if (channel != "time" && channel != "device") table.columns.push_back({Kind::channel, channel, type});
  }
  add_tags(table, tags, tenant);
  return table;
}

}  // namespace dunlin::query
