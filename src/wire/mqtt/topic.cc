#include "wire/mqtt/topic.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "wire/mqtt/limits.h"

namespace dunlin::mqtt {
namespace {

constexpr std::string_view kSharePrefix = "$share/";
constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighBits = 0x8080808080808080;

// Non-zero when one of the eight bytes is zero.
constexpr std::uint64_t any_zero(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighBits;
}

constexpr std::uint64_t any_equal(std::uint64_t word, char byte) {
  return any_zero(word ^ (kOnes * static_cast<std::uint8_t>(byte)));
}

std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// The length of the well-formed sequence at the front, 0 if there is none. Unicode table 3-7.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return text.size() >= 2 && is_continuation(byte(1)) ? 2 : 0;
  if (first < 0xF0) {
    if (text.size() < 3 || !is_continuation(byte(1)) || !is_continuation(byte(2))) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    return 3;
  }
  if (first > 0xF4) return 0;
  if (text.size() < 4 || !is_continuation(byte(1)) || !is_continuation(byte(2)) || !is_continuation(byte(3)))
    return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (first == 0xF4 && byte(1) > 0x8F) return 0;  // above U+10FFFF
  return 4;
}

bool too_many_levels(std::string_view topic) {
  if (topic.size() < kMaxTopicLevels) return false;
  return static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/')) >= kMaxTopicLevels;
}

// Plain text: ASCII without NUL and without wildcards. What nearly every topic is, found eight bytes at a
// time.
bool is_plain(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint64_t word = load(at);
    if (((word & kHighBits) | any_zero(word) | any_equal(word, '+') | any_equal(word, '#')) != 0)
      return false;
  }
  for (; left > 0; ++at, --left) {
    if (static_cast<signed char>(*at) <= 0 || *at == '+' || *at == '#') return false;
  }
  return true;
}

TopicFault check_text(std::string_view text) {
  if (text.empty()) return TopicFault::empty;
  if (text.size() > kMaxTextBytes) return TopicFault::too_long;
  if (!is_mqtt_utf8(text)) return TopicFault::ill_formed;
  return TopicFault::none;
}

// [MQTT-4.7.1-1] and [MQTT-4.7.1-2]: a wildcard fills its level, and `#` ends the filter.
bool wildcards_well_placed(std::string_view filter) {
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '+' && filter[i] != '#') continue;
    const bool starts_level = i == 0 || filter[i - 1] == '/';
    const bool last = i + 1 == filter.size();
    const bool ends_level = last || (filter[i] == '+' && filter[i + 1] == '/');
    if (!starts_level || !ends_level) return false;
  }
  return true;
}

// Cuts the first level off `rest`. `more` tells whether a separator followed it, so that "a/" has two levels.
struct Levels {
  std::string_view rest;
  bool more = true;

  std::string_view next() {
    const std::size_t slash = rest.find('/');
    const std::string_view level = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    rest = more ? rest.substr(slash + 1) : std::string_view();
    return level;
  }
};

}  // namespace

std::string_view topic_fault_text(TopicFault fault) {
  switch (fault) {
    case TopicFault::none:
      return "valid";
    case TopicFault::empty:
      return "topic is empty";
    case TopicFault::too_long:
      return "topic is longer than 65535 bytes";
    case TopicFault::ill_formed:
      return "topic is not well-formed UTF-8";
    case TopicFault::wildcard:
      return "topic has a wildcard where none is allowed";
    case TopicFault::too_many_levels:
      return "topic has too many levels";
    case TopicFault::bad_share_name:
      return "shared subscription has no valid share name and filter";
  }
  return "unknown";
}

bool is_mqtt_utf8(std::string_view text) {
  while (!text.empty()) {
    while (text.size() >= 8) {
      const char* const front = text.data();
      const std::uint64_t word = load(front);
      if (((word & kHighBits) | any_zero(word)) != 0) break;
      text.remove_prefix(8);
    }
    if (text.empty()) return true;
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

TopicFault check_topic_name(std::string_view name) {
  const bool quick = !name.empty() && name.size() <= kMaxTextBytes && is_plain(name);
  if (!quick) {
    if (const TopicFault fault = check_text(name); fault != TopicFault::none) return fault;
    if (name.find_first_of("+#") != std::string_view::npos) return TopicFault::wildcard;
  }
  return too_many_levels(name) ? TopicFault::too_many_levels : TopicFault::none;
}

TopicFault check_topic_filter(std::string_view filter) {
  if (const TopicFault fault = check_text(filter); fault != TopicFault::none) return fault;
  if (filter.starts_with(kSharePrefix)) {
    const std::optional<SharedFilter> shared = parse_shared_filter(filter);
    if (!shared || shared->share_name.empty() || shared->filter.empty()) return TopicFault::bad_share_name;
    if (shared->share_name.find_first_of("+#") != std::string_view::npos) return TopicFault::bad_share_name;
    filter = shared->filter;
  }
  if (!wildcards_well_placed(filter)) return TopicFault::wildcard;
  return too_many_levels(filter) ? TopicFault::too_many_levels : TopicFault::none;
}

std::optional<SharedFilter> parse_shared_filter(std::string_view filter) {
  if (!filter.starts_with(kSharePrefix)) return std::nullopt;
  filter.remove_prefix(kSharePrefix.size());
  const std::size_t slash = filter.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return SharedFilter{filter.substr(0, slash), filter.substr(slash + 1)};
}

bool has_wildcard(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (filter.empty() || topic.empty()) return false;
  if (topic.front() == '$' && (filter.front() == '+' || filter.front() == '#')) return false;
  Levels wanted{filter};
  Levels given{topic};
  while (wanted.more) {
    const std::string_view level = wanted.next();
    if (level == "#") return true;  // the parent level too, section 4.7.1.2: given may be spent
    if (!given.more) return false;
    const std::string_view actual = given.next();
    if (level != "+" && level != actual) return false;
  }
  return !given.more;
}

}  // namespace dunlin::mqtt
