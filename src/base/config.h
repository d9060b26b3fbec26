#pragma once
// Typed configuration: every room declares its keys; a key that nobody declared is an error with its line.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::config {

/// Declares the keys of a program and reads them from a TOML file, the environment and --set, in rising
/// precedence. The environment name of `mqtt.max_packet_bytes` is DUNLIN_MQTT__MAX_PACKET_BYTES. One thread,
/// at start-up.
class Schema {
 public:
  /// Names are lower-case words of letters, digits and single underscores, joined by dots; each is declared
  /// once. Each `target` holds the default on entry and the configured value after load(). It must outlive
  /// the schema.
  void key(std::string name, std::string help, bool& target);
  void key(std::string name, std::string help, std::int64_t& target, std::int64_t least, std::int64_t most);
  void key(std::string name, std::string help, double& target, double least, double most);
  void key(std::string name, std::string help, std::string& target);
  void key(std::string name, std::string help, std::vector<std::string>& target);
  /// Text with a unit: "250ms", "10s", "5m", "2h", "7d".
  void key(std::string name, std::string help, Duration& target, Duration least, Duration most);
  /// Bytes with an optional unit: 4096, "64KiB", "16MiB", "2GiB".
  void bytes(std::string name, std::string help, std::uint64_t& target, std::uint64_t least,
             std::uint64_t most);
  /// The same, or "auto" (nullopt): the program decides.
  void bytes(std::string name, std::string help, std::optional<std::uint64_t>& target, std::uint64_t least,
             std::uint64_t most);

  /// An array of tables ([[name]]): `row` is called once per table with a schema on which it declares that
  /// table's keys; it returns a function that is called after the keys are set. Rows cannot be set by
  /// environment or --set. reference() calls `row` too, to learn the keys, but not the function that it
  /// returns: a row counts only once that function has been called.
  using RowReader = std::function<std::function<Result<void>()>(Schema& row)>;
  void table_array(std::string name, std::string help, RowReader row);

  struct Source {
    std::string file_name;  // for messages
    std::string file_text;  // may be empty
    std::map<std::string, std::string> environment;
    std::vector<std::string> settings;  // "key=value", as given to --set
  };
  /// Errors name the file and line, or the environment name, or the setting, and say what is allowed; they
  /// never repeat a value, which may be a secret. Names in the environment that begin with DUNLIN_ must be
  /// those of keys; a list there or in a setting is separated by commas. After an error some targets may have
  /// been set. Errors: malformed, invalid_argument, limit_exceeded.
  Result<void> load(const Source& source);

  /// A commented TOML file with every key at its default value (before load()); load() accepts it.
  std::string reference() const;

 private:
  enum class Type { boolean, integer, number, text, list, duration, bytes };
  struct Key {
    std::string name;
    std::string help;
    std::string allowed;  // completes "must be ..."
    Type type = Type::text;
    std::function<std::string()> show;  // the value as TOML
    std::function<Result<void>(std::string_view text)>
        parse;  // from text without quotes; a list's is split at commas
    std::function<Result<void>(std::vector<std::string> items)> accept;  // lists only
  };
  struct TableArray {
    std::string name;
    std::string help;
    RowReader row;
  };
  friend struct Loader;
  void add(Key key);
  const Key* find_key(std::string_view name) const;
  const TableArray* find_table_array(std::string_view name) const;
  /// True if some declared name lies below `table`.
  bool has_table(std::string_view table) const;
  std::string reference_of_row() const;
  std::vector<Key> keys_;
  std::vector<TableArray> table_arrays_;
};

}  // namespace dunlin::config
