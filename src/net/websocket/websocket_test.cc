#include "net/websocket/websocket.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "net/http/fake_network.h"
#include "net/http/server.h"
#include "net/websocket/client.h"
#include "net/websocket/stream.h"

namespace dunlin::net::websocket {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeConnection;
using testing::FakeNetwork;
using testing::Wire;

struct Recorder : WebSocketHandler {
  std::vector<std::string> messages;
  std::vector<std::string> pongs;
  std::optional<CloseCode> closed;
  std::string reason;
  int drained = 0;
  void on_message(MessageKind kind, ByteView payload) override {
    messages.push_back((kind == MessageKind::text ? "t:" : "b:") + std::string{as_text(payload)});
  }
  void on_pong(ByteView payload) override { pongs.emplace_back(as_text(payload)); }
  void on_output_drained() override { ++drained; }
  void on_closed(CloseCode code, std::string_view why) override {
    closed = code;
    reason = why;
  }
};

struct ByteRecorder : ConnectionHandler {
  std::string received;
  std::vector<std::size_t> offers;
  std::optional<CloseReason> closed;
  std::size_t whole = 1;  // only multiples of this are consumed
  std::move_only_function<void()> on_bytes;
  std::size_t on_data(ByteView bytes) override {
    offers.push_back(bytes.size());
    const std::size_t taken = bytes.size() / whole * whole;
    received.append(as_text(bytes.first(taken)));
    if (on_bytes) on_bytes();
    return taken;
  }
  void on_closed(CloseReason why) override { closed = why; }
};

struct Loop : ::testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  SeededRng rng{1};
  std::shared_ptr<Wire> wire = std::make_shared<Wire>(executor);

  std::unique_ptr<Connection> end(int side, std::string transport = "tcp") {
    PeerInfo peer;
    peer.transport = std::move(transport);
    return std::make_unique<FakeConnection>(wire, side, peer);
  }
  static WebSocketOptions quiet() { return {.ping_interval = Duration::zero()}; }
  /// What the server has sent, as hexadecimal.
  std::string sent() {
    scheduler.run_ready();
    return to_hex(as_bytes(std::exchange(wire->ends[0].inbox, {})));
  }
  void client_sends(Opcode opcode, std::string_view payload) {
    wire->send(0, encode_frame({.opcode = opcode, .payload = as_bytes(payload)}, &rng).text());
    scheduler.run_ready();
  }
};

struct WebSocketTest : Loop {
  Recorder handler;
  std::unique_ptr<WebSocketConnection> server =
      std::make_unique<WebSocketConnection>(end(1), Role::server, quiet(), handler);
};

TEST_F(WebSocketTest, SendsAndReceivesMessages) {
  server->send_text("hi");
  server->send_binary(as_bytes("\x01"));
  EXPECT_EQ(sent(), "81026869820101");
  client_sends(Opcode::text, "yo");
  client_sends(Opcode::binary, "z");
  EXPECT_EQ(handler.messages, (std::vector<std::string>{"t:yo", "b:z"}));
}

TEST_F(WebSocketTest, AnswersPingsAndReportsPongs) {
  client_sends(Opcode::ping, "p");
  EXPECT_EQ(sent(), "8a0170");
  server->ping(as_bytes("q"));
  EXPECT_EQ(sent(), "890171");
  client_sends(Opcode::pong, "q");
  EXPECT_EQ(handler.pongs, std::vector<std::string>{"q"});
}

TEST_F(WebSocketTest, DoesNotAnswerPingsOfAPeerThatReadsNothing) {
  wire->ends[1].budget = 0;
  const std::string payload(125, 'p');
  for (int i = 0; i < 2000; ++i) client_sends(Opcode::ping, payload);
  EXPECT_LT(server->pending_output(), kMaxPongBacklog + 200);
}

