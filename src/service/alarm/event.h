#pragma once
// What has happened to an alarm: its history and its comments, one row each in the table alarm_log.

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"
#include "store/keyed.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxHistory = 64;     // changes kept of an alarm: the oldest but the first goes
inline constexpr std::size_t kMaxComments = 32;    // of an alarm
inline constexpr std::size_t kMaxWhyBytes = 1024;  // a reason, a comment

/// What a change of an alarm is. `updated` counts up and is in no history.
enum class Change : std::uint8_t {
  raised,
  updated,
  escalated,
  acknowledged,
  shelved,
  unshelved,
  suppressed,
  resumed,
  flapping,
  steady,
  commented,
  cleared
};
std::string_view change_name(Change change);

struct Event {
  Change what = Change::raised;
  WallTime at{};
  std::string by;           // a rule, a device, a person, or "time"
  std::string why;          // a message or a reason; empty: none
  std::uint64_t place = 0;  // in its alarm's history, or among its comments
};

/// {"at","what","by","why"}
boost::json::object to_json(const Event& event);
/// Errors: corrupt.
Result<Event> event_from_json(std::string_view text);

/// Where the event stands. History overwrites itself: the first event stays, the newest ones behind it.
store::Put stored(TenantId tenant, std::string_view alarm_id, const Event& event);
/// All that is kept of an alarm.
store::Range log_range(TenantId tenant, std::string_view alarm_id);
/// Removes it: `history` and `comments` are how many there have been.
void forget_log(store::Batch& batch, TenantId tenant, std::string_view alarm_id, std::uint64_t history,
                std::uint64_t comments);

}  // namespace dunlin::alarm
