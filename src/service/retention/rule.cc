#include "service/retention/rule.h"

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>

#include "base/config_text.h"
#include "model/json_fields.h"

namespace dunlin::retention {
namespace {

bool matches(const Rule& rule, std::string_view channel, const model::TagOf& tag) {
  return model::fits_pattern(rule.channel, channel) && model::has_tags(rule.tags, tag);
}

auto weight(const Rule& rule) {
  return std::tuple(rule.tags.size(), !rule.channel.empty() && !rule.channel.ends_with('*'),
                    rule.channel.size());
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
  return {{"name", rule.name},
          {"channel", rule.channel},
          {"tags", model::tags_json(rule.tags)},
          {"keep", config::show_duration(rule.keep)}};
}

Result<Rule> rule_from_json(const boost::json::object& object) {
  Rule rule;
  rule.name = model::optional_text(object, "name").value_or("");
  if (!model::is_plain_name(rule.name))
    return fail(Errc::invalid_argument, "a rule's name has 1 to 64 letters, digits, - _ and .");
  DUNLIN_TRY(rule.channel, model::pattern_field(object, "channel"));
  DUNLIN_TRY(rule.tags, model::tags_field(object));
  const auto keep = config::parse_duration(model::optional_text(object, "keep").value_or(""));
  if (!keep || *keep < kShortestKeep || *keep > kLongestKeep)
    return fail(Errc::invalid_argument, "\"keep\" must be a time from 3h to 36500d, such as 90d");
  rule.keep = *keep;
  return rule;
}

}  // namespace dunlin::retention
