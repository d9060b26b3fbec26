#pragma once
// An alarm: a condition of a thing that somebody should know of, from its raising to its clearing.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxMessageBytes = 1024;
inline constexpr std::size_t kMaxThingBytes = 256;
inline constexpr std::size_t kMaxOpenAlarms = 100'000;

enum class Severity : std::uint8_t { info, warning, minor, major, critical };
enum class State : std::uint8_t { active, acknowledged, cleared };

std::string_view severity_name(Severity severity);
/// Errors: invalid_argument, with the words that are allowed.
Result<Severity> parse_severity(std::string_view word);
std::string_view state_name(State state);
std::optional<State> parse_state(std::string_view word);

struct Alarm {
  std::string id;  // name~thing~Unix ms of raising: a repeated delivery names the same alarm
  TenantId tenant = kDefaultTenant;
  std::string name;
  std::string thing;
  std::string rule;
  Severity severity = Severity::warning;
  State state = State::active;
  std::string message;
  std::uint64_t count = 1;  // how often the condition was seen while open
  WallTime raised_at{};
  WallTime last_at{};
  std::optional<WallTime> acknowledged_at;
  std::string acknowledged_by;
  std::optional<WallTime> cleared_at;
  std::string cleared_by;
  int hops = 0;  // of the message behind the latest change (model/hops.h); not stored

  bool is_open() const { return state != State::cleared; }
};

boost::json::object to_json(const Alarm& alarm);
/// Errors: corrupt.
Result<Alarm> alarm_from_json(TenantId tenant, std::string_view text);

}  // namespace dunlin::alarm
