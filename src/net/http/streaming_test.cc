// Bodies that are read while they come, and made while they are sent.
#include <gtest/gtest.h>

#include "net/http/client.h"
#include "net/http/fake_network.h"
#include "net/http/router.h"

namespace dunlin::net::http {
namespace {

using std::chrono::seconds;
using testing::FakeConnection;
using testing::Wire;

/// A body that the test hands out piece by piece.
struct TestSource final : BodySource {
  explicit TestSource(std::string bytes) : text(std::move(bytes)) {}
  Length length() const override { return known; }
  std::uint64_t size() const override { return text.size(); }
  void read(std::size_t most, std::move_only_function<void(Result<Slice>)> done) override {
    asked = std::max(asked, most);
    const std::string piece = text.substr(at, std::min(most, piece_bytes));
    at += piece.size();
    if (held != nullptr) {
      *held = [done = std::move(done), piece]() mutable { done(Slice::copy_of(piece)); };
      return;
    }
    if (breaks_at < at) return done(fail(Errc::io, "the disk broke"));
    done(Slice::copy_of(piece));
  }

  std::string text;
  std::size_t at = 0;
  std::size_t piece_bytes = 1000;
  std::size_t breaks_at = static_cast<std::size_t>(-1);
  Length known = Length::known;
  std::size_t asked = 0;
  Task* held = nullptr;
};

struct StreamingTest : ::testing::Test {
  struct Sink final : BodySink {
    explicit Sink(StreamingTest& owner) : test(owner) {}
    ~Sink() override { ++test.sinks_gone; }
    void on_bytes(ByteView bytes) override {
      test.received.append(as_text(bytes));
      if (test.on_bytes) test.on_bytes();
    }
    void on_end() override {
      ++test.ends;
      if (test.responder) std::exchange(test.responder, std::nullopt)->send(text_response(201, "stored"));
    }
    StreamingTest& test;
  };

