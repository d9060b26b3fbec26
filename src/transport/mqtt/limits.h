#pragma once
// Every bound of the MQTT transport. The structs' members are configuration; the constants are fixed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace dunlin::transport {

inline constexpr std::size_t kSmallPacketBytes =
    2048;  // up to here a PUBLISH is copied; a larger payload is shared
inline constexpr std::size_t kAuthorizedTopics = 8;                       // remembered per connection
inline constexpr Duration kPolicyWatch = std::chrono::milliseconds{250};  // for subscriptions
inline constexpr Duration kExpiryLook =
    std::chrono::minutes{1};                         // between two looks at least: the wall clock may be set
inline constexpr std::size_t kExpiredPerTurn = 256;  // connections ended
inline constexpr std::size_t kExpirySlack = 64;  // entries of peers that have gone, besides as many as peers
inline constexpr std::size_t kJudgedPerTurn = 512;  // filters, after a change of the policies
inline constexpr std::size_t kMaxAwaiting = 1024;   // who wait for that; others are answered at once
inline constexpr Duration kSettleLimit = std::chrono::seconds{1};  // until they are answered anyway
inline constexpr std::size_t kMaxRefusalsTold = 1000;  // CONNECTs of things, by one look (hub::kConductLook)
inline constexpr std::size_t kMaxEndedTold = 10'000;   // sessions that ended before a look, by the next one
inline constexpr std::size_t kMinAliasedTopicBytes = 3;     // what an alias costs itself
inline constexpr std::size_t kMaxAliasedTopicBytes = 4096;  // of a topic that the server gives an alias
inline constexpr Duration kBusyClientIdRest =
    std::chrono::seconds{1};  // until a client whose id changes hands too often is refused
inline constexpr unsigned kMaxAuthenticationSteps = 8;  // AUTH packets of a client in one exchange
inline constexpr std::size_t kMaxDeniedFilters = 64;
inline constexpr std::size_t kMaxResponseInformationBytes = 1024;
inline constexpr std::uint32_t kMaxUnreadAnswers =
    1024 * 1024;  // control packets for a client that does not read; past it the client is not read
// What the clients of a lane that have more to do than their share may do in one turn (ServerLane); one
// packet is always done.
inline constexpr std::size_t kTurnWork = 16'384;
inline constexpr std::size_t kHeavyWork = 8192;  // whose packets did so much waits for its turn with the next
inline constexpr std::size_t kMostServedAtOnce = 64;   // of the clients that have more to do
inline constexpr std::size_t kBytesOfWork = 64;        // read
inline constexpr std::size_t kFilterWork = 16;         // a filter that is removed
inline constexpr std::size_t kAuthorizationWork = 32;  // a question to the policies beside a delivery
inline constexpr std::size_t kMaxConnectBytes =
    256 * 1024;  // of the first packet, whatever max_packet_bytes is

struct ServerLimits {
  std::size_t max_packet_bytes = 1024 * 1024;  // from a client, announced to MQTT 5 clients
  std::uint16_t receive_maximum = 100;         // QoS 1 and 2 publishes of one client under way; announced
  std::uint16_t v3_inbound_in_flight = 1000;  // the same for MQTT 3.1.1, which cannot be told: reading pauses
  std::uint16_t topic_alias_maximum = 10;     // from a client; announced
  std::uint16_t outbound_topic_aliases = 32;  // to a client, at most its own maximum; 0: none
  std::uint16_t keep_alive_seconds =
      0;  // a longer (or no) keep alive is cut to this; 0: as the client wishes
  std::uint32_t session_expiry_seconds = 7 * 24 * 3600;  // announced; the hub's own limit should be the same
  Duration connect_deadline = std::chrono::seconds{10};  // from the connection to the open session
  std::size_t max_waiting = 10'000;  // per shard, without a CONNECT so far; past it the oldest is cut off
  /// A SUBSCRIBE whose filter matches only topics that one of these matches is refused. No access control: a
  /// wider filter still gets the messages; policies see to that.
  std::vector<std::string> denied_filters = {};
  /// For clients that ask for Response Information (MQTT 5.0 section 3.1.2.11.6), with "{client_id}"
  /// replaced; empty: none is sent.
  std::string response_information = {};
  std::size_t max_connections = 100'000;  // per shard; past it new ones are closed at once
};

inline constexpr std::size_t kMaxClientQueuedMessages = 100'000;
inline constexpr std::size_t kMaxClientQueuedBytes = 256 * 1024 * 1024;
inline constexpr std::size_t kMaxClientInFlight = 100;
// A 3.1.1 server cannot say how many it takes, and mosquitto drops (acknowledged!) what is more than its
// max_inflight_messages, 20 unless configured.
inline constexpr std::uint16_t kMaxOldInFlight = 20;

}  // namespace dunlin::transport
