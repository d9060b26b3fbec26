// The statements that bind a client, shown on the product's own (src/transport/mqtt/client.h) against a
// server that is only a script.

#include "transport/mqtt/client.h"

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using transport::ClientOptions;
using transport::ClientState;
using transport::MqttClient;

/// A packet of a client in one line: those that a server sends, too, as tell() has them.
std::string tell_client(int version, const Bytes& bytes) {
  const auto at = [&](std::size_t place) { return static_cast<unsigned char>(bytes.at(place)); };
  const auto two = [&](std::size_t place) { return std::to_string(at(place) << 8 | at(place + 1)); };
  switch (at(0)) {
    case 0x10:
      return std::string("CONNECT") + ((at(9) & 2) != 0 ? " clean" : "") + " keep=" + two(10);
    case 0x82:
      return "SUBSCRIBE " + two(2);
    case 0xa2:
      return "UNSUBSCRIBE " + two(2);
    case 0xc0:
      return "PINGREQ";
    case 0xe0:
      return version == kV3 ? "DISCONNECT" : tell(version, bytes).line;
    default:
      return tell(version, bytes).line;
  }
}

class Script final : public net::ConnectionHandler {
 public:
  Script(int protocol, std::unique_ptr<net::Connection> from)
      : version(protocol), connection(std::move(from)) {
    connection->set_handler(this);
  }
  std::size_t on_data(ByteView bytes) override {
    buffer_.append(as_text(bytes));
    for (const Bytes& one : take_packets(buffer_)) {
      raw.push_back(one);
      lines.push_back(tell_client(version, one));
    }
    return bytes.size();
  }
  void on_closed(net::CloseReason) override {
    lines.emplace_back("closed");
    connection.reset();
  }
  int version;
  std::unique_ptr<net::Connection> connection;
  std::vector<std::string> lines;
  std::vector<Bytes> raw;

 private:
  Bytes buffer_;
};

class ClientSide : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto made =
        network.host("server").listen(server_executor, {.endpoint = {"server", 1883}, .tls = {}},
                                      [this](std::unique_ptr<net::Connection> c) {
                                        scripts.push_back(std::make_unique<Script>(version(), std::move(c)));
                                      });
    ASSERT_TRUE(made.has_value());
    listener = std::move(*made);
  }
  void TearDown() override {
    client.reset();
    scripts.clear();
  }
  int version() const { return GetParam(); }
  bool v5() const { return GetParam() == kV5; }

  ClientOptions options(ClientOptions::Start start = ClientOptions::Start::resume) {
    ClientOptions made;
    made.connection.endpoint = {"server", 1883};
    made.client_id = "c";
    made.version = v5() ? mqtt::ProtocolVersion::v5 : mqtt::ProtocolVersion::v3_1_1;
    made.start = start;
    return made;
  }
  Bytes connack(unsigned present, const Bytes& properties = {}) const {
    Bytes body = u8(present) + u8(0);
    if (v5()) body += variable(static_cast<std::uint32_t>(properties.size())) + properties;
    return packet(0x20, body);
  }
  /// The connection that the client has, after its CONNECT was answered.
  Script& start(ClientOptions wish, const Bytes& answer) {
    client = std::make_unique<MqttClient>(network.host("device"), client_executor, rng, std::move(wish));
    client->start();
    return accept(answer);
  }
  /// The next connection.
  Script& accept(const Bytes& answer) {
    const std::size_t before = scripts.size();
    EXPECT_TRUE(scheduler.run_until([&] { return scripts.size() > before; }, std::chrono::minutes{5}));
    Script& script = *scripts.back();
    run();
    script.connection->write(std::string_view(answer));
    run();
    return script;
  }
  Lines got(Script& script) {
    run();
    return std::exchange(script.lines, {});
  }
  Lines answer(Script& script, const Bytes& bytes) {
    script.connection->write(std::string_view(bytes));
    return got(script);
  }
  void cut(Script& script) {
    script.connection->abort();
    script.connection.reset();
    run();
  }
  void run(Duration time = std::chrono::milliseconds{20}) { scheduler.run_for(time); }
  /// Publishes, and notes how it ended.
  void send(const std::string& payload, unsigned qos, bool retain = false) {
    transport::ClientMessage message;
    message.topic = Slice::copy_of(std::string_view("t"));
    message.payload = Slice::copy_of(std::string_view(payload));
    message.qos = static_cast<hub::QoS>(qos);
    if (retain) message.retain = hub::Message::Retain::yes;
    client->publish(std::move(message), [this, payload](Result<void> result) {
      ends.push_back(payload + (result ? " done" : " failed"));
    });
  }
  void collect(std::vector<Task>& open) {
    client->on_message(
        [&open](transport::ClientMessage, Task handled) { open.push_back(std::move(handled)); });
  }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor server_executor{scheduler};
  VirtualExecutor client_executor{scheduler};
  metrics::Registry metrics;
  SeededRng network_rng{3};
  SeededRng rng{5};
  net::VirtualNetwork network{scheduler, network_rng, metrics};
  std::unique_ptr<net::Listener> listener;
  std::vector<std::unique_ptr<Script>> scripts;
  std::unique_ptr<MqttClient> client;
  std::vector<std::string> ends;
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientSide, ::testing::Values(kV3, kV5),
                         [](const auto& one) { return one.param == kV3 ? "v3_1_1" : "v5_0"; });

