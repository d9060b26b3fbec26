#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/core/utf8.h"
#include "base/limits.h"
#include "base/log_sampler.h"
#include "base/time_text.h"

namespace dunlin::log {
namespace {

std::atomic<Level> least_level{Level::info};
std::atomic<void (*)(std::string_view)> line_sink{nullptr};

spdlog::logger& standard_error() {
  // Never destroyed: threads that outlive main() may still write.
  static spdlog::logger& logger = *[] {
    auto made = std::make_unique<spdlog::logger>("dunlin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    made->set_level(spdlog::level::trace);
    return made.release();
  }();
  return logger;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./:@+,%#$*").contains(c);
}

// Keys and rooms are the program's own; whatever else turns up there must not break the line.
void append_name(std::string& line, std::string_view name) {
  for (const char c : name) line.push_back(is_bare(c) ? c : '_');
}

void append_hex(std::string& line, std::string_view prefix, unsigned value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  line += prefix;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) line.push_back(kDigits[value >> shift & 0x0f]);
}

// The length of the well-formed UTF-8 character at the front; 0 if there is none.
std::size_t character_length(std::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    if (is_valid_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

// Characters beyond ASCII that a terminal or editor may act upon: C1 controls, separators of lines, changes
// of direction.
bool is_hidden(unsigned code_point) {
  return (code_point >= 0x80 && code_point <= 0x9f) || (code_point >= 0x200b && code_point <= 0x200f) ||
         (code_point >= 0x2028 && code_point <= 0x202e) || (code_point >= 0x2060 && code_point <= 0x206f) ||
         code_point == 0xfeff;
}

unsigned decode(std::string_view character) {
  constexpr unsigned kLeadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  unsigned value = static_cast<unsigned char>(character.front()) & kLeadBits[character.size()];
  for (const char c : character.substr(1)) value = value << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return value;
}

void append_ascii(std::string& line, char c) {
  switch (c) {
    case '"':
      line += "\\\"";
      return;
    case '\\':
      line += "\\\\";
      return;
    case '\n':
      line += "\\n";
      return;
    case '\r':
      line += "\\r";
      return;
    case '\t':
      line += "\\t";
      return;
    default:
      break;
  }
  if (c >= 0x20 && c < 0x7f) return line.push_back(c);
  append_hex(line, "\\x", static_cast<unsigned char>(c), 2);
}

// In quotes; nothing inside can end the quotes or the line.
void append_quoted(std::string& line, std::string_view text) {
  const bool cut = text.size() > kMaxLogValueBytes;
  text = text.substr(0, kMaxLogValueBytes);
  line.push_back('"');
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length <= 1) {
      append_ascii(line, text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = text.substr(0, length);
    if (const unsigned code_point = decode(character); is_hidden(code_point)) {
      append_hex(line, "\\u", code_point, 4);
    } else {
      line += character;
    }
    text.remove_prefix(length);
  }
  if (cut) line += "...";
  line.push_back('"');
}

void append_value(std::string& line, std::string_view value) {
  const bool bare =
      !value.empty() && value.size() <= kMaxLogValueBytes && std::ranges::all_of(value, is_bare);
  if (bare) {
    line += value;
  } else {
    append_quoted(line, value);
  }
}

void append_field(std::string& line, std::string_view key, std::string_view value) {
  line.push_back(' ');
  append_name(line, key);
  line.push_back('=');
  append_value(line, value);
}

std::string line_of(Level level, std::string_view room, std::string_view message) {
  std::string line = format_rfc3339(SystemClock().wall_now());
  line += " level=";
  line += level_name(level);
  line += " room=";
  append_name(line, room);
  line += " msg=";
  append_quoted(line, message);
  return line;
}

void hand_out(Level level, std::string_view line) {
  if (const auto sink = line_sink.load(std::memory_order_acquire); sink != nullptr) return sink(line);
  standard_error().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void set_level(Level level) {
  least_level.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) {
  return level >= least_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view room, std::string_view message,
           std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  std::string line = line_of(level, room, message);
  for (const Field& field : fields) append_field(line, field.key, field.value);
  hand_out(level, line);
}

void refusal(std::string_view room, std::string_view message, std::string_view peer,
             std::initializer_list<Field> fields) {
  if (!enabled(Level::warning)) return;
  static std::mutex mutex;
  static RefusalSampler& sampler =
      *std::make_unique<RefusalSampler>().release();  // never destroyed, as the logger
  std::optional<std::uint64_t> held_back;
  {
    const std::scoped_lock guard(mutex);
    held_back = sampler.admit(message, peer, SystemClock().now());
  }
  if (!held_back) return;
  std::string line = line_of(Level::warning, room, message);
  append_field(line, "peer", peer);
  for (const Field& field : fields) append_field(line, field.key, field.value);
  if (*held_back > 0) append_field(line, "held_back", std::to_string(*held_back));
  hand_out(Level::warning, line);
}

void set_sink(void (*sink)(std::string_view line)) {
  line_sink.store(sink, std::memory_order_release);
}

}  // namespace dunlin::log
