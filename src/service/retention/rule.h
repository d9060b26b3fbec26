#pragma once
// How long measurements are kept.

#include <array>
#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/selection.h"
#include "service/series/rollup.h"

namespace dunlin::retention {

inline constexpr std::size_t kMaxRules = 1000;  // of a tenant
/// What is shorter would go before it is sealed.
inline constexpr Duration kShortestKeep = std::chrono::hours{3};
inline constexpr Duration kLongestKeep = std::chrono::hours{24 * 365 * 100};

struct Rule {
  std::string name;
  std::string channel;             // empty: any; with a * at its end: what begins so
  model::SelectionTags tags;       // all of them must be the device's
  std::optional<Duration> keep{};  // the points; none: for ever
  /// What is made of them, by length; none: it is not made. At least as long as the points.
  std::array<std::optional<Duration>, series::kRollupLengths.size()> rollups{};
};

/// The rule that counts for a channel of a device: that with more tags, then that with a channel, then with
/// the longer pattern, then the first by name. Null: none, the points are kept for ever.
const Rule* rule_for(const std::vector<Rule>& rules, std::string_view channel, const model::TagOf& tag);

boost::json::object to_json(const Rule& rule);
/// Errors: invalid_argument, limit_exceeded, with what is wrong.
Result<Rule> rule_from_json(const boost::json::object& object);

}  // namespace dunlin::retention
