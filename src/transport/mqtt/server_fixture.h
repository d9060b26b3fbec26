#pragma once
// For tests: a server of N shards on the virtual network, and clients that speak packets and write down what
// they get.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub_fixture.h"
#include "hub/standings.h"
#include "net/virtual_network.h"
#include "transport/mqtt/server.h"

namespace dunlin::transport::testing {

/// Writes each packet it gets as one line.
class RawClient final : public net::ConnectionHandler {
 public:
  explicit RawClient(mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5) : version_(version) {}

  template <class P>
  void send(const P& packet) {
    std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, version_));
    const auto written = mqtt::encode(packet, version_, MutableByteView(bytes));
    ASSERT_TRUE(written.has_value()) << written.error().context;
    connection->write(ByteView(bytes));
  }
  void publish(std::string_view topic, std::string_view payload, int qos = 0, std::uint16_t id = 0,
               bool retain = false, bool dup = false) {
    mqtt::Publish packet;
    packet.topic = topic;
    packet.payload = as_bytes(payload);
    packet.qos = static_cast<mqtt::QoS>(qos);
    packet.packet_id = id;
    packet.retain = retain;
    packet.dup = dup;
    send(packet);
  }
  void subscribe(std::string_view filter, int qos = 0, std::uint16_t id = 1) {
    const mqtt::Subscription subscription{.filter = filter, .qos = static_cast<mqtt::QoS>(qos)};
    send(mqtt::Subscribe{id, mqtt::Subscriptions(std::span(&subscription, 1)), {}});
  }
  void ack(mqtt::PacketType type, std::uint16_t id, mqtt::ReasonCode reason = mqtt::ReasonCode::success) {
    send(mqtt::Ack{type, id, reason, {}});
  }

  std::size_t on_data(ByteView bytes) override {
    std::size_t used = 0;
    while (true) {
      const auto frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
      if (frame.status != mqtt::FrameResult::Status::complete) return used;
      note(bytes.subspan(used, frame.length));
      used += frame.length;
    }
  }
  void on_closed(net::CloseReason reason) override {
    lines.push_back("closed " + std::string(net::close_reason_name(reason)));
    closed = true;
    connection.reset();
  }
  /// The lines since the last call.
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::unique_ptr<net::Connection> connection;
  std::vector<std::string> lines;
  bool closed = false;
  bool quiet_connack = true;  // leaves the properties out

 private:
  void note(ByteView frame) {
    const auto packet = mqtt::decode(frame, version_, mqtt::Sender::server);
    ASSERT_TRUE(packet.has_value()) << packet.error().why;
    std::string line(mqtt::packet_type_name(mqtt::packet_type(*packet)));
    if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) {
      line += " " + std::string(mqtt::reason_code_name(connack->reason)) +
              (connack->session_present ? " present" : "");
      const auto& p = connack->properties;
      if (p.assigned_client_identifier) assigned = *p.assigned_client_identifier;
      if (p.authentication_method) line += " method=" + std::string(*p.authentication_method);
      if (p.authentication_data) line += " data=" + std::string(as_text(*p.authentication_data));
      if (p.server_reference) line += " to=" + std::string(*p.server_reference);
      if (p.response_information) response_information = *p.response_information;
      if (p.receive_maximum) line_if(line, " receive=" + std::to_string(*p.receive_maximum));
      if (p.topic_alias_maximum) line_if(line, " aliases=" + std::to_string(*p.topic_alias_maximum));
      if (p.server_keep_alive) line_if(line, " keep_alive=" + std::to_string(*p.server_keep_alive));
      if (p.session_expiry_interval) line_if(line, " expiry=" + std::to_string(*p.session_expiry_interval));
      if (p.shared_subscription_available)
        line_if(line, " shared=" + std::to_string(*p.shared_subscription_available));
    } else if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
      line += " " + std::string(publish->topic) + "=" + std::string(as_text(publish->payload)) + " q" +
              std::to_string(static_cast<int>(publish->qos)) + (publish->retain ? " retain" : "") +
              (publish->dup ? " dup" : "");
      if (publish->packet_id != 0) line += " id" + std::to_string(publish->packet_id);
      for (const std::uint32_t id : publish->properties.subscription_identifiers)
        line += " sub" + std::to_string(id);
      const auto& p = publish->properties;
      if (p.topic_alias) line += " alias" + std::to_string(*p.topic_alias);
      if (p.message_expiry_interval) line += " expiry=" + std::to_string(*p.message_expiry_interval);
      if (p.response_topic) line += " response=" + std::string(*p.response_topic);
      if (p.correlation_data) line += " correlation=" + std::string(as_text(*p.correlation_data));
      for (const auto& user : p.user) line += " " + std::string(user.key) + ":" + std::string(user.value);
    } else if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) {
      line += " " + std::to_string(ack->packet_id);
      if (ack->reason != mqtt::ReasonCode::success)
        line += " " + std::string(mqtt::reason_code_name(ack->reason));
    } else if (const auto* suback = std::get_if<mqtt::Suback>(&*packet)) {
      line += " " + std::to_string(suback->packet_id) + codes(suback->reason_codes);
    } else if (const auto* unsuback = std::get_if<mqtt::Unsuback>(&*packet)) {
      line += " " + std::to_string(unsuback->packet_id) + codes(unsuback->reason_codes);
    } else if (const auto* auth = std::get_if<mqtt::Auth>(&*packet)) {
      line += " " + std::string(mqtt::reason_code_name(auth->reason)) + " " +
              std::string(auth->properties.authentication_method.value_or("")) + " " +
              std::string(as_text(auth->properties.authentication_data.value_or(ByteView())));
    } else if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet)) {
      line += " " + std::string(mqtt::reason_code_name(disconnect->reason));
      if (disconnect->properties.server_reference)
        line += " to=" + std::string(*disconnect->properties.server_reference);
    }
    lines.push_back(line);
  }
  void line_if(std::string& line, const std::string& more) {
    if (!quiet_connack) line += more;
  }
  static std::string codes(ByteView bytes) {
    std::string text;
    for (const std::uint8_t code : bytes) text += " " + std::to_string(code);
    return text;
  }
  mqtt::ProtocolVersion version_;

 public:
  std::string assigned;
  std::string response_information;
};

