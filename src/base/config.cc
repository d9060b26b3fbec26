#include "base/config.h"

#include <algorithm>

#include "base/config_text.h"
#include "base/core/assert.h"
#include "base/core/utf8.h"

namespace dunlin::config {
namespace {

std::unexpected<Error> refuse() {
  return fail(Errc::invalid_argument, "not allowed");
}

// Double underscores stand for the dots in the environment, so a name may not hold one.
bool is_key_name(std::string_view name) {
  const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || !is_part(name.front()) || !is_part(name.back())) return false;
  char before = 'a';
  for (const char c : name) {
    if (!is_part(c) && ((c != '.' && c != '_') || !is_part(before))) return false;
    before = c;
  }
  return true;
}

std::string show_list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? ", " : "") + quote_toml(item);
  return text + "]";
}

std::pair<std::string_view, std::string_view> split_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string as_comment(std::string_view text) {
  std::string comment;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    comment += "# " + std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return comment;
}

// What lies outside a closed range is refused.
template <class T>
auto store_between(T& target, T least, T most, Result<T> (*parse)(std::string_view)) {
  return [&target, least, most, parse](std::string_view text) -> Result<void> {
    DUNLIN_TRY(const T value, parse(text));
    if (value < least || value > most) return refuse();
    target = value;
    return {};
  };
}

}  // namespace

void Schema::add(Key key) {
  DUNLIN_ASSERT(is_key_name(key.name));
  DUNLIN_ASSERT(find_key(key.name) == nullptr && find_table_array(key.name) == nullptr);
  keys_.push_back(std::move(key));
}

void Schema::key(std::string name, std::string help, bool& target) {
  const auto parse = [&target](std::string_view text) -> Result<void> {
    if (text != "true" && text != "false") return refuse();
    target = text == "true";
    return {};
  };
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "true or false",
       .type = Type::boolean,
       .show = [&target] { return std::string(target ? "true" : "false"); },
       .parse = parse,
       .accept = {}});
}

void Schema::key(std::string name, std::string help, std::int64_t& target, std::int64_t least,
                 std::int64_t most) {
  DUNLIN_ASSERT(least <= target && target <= most);
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
       .type = Type::integer,
       .show = [&target] { return std::to_string(target); },
       .parse = store_between(target, least, most, parse_integer),
       .accept = {}});
}

void Schema::key(std::string name, std::string help, double& target, double least, double most) {
  DUNLIN_ASSERT(least <= target && target <= most);
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "a number from " + show_number(least) + " to " + show_number(most),
       .type = Type::number,
       .show = [&target] { return show_number(target); },
       .parse = store_between(target, least, most, parse_number),
       .accept = {}});
}

void Schema::key(std::string name, std::string help, std::string& target) {
  const auto parse = [&target](std::string_view text) -> Result<void> {
    if (!is_valid_mqtt_utf8(text)) return refuse();
    target = text;
    return {};
  };
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "text",
       .type = Type::text,
       .show = [&target] { return quote_toml(target); },
       .parse = parse,
       .accept = {}});
}

void Schema::key(std::string name, std::string help, std::vector<std::string>& target) {
  const auto accept = [&target](std::vector<std::string> items) -> Result<void> {
    if (!std::ranges::all_of(items, is_valid_mqtt_utf8)) return refuse();
    target = std::move(items);
    return {};
  };
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "a list of texts",
       .type = Type::list,
       .show = [&target] { return show_list(target); },
       .parse = [accept](std::string_view text) { return accept(split_list(text)); },
       .accept = accept});
}

void Schema::key(std::string name, std::string help, Duration& target, Duration least, Duration most) {
  DUNLIN_ASSERT(least <= target && target <= most && least >= Duration::zero());
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed =
           "a duration from " + quote_toml(show_duration(least)) + " to " + quote_toml(show_duration(most)),
       .type = Type::duration,
       .show = [&target] { return quote_toml(show_duration(target)); },
       .parse = store_between(target, least, most, parse_duration),
       .accept = {}});
}

void Schema::bytes(std::string name, std::string help, std::uint64_t& target, std::uint64_t least,
                   std::uint64_t most) {
  DUNLIN_ASSERT(least <= target && target <= most);
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed =
           "a number of bytes from " + quote_toml(show_bytes(least)) + " to " + quote_toml(show_bytes(most)),
       .type = Type::bytes,
       .show = [&target] { return quote_toml(show_bytes(target)); },
       .parse = store_between(target, least, most, parse_bytes),
       .accept = {}});
}

void Schema::bytes(std::string name, std::string help, std::optional<std::uint64_t>& target,
                   std::uint64_t least, std::uint64_t most) {
  const auto parse = [&target, least, most](std::string_view text) -> Result<void> {
    target.reset();
    if (text == "auto") return {};
    std::uint64_t bytes = 0;
    DUNLIN_CHECK(store_between(bytes, least, most, parse_bytes)(text));
    target = bytes;
    return {};
  };
  add({.name = std::move(name),
       .help = std::move(help),
       .allowed = "\"auto\" or a number of bytes from " + quote_toml(show_bytes(least)) + " to " +
                  quote_toml(show_bytes(most)),
       .type = Type::bytes,
       .show = [&target] { return quote_toml(target ? show_bytes(*target) : "auto"); },
       .parse = parse,
       .accept = {}});
}

void Schema::table_array(std::string name, std::string help, RowReader row) {
  DUNLIN_ASSERT(is_key_name(name));
  DUNLIN_ASSERT(find_key(name) == nullptr && find_table_array(name) == nullptr);
  table_arrays_.push_back({std::move(name), std::move(help), std::move(row)});
}

const Schema::Key* Schema::find_key(std::string_view name) const {
  const auto found = std::ranges::find(keys_, name, &Key::name);
  return found == keys_.end() ? nullptr : &*found;
}

const Schema::TableArray* Schema::find_table_array(std::string_view name) const {
  const auto found = std::ranges::find(table_arrays_, name, &TableArray::name);
  return found == table_arrays_.end() ? nullptr : &*found;
}

bool Schema::has_table(std::string_view table) const {
  const auto is_below = [&](const std::string& name) {
    return name.size() > table.size() && name.starts_with(table) && name[table.size()] == '.';
  };
  return std::ranges::any_of(keys_, is_below, &Key::name) ||
         std::ranges::any_of(table_arrays_, is_below, &TableArray::name);
}

std::string Schema::reference() const {
  // Keys of one table must stand together, and those of no table before all tables.
  std::vector<std::string_view> tables{""};
  for (const Key& key : keys_) {
    const std::string_view table = split_name(key.name).first;
    if (std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
  }
  std::string text;
  for (const std::string_view table : tables) {
    if (!table.empty()) text += "[" + std::string(table) + "]\n";
    for (const Key& key : keys_) {
      const auto [parent, leaf] = split_name(key.name);
      if (parent != table) continue;
      text += as_comment(key.help) + as_comment("Must be " + key.allowed + ".");
      text += std::string(leaf) + " = " + key.show() + "\n\n";
    }
  }
  for (const TableArray& array : table_arrays_) {
    Schema row;
    const auto take = array.row(row);
    text += as_comment(array.help);
    text += as_comment("[[" + array.name + "]]\n" + row.reference_of_row()) + "\n";
  }
  return text;
}

std::string Schema::reference_of_row() const {
  std::string text;
  for (const Key& key : keys_) {
    text += key.name + " = " + key.show() + "  # " + key.help + " Must be " + key.allowed + ".\n";
  }
  return text;
}

}  // namespace dunlin::config
