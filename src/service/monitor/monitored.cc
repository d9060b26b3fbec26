#include "service/monitor/monitored.h"

#include <fmt/format.h>

#include <cmath>

#include "base/config_text.h"
#include "base/time_text.h"
#include "service/monitor/limits.h"

namespace dunlin::monitor {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

Monitored::State Monitored::make(const Monitor& monitor) {
  if (const auto* watch = std::get_if<analytics::WatchOptions>(&monitor.kind))
    return analytics::Watch(*watch);
  if (const auto* forecast = std::get_if<ForecastOptions>(&monitor.kind)) return ForecastWatch(*forecast);
  const auto& options = std::get<AnomalyOptions>(monitor.kind);
  return Anomaly{options.score, analytics::Detector(), analytics::Condition(options.hold)};
}

Monitored::Monitored(const Monitor& monitor) : state_(make(monitor)) {}

std::optional<analytics::WatchEvent> Monitored::add(WallTime time, double value) {
  if (!std::isfinite(value)) return std::nullopt;
  last_ = Last{time, value, std::nullopt, std::nullopt};
  if (auto* watch = std::get_if<analytics::Watch>(&state_)) return watch->add(time, value);
  if (auto* forecast = std::get_if<ForecastWatch>(&state_)) {
    auto event = forecast->add(time, value);
    last_->reach = forecast->reach();
    return event;
  }
  auto& [score, detector, condition] = std::get<Anomaly>(state_);
  const analytics::Verdict verdict = detector.add(time, value);
  last_->score = verdict.score;
  last_->expected = verdict.expected;
  const WallTime since = condition.pending_since().value_or(time);
  const bool unusual = detector.values() > kLearningValues && verdict.score >= score;
  const auto zone = unusual ? analytics::Zone::unusual : analytics::Zone::usual;
  const auto change = condition.update(time, zone);
  if (change == analytics::Change::none) return std::nullopt;
  return analytics::WatchEvent{change, "anomaly", time, since, {zone, value, verdict.expected}};
}

std::optional<analytics::WatchEvent> Monitored::look(WallTime now) {
  auto* watch = std::get_if<analytics::Watch>(&state_);
  return watch == nullptr ? std::nullopt : watch->look(now);
}

bool Monitored::is_raised() const {
  if (const auto* watch = std::get_if<analytics::Watch>(&state_)) return watch->is_raised();
  if (const auto* forecast = std::get_if<ForecastWatch>(&state_)) return forecast->is_raised();
  return std::get<Anomaly>(state_).condition.is_raised();
}

std::string Monitored::save() const {
  store::ByteWriter out;
  out.byte(kVersion);
  if (const auto* watch = std::get_if<analytics::Watch>(&state_)) {
    out.text(watch->save());
    return out.take();
  }
  if (const auto* forecast = std::get_if<ForecastWatch>(&state_)) {
    out.text(forecast->save());
    return out.take();
  }
  const auto& anomaly = std::get<Anomaly>(state_);
  out.counted_text(anomaly.detector.save());
  anomaly.condition.save(out);
  return out.take();
}

Result<Monitored> Monitored::load(const Monitor& monitor, std::string_view bytes) {
  const auto corrupt = [] { return fail(Errc::corrupt, "the saved state of a monitor is damaged"); };
  if (bytes.empty() || bytes.front() != kVersion) return corrupt();
  bytes.remove_prefix(1);
  Monitored made(monitor);
  if (const auto* options = std::get_if<analytics::WatchOptions>(&monitor.kind)) {
    DUNLIN_TRY(made.state_, analytics::Watch::load(*options, bytes));
    return made;
  }
  if (const auto* options = std::get_if<ForecastOptions>(&monitor.kind)) {
    DUNLIN_TRY(made.state_, ForecastWatch::load(*options, bytes));
    return made;
  }
  store::ByteReader in(bytes);
  const std::string_view saved = in.counted_text();
  auto& anomaly = std::get<Anomaly>(made.state_);
  DUNLIN_TRY(anomaly.detector, analytics::Detector::load(saved));
  anomaly.condition.load(in);
  if (!in.at_end()) return corrupt();
  return made;
}

namespace {

/// "temperature reaches 80 in 3h (forecast, since ..)".
std::string forecast_reason(const Monitor& monitor, const analytics::WatchEvent& event) {
  const auto since = format_rfc3339(event.since);
  const auto& band = event.judgement.expected;
  if (!band)
    return fmt::format("{} is {:.6g} and reaches no limit (forecast, since {})", monitor.channel,
                       event.judgement.value, since);
  const double limit = std::isinf(band->low) ? band->high : band->low;
  if (event.judgement.value <= 0)
    return fmt::format("{} is past {:.6g} (forecast, since {})", monitor.channel, limit, since);
  const auto minutes =
      std::chrono::ceil<std::chrono::minutes>(std::chrono::duration<double>(event.judgement.value));
  return fmt::format("{} reaches {:.6g} in {} (forecast, since {})", monitor.channel, limit,
                     config::show_duration(minutes), since);
}

}  // namespace

std::string reason(const Monitor& monitor, const analytics::WatchEvent& event) {
  if (event.detector == kForecastKind) return forecast_reason(monitor, event);
  const std::string_view kind = event.detector;
  const std::string_view what = kind == "rate"      ? " changes by, per second, "
                                : kind == "flat"    ? " has not changed for, in seconds, "
                                : kind == "missing" ? " has been silent for, in seconds, "
                                                    : " is ";
  std::string text = fmt::format("{}{}{:.6g}", monitor.channel, what, event.judgement.value);
  if (const auto& band = event.judgement.expected) {
    if (std::isinf(band->low))
      text += fmt::format(", expected at most {:.6g}", band->high);
    else if (std::isinf(band->high))
      text += fmt::format(", expected at least {:.6g}", band->low);
    else
      text += fmt::format(", expected {:.6g} to {:.6g}", band->low, band->high);
  }
  return text + fmt::format(" ({}, since {})", kind, format_rfc3339(event.since));
}

}  // namespace dunlin::monitor
