#pragma once
// What the shards of a shared subscription's group and of its members tell each other.

#include <compare>
#include <cstdint>

#include "hub/record.h"
#include "hub/retained.h"
#include "hub/trie.h"

namespace dunlin::hub {

/// A session's place, which stays wrong for ever once the session is gone.
struct SessionRef {
  std::uint16_t shard = 0;
  SubscriberId slot = 0;
  std::uint32_t generation = 0;  // 0: no session
  friend auto operator<=>(const SessionRef&, const SessionRef&) = default;
};

/// Which group lent a message to a member, and under which of its own packet ids. `attempt` tells one loan
/// from an earlier one.
struct SharedOrigin {
  SessionRef group;
  std::uint16_t packet_id = 0;  // 0: not lent
  std::uint16_t attempt = 0;
  bool is_lent() const { return packet_id != 0; }
};

struct SharedDelivery {
  SessionRef member;
  SharedOrigin origin;
  MessageRef message;
  QoS qos = QoS::at_most_once;
  Message::Retain retain = Message::Retain::no;
  std::uint32_t identifier = 0;  // of the member's subscription
};

struct SharedAnswer {
  SharedOrigin origin;
  SessionRef member;
  enum class Outcome : std::uint8_t {
    finished,   // the client is done with it
    returned,   // it was not, and never will be
    held,       // QoS 2: the member has stored it and sends it once the group has let go of it
    completed,  // by the group itself: nobody needs its packet id any more
  } outcome = Outcome::finished;
  std::uint64_t held = 0;        // the stored message's number at the member
  SessionInstance instance = 0;  // of the member that has stored it
};

}  // namespace dunlin::hub
