#pragma once
// Topic names and topic filters, MQTT 5.0 section 4.7. Pure functions, any thread.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace dunlin::hub {

/// Errors: malformed (empty, a wildcard, a NUL character), limit_exceeded (too long, too many levels).
Result<void> check_topic(std::string_view topic);
/// Errors: malformed (empty, a wildcard that is not a whole level, "#" not last, a NUL character),
/// limit_exceeded.
Result<void> check_filter(std::string_view filter);

bool has_wildcard(std::string_view filter);

/// Whether a valid filter matches a valid topic. Wildcards do not match a first level that begins with '$'
/// (section 4.7.2).
bool filter_matches(std::string_view filter, std::string_view topic);

/// Whether every topic that the valid filter `narrow` matches is matched by the valid filter `wide`.
bool filter_covers(std::string_view wide, std::string_view narrow);

/// The text up to the first '/', and what follows it. `more` says whether there was one.
struct LevelSplit {
  std::string_view level;
  std::string_view rest;
  bool more = false;
};
inline LevelSplit split_level(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {text, {}, false};
  return {text.substr(0, slash), text.substr(slash + 1), true};
}

/// Of a shared subscription's filter, and of the client id of its group's session.
inline constexpr std::string_view kSharedPrefix = "$share/";
inline bool is_shared(std::string_view filter) {
  return filter.starts_with(kSharedPrefix);
}
/// "$share/{group}/{filter}" in its parts (MQTT 5.0 section 4.8.2); `group` is empty for any other filter.
struct SharedFilter {
  std::string_view group;
  std::string_view filter;  // what topics are matched with
};
SharedFilter split_shared(std::string_view filter);

/// A fixed hash that is the same in every process and build: it places sessions and retained messages on
/// their shards.
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);

}  // namespace dunlin::hub
