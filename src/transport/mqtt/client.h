#pragma once
// The client side of MQTT 3.1.1 and 5.0: for the gateway's uplink, bridges, simulated devices and
// tests.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "hub/message.h"
#include "hub/session_link.h"
#include "hub/trie.h"
#include "net/network.h"
#include "transport/mqtt/limits.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::transport {

struct ClientMessage {
  Slice topic;
  Slice payload;
  hub::QoS qos = hub::QoS::at_most_once;
  hub::Message::Retain retain = hub::Message::Retain::no;
  std::shared_ptr<const hub::Properties>
      properties;               // MQTT 5; shared with the message it came from. Null: none
  std::uint16_t packet_id = 0;  // of a message from the server; 0 with QoS 0
};

/// Keeps what of QoS 2 exchanges must outlive the process. Called on the client's thread.
class ExchangeKeeper {
 public:
  virtual ~ExchangeKeeper() = default;
  /// The message that was published as `tag` is about to be sent under this packet id: `stored` (later, once)
  /// lets it go.
  virtual void assigned(std::uint64_t tag, std::uint16_t packet_id, Task stored) = 0;
  /// The server has the message: `stored` lets PUBREL go.
  virtual void received(std::uint64_t tag, std::uint16_t packet_id, Task stored) = 0;
};

/// Names a message for the keeper, and says how far an earlier process had come with it.
struct Exchange {
  std::uint64_t tag = 0;
  std::uint16_t packet_id = 0;  // 0: it has not begun
  enum class Step : std::uint8_t { assigned, received } step = Step::assigned;
};

/// Opens a connection other than by net::Network::connect(): over WebSocket. Calls `done` once, later.
using Dial = std::function<void(Executor& executor, net::ConnectHandler done)>;

/// How to greet the server. The mark is that of mosquitto's bridges (mqtt::Connect::bridge).
struct Dialect {
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  enum class Mark : std::uint8_t { none, bridge } mark = Mark::none;
};

struct ClientOptions {
  net::ConnectOptions connection;
  Dial dial;  // empty: a connection as `connection` says
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  Dialect::Mark mark = Dialect::Mark::none;
  /// Tried in turn, one with each attempt, where the server refuses the version or ends the connection
  /// without an answer.
  std::vector<Dialect> fallbacks;
  ExchangeKeeper* exchanges =
      nullptr;  // null: QoS 2 exchanges last as long as this object. Outlives the client
  std::string client_id;
  /// `resume`: unacknowledged messages and subscriptions on the server outlive a lost connection.
  enum class Start : std::uint8_t { resume, clean } start = Start::resume;
  std::uint32_t session_expiry_seconds = 24 * 3600;  // MQTT 5, with `resume`
  std::uint16_t keep_alive_seconds = 60;             // 0: none
  std::optional<std::string> username;
  std::optional<std::string> password;  // a secret
  std::optional<ClientMessage> will;
  /// A QoS or retain flag that the server does not take: the publish fails, or goes without.
  enum class Unsupported : std::uint8_t { refuse, lower } unsupported = Unsupported::refuse;
  std::uint32_t will_delay_seconds = 0;
  std::size_t max_packet_bytes = 1024 * 1024;  // from the server
  std::uint16_t receive_maximum = 100;         // messages from the server that are not acknowledged yet
  std::size_t max_in_flight = kMaxClientInFlight;
  std::size_t max_queued_messages = kMaxClientQueuedMessages;
  std::size_t max_queued_bytes = kMaxClientQueuedBytes;
  Duration least_backoff = std::chrono::seconds{1};
  Duration most_backoff = std::chrono::seconds{60};
  Duration answer_deadline = std::chrono::seconds{10};  // for CONNACK and PINGRESP
};

enum class ClientState : std::uint8_t { offline, connecting, online };

/// One connection that is made again whenever it is lost, after a random pause that doubles. One thread: the
/// executor's. Callbacks run on it and may call the client, but must not destroy it.
class MqttClient final : private net::ConnectionHandler {
 public:
  /// All three outlive the client.
  MqttClient(net::Network& network, Executor& executor, Rng& rng, ClientOptions options);
  ~MqttClient() override;
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  /// `handler` gets each message once per delivery by the server; it calls `handled` (at once or later) when
  /// the message may be acknowledged: after a durable store, for example. For QoS 1 a `handled` of a lost
  /// connection does nothing: the server delivers again.
  using MessageHandler = std::function<void(ClientMessage message, Task handled)>;
  void on_message(MessageHandler handler) { on_message_ = std::move(handler); }
  /// `handler` is told of PUBREL; the packet id counts as free when it calls `handled`. Without one: at once.
  using ReleaseHandler = std::function<void(std::uint16_t packet_id, Task handled)>;
  void on_release(ReleaseHandler handler) { on_release_ = std::move(handler); }
  /// Told with each CONNACK, before any message: whether the server still had the session.
  using SessionHandler = std::function<void(hub::Present present)>;
  void on_session(SessionHandler handler) { on_session_ = std::move(handler); }
  /// Tells of every change; `reason` is for people. A refusal by the server names its reason code.
  using StateHandler = std::function<void(ClientState state, std::string_view reason)>;
  void on_state(StateHandler handler) { on_state_ = std::move(handler); }

  void start();
  /// Sends DISCONNECT (without the will) and stays offline until start(). Queued messages stay queued.
  void stop();

