// TopicRule: topics from one side to the other.

#include <boost/json.hpp>

#include "hub/topic.h"
#include "transport/bridge/limits.h"
#include "transport/bridge/settings.h"
#include "wire/mqtt/topic.h"

namespace dunlin::bridge {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end > 0) words.emplace_back(line.substr(0, end) == "\"\"" ? std::string_view{} : line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::unexpected<Error> wrong(std::string_view line, const std::string& why) {
  return fail(Errc::invalid_argument, "topics: \"" + std::string(line) + "\": " + why);
}

bool begins_with_levels(std::string_view topic, std::string_view levels) {
  return topic.starts_with(levels) && (topic.size() == levels.size() || topic[levels.size()] == '/');
}

/// t with the leading levels `from` replaced by `to`; t as it is where they are not there.
std::string replaced(std::string_view topic, std::string_view from, std::string_view to) {
  if (from.empty() || !begins_with_levels(topic, from)) return std::string(topic);
  return std::string(to) + std::string(topic.substr(from.size()));
}

/// A prefix is text in front of a filter or topic: it may hold no wildcard.
bool is_prefix(std::string_view text) {
  return text.size() <= kMaxPrefixBytes &&
         text.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos;
}

Result<void> read_option(TopicRule& rule, std::string_view line, std::string_view word) {
  if (word == "retain=no") {
    rule.retain = TopicRule::Retain::clear;
    return {};
  }
  if (word == "retain=yes") return {};
  if (!word.starts_with("replace=")) return wrong(line, "\"" + std::string(word) + "\" is not known");
  word.remove_prefix(8);
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size())
    return wrong(line, "replace takes LOCAL:REMOTE, such as replace=site1/hall2:factory");
  rule.replace_local = word.substr(0, colon);
  rule.replace_remote = word.substr(colon + 1);
  const auto usable = [](const std::string& levels) {
    return is_prefix(levels) && !levels.ends_with('/') && !levels.starts_with('$');
  };
  if (!usable(rule.replace_local) || !usable(rule.replace_remote))
    return wrong(line, "replace takes whole levels without wildcards and without a / at the end");
  return {};
}

Result<void> read_direction(TopicRule& rule, std::string_view line, const std::string& word) {
  if (word == "out") {
    rule.direction = Direction::out;
  } else if (word == "in") {
    rule.direction = Direction::in;
  } else if (word == "both") {
    rule.direction = Direction::both;
  } else {
    return wrong(line, "the direction must be out, in or both");
  }
  return {};
}

Result<void> check_rule(TopicRule& rule, std::string_view line) {
  if (const auto shared = mqtt::parse_shared_filter(rule.filter)) {
    rule.share = shared->share_name;
    rule.filter = std::string(shared->filter);
    if (rule.direction != Direction::in) return wrong(line, "$share is possible for the direction in only");
  }
  if (!is_prefix(rule.local_prefix) || !is_prefix(rule.remote_prefix))
    return wrong(line, "a prefix must be short and without wildcards");
  for (const std::string& filter : {rule.filter, rule.local_filter(), rule.local_prefix + rule.filter,
                                    rule.remote_prefix + rule.filter}) {
    if (auto valid = hub::check_filter(filter); !valid) return wrong(line, valid.error().message);
  }
  if (rule.replace_local.empty()) return {};
  // Otherwise a topic would match on one side only.
  const bool covered = rule.filter == "#" || begins_with_levels(rule.filter, rule.replace_local);
  if (!covered)
    return wrong(line, "the filter must be # or begin with the levels that replace takes away (" +
                           rule.replace_local + ")");
  return {};
}

}  // namespace

Result<TopicRule> parse_topic_rule(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  if (words.size() < 2)
    return wrong(line,
                 "write FILTER DIRECTION [QOS [LOCAL_PREFIX [REMOTE_PREFIX]]], such as \"sensors/# out 1\"");
  TopicRule rule;
  rule.filter = words[0];
  DUNLIN_CHECK(read_direction(rule, line, words[1]));
  std::size_t place = 2;
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (words[i].find('=') != std::string::npos) {
      DUNLIN_CHECK(read_option(rule, line, words[i]));
      continue;
    }
    if (place == 2) {
      if (words[i] != "0" && words[i] != "1" && words[i] != "2")
        return wrong(line, "the QoS must be 0, 1 or 2");
      rule.qos = static_cast<hub::QoS>(words[i][0] - '0');
    } else if (place == 3) {
      rule.local_prefix = words[i];
    } else if (place == 4) {
      rule.remote_prefix = words[i];
    } else {
      return wrong(line, "there are too many words");
    }
    ++place;
  }
  DUNLIN_CHECK(check_rule(rule, line));
  return rule;
}

std::string TopicRule::local_filter() const {
  return local_prefix + filter;
}

std::string TopicRule::remote_filter() const {
  const std::string there = remote_prefix + replaced(filter, replace_local, replace_remote);
  // "#" seen from the other side is what has the replaced levels, and all else that has not.
  return share.empty() ? there : "$share/" + share + "/" + there;
}

std::string TopicRule::to_remote(std::string_view local_topic) const {
  if (!local_topic.starts_with(local_prefix)) return {};
  const std::string_view bare = local_topic.substr(local_prefix.size());
  if (bare.empty() || !hub::filter_matches(filter, bare)) return {};
  return remote_prefix + replaced(bare, replace_local, replace_remote);
}

std::string TopicRule::to_local(std::string_view remote_topic) const {
  if (!remote_topic.starts_with(remote_prefix)) return {};
  const std::string bare = replaced(remote_topic.substr(remote_prefix.size()), replace_remote, replace_local);
  if (bare.empty() || !hub::filter_matches(filter, bare)) return {};
  return local_prefix + bare;
}

}  // namespace dunlin::bridge
