#pragma once
// A monitor: what is watched of a channel, and what alarm that makes. Document: docs/guide/monitors.md.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "service/alarm/alarm.h"
#include "service/analytics/watch.h"
#include "service/monitor/forecast_watch.h"

namespace dunlin::monitor {

/// The detector without settings: a score from here on begins an alarm.
struct AnomalyOptions {
  double score = analytics::kAlarmScore;
  analytics::HoldTimes hold{.clear_after = std::chrono::minutes{10}};
};

struct Monitor {
  std::string name;  // of its alarms, too
  std::string channel;
  std::string device;  // empty: each that has the channel, by itself
  alarm::Severity severity = alarm::Severity::warning;
  std::variant<AnomalyOptions, analytics::WatchOptions, ForecastOptions> kind;
  std::string options_json;  // as given
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
};

/// "anomaly", "forecast", or the watch's.
std::string_view kind_name(const Monitor& monitor);

/// {"name","channel","device","kind","severity","options","enabled"}. Errors: invalid_argument,
/// limit_exceeded.
Result<Monitor> monitor_from_json(const boost::json::object& document);
boost::json::object to_json(const Monitor& monitor);

}  // namespace dunlin::monitor
