#include "net/http/server.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "net/http/fake_network.h"
#include "net/http/router.h"

namespace dunlin::net::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeConnection;
using testing::Wire;

/// A server with one connection whose other end is the test.
struct HttpServerTest : ::testing::Test {
  VirtualClock clock{WallTime{seconds{784111777}}};
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  ServerOptions options;
  std::unique_ptr<HttpServer> server;
  std::vector<Request> requests;
  std::vector<Responder> held;
  RequestHandler handler = [this](Request request, Responder responder) {
    requests.push_back(request);
    responder.send(text_response(200, request.path));
  };
  RequestHandler holding = [this](Request request, Responder responder) {
    requests.push_back(std::move(request));
    held.push_back(std::move(responder));
  };
  std::shared_ptr<Wire> wire;

  std::shared_ptr<Wire> open() {
    if (!server) {
      server = std::make_unique<HttpServer>(executor, options, [this](Request request, Responder responder) {
        handler(std::move(request), std::move(responder));
      });
    }
    wire = std::make_shared<Wire>(executor);
    PeerInfo peer;
    peer.address = {"192.0.2.7", 4711};
    peer.transport = "tcp";
    server->accept(std::make_unique<FakeConnection>(wire, 1, peer));
    scheduler.run_ready();
    return wire;
  }
  /// Sends and returns what has come back since the last call.
  std::string exchange(std::string_view text) {
    if (!text.empty()) wire->send(0, text);
    scheduler.run_ready();
    return std::exchange(wire->ends[0].inbox, {});
  }
  bool closed() const { return wire->ends[1].ended; }
  static std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n";
  }
};

TEST_F(HttpServerTest, AnswersWithDateAndLength) {
  open();
  EXPECT_EQ(
      exchange(get("/a")),
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 2\r\n\r\n/a");
  EXPECT_FALSE(closed());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].peer->address.host, "192.0.2.7");
}

TEST_F(HttpServerTest, OneByteAtATimeGivesTheSame) {
  open();
  const std::string text =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get("/b");
  const std::string whole = exchange(text);
  open();
  std::string bytewise;
  for (const char c : text) bytewise += exchange({&c, 1});
  EXPECT_EQ(bytewise, whole);
  EXPECT_EQ(requests.size(), 4u);
}

TEST_F(HttpServerTest, KeepsTheConnectionUnlessToldOtherwise) {
  open();
  EXPECT_TRUE(exchange(get("/a") + get("/b")).contains("/b"));
  EXPECT_FALSE(closed());
  EXPECT_TRUE(exchange(get("/c", "Connection: close\r\n") + get("/never")).contains("Connection: close\r\n"));
  EXPECT_TRUE(closed());
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_EQ(server->size(), 0u);
}

