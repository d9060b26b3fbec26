#pragma once
// What a device says of an alarm of its own, on $dunlin/things/{thing}/alarms/{name}.

#include <string>
#include <string_view>

#include "base/result.h"
#include "service/alarm/finding.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxWordBytes = 4096;

/// A topic of a device's alarm; empty: it is none.
struct DeviceTopic {
  std::string_view thing;
  std::string_view name;
};
DeviceTopic device_topic_of(std::string_view topic);

/// Errors: invalid_argument, with what is allowed.
Result<void> check_alarm_name(std::string_view name);

struct DeviceWord {
  Finding::Kind kind = Finding::Kind::raise;
  Severity severity = Severity::warning;
  std::string message;
};
/// {"state": "raised" or "cleared", "severity": .., "message": ..}; all but the state may be missing. Errors:
/// malformed, invalid_argument, limit_exceeded, each with what is expected.
Result<DeviceWord> parse_device_word(std::string_view payload);

}  // namespace dunlin::alarm