class ServerTest : public hub::testing::HubTest {
 protected:
  void start(std::size_t shards, ServerLimits limits = {}, hub::Limits hub_limits = {}) {
    clients.clear();
    server.reset();
    listeners.clear();
    boot(shards, hub_limits);
    hub::Authenticator authenticate = [this](hub::Credentials credentials, hub::Authenticated done) {
      if (credentials.password && *credentials.password == "wrong")
        return done(fail(Errc::unauthenticated, "wrong password"));
      if (credentials.password && *credentials.password == "broken")
        return done(fail(Errc::internal, "the store of passwords cannot be read"));
      auto principal = std::make_shared<Principal>();
      principal->kind = kind;
      principal->name = credentials.username.value_or(credentials.client_id);
      principal->client_id = credentials.client_id.empty() ? chosen_client_id : credentials.client_id;
      principal->expires_at = proof_ends;
      done(principal);
    };
    hub::Authorizer authorize = [this](const Principal&, hub::Action action,
                                       std::string_view topic) -> Result<void> {
      ++authorizations;
      if (topic.starts_with("forbidden") || taken_away.contains(topic))
        return fail(Errc::permission_denied, "no policy allows it");
      receive_questions += action == hub::Action::receive ? 1U : 0U;
      if (action == hub::Action::receive && not_received.contains(topic))
        return fail(Errc::permission_denied, "no policy lets it receive that");
      if (action == hub::Action::connect && topic == "banned") return fail(Errc::permission_denied, "banned");
      return {};
    };
    ServerEnvironment environment{hub(),      authenticate, authorize,       world->metrics,
                                  server_rng, limits,       enhanced_method, &policies};
    environment.standing = [this](const Principal& principal) {
      return standings.of(principal.tenant, principal.name);
    };
    environment.conduct = conduct;
    environment.refusals = refusals;
    server = std::make_unique<MqttServer>(std::move(environment));
    for (const auto& executor : world->executors) {
      auto listener = network.host("broker").listen(
          *executor, {.endpoint = {"broker", 1883}, .tls = {}},
          [this](std::unique_ptr<net::Connection> c) { server->accept(std::move(c)); });
      ASSERT_TRUE(listener.has_value());
      listeners.push_back(std::move(*listener));
    }
  }
  void TearDown() override {
    clients.clear();
    server.reset();
    listeners.clear();
  }
  RawClient& dial(mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5) {
    clients.push_back(std::make_unique<RawClient>(version));
    RawClient& client = *clients.back();
    network.host("device").connect(
        client_executor,
        {.endpoint = {"broker", 1883}, .tls = {}, .server_name = {}, .application_protocols = {}},
        [&client](Result<std::unique_ptr<net::Connection>> result) {
          client.connection = std::move(*result);
          client.connection->set_handler(&client);
        });
    EXPECT_TRUE(scheduler.run_until([&] { return client.connection != nullptr; }, std::chrono::seconds{1}));
    return client;
  }
  static mqtt::Connect packet(std::string_view client_id,
                              mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5) {
    mqtt::Connect connect;
    connect.version = version;
    connect.client_id = client_id;
    return connect;
  }
  RawClient& connect(const mqtt::Connect& packet) {
    RawClient& client = dial(packet.version);
    client.send(packet);
    run(kTurn);
    return client;
  }
  RawClient& connected(std::string_view client_id,
                       mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5) {
    RawClient& client = connect(packet(client_id, version));
    EXPECT_EQ(client.take(), std::vector<std::string>{"CONNACK success"});
    return client;
  }
  void settle() { run(kTurn); }

  static constexpr Duration kTurn = std::chrono::milliseconds{50};
  VirtualExecutor client_executor{scheduler};
  metrics::Registry network_metrics;
  SeededRng network_rng{3};
  SeededRng server_rng{5};
  net::VirtualNetwork network{scheduler, network_rng, network_metrics};
  std::unique_ptr<MqttServer> server;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::vector<std::unique_ptr<RawClient>> clients;
  std::size_t authorizations = 0;
  std::size_t receive_questions = 0;                // of these
  std::set<std::string, std::less<>> not_received;  // topics and filters
  hub::Standings standings;
  hub::ConductWatch* conduct = nullptr;           // of the next start()
  RefusalSink* refusals = nullptr;                // likewise
  PrincipalKind kind = PrincipalKind::anonymous;  // of whoever connects
  std::set<std::string, std::less<>> taken_away;  // topics, filters and client ids that were allowed before
  std::atomic<std::uint64_t> policies{1};
  hub::EnhancedAuthenticator enhanced_method;  // of the next start()
  std::int64_t proof_ends = 0;                 // Unix ms, of who authenticates from now on
  std::string chosen_client_id;                // what the authenticator gives a client without an id
};

}  // namespace dunlin::transport::testing
