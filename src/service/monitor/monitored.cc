#include "service/monitor/monitored.h"

#include <fmt/format.h>

#include <cmath>

#include "base/time_text.h"
#include "service/monitor/limits.h"

namespace dunlin::monitor {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

Monitored::Monitored(const Monitor& monitor)
    : state_([&monitor]() -> std::variant<Anomaly, analytics::Watch> {
        if (const auto* watch = std::get_if<analytics::WatchOptions>(&monitor.kind))
          return analytics::Watch(*watch);
        const auto& options = std::get<AnomalyOptions>(monitor.kind);
        return Anomaly{options.score, analytics::Detector(), analytics::Condition(options.hold)};
      }()) {}

std::optional<analytics::WatchEvent> Monitored::add(WallTime time, double value) {
  if (!std::isfinite(value)) return std::nullopt;
  last_ = Last{time, value, std::nullopt, std::nullopt};
  if (auto* watch = std::get_if<analytics::Watch>(&state_)) return watch->add(time, value);
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
  return std::get<Anomaly>(state_).condition.is_raised();
}

std::string Monitored::save() const {
  store::ByteWriter out;
  out.byte(kVersion);
  if (const auto* watch = std::get_if<analytics::Watch>(&state_)) {
    out.text(watch->save());
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
  store::ByteReader in(bytes);
  const std::string_view saved = in.counted_text();
  auto& anomaly = std::get<Anomaly>(made.state_);
  DUNLIN_TRY(anomaly.detector, analytics::Detector::load(saved));
  anomaly.condition.load(in);
  if (!in.at_end()) return corrupt();
  return made;
}

std::string reason(const Monitor& monitor, const analytics::WatchEvent& event) {
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