TEST_F(WebSocketTest, AnswersAClose) {
  wire->send(0, encode_close(CloseCode::going_away, "bye", &rng).text());
  EXPECT_EQ(sent(), "880203e9");
  EXPECT_EQ(handler.closed, CloseCode::going_away);
  EXPECT_EQ(handler.reason, "bye");
  EXPECT_TRUE(wire->ends[1].ended);
}

TEST_F(WebSocketTest, ClosesAndWaitsForTheAnswer) {
  server->close(CloseCode::normal, "done");
  server->send_text("ignored");
  EXPECT_EQ(sent(), "880603e8646f6e65");
  EXPECT_FALSE(handler.closed);
  client_sends(Opcode::text, "late");
  wire->send(0, encode_close(CloseCode::normal, "", &rng).text());
  scheduler.run_ready();
  EXPECT_EQ(handler.closed, CloseCode::normal);
  EXPECT_TRUE(handler.messages.empty());
  EXPECT_EQ(sent(), "");
}

TEST_F(WebSocketTest, ClosesAloneAfterTheDeadline) {
  server->close(CloseCode::normal, "");
  scheduler.run_for(kCloseDeadline - milliseconds{1});
  EXPECT_FALSE(handler.closed);
  scheduler.run_for(milliseconds{1});
  EXPECT_TRUE(handler.closed);
}

TEST_F(WebSocketTest, TellsABreakerOfRulesWhy) {
  wire->send(0, "\x81\x02hi");
  EXPECT_TRUE(
      sent().starts_with("8817"
                         "03ea"));
  EXPECT_EQ(handler.closed, CloseCode::protocol_error);
  EXPECT_EQ(handler.reason, "a frame is not masked");
  EXPECT_TRUE(handler.messages.empty());
}

TEST_F(WebSocketTest, ClosesOnTooLargeAndOnBadText) {
  Recorder other;
  client_sends(Opcode::binary, std::string(kDefaultMaxMessageBytes + 1, 'x'));
  EXPECT_EQ(handler.closed, CloseCode::message_too_big);
  wire = std::make_shared<Wire>(executor);
  WebSocketConnection second(end(1), Role::server, quiet(), other);
  client_sends(Opcode::text, "\xff");
  EXPECT_EQ(other.closed, CloseCode::invalid_payload);
}

TEST_F(WebSocketTest, AnEndWithoutACloseFrameIsAbnormal) {
  wire->end(0);
  scheduler.run_ready();
  EXPECT_EQ(handler.closed, CloseCode::abnormal);
}

TEST_F(WebSocketTest, TheHandlerMayDestroyItWhenClosed) {
  struct Destroyer : Recorder {
    std::unique_ptr<WebSocketConnection> socket;
    void on_closed(CloseCode code, std::string_view why) override {
      Recorder::on_closed(code, why);
      socket.reset();
    }
  } destroyer;
  wire = std::make_shared<Wire>(executor);
  destroyer.socket = std::make_unique<WebSocketConnection>(end(1), Role::server, quiet(), destroyer);
  wire->send(0, encode_close(CloseCode::normal, "", &rng).text());
  scheduler.run_ready();
  EXPECT_EQ(destroyer.closed, CloseCode::normal);
  EXPECT_EQ(destroyer.socket, nullptr);
}

TEST_F(WebSocketTest, ReportsWhenOutputHasDrained) {
  wire->ends[1].budget = 0;
  server->send_binary(as_bytes(std::string(testing::kFakeHighMark + 1, 'x')));
  scheduler.run_ready();
  EXPECT_GT(server->pending_output(), testing::kFakeHighMark);
  wire->allow(1, 10'000'000);
  scheduler.run_ready();
  EXPECT_EQ(handler.drained, 1);
}

TEST_F(Loop, BytesAfterTheHandshakeAreDeliveredFirst) {
  Recorder handler;
  const Slice first = encode_frame({.opcode = Opcode::text, .payload = as_bytes("first")}, &rng);
  WebSocketConnection server(end(1), Role::server, quiet(), handler, first);
  EXPECT_TRUE(handler.messages.empty());
  client_sends(Opcode::text, "second");
  EXPECT_EQ(handler.messages, (std::vector<std::string>{"t:first", "t:second"}));
}

