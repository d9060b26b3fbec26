#pragma once
// What a run did and what it left behind, as plain data: the oracle judges it without knowing the world.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/message.h"

namespace dunlin::sim {

/// Numbers of a stream's messages start at 1. Outside 1..sent: something that nobody sent.
using Sequence = std::uint64_t;

/// A message of a stream as a durable consumer of the journal got it.
struct Witnessed {
  std::uint16_t journal = 0;
  std::uint64_t position = 0;
  Sequence sequence = 0;
};

/// One channel of one device, always sent at one QoS.
struct Stream {
  std::string device;
  std::string channel;
  hub::QoS qos = hub::QoS::at_most_once;
  enum class Way : std::uint8_t { direct, gateway } way = Way::direct;
  Sequence sent = 0;                // 1..sent were handed to the client
  std::set<Sequence> acknowledged;  // PUBACK or PUBCOMP came
  std::set<Sequence> refused;       // refused and sent again: their place in the order is not promised
  // What was found in the platform.
  std::vector<Witnessed> journal;  // in the order of delivery
  std::vector<Sequence> stored;    // the values of the series in the order of their times
};

/// A retained topic with a single writer that waits for each acknowledgement.
struct RetainedTopic {
  std::string topic;
  std::vector<std::string> writes;  // an empty payload clears
  std::size_t acknowledged = 0;     // the first so many writes
  /// What a look at the platform found; `acknowledged` and `sent` as they were then.
  struct Look {
    std::size_t acknowledged = 0;
    std::size_t sent = 0;
    std::optional<std::string> value;
    std::string when;
  };
  std::vector<Look> looks;
};

/// One change of a shadow: members set to a number, or deleted. "a.b" is the member b of the object a.
using ShadowChange = std::map<std::string, std::optional<std::int64_t>>;
using ShadowState = std::map<std::string, std::int64_t>;

/// A thing whose device reports and whose owner desires; each waits for every answer.
struct ShadowThing {
  std::string thing;
  std::vector<ShadowChange> reported;
  std::size_t reported_acknowledged = 0;
  std::vector<ShadowChange> desired;
  std::size_t desired_acknowledged = 0;
  std::vector<std::uint64_t> versions;  // of durable changes, as the service told them
  /// A version that somebody was told, or that a look at the platform found, in the order of time.
  struct Seen {
    std::uint64_t version = 0;
    enum class By : std::uint8_t { answer, look } by = By::answer;
  };
  std::vector<Seen> seen;
  std::uint64_t final_version = 0;
  ShadowState final_reported;
  ShadowState final_desired;
};

/// A subscriber with a session that lasts: it is owed what was acknowledged to the publishers from its SUBACK
/// on, however often it or the platform was away.
struct Reader {
  std::string name;
  hub::QoS qos = hub::QoS::at_most_once;
  bool subscribed = false;
  std::map<std::string, Sequence> owed_after;  // by stream: what had been sent when the SUBACK came
  std::map<std::string, std::vector<Sequence>> received;  // by stream
};

struct History {
  std::map<std::string, Reader> readers;
  std::map<std::string, Stream> streams;  // by "device/channel"
  std::map<std::string, RetainedTopic> retained;
  std::map<std::string, ShadowThing> shadows;
  std::vector<std::string> broken;  // violations that the world saw by itself: "rule: details"
  std::uint64_t digest = 0;         // of everything that devices saw, with its time: equal for equal seeds

  void note(std::uint64_t value) { digest = (digest ^ value) * 0x100000001b3ULL + 0x9e3779b97f4a7c15ULL; }
};

}  // namespace dunlin::sim
