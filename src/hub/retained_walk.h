#pragma once
// What of the retained messages a session is still owed: one walk per filter that it has subscribed to.

#include <cstdint>
#include <map>
#include <string>

#include "hub/filter.h"

namespace dunlin::hub {

struct RetainedWalk {
  SubscriptionOptions options;
  std::uint64_t number = 0;  // of the SUBSCRIBE: told apart from one that the same filter had before
  std::uint16_t again = 0;   // further times, for a filter that stands in one SUBSCRIBE several times
  std::uint16_t place = 0;   // how many shards have been walked through
  std::string after = {};    // the topic that was looked at last there
};

/// Of one session, by filter: a repeated SUBSCRIBE begins anew and adds nothing. Within one SUBSCRIBE each
/// filter counts (MQTT 5.0 section 3.8.4).
struct RetainedWalks {
  std::map<std::string, RetainedWalk, std::less<>> owed;
  enum class State : std::uint8_t {
    idle,
    due,      // in the shard's list
    asking,   // another shard's answer is on its way
    waiting,  // for room in the session's queue
  } state = State::idle;
};

}  // namespace dunlin::hub