  void open() {
    ASSERT_TRUE(router.add_streamed(
        Method::post, "/blobs/{name}", 100'000,
        [this](Request request, const PathParameters& path, RequestBody coming, Responder to) {
          request_seen = std::move(request);
          name = path.get("name");
          body = std::move(coming);
          responder = std::move(to);
          if (mode == Mode::read) body->read(std::make_unique<Sink>(*this));
        }));
    ASSERT_TRUE(
        router.add(Method::get, "/blobs/{name}", [this](Request, const PathParameters&, Responder to) {
          to.send(text_response(200, ""), std::move(source));
        }));
    options.streamed = router.streamed();
    options.max_body_bytes = 100;
    server = std::make_unique<HttpServer>(executor, options, [this](Request request, Responder to) {
      router.route(std::move(request), std::move(to));
    });
    wire = std::make_shared<Wire>(executor);
    server->accept(std::make_unique<FakeConnection>(wire, 1));
    scheduler.run_ready();
  }
  std::string exchange(std::string_view text) {
    if (!text.empty()) wire->send(0, text);
    scheduler.run_ready();
    return std::exchange(wire->ends[0].inbox, {});
  }
  static std::string post(std::string_view fields, std::string_view bytes = "") {
    return "POST /blobs/a HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(bytes);
  }
  bool closed() const { return wire->ends[1].ended; }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  Router router;
  ServerOptions options;
  enum class Mode { read, wait } mode = Mode::read;
  std::unique_ptr<BodySource> source;
  std::function<void()> on_bytes;
  Request request_seen;
  std::string name;
  std::optional<RequestBody> body;
  std::optional<Responder> responder;
  std::string received;
  int ends = 0;
  int sinks_gone = 0;
  std::unique_ptr<HttpServer> server;
  std::shared_ptr<Wire> wire;
};

TEST_F(StreamingTest, ABodyComesInPiecesAndTheConnectionGoesOn) {
  open();
  EXPECT_EQ(exchange(post("Content-Length: 6\r\n", "abc")), "");
  EXPECT_EQ(received, "abc");
  EXPECT_EQ(name, "a");
  EXPECT_TRUE(request_seen.body.empty());
  EXPECT_EQ(request_seen.headers.get("Content-Length").value_or(""), "6");
  EXPECT_EQ(ends, 0);
  EXPECT_TRUE(exchange("def").contains("201 Created"));
  EXPECT_EQ(received, "abcdef");
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(sinks_gone, 1);
  // Chunked, larger than what is read whole, and the next request behind it in one piece.
  received.clear();
  const std::string large(5000, 'x');
  const std::string answers =
      exchange(post("Transfer-Encoding: chunked\r\n", "1388\r\n" + large + "\r\n0\r\n\r\n") + post("", ""));
  EXPECT_EQ(received, large);
  EXPECT_EQ(ends, 3) << "and one without a body";
  EXPECT_NE(answers.find("201 Created"), answers.rfind("201 Created"));
  EXPECT_FALSE(closed());
}

TEST_F(StreamingTest, OneByteAtATimeGivesTheSame) {
  open();
  std::string answers;
  const std::string text =
      post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\nT: t\r\n\r\n");
  for (const char c : text + text) answers += exchange({&c, 1});
  EXPECT_EQ(received, "abcdeabcde");
  EXPECT_EQ(ends, 2);
}

TEST_F(StreamingTest, NothingIsReadBeforeSomebodyWantsIt) {
  mode = Mode::wait;
  open();
  EXPECT_EQ(exchange(post("Content-Length: 6\r\nExpect: 100-continue\r\n")), "") << "not told to go on";
  body->read(std::make_unique<Sink>(*this));
  EXPECT_TRUE(exchange("").contains("100 Continue"));
  EXPECT_TRUE(exchange("abcdef").contains("201 Created"));
  EXPECT_EQ(received, "abcdef");
}

TEST_F(StreamingTest, ARefusalBeforeTheBodyEndsTheConnection) {
  mode = Mode::wait;
  open();
  exchange(post("Content-Length: 6\r\nExpect: 100-continue\r\n"));
  responder->send(error_response(Errc::unauthenticated, "who are you?"));
  const std::string answer = exchange("");
  EXPECT_TRUE(answer.contains("401"));
  EXPECT_TRUE(answer.contains("Connection: close"));
  EXPECT_FALSE(answer.contains("100 Continue"));
  EXPECT_TRUE(closed());
}

TEST_F(StreamingTest, ARefusalOfAWholeBodyKeepsTheConnection) {
  mode = Mode::wait;
  open();
  exchange(post("Content-Length: 3\r\n", "abc"));
  responder->send(error_response(Errc::unauthenticated, "who are you?"));
  EXPECT_TRUE(exchange("").contains("401"));
  EXPECT_FALSE(closed());
  mode = Mode::read;
  EXPECT_TRUE(exchange(post("Content-Length: 3\r\n", "def")).contains("201"));
  EXPECT_EQ(received, "def");
}

TEST_F(StreamingTest, AnAnswerInTheMiddleDropsTheSink) {
  open();
  on_bytes = [this] {
    if (responder) std::exchange(responder, std::nullopt)->send(error_response(Errc::no_space, "full"));
  };
  EXPECT_TRUE(exchange(post("Content-Length: 60\r\n", "abc")).contains("507"));
  EXPECT_EQ(ends, 0);
  EXPECT_EQ(sinks_gone, 1);
  exchange("def");
  EXPECT_EQ(received, "abc");
}

TEST_F(StreamingTest, ThePeerIsHeldBack) {
  open();
  on_bytes = [this] { body->pause(); };
  exchange(post("Content-Length: 9\r\n", "abc"));
  exchange("def");
  exchange("ghi");
  EXPECT_EQ(received, "abc");
  EXPECT_FALSE(wire->ends[1].inbox.empty()) << "left with the peer";
  on_bytes = nullptr;
  body->resume();
  EXPECT_TRUE(exchange("").contains("201"));
  EXPECT_EQ(received, "abcdefghi");
}

TEST_F(StreamingTest, TooMuchIsRefusedWhetherItIsSaidOrNot) {
  open();
  EXPECT_TRUE(exchange(post("Content-Length: 100001\r\n")).contains("413"));
  EXPECT_TRUE(closed());
  EXPECT_FALSE(body) << "before anybody was asked";
  wire = std::make_shared<Wire>(executor);
  server->accept(std::make_unique<FakeConnection>(wire, 1));
  const std::string chunk = "c350\r\n" + std::string(50'000, 'x') + "\r\n";
  exchange(post("Transfer-Encoding: chunked\r\n", chunk));
  const std::string answer = exchange(chunk + "1\r\nx\r\n0\r\n\r\n");
  EXPECT_TRUE(answer.contains("413")) << answer;
  EXPECT_EQ(ends, 0);
  EXPECT_EQ(sinks_gone, 1);
  EXPECT_TRUE(closed());
}

TEST_F(StreamingTest, ABrokenBodyIsNoEnd) {
  open();
  exchange(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  EXPECT_TRUE(exchange("zz\r\n").contains("400"));
  EXPECT_EQ(ends, 0);
  EXPECT_EQ(sinks_gone, 1);
  wire = std::make_shared<Wire>(executor);
  server->accept(std::make_unique<FakeConnection>(wire, 1));
  exchange(post("Content-Length: 9\r\n", "abc"));
  wire->end(0);
  scheduler.run_ready();
  EXPECT_EQ(ends, 0);
  EXPECT_EQ(sinks_gone, 2);
}

TEST_F(StreamingTest, ATrickleIsCutOffAndASlowLineIsNot) {
  open();
  exchange(post("Content-Length: 90000\r\n", "a"));
  for (int i = 0; i < 4; ++i) {
    scheduler.run_for(seconds{25});
    EXPECT_EQ(exchange(std::string(5000, 'x')), "") << i;
  }
  std::string answer;
  for (int i = 0; i < 4 && answer.empty(); ++i) {
    scheduler.run_for(seconds{25});
    answer = exchange("x");
  }
  EXPECT_TRUE(answer.contains("408")) << answer;
  EXPECT_EQ(sinks_gone, 1);
}

TEST_F(StreamingTest, ABodyIsMadeWhileItIsSent) {
  open();
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += static_cast<char>('a' + i % 26);
  source = std::make_unique<TestSource>(text);
  const std::string get = "GET /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string answer = exchange(get);
  EXPECT_TRUE(answer.contains("Content-Length: 50000\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + text));
  source = std::make_unique<TestSource>(text);
  const std::string head = exchange("HEAD /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(head.contains("Content-Length: 50000\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  source = std::make_unique<TestSource>("");
  EXPECT_TRUE(exchange(get).contains("Content-Length: 0\r\n"));
}

TEST_F(StreamingTest, AnAnswerThatComesLaterGoesOnAndOneThatFailsBreaksTheConnection) {
  open();
  Task held;
  auto slow = std::make_unique<TestSource>(std::string(1500, 'x'));
  slow->held = &held;
  source = std::move(slow);
  const std::string get = "GET /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n";
  std::string answer = exchange(get);
  while (held) {
    std::exchange(held, nullptr)();
    answer += exchange("");
  }
  EXPECT_TRUE(answer.ends_with(std::string(1500, 'x')));
  auto broken = std::make_unique<TestSource>(std::string(5000, 'x'));
  broken->breaks_at = 2500;
  source = std::move(broken);
  answer = exchange(get);
  EXPECT_LT(answer.size(), 4000U);
  EXPECT_TRUE(closed());
}

TEST_F(StreamingTest, ABodyOfUnknownLengthComesInChunks) {
  open();
  const auto offer = [this](std::string text, std::size_t breaks_at = static_cast<std::size_t>(-1)) {
    auto made = std::make_unique<TestSource>(std::move(text));
    made->known = BodySource::Length::open;
    made->breaks_at = breaks_at;
    source = std::move(made);
  };
  const std::string get = "GET /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n";
  offer(std::string(1500, 'x'));
  std::string answer = exchange(get);
  EXPECT_TRUE(answer.contains("Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(answer.contains("Content-Length"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n3e8\r\n" + std::string(1000, 'x') + "\r\n1f4\r\n" +
                               std::string(500, 'x') + "\r\n0\r\n\r\n"));
  offer("");
  EXPECT_TRUE(exchange(get).ends_with("\r\n\r\n0\r\n\r\n"));
  offer("abc");
  EXPECT_TRUE(exchange("HEAD /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("chunked\r\n\r\n"));
  EXPECT_FALSE(closed());
  // HTTP/1.0 knows no chunks.
  offer(std::string(1500, 'x'));
  answer = exchange("GET /blobs/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_FALSE(answer.contains("Transfer-Encoding"));
  EXPECT_TRUE(answer.contains("Connection: close\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + std::string(1500, 'x')));
  EXPECT_TRUE(closed());
}

TEST_F(StreamingTest, AnErrorBehindChunksIsSeen) {
  open();
  auto broken = std::make_unique<TestSource>(std::string(5000, 'x'));
  broken->known = BodySource::Length::open;
  broken->breaks_at = 2500;
  source = std::move(broken);
  EXPECT_FALSE(exchange("GET /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n").contains("\r\n0\r\n"));
  EXPECT_TRUE(closed());
}

TEST_F(StreamingTest, AReceiverThatIsSlowIsWaitedFor) {
  open();
  auto large = std::make_unique<TestSource>(std::string(5'000'000, 'x'));
  large->piece_bytes = 256 * 1024;
  TestSource& seen = *large;
  source = std::move(large);
  wire->ends[1].budget = 100'000;
  exchange("GET /blobs/a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_LT(seen.at, 2'000'000U) << "not all of it is in memory";
  std::size_t got = 0;
  for (int i = 0; i < 100; ++i) {
    wire->allow(1, 100'000);
    got += exchange("").size();
  }
  EXPECT_GT(got, 4'900'000U);
}

struct ClientTest : StreamingTest {
  testing::FakeNetwork network;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<Listener> listener;

  Result<Response> put(std::shared_ptr<BodySource> from) {
    ListenOptions listen;
    listen.endpoint = {"h", 80};
    listener = *network.listen(executor, listen, [this](std::unique_ptr<Connection> connection) {
      server->accept(std::move(connection));
    });
    client = std::make_unique<HttpClient>(network, executor);
    ClientRequest request;
    request.method = Method::post;
    request.endpoint = {"h", 80};
    request.target = "/blobs/a";
    request.source = std::move(from);
    std::optional<Result<Response>> answer;
    client->send(std::move(request), [&](Result<Response> response) { answer = std::move(response); });
    scheduler.run_for(seconds{5});
    return answer ? *std::move(answer) : fail(Errc::timed_out, "no answer");
  }
};

TEST_F(ClientTest, SendsWhatItsSourceGives) {
  open();
  const auto source_of = std::make_shared<TestSource>(std::string(60'000, 'y'));
  const auto answer = put(source_of);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(received, source_of->text);
  EXPECT_EQ(request_seen.headers.get("Expect").value_or(""), "100-continue");
}

TEST_F(ClientTest, SendsNothingToWhoRefusesIt) {
  mode = Mode::wait;
  open();
  const auto never = std::make_shared<TestSource>(std::string(60'000, 'y'));
  executor.schedule(std::chrono::milliseconds{100},
                    [this] { responder->send(error_response(Errc::permission_denied, "no")); });
  const auto answer = put(never);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(never->at, 0U);
}

}  // namespace
}  // namespace dunlin::net::http
