#pragma once
// What a transport's connection offers to its session, and what it asks for.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/message.h"
#include "hub/trie.h"

namespace dunlin::hub {

/// Room for a transport to keep what it has encoded while one message goes to many receivers. The slots'
/// meaning is the transport's. Nothing is kept for the first receiver of a kind: most messages have one.
class EncodingCache {
 public:
  static constexpr std::size_t kSlots = 16;
  /// The slot to fill or to read from the second time on; null the first time.
  Slice* slot(std::size_t index) {
    const auto bit = static_cast<std::uint16_t>(1U << index);
    if (!(seen_ & bit)) {
      seen_ |= bit;
      return nullptr;
    }
    if (!slots_) slots_ = std::make_unique<std::array<Slice, kSlots>>();
    return &(*slots_)[index];
  }

 private:
  std::uint16_t seen_ = 0;
  std::unique_ptr<std::array<Slice, kSlots>> slots_;
};

/// One PUBLISH to a peer. Valid during the call.
struct Outbound {
  const Message& message;
  QoS qos = QoS::at_most_once;
  Message::Retain retain = Message::Retain::no;
  enum class Duplicate : std::uint8_t { no, yes } duplicate = Duplicate::no;
  std::uint16_t packet_id = 0;  // 0 for QoS 0
  std::span<const std::uint32_t> identifiers;
  const std::shared_ptr<const Message>* shared = nullptr;  // `message`, where the session keeps it anyway
};

/// Why the hub ends a connection's session or takes it away.
enum class EndReason : std::uint8_t {
  taken_over,
  revoked,
  slow_consumer,
  queue_full,
  shutdown,
  administrative
};
/// The stable word of a SessionEvent.
std::string_view end_reason_name(EndReason reason);

/// What a connection says of itself when somebody looks.
struct LinkInfo {
  std::string transport;                 // "tcp", "tls", "ws", "wss", "unix", "virtual"
  std::string version;                   // of the protocol: "3.1.1", "5.0"
  std::uint32_t keep_alive_seconds = 0;  // 0: none
  std::size_t max_packet_bytes = 0;      // that the peer takes; 0: not known
  std::size_t output_bytes = 0;          // that wait for the peer to read
  Duration silent_for{};                 // since its last packet
};

/// Implemented by a transport for each connection; called on the shard's thread. Except in ended(), the
/// callee must not call back into the session from deliver(), release(), pause() or rest().
class SessionLink {
 public:
  virtual ~SessionLink() = default;
  virtual void deliver(const Outbound& publish, EncodingCache& cache) = 0;
  /// Sends PUBREL again after a reconnect, or for the first time after PUBREC.
  virtual void release(std::uint16_t packet_id) = 0;
  /// False while the peer's output queue is above its high mark; Session::drained() is called when it has
  /// fallen.
  virtual bool can_take() const = 0;
  /// Back-pressure: a receiver of this peer's messages cannot follow.
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// The peer publishes too fast: reads nothing from it for so long. May be called again before the time is
  /// over; the longer one counts.
  virtual void rest(Duration) {}
  /// Whether a publish can be refused so that the peer learns of it.
  virtual bool can_refuse() const { return false; }
  /// The session is no longer this link's: forget it and disconnect the peer. `detail` is meant for the peer.
  virtual void ended(EndReason reason, std::string_view detail) = 0;
  /// What the principal may do has changed: Session::principal() is another one now. What the link has made
  /// of the former one's rights does not hold any more.
  virtual void rights_changed() {}
  virtual LinkInfo describe() const { return {}; }
};

struct Will {
  Message message;  // authorised by the transport
  std::uint32_t delay_seconds = 0;
};

struct OpenOptions {
  PrincipalRef principal;
  std::string client_id;
  enum class Start : std::uint8_t { resume, clean } start = Start::clean;
  std::uint32_t expiry_seconds =
      0;  // 0: ends with the connection; kNeverExpires: as long as the limits allow
  std::uint16_t receive_maximum =
      65535;                   // QoS 1 and 2 messages that the peer takes without an acknowledgement
  std::unique_ptr<Will> will;  // null: none; most sessions have none, and many are kept
  std::string protocol;        // for events: "mqtt" ...
  std::string peer;            // its address
};

enum class Present : std::uint8_t { no, yes };

struct SubscribeRequest {
  std::string filter;  // valid (topic.h) and authorised
  SubscriptionOptions options;
  enum class RetainHandling : std::uint8_t {
    send,
    send_if_new,
    do_not_send
  } retain_handling = RetainHandling::send;
};

}  // namespace dunlin::hub