TEST_F(Loop, ASilentPeerIsPingedAndThenCutOff) {
  Recorder handler;
  WebSocketConnection server(end(1), Role::server, {}, handler);
  scheduler.run_for(kPingInterval);
  EXPECT_EQ(sent(), "8900");
  client_sends(Opcode::pong, "");
  scheduler.run_for(kPingInterval + kPingInterval / 2);
  EXPECT_FALSE(handler.closed);
  scheduler.run_for(2 * kPingInterval);
  EXPECT_EQ(handler.closed, CloseCode::abnormal);
}

struct StreamTest : Loop {
  ByteRecorder handler;
  std::unique_ptr<Connection> stream =
      std::make_unique<WebSocketStream>(end(1, "tls"), Role::server, quiet());
  StreamTest() { stream->set_handler(&handler); }
};

TEST_F(StreamTest, WritesOfOneTurnShareAFrame) {
  EXPECT_EQ(stream->peer().transport, "wss");
  stream->write(std::string_view{"ab"});
  stream->write(Slice::of_static("cd"));
  EXPECT_EQ(stream->pending_output(), 4u);
  EXPECT_EQ(sent(), "820461626364");
  EXPECT_EQ(stream->pending_output(), 0u);
}

TEST_F(StreamTest, LargeWritesKeepTheirOrder) {
  stream->write(std::string_view{"a"});
  stream->write(std::string(kMaxBatchBytes + 1, 'b'));
  stream->write(std::string_view{"c"});
  const std::string all = sent();
  EXPECT_TRUE(
      all.starts_with("820161"
                      "827f0000000000010001"
                      "6262"));
  EXPECT_TRUE(
      all.ends_with("62"
                    "820163"));
}

TEST_F(StreamTest, PacketsMaySpanMessagesAndMessagesHoldSeveral) {
  handler.whole = 4;
  client_sends(Opcode::binary, "ab");
  EXPECT_EQ(handler.received, "");
  client_sends(Opcode::binary, "cdabcda");
  EXPECT_EQ(handler.received, "abcdabcd");
  client_sends(Opcode::binary, "bcd");
  EXPECT_EQ(handler.received, "abcdabcdabcd");
}

TEST_F(StreamTest, TextIsRefusedWith1003) {
  client_sends(Opcode::text, "x");
  EXPECT_TRUE(
      sent().starts_with("8816"
                         "03eb"));
  wire->send(0, encode_close(CloseCode::unsupported_data, "", &rng).text());
  scheduler.run_ready();
  EXPECT_EQ(handler.closed, CloseReason::reset);
}

TEST_F(StreamTest, WhatIsNotConsumedIsBounded) {
  handler.whole = 1'000'000;
  stream->set_max_unconsumed(100);
  client_sends(Opcode::binary, std::string(100, 'x'));
  EXPECT_EQ(sent(), "");
  client_sends(Opcode::binary, "x");
  EXPECT_TRUE(sent().contains("03f1"));
  scheduler.run_for(kCloseDeadline);
  EXPECT_EQ(handler.closed, CloseReason::reset);
}

TEST_F(StreamTest, CloseSendsTheRestFirst) {
  stream->write(std::string_view{"ab"});
  stream->close();
  stream->write(std::string_view{"never"});
  EXPECT_EQ(sent(),
            "82026162"
            "880203e8");
  wire->send(0, encode_close(CloseCode::normal, "", &rng).text());
  scheduler.run_ready();
  EXPECT_EQ(handler.closed, CloseReason::local_closed);
}

TEST_F(StreamTest, APausedStreamOffersLater) {
  stream->pause_reading();
  client_sends(Opcode::binary, "ab");
  EXPECT_TRUE(handler.offers.empty());
  stream->resume_reading();
  scheduler.run_ready();
  EXPECT_EQ(handler.received, "ab");
}

