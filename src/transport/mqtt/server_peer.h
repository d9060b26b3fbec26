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

/// An enhanced authentication, MQTT 5.0 section 4.12: of the CONNECT, and again during the session.
struct EnhancedExchange {
  std::string method;
  hub::Credentials credentials;
  std::unique_ptr<hub::EnhancedState> state;
  enum class Step : std::uint8_t { idle, checking, challenged } step = Step::idle;
  unsigned steps = 0;
  TimerId deadline;          // of an authentication during the session
  std::string final_data{};  // for the CONNACK
};

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
  std::uint32_t max_packet_bytes = mqtt::kMaxPacketBytes;
  std::uint16_t topic_alias_maximum = 0;  // of the client: how many aliases the server may give
  enum class ResponseInformation : std::uint8_t {
    not_asked,
    asked
  } response_information = ResponseInformation::not_asked;
  std::string response_topic;                  // what CONNACK tells of it; empty: nothing
  std::unique_ptr<hub::Will> will;             // null: none
  std::unique_ptr<EnhancedExchange> enhanced;  // null: none was wished for
  PrincipalRef principal;
  enum class Rights : std::uint8_t { as_judged, changed } rights = Rights::as_judged;  // meanwhile
};

/// Owned by its lane. The lane's thread only.
class ServerPeer final : public net::ConnectionHandler, public hub::SessionLink {
 public:
  ServerPeer(ServerLane& lane, std::uint64_t id, std::unique_ptr<net::Connection> connection);
  ~ServerPeer() override;

  /// Starts to read; with a request whose client is authenticated already, opens its session.
  void begin(std::unique_ptr<ConnectRequest> request);

  std::uint64_t id() const { return id_; }
  /// Cuts the connection off: its CONNECT has not come and there is no more room to wait.
  void give_up_waiting();
  bool is_open() const { return state_ == State::open; }
  /// Sends an open session's client to another server: the lane drains.
  void redirect();
  /// Ends the connection if the client's proof has expired by then (Unix ms).
  void end_if_expired(std::int64_t now);

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
  void rest(Duration time) override;
  bool can_refuse() const override { return v5(); }
  void ended(hub::EndReason reason, std::string_view detail) override;
  void rights_changed() override;
  hub::LinkInfo describe() const override;

  /// What it has done since the last call; nothing of one that is no thing.
  std::optional<hub::ConductReport> take_conduct();

  /// It has rested (ServerLane::rest()) and has its turn again.
  /// After a change of the policies: ends the connection if it has lost something. Answers how many questions
  /// that took.
  std::size_t judge_rights();
  void end_turn_rest() {
    pace_ = Pace::light;
    go_on_reading(Stop::turn);
  }

 private:
  enum class State : std::uint8_t { waiting, authenticating, challenged, open, closing };
  /// `not_for_it`: in the name of a thing whose standing does not allow it.
  enum class Verdict : std::uint8_t { unknown, allowed, refused, not_for_it };
  static Verdict verdict_of(const Result<void>& may);
  struct KnownTopic {
    Slice topic;
    Verdict verdict = Verdict::unknown;
    std::uint64_t verdicts = 0;  // MqttServer::verdicts() that it is of
    hub::RouteHint route;
  };
  struct HeldAck {
    mqtt::PacketType type;
    std::uint16_t packet_id;
    mqtt::ReasonCode reason;
  };

  /// Made with the first message that may be one of those that the client may not receive.
  struct Receiving {
    struct Known {
      Slice topic;
      Verdict verdict = Verdict::unknown;
      std::uint64_t policies = 0;  // that the verdict is of
    };
    std::array<Known, kAuthorizedTopics> topics;  // direct-mapped
  };

