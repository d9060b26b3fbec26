#include "service/behaviour/thresholds.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::behaviour {
namespace {

constexpr std::array<std::string_view, kMeasures> kMeasureNames{"messages_per_second", "bytes_per_second",
                                                                "message_bytes", "refusals", "connects"};
constexpr std::array<std::string_view, 3> kResponseNames{"none", "alarm", "quarantine"};

/// Far above what a device does that is well. A gateway that comes back sends what it has kept, as fast as it
/// may: its rates say nothing.
const Thresholds& built_in(std::string_view type) {
  static const Thresholds kDevice{{{Measure::messages_per_second, 20'000},
                                   {Measure::bytes_per_second, 64 * 1024 * 1024},
                                   {Measure::refusals, 200},
                                   {Measure::connects, 100}},
                                  Response::quarantine};
  static const Thresholds kGateway{{{Measure::refusals, 200}, {Measure::connects, 100}},
                                   Response::quarantine};
  return type == "gateway" ? kGateway : kDevice;
}

void add_missing(Thresholds& to, const Thresholds& from) {
  for (const auto& [measure, limit] : from.limits) to.limits.try_emplace(measure, limit);
  if (!to.response) to.response = from.response;
}

}  // namespace

std::string_view measure_name(Measure measure) {
  return kMeasureNames[static_cast<std::size_t>(measure)];
}

Result<void> check_scope(std::string_view scope) {
  if (scope == "default") return {};
  if (scope.starts_with("thing:")) return model::check_thing_name(scope.substr(6));
  const bool is_type = scope.starts_with("type:") && scope.size() > 5 && scope.size() <= 5 + 128;
  if (is_type) return {};
  return fail(Errc::invalid_argument, "the scope must be default, type:NAME or thing:NAME");
}

Result<void> ThresholdTable::put(std::string scope, Thresholds thresholds) {
  if (!scopes_.contains(scope) && scopes_.size() >= kMaxScopes)
    return fail(Errc::limit_exceeded, "there are 1000 scopes with limits already");
  scopes_.insert_or_assign(std::move(scope), std::move(thresholds));
  return {};
}

bool ThresholdTable::remove(std::string_view scope) {
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return false;
  scopes_.erase(found);
  return true;
}

Thresholds ThresholdTable::of(std::string_view type, std::string_view thing) const {
  Thresholds found;
  for (const std::string& scope :
       {"thing:" + std::string(thing), "type:" + std::string(type), std::string("default")}) {
    if (const auto at = scopes_.find(scope); at != scopes_.end()) add_missing(found, at->second);
  }
  add_missing(found, built_in(type));
  return found;
}

std::optional<std::uint64_t> ThresholdTable::lowest(Measure measure) const {
  std::optional<std::uint64_t> lowest;
  const auto look = [&](const Thresholds& thresholds) {
    const auto found = thresholds.limits.find(measure);
    if (found == thresholds.limits.end() || found->second == 0) return;
    lowest = std::min(lowest.value_or(found->second), found->second);
  };
  look(built_in(""));
  for (const auto& [scope, thresholds] : scopes_) look(thresholds);
  return lowest;
}

boost::json::object to_json(const Thresholds& thresholds) {
  boost::json::object object;
  for (const auto& [measure, limit] : thresholds.limits) object[measure_name(measure)] = limit;
  if (thresholds.response)
    object["response"] = kResponseNames[static_cast<std::size_t>(*thresholds.response)];
  return object;
}

Result<Thresholds> thresholds_of(const boost::json::object& object) {
  Thresholds thresholds;
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const auto limit = model::optional_integer(object, kMeasureNames[i]);
    if (!limit) continue;
    if (*limit < 0 || static_cast<std::uint64_t>(*limit) > kMaxLimit)
      return fail(Errc::invalid_argument, "\"" + std::string(kMeasureNames[i]) + "\" must be between 0 and " +
                                              std::to_string(kMaxLimit));
    thresholds.limits[static_cast<Measure>(i)] = static_cast<std::uint64_t>(*limit);
  }
  const auto word = model::optional_text(object, "response");
  if (!word) return thresholds;
  const auto response = std::ranges::find(kResponseNames, *word);
  if (response == kResponseNames.end())
    return fail(Errc::invalid_argument, "\"response\" must be none, alarm or quarantine");
  thresholds.response = static_cast<Response>(response - kResponseNames.begin());
  return thresholds;
}

}  // namespace dunlin::behaviour
