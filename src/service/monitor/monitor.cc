#include "service/monitor/monitor.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <vector>

#include "model/json_fields.h"
#include "model/mapping.h"

namespace dunlin::monitor {
namespace {

using boost::json::object;

/// Members of an object, each read once; what is wrong or left over is told by finish().
class Members {
 public:
  explicit Members(const object& given) : given_(given) {}

  std::optional<double> number(std::string_view name) {
    known_.push_back(name);
    const auto* member = given_.if_contains(name);
    if (member == nullptr) return std::nullopt;
    if (const auto number = model::optional_number(given_, name)) return number;
    wrong_ = "\"" + std::string(name) + "\" must be a number";
    return std::nullopt;
  }
  double number(std::string_view name, double otherwise) { return number(name).value_or(otherwise); }
  Duration seconds(std::string_view name, Duration otherwise) {
    const auto given = number(name);
    if (!given) return otherwise;
    // Beyond what a duration can say is beyond every limit, too.
    const double bounded = std::clamp(*given, -1e9, 1e9);
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(bounded));
  }
  /// A number of something; one that is none becomes 0, which every limit refuses.
  std::size_t count(std::string_view name, std::size_t otherwise) {
    const auto given = number(name);
    if (!given) return otherwise;
    const bool whole = *given >= 1 && *given <= 1e9 && std::floor(*given) == *given;
    return whole ? static_cast<std::size_t>(*given) : 0;
  }
  Result<void> finish() const {
    if (!wrong_.empty()) return fail(Errc::invalid_argument, wrong_);
    for (const auto& member : given_) {
      if (std::ranges::find(known_, std::string_view(member.key())) == known_.end())
        return fail(Errc::invalid_argument, "this kind has no option \"" + std::string(member.key()) + "\"");
    }
    return {};
  }

 private:
  const object& given_;
  std::vector<std::string_view> known_;
  std::string wrong_;
};

analytics::HoldTimes hold_of(Members& members, analytics::HoldTimes otherwise) {
  return {.raise_after = members.seconds("hold_seconds", otherwise.raise_after),
          .clear_after = members.seconds("clear_seconds", otherwise.clear_after)};
}

Result<AnomalyOptions> anomaly_of(Members& members) {
  AnomalyOptions options;
  options.score = members.number("score", options.score);
  options.hold = hold_of(members, options.hold);
  if (!(options.score > 0 && options.score <= 1))
    return fail(Errc::invalid_argument, "\"score\" is above 0 and at most 1");
  // The same rules as for watches hold for its times.
  DUNLIN_CHECK(analytics::check({analytics::MissingOptions{}, options.hold}));
  return options;
}

Result<ForecastOptions> forecast_of(Members& members) {
  const ForecastOptions options{.low = members.number("low"),
                                .high = members.number("high"),
                                .within = members.seconds("within_seconds", {}),
                                .hold = hold_of(members, {})};
  DUNLIN_CHECK(check(options));
  return options;
}

Result<decltype(analytics::WatchOptions::kind)> watch_kind(std::string_view kind, Members& members) {
  if (kind == "threshold")
    return analytics::ThresholdOptions{members.number("low"), members.number("high"),
                                       members.number("hysteresis", 0)};
  if (kind == "rate")
    return analytics::RateOptions{members.number("falling"), members.number("rising"),
                                  members.seconds("over_seconds", {})};
  if (kind == "flat") {
    const analytics::FlatOptions usual;
    return analytics::FlatOptions{members.seconds("after_seconds", usual.after),
                                  members.number("tolerance", 0)};
  }
  if (kind == "missing") return analytics::MissingOptions{members.seconds("after_seconds", {})};
  if (kind == "robust") {
    const analytics::RobustOptions usual;
    return analytics::RobustOptions{members.number("deviations", usual.deviations),
                                    members.number("clear_deviations", usual.clear_deviations),
                                    members.count("window", usual.window)};
  }
  if (kind == "seasonal") {
    const analytics::SeasonalOptions usual;
    return analytics::SeasonalOptions{members.seconds("step_seconds", usual.step),
                                      members.count("season", usual.season),
                                      members.number("deviations", usual.deviations),
                                      members.number("clear_deviations", usual.clear_deviations)};
  }
  return fail(Errc::invalid_argument,
              "kind is one of anomaly, forecast, threshold, rate, flat, missing, robust and seasonal");
}

Result<decltype(Monitor::kind)> kind_of(std::string_view kind, const object& options) {
  Members members(options);
  if (kind == "anomaly") {
    const auto anomaly = anomaly_of(members);
    DUNLIN_CHECK(members.finish());
    if (!anomaly) return std::unexpected(anomaly.error());
    return *anomaly;
  }
  if (kind == kForecastKind) {
    const auto forecast = forecast_of(members);
    DUNLIN_CHECK(members.finish());
    if (!forecast) return std::unexpected(forecast.error());
    return *forecast;
  }
  DUNLIN_TRY(const auto watch, watch_kind(kind, members));
  const analytics::WatchOptions made{watch, hold_of(members, {})};
  DUNLIN_CHECK(members.finish());
  DUNLIN_CHECK(analytics::check(made));
  return made;
}

Result<void> check_text(std::string_view text, std::size_t most, std::string_view banned, const char* what) {
  if (text.size() <= most && text.find_first_of(banned) == std::string_view::npos) return {};
  return fail(Errc::invalid_argument,
              std::string(what) + " is too long or has a character that it cannot have");
}

}  // namespace