  /// What only a publisher needs, or one that may not receive all. Made when that shows.
  struct Publishing {
    TimerId rest;         // until it is read again
    Instant rests_until;  // likewise
    std::vector<HeldAck> held_acks;
    std::vector<Slice> aliases;                        // inbound, by alias - 1
    std::uint8_t last_topic = 0;                       // most clients publish to one topic again and again
    std::array<KnownTopic, kAuthorizedTopics> topics;  // direct-mapped
    /// The message at hand. Its topic and publisher stay for the next one: counting references to them for
    /// every message costs more than the rest of a short one.
    hub::Message message;
    std::unique_ptr<Receiving> receiving;  // null: nothing was asked so far
    hub::Conduct did;                      // since the lane has looked last
    PrincipalRef watched;                  // whose doings they are; null: the lane knows of none
  };
  /// The fields of a PUBLISH without properties; its topic is not checked yet.
  struct PlainPublish {
    std::string_view topic;
    ByteView payload;
    hub::QoS qos;
    hub::Message::Retain retain;
    std::uint16_t packet_id;
  };

  // Setting up (server_connect.cc).
  void handle_connect(ByteView frame);
  std::unique_ptr<ConnectRequest> read_connect(const mqtt::Connect& connect);
  void authenticated(Result<PrincipalRef> result);
  void go_home();
  void open_session();
  mqtt::Connack accepting(hub::Present present) const;
  /// `kind`: as what it is told of; nullopt: it is not, or was already.
  void refuse_connect(mqtt::ReasonCode reason, std::string_view why, std::optional<RefusalKind> kind);
  void refuse_connect(mqtt::ReasonCode reason, std::string_view why);
  void refuse_session(const Error& error);
  void check_keep_alive();
  bool turned_away();
  bool has_memory_for_new();
  bool may_begin();

  // Enhanced authentication (server_auth.cc).
  void begin_enhanced(const mqtt::Connect& connect, hub::Credentials credentials);
  void handle_challenged(ByteView frame);
  void handle_auth(const mqtt::Auth& auth);
  void reauthenticate(const mqtt::Auth& auth);
  void enhanced_step(std::string data);
  void enhanced_answered(Result<hub::EnhancedAnswer> result);
  void reauthenticated(Result<hub::EnhancedAnswer> result);
  void send_auth(mqtt::ReasonCode reason, std::string_view data);
  EnhancedExchange* exchange() { return request_ ? request_->enhanced.get() : enhanced_.get(); }

