// Reads the values of a schema; the only file that includes toml++.
#include <toml++/toml.h>

#include <array>
#include <charconv>
#include <optional>

#include "base/config.h"
#include "base/limits.h"

namespace dunlin::config {

struct Loader {
  using Key = Schema::Key;
  using Type = Schema::Type;

  const Schema& schema;
  const std::string& file_name;

  std::string place(const toml::node& node) const { return place(node.source().begin.line); }
  std::string place(toml::source_index line) const { return file_name + ":" + std::to_string(line) + ": "; }

  static std::unexpected<Error> refuse(const std::string& place, const Key& key) {
    return fail(Errc::invalid_argument, place + key.name + " must be " + key.allowed);
  }

  static std::string shortest(double value) {
    std::array<char, 64> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return error == std::errc{} ? std::string(buffer.data(), end) : std::string();
  }

  // The value as the key's own parser reads it; nothing if TOML's type is not the key's.
  static std::optional<std::string> text_of(const toml::node& node, Type type) {
    const bool takes_text = type == Type::text || type == Type::duration || type == Type::bytes;
    const bool takes_integer = type == Type::integer || type == Type::number || type == Type::bytes;
    if (const auto* text = node.as_string()) return takes_text ? std::optional(text->get()) : std::nullopt;
    if (const auto* number = node.as_integer()) {
      return takes_integer ? std::optional(std::to_string(number->get())) : std::nullopt;
    }
    if (const auto* number = node.as_floating_point()) {
      return type == Type::number ? std::optional(shortest(number->get())) : std::nullopt;
    }
    if (const auto* flag = node.as_boolean()) {
      return type == Type::boolean ? std::optional<std::string>(flag->get() ? "true" : "false")
                                   : std::nullopt;
    }
    return std::nullopt;
  }

  static std::optional<std::vector<std::string>> items_of(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) return std::nullopt;
      items.push_back(text->get());
    }
    return items;
  }

  Result<void> set(const Key& key, const toml::node& node) const {
    Result<void> done = fail(Errc::invalid_argument, "another type");
    if (key.type == Type::list) {
      if (auto items = items_of(node)) done = key.accept(std::move(*items));
    } else if (const auto text = text_of(node, key.type)) {
      done = key.parse(*text);
    }
    if (!done) return refuse(place(node), key);
    return {};
  }

  Result<void> read_rows(const Schema::TableArray& array, const toml::node& node) const {
    const toml::array* rows = node.as_array();
    if (rows == nullptr) {
      return fail(Errc::invalid_argument,
                  place(node) + array.name + " must be an array of tables: [[" + array.name + "]]");
    }
    if (rows->size() > kMaxConfigRows) {
      return fail(Errc::limit_exceeded,
                  place(node) + array.name + " has more than " + std::to_string(kMaxConfigRows) + " tables");
    }
    for (const toml::node& row : *rows) {
      const toml::table* table = row.as_table();
      if (table == nullptr) {
        return fail(Errc::invalid_argument,
                    place(row) + array.name + " must hold tables only: [[" + array.name + "]]");
      }
      Schema row_schema;
      const auto take = array.row(row_schema);
      const Loader row_loader{row_schema, file_name};
      DUNLIN_CHECK(row_loader.read_table(*table, ""));
      if (!take) continue;
      if (const auto taken = take(); !taken) {
        return fail(taken.error().code, place(row) + "[[" + array.name + "]]: " + taken.error().message);
      }
    }
    return {};
  }

  Result<void> read_table(const toml::table& table, const std::string& prefix) const {
    for (const auto& [toml_key, node] : table) {
      const std::string part(toml_key.str());
      const std::string name = prefix.empty() ? part : prefix + "." + part;
      const bool is_plain =
          part.find('.') == std::string::npos;  // a quoted "a.b" is not the key b of the table a
      if (const Key* key = schema.find_key(name); key != nullptr && is_plain) {
        DUNLIN_CHECK(set(*key, node));
      } else if (const auto* array = schema.find_table_array(name); array != nullptr && is_plain) {
        DUNLIN_CHECK(read_rows(*array, node));
      } else if (const toml::table* below = node.as_table();
                 below != nullptr && is_plain && schema.has_table(name)) {
        DUNLIN_CHECK(read_table(*below, name));
      } else if (is_plain && schema.has_table(name)) {
        return fail(Errc::invalid_argument,
                    place(toml_key.source().begin.line) + name + " must be a table: [" + name + "]");
      } else {
        return fail(Errc::invalid_argument, place(toml_key.source().begin.line) + "unknown key " + name);
      }
    }
    return {};
  }

  Result<void> read_file(const std::string& text) const {
    if (text.size() > kMaxConfigBytes) {
      return fail(Errc::limit_exceeded,
                  file_name + ": larger than " + std::to_string(kMaxConfigBytes) + " bytes");
    }
    std::optional<toml::table> table;
    try {
      table = toml::parse(text, file_name);
    } catch (const toml::parse_error& error) {
      return fail(Errc::malformed, place(error.source().begin.line) + std::string(error.description()));
    }
    return read_table(*table, "");
  }

  static std::string environment_name(std::string_view key) {
    std::string name = "DUNLIN_";
    for (const char c : key) {
      if (c == '.') {
        name += "__";
      } else {
        name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
      }
    }
    return name;
  }

  Result<void> read_environment(const std::map<std::string, std::string>& environment) const {
    std::map<std::string, const Key*> keys;
    for (const Key& key : schema.keys_) keys.emplace(environment_name(key.name), &key);
    for (const auto& [name, value] : environment) {
      if (!name.starts_with("DUNLIN_")) continue;
      const auto found = keys.find(name);
      if (found == keys.end())
        return fail(Errc::invalid_argument, "environment " + name + ": no key has this name");
      if (!found->second->parse(value)) return refuse("environment " + name + ": ", *found->second);
    }
    return {};
  }

  Result<void> read_settings(const std::vector<std::string>& settings) const {
    for (const std::string& setting : settings) {
      const std::size_t equals = setting.find('=');
      if (equals == std::string::npos) return fail(Errc::invalid_argument, "--set: must be key=value");
      const std::string name = setting.substr(0, equals);
      if (schema.find_table_array(name) != nullptr) {
        return fail(Errc::invalid_argument,
                    "--set " + name + ": an array of tables can be set in a file only");
      }
      const Key* key = schema.find_key(name);
      if (key == nullptr) return fail(Errc::invalid_argument, "--set " + name + ": unknown key");
      if (!key->parse(std::string_view(setting).substr(equals + 1))) return refuse("--set: ", *key);
    }
    return {};
  }
};

Result<void> Schema::load(const Source& source) {
  const std::string file_name = source.file_name.empty() ? "configuration" : source.file_name;
  const Loader loader{*this, file_name};
  DUNLIN_CHECK(loader.read_file(source.file_text));
  DUNLIN_CHECK(loader.read_environment(source.environment));
  return loader.read_settings(source.settings);
}

}  // namespace dunlin::config
