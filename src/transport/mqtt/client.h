#pragma once
// The client side of MQTT 3.1.1 and 5.0: for the gateway's uplink, simulated devices and tests.

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
      properties;  // MQTT 5; shared with the message it came from. Null: none
};

struct ClientOptions {
  net::ConnectOptions connection;
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::string client_id;
  /// `resume`: unacknowledged messages and subscriptions on the server outlive a lost connection.
  enum class Start : std::uint8_t { resume, clean } start = Start::resume;
  std::uint32_t session_expiry_seconds = 24 * 3600;  // MQTT 5, with `resume`
  std::uint16_t keep_alive_seconds = 60;             // 0: none
  std::optional<std::string> username;
  std::optional<std::string> password;  // a secret
  std::optional<ClientMessage> will;
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
  void publish(ClientMessage message, PublishDone done);

  /// Kept for every later connection. `done` (may be empty) runs at the first answer. Errors in `done`:
  /// permission_denied, unavailable.
  using SubscribeDone = std::move_only_function<void(Result<void>)>;
  void subscribe(std::string filter, hub::SubscriptionOptions options, SubscribeDone done);
  void unsubscribe(const std::string& filter);

  ClientState state() const { return state_; }
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
    enum class Step : std::uint8_t { publish, release } step = Step::publish;
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
  MessageHandler on_message_;
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
