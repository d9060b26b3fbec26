#pragma once
// Why an alarm was raised: from the first message to who found it.

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hub/message.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxCauses = 12;       // of an alarm: what lies in the middle is left out
inline constexpr std::size_t kMaxCauseBytes = 512;  // of a name

struct Cause {
  enum class Kind : std::uint8_t {
    message,
    sample,
    alarm,
    rule,
    monitor,
    service,
    device
  } kind = Kind::message;
  std::string name;  // a topic, device/channel, an alarm's id, a rule, a monitor, a device
  std::string by;    // who sent the message; empty: nobody
  WallTime at{};
  std::string position;  // of the message: journal/position; empty: in no journal
};

/// {"kind","name","by","at","position"}
boost::json::object to_json(const Cause& cause);
/// Of a stored alarm; what cannot be read is left out.
std::vector<Cause> causes_from_json(const boost::json::array& rows);

/// The message, as the first cause of what is found in it.
Cause cause_of(const hub::Message& message);
/// In front of {name}/{thing}: where changes of alarms are told of.
inline constexpr std::string_view kAlarmTopics = "$dunlin/alarms/";
/// The alarm that a message on such a topic tells of; empty: it is none.
struct AlarmTopic {
  std::string_view name;
  std::string_view thing;
};
AlarmTopic alarm_of_topic(std::string_view topic);

/// Keeps the ends of a chain that is too long.
void shorten(std::vector<Cause>& causes);

}  // namespace dunlin::alarm