  // Packets of an open session (server_peer.cc, server_publish.cc).
  void handle(ByteView frame);
  void handle_publish(const mqtt::Publish& publish);
  void handle_ack(const mqtt::Ack& ack);
  void handle_release(std::uint16_t packet_id);
  void handle_subscribe(const mqtt::Subscribe& subscribe);
  void handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe);
  void handle_disconnect(const mqtt::Disconnect& disconnect);
  TopicAliases::Choice choose_alias(const hub::Outbound& publish);
  bool resolve_alias(const mqtt::Publish& publish, Slice& topic);
  std::optional<PlainPublish> plain_publish(ByteView frame) const;
  bool publish_plainly(ByteView frame);
  void publish(KnownTopic& known, std::uint16_t packet_id);
  Publishing& publishing() {
    if (!publishing_) publishing_ = std::make_unique<Publishing>();
    return *publishing_;
  }
  /// Its Conduct, to add to.
  hub::Conduct& conduct() {
    Publishing& own = publishing();
    if (own.watched == nullptr) {
      own.watched = session_->principal();
      lane_.begin_conduct(id_);
    }
    return own.did;
  }
  KnownTopic& topic_slot(std::string_view topic);
  KnownTopic& known_topic(std::string_view topic, const Slice* shared);
  void refuse_publish(const mqtt::Publish& publish, Verdict verdict);
  void published(mqtt::PacketType type, std::uint16_t packet_id, Result<void> result);
  void account_inbound();
  void end_rest();
  /// False while it is the server that does not want to hear more.
  bool listens() const {
    return (reading_stopped_ &
            (static_cast<unsigned>(Stop::unanswered) | static_cast<unsigned>(Stop::rate))) == 0;
  }
  mqtt::ReasonCode judge_subscription(const mqtt::Subscription& subscription);
  const Principal& principal() const;
  bool may_receive(std::string_view topic);
  /// A message that is not sent counts as sent and answered.
  void discard(const hub::Outbound& publish, hub::DropReason reason);
  void trace_subscription(const mqtt::Subscription& subscription, mqtt::ReasonCode code) const;

  // Input (server_reading.cc).
  enum class Stop : std::uint8_t {
    unanswered = 1,  // MQTT 3.1.1 only: too many publishes under way
    answers = 2,     // the client does not read what it has asked for
    turn = 4,        // it is the others' turn
    rate = 8,        // the client has published too fast
  };
  /// Whether its packets wait for their turn (ServerLane::rest()).
  enum class Pace : std::uint8_t {
    light,  // they do not
    heavy,  // the last ones were a turn's work, so the next do, from the first on
  };
  void stop_reading(Stop why);
  void go_on_reading(Stop why);
  void rest_until_next_turn();
  void look_at_answers();

  // Output.
  template <class P>
  void send(const P& packet);
  void count_control(std::size_t bytes);
  void send_ack(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason);
  void answer(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason);
  /// Tells the peer why (MQTT 5), ends the session and closes. `word` is the SessionEvent's.
  void fail(mqtt::ReasonCode reason, std::string_view why, std::string_view word = "protocol_error");
  void close_session(std::string_view word, hub::Session::WillFate will,
                     std::optional<std::uint32_t> expiry = std::nullopt);
  /// For whoever watches; worth the call only while the hub's tracer is on.
  bool traced() const { return lane_.server.hub().tracer().on(); }
  void trace(hub::TraceKind kind, std::string_view topic, std::string_view detail,
             hub::QoS qos = hub::QoS::at_most_once) const;
  void log_refusal(mqtt::ReasonCode reason, std::string_view why);
  // What whoever keeps refusals is told (server_refusals.cc).
  /// As what kind such a reason counts; nullopt: it is not one that says anything, or needs a closer word.
  static std::optional<RefusalKind> kind_of(mqtt::ReasonCode reason);
  void tell_refusal(std::optional<RefusalKind> kind, std::string_view why) const;
  void tell_denied(RefusalKind kind, std::string_view topic) const;
  void take_request(std::unique_ptr<ConnectRequest> request);
  bool v5() const { return version_ == mqtt::ProtocolVersion::v5; }

  ServerLane& lane_;
  std::uint64_t id_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<ConnectRequest> request_;     // until the session is open
  std::unique_ptr<EnhancedExchange> enhanced_;  // of an open session that began with one
  std::unique_ptr<Publishing> publishing_;      // null: has published nothing
  hub::Session* session_ = nullptr;
  State state_ = State::waiting;
  mqtt::ProtocolVersion version_ = mqtt::ProtocolVersion::v3_1_1;  // of the CONNECT
  std::uint16_t outbound_aliases_maximum_ = 0;
  ConnectRequest::Kind kind_ = ConnectRequest::Kind::client;
  Pace pace_ = Pace::light;
  /// Whether it may receive all topics of all its subscriptions, by the policies that the lane has judged by.
  enum class Receives : std::uint8_t { all, ask } receives_ = Receives::ask;
  bool held_ = false;  // acknowledgements wait: a receiver of this peer's messages cannot follow
  std::uint8_t reading_stopped_ = 0;                        // reasons (Stop)
  std::uint32_t max_packet_bytes_ = mqtt::kMaxPacketBytes;  // to the client
  std::uint32_t unanswered_ = 0;                            // QoS 1 publishes without PUBACK
  std::uint32_t answered_bytes_ = 0;  // all but PUBLISH, since the client was last seen to read
  std::uint32_t granted_expiry_ = 0;
  std::uint32_t keep_alive_ms_ = 0;  // 1.5 times the negotiated value; 0: none
  Instant last_packet_{};
  TimerId timer_;
  std::unique_ptr<TopicAliases> outbound_aliases_;  // made with the first message to a client that takes them
};

}  // namespace dunlin::transport
