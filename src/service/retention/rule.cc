#include "service/retention/rule.h"

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>

#include "base/config_text.h"
#include "model/json_fields.h"

namespace dunlin::retention {
namespace {

bool fits(std::string_view pattern, std::string_view channel) {
  if (pattern.empty()) return true;
  if (!pattern.ends_with('*')) return pattern == channel;
  return channel.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool matches(const Rule& rule, std::string_view channel, const TagOf& tag) {
  return fits(rule.channel, channel) && std::ranges::all_of(rule.tags, [&tag](const auto& wanted) {
           return tag(wanted.first) == wanted.second;
         });
}

auto weight(const Rule& rule) {
  return std::tuple(rule.tags.size(), !rule.channel.empty() && !rule.channel.ends_with('*'),
                    rule.channel.size());
}

bool is_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= kMaxRuleNameBytes &&
         name.find_first_not_of(kAllowed) == std::string::npos;
}

Result<std::map<std::string, std::string>> tags_of(const boost::json::object& object) {
  std::map<std::string, std::string> tags;
  const auto* member = object.if_contains("tags");
  if (member == nullptr || member->is_null()) return tags;
  if (!member->is_object()) return fail(Errc::invalid_argument, "\"tags\" must be an object of texts");
  for (const auto& [name, value] : member->get_object()) {
    if (!value.is_string()) return fail(Errc::invalid_argument, "\"tags\" must be an object of texts");
    if (name.size() > kMaxRuleTextBytes || value.get_string().size() > kMaxRuleTextBytes)
      return fail(Errc::limit_exceeded, "a tag's name and value have at most 256 bytes");
    tags.emplace(name, value.get_string());
  }
  if (tags.size() > kMaxRuleTags) return fail(Errc::limit_exceeded, "a rule has at most 8 tags");
  return tags;
}

}  // namespace

const Rule* rule_for(const std::vector<Rule>& rules, std::string_view channel, const TagOf& tag) {
  const Rule* best = nullptr;
  for (const Rule& rule : rules) {
    if (!matches(rule, channel, tag)) continue;
    if (best == nullptr || weight(rule) > weight(*best)) best = &rule;
  }
  return best;
}

boost::json::object to_json(const Rule& rule) {
  boost::json::object tags;
  for (const auto& [name, value] : rule.tags) tags[name] = value;
  return {{"name", rule.name},
          {"channel", rule.channel},
          {"tags", std::move(tags)},
          {"keep", config::show_duration(rule.keep)}};
}

Result<Rule> rule_from_json(const boost::json::object& object) {
  Rule rule;
  rule.name = model::optional_text(object, "name").value_or("");
  if (!is_name(rule.name))
    return fail(Errc::invalid_argument, "a rule's name has 1 to 64 letters, digits, - _ and .");
  rule.channel = model::optional_text(object, "channel").value_or("");
  const std::size_t star = rule.channel.find('*');
  if (rule.channel.size() > kMaxRuleTextBytes ||
      (star != std::string::npos && star + 1 != rule.channel.size()))
    return fail(Errc::invalid_argument, "\"channel\" has at most 256 bytes, and a * at its end only");
  DUNLIN_TRY(rule.tags, tags_of(object));
  const auto keep = config::parse_duration(model::optional_text(object, "keep").value_or(""));
  if (!keep || *keep < kShortestKeep || *keep > kLongestKeep)
    return fail(Errc::invalid_argument, "\"keep\" must be a time from 3h to 36500d, such as 90d");
  rule.keep = *keep;
  return rule;
}

}  // namespace dunlin::retention
