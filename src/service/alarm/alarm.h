#pragma once
// An alarm: a condition of a thing that somebody should know of, from its raising to its clearing.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"
#include "service/alarm/cause.h"
#include "service/alarm/event.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxMessageBytes = 1024;
inline constexpr std::size_t kMaxThingBytes = 256;
inline constexpr std::size_t kMaxOpenAlarms = 100'000;

enum class Severity : std::uint8_t { info, warning, minor, major, critical };
/// What is to be done about it: an alarm that is shelved or suppressed calls for nobody.
enum class State : std::uint8_t { active, acknowledged, shelved, suppressed, cleared };
/// Who finds: the alarms of devices are apart from all others, also where the names are equal.
enum class Source : std::uint8_t { rule, monitor, service, device };

std::string_view severity_name(Severity severity);
/// Errors: invalid_argument, with the words that are allowed.
Result<Severity> parse_severity(std::string_view word);
std::string_view state_name(State state);
/// Errors: invalid_argument, with the words that are allowed.
Result<State> parse_state(std::string_view word);
std::string_view source_name(Source source);
/// Errors: invalid_argument, with the words that are allowed.
Result<Source> parse_source(std::string_view word);

/// Put aside by a person for a time.
struct Shelf {
  WallTime until{};
  WallTime at{};
  std::string by;
  std::string reason;
};
/// {"until","at","by","reason"}
boost::json::object to_json(const Shelf& shelf);
std::optional<Shelf> shelf_from_json(const boost::json::object& object);

/// Hidden since what its thing speaks through is offline.
struct Suppression {
  std::string gateway;
  WallTime since{};
};

/// The condition comes and goes; the alarm stays open until it has rested.
struct Flapping {
  WallTime since{};
  WallTime changed_at{};  // of the condition, the last time
  std::uint64_t changes = 0;
  enum class Condition : std::uint8_t { absent, present } condition = Condition::present;
};

struct Alarm {
  std::string id;  // name~thing~Unix ms of raising: a repeated delivery names the same alarm
  TenantId tenant = kDefaultTenant;
  std::string name;
  std::string thing;
  Source source = Source::rule;
  std::string rule;
  Severity severity = Severity::warning;
  std::string message;
  std::uint64_t count = 1;  // how often the condition was seen while open
  WallTime raised_at{};
  WallTime last_at{};
  WallTime waits_since{};  // since when nobody has taken care of it at this severity
  std::optional<WallTime> acknowledged_at;
  std::string acknowledged_by;
  std::optional<Shelf> shelf;
  std::optional<Suppression> suppression;
  std::optional<Flapping> flapping;
  std::optional<WallTime> cleared_at;
  std::string cleared_by;
  std::vector<Cause> causes;  // of its raising, the first cause first
  std::uint64_t history = 0;  // events that there have been
  std::uint64_t comments = 0;

  // Of the latest change; not stored.
  int hops = 0;  // of the message behind it (model/hops.h)
  Change change = Change::updated;
  std::vector<Event> fresh;    // not in the log yet
  std::uint64_t revision = 0;  // of what is in memory

  State state() const;
  bool is_open() const { return !cleared_at; }
  /// Repetitions of what it finds are nobody's business now.
  bool is_held() const { return shelf || suppression || flapping; }
};

/// Puts it into the history, as the latest change.
void note(Alarm& alarm, Event event);

boost::json::object to_json(const Alarm& alarm);
/// Errors: corrupt.
Result<Alarm> alarm_from_json(TenantId tenant, std::string_view text);

/// Which condition it is about: at most one alarm of it is open.
std::string condition_key(TenantId tenant, std::string_view name, std::string_view thing, Source source);
std::string condition_key(const Alarm& alarm);

}  // namespace dunlin::alarm