TEST_F(StreamTest, MovesInTheMiddleOfAFrameWithWhatWasKept) {
  VirtualExecutor other(scheduler);
  std::unique_ptr<Connection> moved;
  ByteRecorder there;
  handler.whole = 4;
  handler.on_bytes = [&] {
    stream->move_to(other, [&](std::unique_ptr<Connection> arrived) {
      moved = std::move(arrived);
      moved->set_handler(&there);
    });
    handler.on_bytes = nullptr;
  };
  const std::string frame{
      encode_frame({.opcode = Opcode::binary, .payload = as_bytes("second")}, &rng).text()};
  wire->send(
      0,
      std::string{encode_frame({.opcode = Opcode::binary, .payload = as_bytes("abcdfirst")}, &rng).text()} +
          frame.substr(0, 8));
  scheduler.run_ready();
  stream.reset();
  wire->send(0, frame.substr(8));
  scheduler.run_ready();
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(handler.received, "abcdfirs");
  EXPECT_EQ(there.received, "tsecond");
  moved->write(std::string_view{"x"});
  EXPECT_EQ(sent(), "820178");
}

TEST_F(StreamTest, MayBeDestroyedWhileItsHandlerRuns) {
  handler.on_bytes = [&] { stream.reset(); };
  client_sends(Opcode::binary, "ab");
  client_sends(Opcode::binary, "cd");
  EXPECT_EQ(handler.received, "ab");
  EXPECT_TRUE(wire->ends[1].ended);
  EXPECT_FALSE(handler.closed);
}

/// An HTTP server that upgrades, and a client.
struct EndToEnd : Loop {
  FakeNetwork network;
  UpgradeOptions upgrade_options{.subprotocols = {"mqtt"},
                                 .subprotocol = UpgradeOptions::Subprotocol::required};
  std::unique_ptr<Connection> accepted;
  ByteRecorder server_bytes, client_bytes;
  std::string origin;
  http::HttpServer server{executor, {}, [this](http::Request request, http::Responder responder) {
                            auto upgrade = accept_upgrade(request, upgrade_options);
                            if (!upgrade) return responder.send(refuse_upgrade(upgrade.error()));
                            origin = upgrade->origin;
                            responder.upgrade(std::move(upgrade->headers), [this](http::Upgraded upgraded) {
                              accepted = std::make_unique<WebSocketStream>(std::move(upgraded.connection),
                                                                           Role::server, quiet(),
                                                                           std::move(upgraded.unread));
                              accepted->set_handler(&server_bytes);
                            });
                          }};
  std::unique_ptr<Listener> listener =
      *network.listen(executor, {.endpoint = {"h", 80}, .tls = nullptr},
                      [this](auto connection) { server.accept(std::move(connection)); });

  Result<Opened> open(std::vector<std::string> subprotocols, std::uint16_t port = 80) {
    std::optional<Result<Opened>> got;
    OpenRequest request;
    request.connect.endpoint = {"h", port};
    request.target = "/mqtt";
    request.subprotocols = std::move(subprotocols);
    request.headers = {{"Origin", "http://h"}};
    open_websocket(network, executor, rng, std::move(request), [&](Result<Opened> result) {
      if (result) result->connection->set_handler(nullptr);
      got = std::move(result);
    });
    EXPECT_TRUE(scheduler.run_until([&] { return got.has_value(); }, seconds{60}));
    return std::move(*got);
  }
};

TEST_F(EndToEnd, BytesGoBothWaysInRandomPieces) {
  auto opened = open({"other", "mqtt"});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->subprotocol, "mqtt");
  EXPECT_EQ(origin, "http://h");
  WebSocketStream client(std::move(opened->connection), Role::client,
                         {.ping_interval = Duration::zero(), .mask_keys = &rng});
  client.set_handler(&client_bytes);
  std::string up, down;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(1 + rng.below(3000), static_cast<char>('a' + i % 26));
    (i % 2 == 0 ? up : down) += piece;
    if (i % 2 == 0) client.write(piece);
    if (i % 2 == 1 && accepted) accepted->write(piece);
    if (rng.below(3) == 0) scheduler.run_ready();
    if (i == 0) scheduler.run_ready();
  }
  scheduler.run_ready();
  EXPECT_EQ(server_bytes.received, up);
  EXPECT_EQ(client_bytes.received, down);
  client.close();
  scheduler.run_ready();
  EXPECT_EQ(client_bytes.closed, CloseReason::local_closed);
  EXPECT_EQ(server_bytes.closed, CloseReason::peer_closed);
}