/// What MQTT 5.0 alone has.
class ClientSide5 : public ClientSide {};

INSTANTIATE_TEST_SUITE_P(Versions, ClientSide5, ::testing::Values(kV5),
                         [](const auto&) { return std::string("v5_0"); });

// MQTT 3.1.1: 3.1.0-1, 7.1.2-1, 3.14.4-1, 3.14.4-2; 5.0: 3.1.0-1, 3.14.4-1, 3.14.4-2.
TEST_P(ClientSide, ConnectComesFirstAndDisconnectLast) {
  Script& server = start(options(), connack(0));
  EXPECT_THAT(got(server), ElementsAre("CONNECT keep=60"));
  send("1", 1);
  EXPECT_THAT(got(server), ElementsAre("PUBLISH t=1 q1 id1"));
  client->stop();
  send("2", 1);
  EXPECT_THAT(got(server), ElementsAre(v5() ? "DISCONNECT 00" : "DISCONNECT", "closed"));
}

// MQTT 3.1.1: 3.1.3-7, 3.1.3-3.
TEST_P(ClientSide, WithoutAnIdentifierItKeepsNoSession) {
  ClientOptions wish = options();
  wish.client_id = "";
  Script& server = start(wish, connack(0));
  EXPECT_THAT(got(server), ElementsAre(v5() ? "CONNECT keep=60" : "CONNECT clean keep=60"));
}