std::string_view kind_name(const Monitor& monitor) {
  if (std::holds_alternative<ForecastOptions>(monitor.kind)) return kForecastKind;
  const auto* watch = std::get_if<analytics::WatchOptions>(&monitor.kind);
  return watch == nullptr ? "anomaly" : analytics::kind_name(*watch);
}

Result<Monitor> monitor_from_json(const object& document) {
  Monitor monitor;
  monitor.name = model::optional_text(document, "name").value_or("");
  monitor.channel = model::optional_text(document, "channel").value_or("");
  monitor.device = model::optional_text(document, "device").value_or("");
  if (monitor.name.empty()) return fail(Errc::invalid_argument, "a monitor needs a name");
  if (monitor.channel.empty()) return fail(Errc::invalid_argument, "a monitor needs a channel");
  DUNLIN_CHECK(check_text(monitor.name, alarm::kMaxNameBytes, std::string_view("/+#~\0", 5), "the name"));
  DUNLIN_CHECK(
      check_text(monitor.channel, model::kMaxChannelBytes, std::string_view("\0", 1), "the channel"));
  DUNLIN_CHECK(check_text(monitor.device, alarm::kMaxThingBytes, std::string_view("/+#\0", 4), "the device"));
  DUNLIN_TRY(monitor.severity,
             alarm::parse_severity(model::optional_text(document, "severity").value_or("warning")));
  if (!model::optional_boolean(document, "enabled").value_or(true)) monitor.state = Monitor::State::disabled;
  const auto* options = document.if_contains("options");
  if (options != nullptr && !options->is_object())
    return fail(Errc::invalid_argument, "\"options\" must be an object");
  const object given = options == nullptr ? object{} : options->get_object();
  DUNLIN_TRY(monitor.kind, kind_of(model::optional_text(document, "kind").value_or("anomaly"), given));
  monitor.options_json = boost::json::serialize(given);
  return monitor;
}

object to_json(const Monitor& monitor) {
  object shown{{"name", monitor.name},
               {"channel", monitor.channel},
               {"kind", kind_name(monitor)},
               {"severity", alarm::severity_name(monitor.severity)},
               {"options", boost::json::parse(monitor.options_json)},
               {"enabled", monitor.state == Monitor::State::enabled}};
  if (!monitor.device.empty()) shown["device"] = monitor.device;
  return shown;
}

}  // namespace dunlin::monitor