  /// QoS 0: sent now or failed with `unavailable`; `done` runs inside the call. QoS 1 and 2: queued across
  /// connections; `done` runs when the server has acknowledged, or with its refusal. Errors in `done`:
  /// limit_exceeded (queue full, too large), unavailable, permission_denied, invalid_argument.
  using PublishDone = std::move_only_function<void(Result<void>)>;
  void publish(ClientMessage message, PublishDone done, Exchange exchange = {});
  /// A packet id of an earlier process, kept for the message that will be published with it. Before start().
  void reserve(std::uint16_t packet_id) { reserved_.insert(packet_id); }
  /// The message of a reserved packet id will not come.
  void unreserve(std::uint16_t packet_id) { reserved_.erase(packet_id); }

  /// Kept for every later connection. `done` (may be empty) runs at the first answer. Errors in `done`:
  /// permission_denied, unavailable.
  using SubscribeDone = std::move_only_function<void(Result<void>)>;
  void subscribe(std::string filter, hub::SubscriptionOptions options, SubscribeDone done);
  void unsubscribe(const std::string& filter);

  ClientState state() const { return state_; }
  /// What is spoken, or was tried last.
  mqtt::ProtocolVersion version() const { return dialect_.version; }
  /// QoS 1 and 2 messages that the server has not acknowledged.
  std::size_t pending() const { return queue_.size() + in_flight_.size(); }
  bool queue_full() const {
    return queue_.size() >= options_.max_queued_messages || queued_bytes_ >= options_.max_queued_bytes;
  }

 private:
  struct Outgoing {
    ClientMessage message;
    PublishDone done;
    std::uint16_t packet_id = 0;
    std::uint64_t tag = 0;
    enum class Step : std::uint8_t { storing, publish, storing_release, release } step = Step::publish;
    enum class Sent : std::uint8_t { never, before, now } sent = Sent::never;
  };
  struct Wanted {
    hub::SubscriptionOptions options;
    SubscribeDone done;
  };

  // net::ConnectionHandler
  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override { send_queued(); }
  void on_closed(net::CloseReason reason) override;

  void connect();
  void connected(Result<std::unique_ptr<net::Connection>> result);
  void send_connect();
  void lose(std::string_view reason);
  void retry_later();
  void next_dialect();
  void set_state(ClientState state, std::string_view reason);
  void watch();

  void handle(ByteView frame);
  void handle_connack(const mqtt::Connack& connack);
  void handle_publish(const mqtt::Publish& publish);
  void handled(std::uint64_t number, mqtt::PacketType answer, std::uint16_t packet_id);
  void handle_ack(const mqtt::Ack& ack);
  void handle_suback(const mqtt::Suback& suback);
  void resume_session(bool session_present);
  void finish(std::deque<Outgoing>::iterator entry, Result<void> result);
  void send_again();
  void send_queued();
  void begin(Outgoing next);
  Outgoing* find(std::uint64_t tag, std::uint16_t packet_id);
  void stored(std::uint64_t tag, std::uint16_t packet_id);
  void lower(ClientMessage& message) const;
  void send_publish(Outgoing& outgoing);
  Result<void> check_sendable(const Outgoing& outgoing) const;
  void answer_in_order(mqtt::PacketType answer);
  void send_subscribe(const std::string& filter, const hub::SubscriptionOptions& options);
  void send_ack(mqtt::PacketType type, std::uint16_t packet_id);
  std::uint16_t next_packet_id();
  template <class P>
  void send(const P& packet);

  net::Network& network_;
  Executor& executor_;
  Rng& rng_;
  ClientOptions options_;
  Dialect dialect_;
  std::size_t next_fallback_ = 0;
  bool heard_ = false;            // anything on this connection
  bool version_refused_ = false;  // by the server's CONNACK
  MessageHandler on_message_;
  ReleaseHandler on_release_;
  SessionHandler on_session_;
  StateHandler on_state_;
  std::shared_ptr<const bool> alive_ =
      std::make_shared<const bool>(true);  // shared: by calls under way that may end after this
  std::unique_ptr<net::Connection> connection_;
  std::uint64_t connection_number_ = 0;
  std::uint64_t session_number_ = 0;  // rises when the server has no session for us
  ClientState state_ = ClientState::offline;
  bool wanted_ = false;  // between start() and stop()
  bool ping_open_ = false;
  unsigned failures_ = 0;
  Instant last_heard_{};
  Instant last_sent_{};
  TimerId timer_;
  Duration keep_alive_{};
  // What the server's CONNACK allows.
  std::size_t server_max_packet_ = mqtt::kMaxPacketBytes;
  mqtt::QoS server_max_qos_ = mqtt::QoS::exactly_once;
  bool server_retains_ = true;
  std::size_t window_ = 0;
  std::deque<Outgoing> queue_;
  std::deque<Outgoing> in_flight_;  // in the order sent
  std::size_t sent_in_flight_ = 0;  // how many of them have been sent on this connection
  std::size_t queued_bytes_ = 0;
  std::uint16_t last_packet_id_ = 0;
  std::set<std::uint16_t> reserved_;
  std::vector<std::uint8_t> scratch_;
  std::map<std::string, Wanted> subscriptions_;
  std::map<std::uint16_t, std::string> subscribing_;
  enum class Incoming : std::uint8_t { handling, received };
  std::map<std::uint16_t, Incoming> incoming_;  // QoS 2 exchanges of the server
  struct Receipt {
    std::uint16_t packet_id;
    bool handled = false;
  };
  // Answered in the order received, MQTT 5.0 section 4.6.
  std::deque<Receipt> pubacks_due_;  // of this connection
  std::deque<Receipt> pubrecs_due_;  // of this session
};

}  // namespace dunlin::transport
