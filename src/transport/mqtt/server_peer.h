#pragma once
// One client's connection to the server.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/session.h"
#include "net/connection.h"
#include "transport/mqtt/server.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::transport {

/// A CONNECT, copied out of the read buffer, and what came of its authentication.
struct ConnectRequest {
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::string client_id;
  enum class Assigned : std::uint8_t { no, yes } assigned = Assigned::no;  // the server chose the client id
  hub::OpenOptions::Start start = hub::OpenOptions::Start::clean;
  std::uint16_t keep_alive = 0;
  enum class Kind : std::uint8_t { client, bridge } kind = Kind::client;
  enum class KeepAliveSet : std::uint8_t { no, yes } keep_alive_set = KeepAliveSet::no;  // by the server
  std::uint32_t session_expiry = 0;
  std::uint16_t receive_maximum = 65535;
  std::size_t max_packet_bytes = mqtt::kMaxPacketBytes;
  std::unique_ptr<hub::Will> will;  // null: none
  PrincipalRef principal;
};

/// Owned by its lane. The lane's thread only.
class ServerPeer final : public net::ConnectionHandler, public hub::SessionLink {
 public:
  ServerPeer(ServerLane& lane, std::uint64_t id, std::unique_ptr<net::Connection> connection);
  ~ServerPeer() override;

  /// Starts to read; with a request whose client is authenticated already, opens its session.
  void begin(std::unique_ptr<ConnectRequest> request);

  /// Cuts the connection off: its CONNECT has not come and there is no more room to wait.
  void give_up_waiting();

  // net::ConnectionHandler
  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override;
  void on_closed(net::CloseReason reason) override;

  // hub::SessionLink
  void deliver(const hub::Outbound& publish, hub::EncodingCache& cache) override;
  void release(std::uint16_t packet_id) override;
  bool can_take() const override;
  void pause() override;
  void resume() override;
  void ended(hub::EndReason reason, std::string_view detail) override;

 private:
  enum class State : std::uint8_t { waiting, authenticating, open, closing };
  enum class Verdict : std::uint8_t { unknown, allowed, refused };
  struct KnownTopic {
    Slice topic;
    Verdict verdict = Verdict::unknown;
    Instant at{};
  };
  struct HeldAck {
    mqtt::PacketType type;
    std::uint16_t packet_id;
    mqtt::ReasonCode reason;
  };

  // Setting up (server_connect.cc).
  void handle_connect(ByteView frame);
  std::unique_ptr<ConnectRequest> read_connect(const mqtt::Connect& connect);
  void authenticated(Result<PrincipalRef> result);
  void go_home();
  void open_session();
  void send_connack(hub::Present present);
  void refuse_connect(mqtt::ReasonCode reason, std::string_view why);
  void check_keep_alive();

  // Packets of an open session (server_peer.cc, server_publish.cc).
  void handle(ByteView frame);
  void handle_publish(const mqtt::Publish& publish);
  void handle_ack(const mqtt::Ack& ack);
  void handle_release(std::uint16_t packet_id);
  void handle_subscribe(const mqtt::Subscribe& subscribe);
  void handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe);
  void handle_disconnect(const mqtt::Disconnect& disconnect);
  bool resolve_alias(const mqtt::Publish& publish, Slice& topic);
  KnownTopic& topic_slot(std::string_view topic);
  KnownTopic& known_topic(std::string_view topic, const Slice* shared);
  void refuse_publish(const mqtt::Publish& publish);
  void published(mqtt::PacketType type, std::uint16_t packet_id, Result<void> result);
  void account_inbound();
  mqtt::ReasonCode judge_subscription(const mqtt::Subscription& subscription);

  // Output.
  template <class P>
  void send(const P& packet);
  void send_ack(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason);
  void answer(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason);
  /// Tells the peer why (MQTT 5), ends the session and closes. `word` is the SessionEvent's.
  void fail(mqtt::ReasonCode reason, std::string_view why, std::string_view word = "protocol_error");
  void close_session(std::string_view word, hub::Session::WillFate will,
                     std::optional<std::uint32_t> expiry = std::nullopt);
  void log_refusal(mqtt::ReasonCode reason, std::string_view why);
  void take_request(std::unique_ptr<ConnectRequest> request);
  bool v5() const { return version_ == mqtt::ProtocolVersion::v5; }

  ServerLane& lane_;
  std::uint64_t id_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<ConnectRequest> request_;               // until the session is open
  std::size_t max_packet_bytes_ = mqtt::kMaxPacketBytes;  // to the client
  hub::Session* session_ = nullptr;
  State state_ = State::waiting;
  mqtt::ProtocolVersion version_ = mqtt::ProtocolVersion::v3_1_1;  // of the CONNECT
  ConnectRequest::Kind kind_ = ConnectRequest::Kind::client;
  bool held_ = false;             // acknowledgements wait: a receiver of this peer's messages cannot follow
  bool reading_paused_ = false;   // MQTT 3.1.1 only: too many unanswered publishes
  std::uint32_t unanswered_ = 0;  // QoS 1 publishes without PUBACK
  std::uint32_t granted_expiry_ = 0;
  Duration keep_alive_{};  // 1.5 times the negotiated value; 0: none
  Instant last_packet_{};
  TimerId timer_;
  std::vector<HeldAck> held_acks_;
  std::vector<Slice> aliases_;      // inbound, by alias - 1
  std::uint8_t last_topic_ = 0;     // most clients publish to one topic again and again
  std::vector<KnownTopic> topics_;  // direct-mapped, kAuthorizedTopics once in use
};

}  // namespace dunlin::transport
