#pragma once
// What changes of an alarm by itself: shelves end, gateways go and come, flapping calms down, what nobody
// takes care of becomes more severe.

#include <optional>

#include "service/alarm/alarm.h"
#include "service/alarm/flapping.h"

namespace dunlin::alarm {

/// What a thing speaks through.
struct Gateway {
  std::string name;  // empty: it speaks itself
  /// unknown: since the start nothing was heard, so everything stays as it is.
  enum class Line : std::uint8_t { unknown, up, down } line = Line::up;
  std::string lost;  // where it is down: which one is offline, the furthest from the thing
};

struct Circumstances {
  WallTime now{};
  Gateway gateway;
  Duration calm{};            // FlappingRule::calm
  Duration escalate_after{};  // zero: time makes nothing more severe
};

inline constexpr std::string_view kByTime = "time";

/// Takes the steps that are due, with their events. An alarm that has cleared has come to its end.
void proceed(Alarm& alarm, const Circumstances& circumstances);
/// When the next step of time is due.
std::optional<WallTime> due_of(const Alarm& alarm, const Circumstances& circumstances);

/// A higher severity ends an acknowledgement: it was one of less.
void escalate(Alarm& alarm, Severity to, Event event);

}  // namespace dunlin::alarm
