#pragma once
// A server of three shards on the virtual network, and clients that send bytes and read what comes.

#include <memory>
#include <string>
#include <vector>

#include "packets.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::conformance {

/// One connection to the server. Owned by its test.
class Wire final : public net::ConnectionHandler {
 public:
  explicit Wire(int protocol) : version(protocol) {}

  void send(const Bytes& bytes) {
    ASSERT_NE(connection, nullptr) << "the server has closed the connection";
    connection->write(std::string_view(bytes));
  }
  std::size_t on_data(ByteView bytes) override {
    buffer_.append(as_text(bytes));
    for (const Bytes& one : take_packets(buffer_)) {
      raw.push_back(one);
      Told told = tell(version, one);
      lines.push_back(told.line);
      properties = std::move(told.properties);
    }
    return bytes.size();
  }
  void on_closed(net::CloseReason) override {
    lines.emplace_back("closed");
    connection.reset();
  }
  bool closed() const { return connection == nullptr; }

  int version;
  std::unique_ptr<net::Connection> connection;
  std::vector<std::string> lines;  // since the last got()
  std::vector<Bytes> raw;          // every packet of this connection
  Properties properties;           // of the last packet

 private:
  Bytes buffer_;
};

using Lines = std::vector<std::string>;

class Conformance : public transport::testing::ServerTest {
 protected:
  // The packets of this room, not the helpers of the same names below.
  static Bytes connect(int version, const Connect& fields) { return conformance::connect(version, fields); }
  static Bytes packet(unsigned first_byte, const Bytes& body) {
    return conformance::packet(first_byte, body);
  }
  static Bytes subscribe(int version, unsigned id, const std::vector<Filter>& filters,
                         const Bytes& properties = {}) {
    return conformance::subscribe(version, id, filters, properties);
  }

  void SetUp() override { start(3); }
  void TearDown() override {
    wires.clear();
    ServerTest::TearDown();
  }

  /// A connection without CONNECT.
  Wire& open(int version) {
    wires.push_back(std::make_unique<Wire>(version));
    Wire& wire = *wires.back();
    network.host("device").connect(
        client_executor,
        {.endpoint = {"broker", 1883}, .tls = {}, .server_name = {}, .application_protocols = {}},
        [&wire](Result<std::unique_ptr<net::Connection>> result) {
          wire.connection = std::move(*result);
          wire.connection->set_handler(&wire);
        });
    EXPECT_TRUE(scheduler.run_until([&] { return wire.connection != nullptr; }, std::chrono::seconds{1}));
    return wire;
  }
  /// A connection on which CONNECT was sent; its answer waits in got().
  Wire& dial(int version, const Connect& fields = {}) {
    Wire& wire = open(version);
    wire.send(connect(version, fields));
    return wire;
  }
  /// Accepted, and the CONNACK taken.
  Wire& online(int version, const Connect& fields) {
    Wire& wire = dial(version, fields);
    const Lines lines = got(wire);
    EXPECT_FALSE(lines.empty());
    EXPECT_TRUE(!lines.empty() && lines[0].starts_with("CONNACK 00"))
        << (lines.empty() ? "nothing" : lines[0]);
    return wire;
  }
  template <std::convertible_to<std::string> T>
  Wire& online(int version, const T& client_id) {
    return online(version, Connect{.client_id = client_id});
  }
  /// CONNECT of a session that lasts.
  static Connect lasting(int version, const std::string& client_id) {
    return {.client_id = client_id,
            .clean = false,
            .properties = version == kV5 ? property::session_expiry(3600) : Bytes()};
  }
  /// A subscriber whose SUBACK has been taken.
  Wire& subscriber(int version, const Connect& fields, const std::string& filter, unsigned options) {
    Wire& wire = online(version, fields);
    subscribe_to(wire, filter, options);
    return wire;
  }
  template <std::convertible_to<std::string> T>
  Wire& subscriber(int version, const T& client_id, const std::string& filter, unsigned options) {
    return subscriber(version, Connect{.client_id = client_id}, filter, options);
  }
  void subscribe_to(Wire& wire, const std::string& filter, unsigned options, const Bytes& properties = {}) {
    wire.send(subscribe(wire.version, 77, {{filter, options}}, properties));
    const Lines lines = got(wire);
    EXPECT_FALSE(lines.empty());
    EXPECT_TRUE(!lines.empty() && lines[0].starts_with("SUBACK 77 [0"))
        << (lines.empty() ? "nothing" : lines[0]);
  }
  /// What has come since the last call, after everything has settled.
  Lines got(Wire& wire) {
    run(kTurn);
    return std::exchange(wire.lines, {});
  }
  Lines answer(Wire& wire, const Bytes& bytes) {
    wire.send(bytes);
    return got(wire);
  }
  /// Everything is well if nothing but the end comes: DISCONNECT with this code in MQTT 5, only the close
  /// in 3.1.1.
  static Lines refusal(int version, const std::string& code) {
    if (version == kV3) return {"closed"};
    return {"DISCONNECT " + code, "closed"};
  }
  static Lines connack_refusal(const std::string& code) { return {"CONNACK " + code, "closed"}; }
  /// The connection breaks, as if the network had failed.
  void cut(Wire& wire) {
    wire.connection->abort();
    wire.connection.reset();
    settle();
  }
  /// DISCONNECT, and the end.
  void leave(Wire& wire, unsigned reason = 0) {
    EXPECT_EQ(answer(wire, disconnect(wire.version, reason)), Lines{"closed"});
  }

  std::vector<std::unique_ptr<Wire>> wires;
};

/// The same statement in both specifications: run with MQTT 3.1.1 and with 5.0.
class Both : public Conformance, public ::testing::WithParamInterface<int> {
 protected:
  int version() const { return GetParam(); }
  bool v5() const { return GetParam() == kV5; }
};

class Mqtt3 : public Conformance {};
class Mqtt5 : public Conformance {};

}  // namespace dunlin::conformance
