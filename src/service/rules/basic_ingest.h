#pragma once
// Messages that name the rule they are for: $aws/rules/RULE/rest/of/topic.

#include <optional>
#include <string_view>

namespace dunlin::rules {

inline constexpr std::string_view kBasicIngestPrefix = "$aws/rules/";

struct BasicIngest {
  std::string_view rule;
  std::string_view topic;  // all that the rule sees of it
};

/// nullopt: it is another topic, or names no rule or nothing behind it.
inline std::optional<BasicIngest> basic_ingest_of(std::string_view topic) {
  if (!topic.starts_with(kBasicIngestPrefix)) return std::nullopt;
  topic.remove_prefix(kBasicIngestPrefix.size());
  const std::size_t slash = topic.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == topic.size()) return std::nullopt;
  return BasicIngest{topic.substr(0, slash), topic.substr(slash + 1)};
}

}  // namespace dunlin::rules