TEST_F(EndToEnd, TheHandshakeFailsCleanly) {
  EXPECT_EQ(open({"other"}).error().code, Errc::malformed);
  EXPECT_EQ(open({"mqtt"}, 99).error().code, Errc::unavailable);
  std::vector<std::unique_ptr<Connection>> silent;
  const auto quiet_listener =
      *network.listen(executor, {.endpoint = {"h", 81}, .tls = nullptr},
                      [&](auto connection) { silent.push_back(std::move(connection)); });
  EXPECT_EQ(open({"mqtt"}, 81).error().code, Errc::timed_out);
}

http::Request handshake() {
  http::Request request;
  request.headers = {{"Host", "h"},
                     {"Upgrade", "WebSocket"},
                     {"Connection", "keep-alive, upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return request;
}

TEST(Handshake, AnswersTheExampleOfTheRfc) {
  const auto upgrade = accept_upgrade(handshake(), {});
  ASSERT_TRUE(upgrade);
  EXPECT_EQ(upgrade->headers.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(upgrade->origin, "");
  EXPECT_FALSE(upgrade->headers.get("Sec-WebSocket-Protocol"));
}

TEST(Handshake, RefusesWhatIsNoHandshake) {
  const std::pair<const char*, const char*> changes[] = {{"Upgrade", "h2c"},
                                                         {"Connection", "close"},
                                                         {"Sec-WebSocket-Key", "short"},
                                                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!"},
                                                         {"Sec-WebSocket-Protocol", "a b"}};
  for (const auto& [name, value] : changes) {
    auto request = handshake();
    request.headers.set(name, value);
    const auto upgrade = accept_upgrade(request, {});
    ASSERT_FALSE(upgrade) << name;
    EXPECT_EQ(upgrade.error().code, Errc::malformed);
    EXPECT_EQ(refuse_upgrade(upgrade.error()).status, 400);
  }
  auto old = handshake();
  old.headers.set("Sec-WebSocket-Version", "8");
  const auto refused = refuse_upgrade(accept_upgrade(old, {}).error());
  EXPECT_EQ(refused.status, 426);
  EXPECT_EQ(refused.headers.get("Sec-WebSocket-Version"), "13");
  auto post = handshake();
  post.method = http::Method::post;
  EXPECT_FALSE(accept_upgrade(post, {}));
  auto twice = handshake();
  twice.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_FALSE(accept_upgrade(twice, {}));
}

TEST(Handshake, TheClientChecksTheAnswer) {
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  const http::Headers good{
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_value(key)}};
  EXPECT_TRUE(check_answer(101, good, key, {}));
  EXPECT_EQ(check_answer(401, good, key, {}).error().code, Errc::permission_denied);
  EXPECT_FALSE(check_answer(200, good, key, {}));
  auto other = good;
  other.set("Sec-WebSocket-Accept", accept_value("x"));
  EXPECT_FALSE(check_answer(101, other, key, {}));
  auto extension = good;
  extension.add("Sec-WebSocket-Extensions", "permessage-deflate");
  EXPECT_FALSE(check_answer(101, extension, key, {}));
  auto subprotocol = good;
  subprotocol.add("Sec-WebSocket-Protocol", "mqtt");
  EXPECT_FALSE(check_answer(101, subprotocol, key, {}));
  EXPECT_EQ(check_answer(101, subprotocol, key, {"mqtt"}).value(), "mqtt");
}

}  // namespace
}  // namespace dunlin::net::websocket
