#include "service/retention/rule.h"

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>

#include "base/config_text.h"
#include "model/json_fields.h"

namespace dunlin::retention {
namespace {

constexpr std::array<std::string_view, series::kRollupLengths.size()> kRollupFields{
    "keep_minutes", "keep_hours", "keep_days"};

bool matches(const Rule& rule, std::string_view channel, const model::TagOf& tag) {
  return model::fits_pattern(rule.channel, channel) && model::has_tags(rule.tags, tag);
}

auto weight(const Rule& rule) {
  return std::tuple(rule.tags.size(), !rule.channel.empty() && !rule.channel.ends_with('*'),
                    rule.channel.size());
}

/// None where it is not said. Errors: invalid_argument.
Result<std::optional<Duration>> time_of(const boost::json::object& object, std::string_view name) {
  const auto text = model::optional_text(object, name);
  if (!text) return std::optional<Duration>();
  const auto time = config::parse_duration(*text);
  if (!time || *time < kShortestKeep || *time > kLongestKeep)
    return fail(Errc::invalid_argument,
                "\"" + std::string(name) + "\" must be a time from 3h to 36500d, such as 90d");
  return std::optional(*time);
}

}  // namespace

const Rule* rule_for(const std::vector<Rule>& rules, std::string_view channel, const model::TagOf& tag) {
  const Rule* best = nullptr;
  for (const Rule& rule : rules) {
    if (!matches(rule, channel, tag)) continue;
    if (best == nullptr || weight(rule) > weight(*best)) best = &rule;
  }
  return best;
}

boost::json::object to_json(const Rule& rule) {
  boost::json::object made{
      {"name", rule.name}, {"channel", rule.channel}, {"tags", model::tags_json(rule.tags)}};
  if (rule.keep) made["keep"] = config::show_duration(*rule.keep);
  for (std::size_t i = 0; i < kRollupFields.size(); ++i)
    if (rule.rollups[i]) made[kRollupFields[i]] = config::show_duration(*rule.rollups[i]);
  return made;
}

Result<Rule> rule_from_json(const boost::json::object& object) {
  Rule rule;
  rule.name = model::optional_text(object, "name").value_or("");
  if (!model::is_plain_name(rule.name))
    return fail(Errc::invalid_argument, "a rule's name has 1 to 64 letters, digits, - _ and .");
  DUNLIN_TRY(rule.channel, model::pattern_field(object, "channel"));
  DUNLIN_TRY(rule.tags, model::tags_field(object));
  DUNLIN_TRY(rule.keep, time_of(object, "keep"));
  bool says_something = rule.keep.has_value();
  for (std::size_t i = 0; i < kRollupFields.size(); ++i) {
    DUNLIN_TRY(rule.rollups[i], time_of(object, kRollupFields[i]));
    says_something = says_something || rule.rollups[i];
    if (rule.keep && rule.rollups[i] && *rule.rollups[i] < *rule.keep)
      return fail(Errc::invalid_argument, "\"" + std::string(kRollupFields[i]) +
                                              "\" must be at least as long as \"keep\", or be left out");
  }
  if (says_something) return rule;
  return fail(Errc::invalid_argument,
              "say how long: \"keep\", \"keep_minutes\", \"keep_hours\" or \"keep_days\"");
}

}  // namespace dunlin::retention