TEST_F(HttpServerTest, Http10ClosesUnlessItAsksToStay) {
  open();
  EXPECT_TRUE(
      exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").contains("Connection: keep-alive"));
  EXPECT_FALSE(closed());
  EXPECT_TRUE(exchange("GET /a HTTP/1.0\r\n\r\n").contains("Connection: close"));
  EXPECT_TRUE(closed());
}

TEST_F(HttpServerTest, AnswersToHeadHaveTheLengthAndNoBody) {
  open();
  const std::string answer = exchange("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.contains("Content-Length: 4\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, PipelinedAnswersKeepTheOrderOfTheRequests) {
  handler = holding;
  open();
  EXPECT_EQ(exchange(get("/1") + get("/2") + get("/3")), "");
  ASSERT_EQ(held.size(), 3u);
  held[2].send(text_response(200, "third"));
  held[1].send(text_response(200, "second"));
  EXPECT_EQ(exchange(""), "");
  held[0].send(text_response(200, "first"));
  const std::string answers = exchange("");
  EXPECT_LT(answers.find("first"), answers.find("second"));
  EXPECT_LT(answers.find("second"), answers.find("third"));
}

TEST_F(HttpServerTest, PipeliningIsBounded) {
  handler = holding;
  open();
  std::string text;
  for (std::size_t i = 0; i < kMaxPipelined + 3; ++i) text += get("/" + std::to_string(i));
  exchange(text);
  EXPECT_EQ(requests.size(), kMaxPipelined);
  exchange(get("/more"));
  EXPECT_EQ(requests.size(), kMaxPipelined);
  for (std::size_t i = 0; i < held.size(); ++i) {
    held[i].send(text_response(200, std::to_string(i)));
    scheduler.run_ready();
  }
  EXPECT_EQ(requests.size(), kMaxPipelined + 4);
  EXPECT_EQ(requests.back().path, "/more");
}

TEST_F(HttpServerTest, RefusesWithJsonAndCloses) {
  open();
  const std::string answer = exchange("GET / HTTP/1.1\r\n\r\n" + get("/smuggled"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("{\"error\":{\"code\":\"malformed\",\"message\":\"Host is missing\"}}"))
      << answer;
  EXPECT_TRUE(answer.contains("Connection: close"));
  EXPECT_TRUE(closed());
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpServerTest, ARefusalWaitsForTheAnswersBeforeIt) {
  handler = holding;
  open();
  EXPECT_EQ(exchange(get("/1") + "BAD\r\n\r\n"), "");
  held[0].send(text_response(200, "first"));
  const std::string answers = exchange("");
  EXPECT_LT(answers.find("first"), answers.find("400 Bad Request"));
  EXPECT_NE(answers.find("400 Bad Request"), std::string::npos);
  EXPECT_TRUE(closed());
}

TEST_F(HttpServerTest, ABodyPastTheLimitGets413) {
  options.max_body_bytes = 10;
  open();
  EXPECT_TRUE(
      exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(closed());
}

TEST_F(HttpServerTest, ContinuesWhenAsked) {
  open();
  const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  EXPECT_EQ(exchange(head), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(exchange("ab"), "");
  EXPECT_TRUE(exchange("cd").starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(exchange(head + "abcd").starts_with("HTTP/1.1 200 OK"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].body, "abcd");
}

TEST_F(HttpServerTest, ContinueWaitsForEarlierAnswers) {
  handler = holding;
  open();
  EXPECT_EQ(exchange(get("/1") +
                     "POST /2 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
            "");
  held[0].send(text_response(200, "first"));
  EXPECT_TRUE(exchange("").ends_with("firstHTTP/1.1 100 Continue\r\n\r\n"));
}

TEST_F(HttpServerTest, ASlowHeaderGets408EvenIfItTricklesIn) {
  open();
  exchange("GET / HT");
  std::string answer;
  for (int i = 0; i < 12 && answer.empty(); ++i) {
    scheduler.run_for(seconds{1});
    answer = exchange("x");
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_TRUE(closed());
}

TEST_F(HttpServerTest, ASlowBodyGets408) {
  open();
  exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  scheduler.run_for(kBodyDeadline);
  EXPECT_TRUE(exchange("").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(closed());
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosedWithoutAnAnswer) {
  open();
  exchange(get("/a"));
  scheduler.run_for(kIdleDeadline - milliseconds{1});
  EXPECT_FALSE(closed());
  scheduler.run_for(milliseconds{1});
  EXPECT_EQ(exchange(""), "");
  EXPECT_TRUE(closed());
  EXPECT_EQ(server->size(), 0u);
}

TEST_F(HttpServerTest, ALongAnswerHasNoDeadline) {
  handler = holding;
  open();
  exchange(get("/a"));
  scheduler.run_for(seconds{600});
  EXPECT_FALSE(closed());
  held[0].send(text_response(200, "late"));
  EXPECT_TRUE(exchange("").ends_with("late"));
}

TEST_F(HttpServerTest, AResponderMayOutliveItsConnectionAndItsServer) {
  handler = holding;
  open();
  exchange(get("/a") + get("/b"));
  wire->end(0);
  scheduler.run_ready();
  EXPECT_EQ(server->size(), 0u);
  EXPECT_FALSE(held[0].is_open());
  held[0].send(text_response(200, "late"));
  server.reset();
  held[1].send(text_response(200, "later"));
  held.clear();
  scheduler.run_ready();
  EXPECT_EQ(wire->ends[0].inbox, "");
}

TEST_F(HttpServerTest, AForgottenResponderAnswers500) {
  handler = [](Request, Responder) {};
  open();
  EXPECT_TRUE(exchange(get("/a")).starts_with("HTTP/1.1 500 "));
  EXPECT_FALSE(closed());
}

TEST_F(HttpServerTest, HeaderFieldsCannotBeSplit) {
  handler = [](Request request, Responder responder) {
    responder.send({.status = 302,
                    .headers = {{"Location", *request.parameter("to") == "x" ? "a\r\nSet-Cookie: b" : ""}},
                    .body = {}});
  };
  open();
  const std::string answer = exchange(get("/a?to=x"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_FALSE(answer.contains("Set-Cookie"));
}

TEST_F(HttpServerTest, CommonHeadersGoWithEveryAnswerAndCanBeReplaced) {
  options.headers = {{"X-Content-Type-Options", "nosniff"}, {"Content-Type", "text/none"}};
  open();
  const std::string answer = exchange(get("/a"));
  EXPECT_TRUE(answer.contains("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_FALSE(answer.contains("text/none"));
  EXPECT_TRUE(exchange("BAD\r\n\r\n").contains("X-Content-Type-Options: nosniff\r\n"));
}

TEST_F(HttpServerTest, ABigBodyIsPacedByWhatThePeerTakes) {
  const std::string big(3'000'000, 'z');
  handler = [&](Request, Responder responder) { responder.send(text_response(200, big)); };
  open();
  wire->ends[1].budget = 0;
  wire->send(0, get("/a"));
  scheduler.run_ready();
  EXPECT_GE(wire->ends[1].outbox.size(), kWriteAheadBytes);
  EXPECT_LT(wire->ends[1].outbox.size(), kWriteAheadBytes + 2 * kWritePieceBytes);
  std::string got;
  for (int i = 0; i < 40; ++i) {
    wire->allow(1, 100'000);
    scheduler.run_for(milliseconds{200});
    EXPECT_LT(wire->ends[1].outbox.size(), kWriteAheadBytes + 2 * kWritePieceBytes);
    got += exchange("");
  }
  EXPECT_TRUE(got.ends_with("\r\n\r\n" + big));
}

TEST_F(HttpServerTest, APeerThatTakesNothingIsCutOff) {
  handler = [](Request, Responder responder) {
    responder.send(text_response(200, std::string(3'000'000, 'z')));
  };
  open();
  wire->ends[1].budget = 0;
  exchange(get("/a"));
  scheduler.run_for(kWriteStallDeadline + seconds{1});
  EXPECT_TRUE(closed());
  EXPECT_EQ(server->size(), 0u);
}

TEST_F(HttpServerTest, APeerThatReadsNoAnswersIsNotReadAnyFurther) {
  handler = [this](Request request, Responder responder) {
    requests.push_back(std::move(request));
    responder.send(text_response(200, std::string(50'000, 'z')));
  };
  open();
  wire->ends[1].budget = 0;
  for (int i = 0; i < 200; ++i) exchange(get("/a"));
  EXPECT_LT(requests.size(), 40u);
  EXPECT_LT(wire->ends[1].outbox.size(), kWriteAheadBytes + 2 * kWritePieceBytes);
  wire->ends[1].budget = std::numeric_limits<std::size_t>::max();
  wire->pump_later(1);
  scheduler.run_for(seconds{5});
  EXPECT_EQ(requests.size(), 200u);
}

TEST_F(HttpServerTest, AnUpgradeHandsOverTheConnectionAndWhatFollowed) {
  Upgraded got;
  handler = [&](Request, Responder responder) {
    responder.upgrade({{"Upgrade", "echo"}, {"Connection", "Upgrade"}},
                      [&](Upgraded upgraded) { got = std::move(upgraded); });
  };
  open();
  const std::string answer = exchange(get("/ws", "Connection: Upgrade\r\nUpgrade: echo\r\n") + "first bytes");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << answer;
  EXPECT_TRUE(answer.contains("Connection: Upgrade\r\n"));
  EXPECT_FALSE(answer.contains("Content-Length"));
  ASSERT_NE(got.connection, nullptr);
  EXPECT_EQ(got.unread.text(), "first bytes");
  EXPECT_EQ(server->size(), 0u);
  got.connection->write(std::string_view{"now raw"});
  EXPECT_EQ(exchange(""), "now raw");
  got.connection.reset();
}

TEST_F(HttpServerTest, AnUpgradeThatIsAnsweredOtherwiseStaysHttp) {
  open();
  const std::string answers = exchange(get("/ws", "Connection: Upgrade\r\nUpgrade: echo\r\n") + get("/next"));
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(answers.ends_with("/next"));
}

TEST_F(HttpServerTest, AnUpgradeThatNobodyAskedForIsRefused) {
  handler = [](Request, Responder responder) { responder.upgrade({}, [](Upgraded) { ADD_FAILURE(); }); };
  open();
  EXPECT_TRUE(exchange(get("/a")).starts_with("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, ConnectionsPastTheLimitAreDropped) {
  options.max_connections = 1;
  open();
  const auto first = wire;
  open();
  EXPECT_TRUE(closed());
  EXPECT_FALSE(first->ends[1].ended);
  EXPECT_EQ(server->size(), 1u);
}

TEST_F(HttpServerTest, DrainingClosesIdleConnectionsAndFinishesTheOthers) {
  handler = holding;
  open();
  exchange(get("/a"));
  const auto busy = wire;
  open();
  const auto idle = wire;
  server->drain();
  scheduler.run_ready();
  EXPECT_TRUE(idle->ends[1].ended);
  EXPECT_FALSE(busy->ends[1].ended);
  held[0].send(text_response(200, "done"));
  scheduler.run_ready();
  EXPECT_TRUE(busy->ends[1].ended);
  EXPECT_TRUE(busy->ends[0].inbox.ends_with("done"));
  EXPECT_TRUE(busy->ends[0].inbox.contains("Connection: close"));
  EXPECT_EQ(server->size(), 0u);
}

struct RouterTest : HttpServerTest {
  Router router;
  RouterTest() {
    const auto say = [](std::string what) {
      return [what](Request, PathParameters parameters, Responder responder) {
        responder.send(text_response(200, what + ":" + std::string{parameters.get("thing")} + ":" +
                                              std::string{parameters.get("rest")}));
      };
    };
    EXPECT_TRUE(router.add(Method::get, "/", say("root")));
    EXPECT_TRUE(router.add(Method::get, "/things", say("list")));
    EXPECT_TRUE(router.add(Method::get, "/things/{thing}", say("get")));
    EXPECT_TRUE(router.add(Method::delete_, "/things/{thing}", say("delete")));
    EXPECT_TRUE(router.add(Method::get, "/things/all", say("all")));
    EXPECT_TRUE(router.add(Method::get, "/things/{thing}/shadow", say("shadow")));
    EXPECT_TRUE(router.add(Method::get, "/files/{rest...}", say("files")));
    handler = [this](Request request, Responder responder) {
      router.route(std::move(request), std::move(responder));
    };
    open();
  }
};

TEST_F(RouterTest, FindsTheBestMatch) {
  EXPECT_TRUE(exchange(get("/")).ends_with("root::"));
  EXPECT_TRUE(exchange(get("/things")).ends_with("list::"));
  EXPECT_TRUE(exchange(get("/things/a%2Fb?x=1")).ends_with("get:a/b:"));
  EXPECT_TRUE(exchange(get("/things/all")).ends_with("all::"));
  EXPECT_TRUE(exchange(get("/things/all/shadow")).ends_with("shadow:all:"));
  EXPECT_TRUE(exchange(get("/files/a/b.js")).ends_with("files::a/b.js"));
}

TEST_F(RouterTest, RefusesOtherPathsAndMethods) {
  EXPECT_TRUE(exchange(get("/nothing")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(exchange(get("/things/")).starts_with("HTTP/1.1 404 "));
  const std::string refused = exchange("PATCH /things/a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(refused.contains("Allow: GET, DELETE, HEAD, OPTIONS\r\n")) << refused;
  EXPECT_TRUE(exchange("OPTIONS /things/a HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 204 "));
  EXPECT_TRUE(exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(exchange("HEAD /things HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(RouterTest, FallsBackWhenAsked) {
  router.set_fallback([](Request request, PathParameters, Responder responder) {
    responder.send(text_response(200, "page" + request.path));
  });
  EXPECT_TRUE(exchange(get("/any/where")).ends_with("page/any/where"));
}

TEST_F(HttpServerTest, RandomBytesNeverBreakIt) {
  SeededRng rng(7);
  for (int round = 0; round < 200; ++round) {
    open();
    std::string text = get("/a") + "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    for (int i = 0; i < 3; ++i) text[rng.below(text.size())] = static_cast<char>(rng.below(256));
    exchange(text);
  }
  scheduler.run_for(kIdleDeadline + seconds{20});
  EXPECT_EQ(server->size(), 0u);
}

}  // namespace
}  // namespace dunlin::net::http
