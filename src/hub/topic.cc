#include "hub/topic.h"

#include <algorithm>
#include <cstring>

#include "hub/limits.h"

namespace dunlin::hub {
namespace {

Result<void> check_common(std::string_view text) {
  if (text.empty()) return fail(Errc::malformed, "a topic needs at least one character");
  if (text.size() > kMaxTopicBytes) return fail(Errc::limit_exceeded, "the topic is longer than 65535 bytes");
  if (text.find('\0') != std::string_view::npos) return fail(Errc::malformed, "a topic may not hold U+0000");
  const auto slashes = static_cast<std::size_t>(std::ranges::count(text, '/'));
  if (slashes >= kMaxTopicLevels) return fail(Errc::limit_exceeded, "the topic has more than 128 levels");
  return {};
}

}  // namespace

Result<void> check_topic(std::string_view topic) {
  DUNLIN_CHECK(check_common(topic));
  if (has_wildcard(topic)) return fail(Errc::malformed, "a topic name may not hold '+' or '#'");
  return {};
}

Result<void> check_filter(std::string_view filter) {
  DUNLIN_CHECK(check_common(filter));
  std::string_view rest = filter;
  while (true) {
    const LevelSplit part = split_level(rest);
    if (part.level.size() > 1 && has_wildcard(part.level)) {
      return fail(Errc::malformed, "a wildcard must be a whole level of the filter");
    }
    if (part.level == "#" && part.more)
      return fail(Errc::malformed, "'#' must be the last level of the filter");
    if (!part.more) return {};
    rest = part.rest;
  }
}

bool has_wildcard(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

bool filter_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  while (true) {
    const LevelSplit wanted = split_level(filter);
    if (wanted.level == "#") return true;
    const LevelSplit have = split_level(topic);
    if (wanted.level != "+" && wanted.level != have.level) return false;
    if (!have.more) return !wanted.more || wanted.rest == "#";  // "a/#" matches "a" too (section 4.7.1.2)
    if (!wanted.more) return false;
    filter = wanted.rest;
    topic = have.rest;
  }
}

bool filter_covers(std::string_view wide, std::string_view narrow) {
  if (narrow.starts_with('$') && (wide.starts_with('+') || wide.starts_with('#'))) return false;
  while (true) {
    const LevelSplit outer = split_level(wide);
    const LevelSplit inner = split_level(narrow);
    if (outer.level == "#") return true;
    if (inner.level == "#" || (outer.level != "+" && outer.level != inner.level)) return false;
    if (!inner.more) return !outer.more || outer.rest == "#";
    if (!outer.more) return false;
    wide = outer.rest;
    narrow = inner.rest;
  }
}

SharedFilter split_shared(std::string_view filter) {
  if (!is_shared(filter)) return {{}, filter};
  const LevelSplit group = split_level(filter.substr(kSharedPrefix.size()));
  if (!group.more) return {{}, filter};
  return {group.level, group.rest};
}

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
  // Multiply and fold, eight bytes a step; quality matters more than resistance since the tables grow with
  // stored entries only.
  std::uint64_t hash = seed ^ (0x9e3779b97f4a7c15ULL + text.size());
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  };
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    mix(word);
    text.remove_prefix(8);
  }
  std::uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  mix(word);
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 29);
}

}  // namespace dunlin::hub