// MQTT 3.1.1: 3.1.2-23; 5.0: 3.1.2-20.
TEST_P(ClientSide, ItPingsWithinTheKeepAlive) {
  ClientOptions wish = options();
  wish.keep_alive_seconds = 10;
  Script& server = start(wish, connack(0));
  got(server);
  for (int i = 0; i < 20; ++i) {
    run(std::chrono::milliseconds{10'050});
    const Lines lines = got(server);
    ASSERT_THAT(lines, Contains("PINGREQ")) << i;
    server.connection->write(std::string_view("\xd0\x00", 2));
  }
}

// MQTT 5.0: 3.1.2-21, 3.2.2-21.
TEST_P(ClientSide5, ItUsesTheKeepAliveOfTheServer) {
  Script& server = start(options(), connack(0, u16_property(0x13, 5)));
  got(server);
  run(std::chrono::milliseconds{5'050});
  EXPECT_THAT(got(server), ElementsAre("PINGREQ"));
}

// MQTT 3.1.1: 3.1.2-6; 5.0: 3.2.2-4.
TEST_P(ClientSide, ASessionThatWasNotWantedEndsTheConnection) {
  Script& server = start(options(ClientOptions::Start::clean), connack(1));
  EXPECT_THAT(got(server), ElementsAre("CONNECT clean keep=60", "closed"));
}

// MQTT 3.1.1: 3.1.2-4; 5.0: 3.2.2-5.
TEST_P(ClientSide, WithoutASessionItForgetsItsOwn) {
  Script& first = start(options(), connack(0));
  got(first);
  send("1", 2);
  send("2", 2);
  EXPECT_EQ(got(first).size(), 2U);
  EXPECT_THAT(answer(first, pubrec(1)), ElementsAre("PUBREL 1"));
  cut(first);
  Script& second = accept(connack(0));
  EXPECT_THAT(got(second), ElementsAre("CONNECT keep=60", "PUBLISH t=2 q2 id2")) << "no PUBREL, and no DUP";
}

// MQTT 5.0: 3.2.2-11, 3.2.2-14, 3.2.2-15, 3.2.2-18.
TEST_P(ClientSide5, ItSendsNothingThatTheServerDoesNotTake) {
  Script& server =
      start(options(), connack(0, byte_property(0x24, 1) + byte_property(0x25, 0) + u32_property(0x27, 30)));
  got(server);
  send("qos", 2);
  send("retained", 1, true);
  send(std::string(30 - 2 - 3 - 2 - 1, 'x'), 1);
  send(std::string(30 - 2 - 3 - 2, 'y'), 1);
  send(std::string(30 - 2 - 3, 'z'), 0);
  EXPECT_THAT(got(server), ElementsAre("PUBLISH t=" + std::string(22, 'x') + " q1 id1"));
  EXPECT_EQ(ends.size(), 4U);
  for (const std::string& end : ends) EXPECT_TRUE(end.ends_with("failed")) << end;
}

// MQTT 5.0: 3.3.4-7, 3.3.4-8, 4.9.0-1, 4.9.0-2, 4.9.0-3.
TEST_P(ClientSide5, ItKeepsToTheReceiveMaximum) {
  Script& server = start(options(), connack(0, property::receive_maximum(3)));
  got(server);
  for (const std::string payload : {"1", "2", "3", "4", "5"}) send(payload, 2);
  client->subscribe("a", {}, {});
  send("zero", 0);
  const Lines lines = got(server);
  EXPECT_THAT(lines, Contains("PUBLISH t=3 q2 id3"));
  EXPECT_THAT(lines, Contains("PUBLISH t=zero q0"));
  EXPECT_THAT(lines, Contains(::testing::StartsWith("SUBSCRIBE")));
  EXPECT_EQ(lines.size(), 5U) << "nothing but the fourth and fifth wait";
  EXPECT_THAT(answer(server, pubrec(2)), ElementsAre("PUBREL 2"));
  const Lines more = answer(server, pubcomp(2));
  ASSERT_EQ(more.size(), 1U);
  EXPECT_TRUE(more[0].starts_with("PUBLISH t=4 q2 id")) << more[0];
  cut(server);
  // A smaller one holds for what is sent again, too.
  Script& next = accept(connack(1, property::receive_maximum(1)));
  const Lines again = got(next);
  ASSERT_EQ(again.size(), 3U) << "CONNECT, the first message and SUBSCRIBE";
  EXPECT_THAT(again, Contains("PUBLISH t=1 q2 id1 dup"));
  next.connection->write(std::string_view(pubrec(1)));
  EXPECT_THAT(got(next), ElementsAre("PUBREL 1"));
  EXPECT_THAT(answer(next, pubcomp(1)), ElementsAre("PUBLISH t=3 q2 id3 dup"));
}

// MQTT 3.1.1: 4.4.0-1, 4.6.0-1, 2.3.1-3, 3.3.1-1; 5.0: 4.4.0-1, 4.6.0-1, 3.3.1-1, 4.3.3-5, 4.3.3-6, 2.2.1-3.
TEST_P(ClientSide, ItSendsAgainInOrder) {
  Script& first = start(options(), connack(0));
  got(first);
  for (unsigned i = 1; i <= 4; ++i) send(std::to_string(i), 1 + i % 2);
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=1 q2 id1", "PUBLISH t=2 q1 id2", "PUBLISH t=3 q2 id3",
                                      "PUBLISH t=4 q1 id4"));
  EXPECT_THAT(answer(first, pubrec(3)), ElementsAre("PUBREL 3"));
  cut(first);
  Script& second = accept(connack(1));
  EXPECT_THAT(got(second), ElementsAre("CONNECT keep=60", "PUBLISH t=1 q2 id1 dup", "PUBLISH t=2 q1 id2 dup",
                                       "PUBREL 3", "PUBLISH t=4 q1 id4 dup"));
  second.connection->write(std::string_view(puback(2) + puback(4) + pubcomp(3)));
  EXPECT_THAT(answer(second, pubrec(1)), ElementsAre("PUBREL 1"));
  EXPECT_THAT(answer(second, pubcomp(1)), IsEmpty());
  EXPECT_THAT(ends, ElementsAre("2 done", "4 done", "3 done", "1 done"));
}

// MQTT 3.1.1: 4.5.0-2, 4.6.0-2, 4.6.0-3, 4.6.0-4; 5.0: 4.5.0-2, 4.6.0-2, 4.6.0-3, 4.6.0-4.
TEST_P(ClientSide, ItAnswersInTheOrderReceived) {
  Script& server = start(options(), connack(0));
  got(server);
  EXPECT_THAT(answer(server, publish(version(), {.qos = 1, .id = 9})), ElementsAre("PUBACK 9"))
      << "whether somebody looks or not";
  std::vector<Task> open;
  collect(open);
  Bytes burst;
  for (unsigned i = 1; i <= 3; ++i)
    burst += publish(version(), {.qos = 1, .id = i}) + publish(version(), {.qos = 2, .id = 10 + i});
  EXPECT_THAT(answer(server, burst), IsEmpty());
  ASSERT_EQ(open.size(), 6U);
  // Handled backwards.
  for (std::size_t i = 6; i-- > 2;) open[i]();
  EXPECT_THAT(got(server), IsEmpty());
  open[0]();
  EXPECT_THAT(got(server), ElementsAre("PUBACK 1", "PUBACK 2", "PUBACK 3"));
  open[1]();
  EXPECT_THAT(got(server), ElementsAre("PUBREC 11", "PUBREC 12", "PUBREC 13"));
  EXPECT_THAT(answer(server, pubrel(11) + pubrel(12) + pubrel(13)),
              ElementsAre("PUBCOMP 11", "PUBCOMP 12", "PUBCOMP 13"));
  // PUBREL in the order of the PUBRECs.
  for (const std::string payload : {"1", "2", "3"}) send(payload, 2);
  got(server);
  EXPECT_THAT(answer(server, pubrec(2) + pubrec(1) + pubrec(3)),
              ElementsAre("PUBREL 2", "PUBREL 1", "PUBREL 3"));
}

// MQTT 5.0: 3.3.2-10, 3.2.2-17, 4.13.1-1.
TEST_P(ClientSide5, AnAliasThatWasNotOfferedEndsTheConnection) {
  Script& server = start(options(), connack(0, property::topic_alias_maximum(5)));
  // This client offers no alias, and uses none of the server's.
  send("1", 0);
  EXPECT_THAT(got(server), ElementsAre("CONNECT keep=60", "PUBLISH t=1 q0"));
  EXPECT_EQ(server.raw[0].find(u8(0x22) + u16(0)), Bytes::npos);
  EXPECT_THAT(answer(server, publish(kV5, {.properties = property::topic_alias(1)})), ElementsAre("closed"));
}

// MQTT 5.0: 4.12.0-7, 4.13.1-1; 3.1.1: 4.8.0-1, 3.3.1-4.
TEST_P(ClientSide, WhatItDoesNotUnderstandEndsTheConnection) {
  const Bytes method = property::authentication_method("X");
  for (const Bytes& wrong :
       {packet(0xc0, ""), publish(version(), {.qos = 3, .id = 1}), packet(0x00, ""),
        publish(version(), {.topic = "a/#"}), packet(0x40, u16(0)),
        packet(0xf0, u8(0x18) + variable(static_cast<unsigned>(method.size())) + method)}) {
    Script& server = start(options(), connack(0));
    got(server);
    const Lines lines = answer(server, wrong);
    EXPECT_THAT(lines, Contains("closed"));
    client.reset();
  }
}

}  // namespace
}  // namespace dunlin::conformance
