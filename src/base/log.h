#pragma once
// One line per event on standard error: time, level, room, message, key=value pairs. Never a secret, never a
// payload.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace dunlin::log {

enum class Level { debug, info, warning, error };

/// One key=value pair. The value is quoted and escaped where it needs it. Lives for the duration of the call.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(text) {}
  Field(std::string_view name, std::int64_t number) : key(name), value(std::to_string(number)) {}
  Field(std::string_view name, std::uint64_t number) : key(name), value(std::to_string(number)) {}
  Field(std::string_view name, int number) : key(name), value(std::to_string(number)) {}
  Field(std::string_view name, unsigned number) : key(name), value(std::to_string(number)) {}
};

/// Sets the least severe level that is written. Any thread.
void set_level(Level level);
bool enabled(Level level);

/// Any thread. `room` is the room's path, e.g. "transport/mqtt".
void write(Level level, std::string_view room, std::string_view message,
           std::initializer_list<Field> fields = {});

inline void debug(std::string_view room, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, room, message, fields);
}
inline void info(std::string_view room, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, room, message, fields);
}
inline void warning(std::string_view room, std::string_view message,
                    std::initializer_list<Field> fields = {}) {
  write(Level::warning, room, message, fields);
}
inline void error(std::string_view room, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, room, message, fields);
}

/// Refusals: at most one line per (message, peer) and minute; the line carries how many were held back. Any
/// thread.
void refusal(std::string_view room, std::string_view message, std::string_view peer,
             std::initializer_list<Field> fields = {});

/// Hands every line to `sink` instead of standard error, for tests and the dashboard. An empty function
/// restores it.
void set_sink(void (*sink)(std::string_view line));

}  // namespace dunlin::log
