#include "net/http/client.h"

#include <gtest/gtest.h>

#include "net/http/fake_network.h"
#include "net/http/server.h"

namespace dunlin::net::http {
namespace {

using std::chrono::seconds;
using testing::FakeNetwork;

struct HttpClientTest : ::testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  FakeNetwork network;
  std::vector<Request> requests;
  HttpServer server{
      executor, {}, [this](Request request, Responder responder) {
        requests.push_back(request);
        if (request.path == "/never") return held.push_back(std::move(responder));
        responder.send(text_response(request.path == "/missing" ? 404 : 200, request.path + request.body));
      }};
  std::vector<Responder> held;
  std::unique_ptr<Listener> listener = *network.listen(executor, {.endpoint = {"server", 80}, .tls = nullptr},
                                                       [this](auto c) { server.accept(std::move(c)); });
  HttpClient client{network, executor};

  ClientRequest request(std::string target) {
    ClientRequest out;
    out.endpoint = {"server", 80};
    out.target = std::move(target);
    return out;
  }
  Result<Response> call(ClientRequest what) {
    std::optional<Result<Response>> got;
    client.send(std::move(what), [&](Result<Response> result) { got = std::move(result); });
    EXPECT_TRUE(scheduler.run_until([&] { return got.has_value(); }, seconds{100}));
    return std::move(*got);
  }
};

/// A server that says what the test wants.
struct ScriptedServerTest : HttpClientTest {
  std::vector<std::unique_ptr<Connection>> accepted;
  std::unique_ptr<Listener> scripted =
      *network.listen(executor, {.endpoint = {"scripted", 81}, .tls = nullptr},
                      [this](auto c) { accepted.push_back(std::move(c)); });
  std::optional<Result<Response>> got;

  void begin(ClientRequest what) {
    what.endpoint = {"scripted", 81};
    got.reset();
    client.send(std::move(what), [&](Result<Response> result) { got = std::move(result); });
    scheduler.run_ready();
  }
  void say(std::string_view text) {
    accepted.back()->write(text);
    scheduler.run_ready();
  }
};

TEST_F(HttpClientTest, GetsAnAnswer) {
  const auto response = call(request("/a?b=1"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body.text(), "/a");
  EXPECT_EQ(response->headers.get("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(requests[0].headers.get("Host"), "server");
  EXPECT_EQ(call(request("/missing"))->status, 404);
}

TEST_F(HttpClientTest, SendsABody) {
  auto post = request("/a");
  post.method = Method::post;
  post.body = Slice::copy_of(std::string(200'000, 'x'));
  EXPECT_EQ(call(std::move(post))->body.size(), 200'002u);
  auto empty = request("/a");
  empty.method = Method::put;
  EXPECT_EQ(call(std::move(empty))->body.text(), "/a");
  EXPECT_EQ(requests[1].headers.get("Content-Length"), "0");
}

TEST_F(HttpClientTest, HeadHasNoBody) {
  auto head = request("/a");
  head.method = Method::head;
  const auto response = call(std::move(head));
  EXPECT_EQ(response->headers.get("Content-Length"), "2");
  EXPECT_TRUE(response->body.empty());
}

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call(request("/a")));
  EXPECT_EQ(network.connections, 1u);
  EXPECT_EQ(client.pooled(), 1u);
  scheduler.run_for(kPoolIdleDeadline + seconds{1});
  EXPECT_EQ(client.pooled(), 0u);
  EXPECT_TRUE(call(request("/a")));
  EXPECT_EQ(network.connections, 2u);
}

TEST_F(HttpClientTest, CallsRunSideBySideAndThePoolIsBounded) {
  int answers = 0;
  for (int i = 0; i < 10; ++i)
    client.send(request("/a"), [&](Result<Response> result) { answers += result ? 1 : 0; });
  scheduler.run_ready();
  EXPECT_EQ(answers, 10);
  EXPECT_EQ(network.connections, 10u);
  EXPECT_EQ(client.pooled(), kMaxPooledPerEndpoint);
  EXPECT_EQ(client.calls(), 0u);
}

TEST_F(HttpClientTest, TimesOut) {
  auto slow = request("/never");
  slow.deadline = seconds{5};
  EXPECT_EQ(call(std::move(slow)).error().code, Errc::timed_out);
  EXPECT_EQ(client.calls(), 0u);
}

TEST_F(HttpClientTest, ReportsARefusedConnection) {
  auto nowhere = request("/");
  nowhere.endpoint.port = 99;
  EXPECT_EQ(call(std::move(nowhere)).error().code, Errc::unavailable);
}

TEST_F(HttpClientTest, RefusesWhatCannotBeSent) {
  EXPECT_EQ(call(request("/a b")).error().code, Errc::invalid_argument);
  auto split = request("/a");
  split.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(call(std::move(split)).error().code, Errc::invalid_argument);
}

TEST_F(HttpClientTest, AnAnswerMayDestroyTheClient) {
  auto other = std::make_unique<HttpClient>(network, executor);
  bool answered = false;
  other->send(request("/a"), [&](Result<Response>) {
    other.reset();
    answered = true;
  });
  scheduler.run_ready();
  EXPECT_TRUE(answered);
}

TEST_F(HttpClientTest, ADestroyedClientForgetsItsCalls) {
  auto other = std::make_unique<HttpClient>(network, executor);
  other->send(request("/a"), [](Result<Response>) { ADD_FAILURE(); });
  other.reset();
  scheduler.run_ready();
  EXPECT_EQ(server.size(), 0u);
}

TEST_F(ScriptedServerTest, SkipsInterimAnswersAndReadsToTheEnd) {
  begin(request("/"));
  say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  say("HTTP/1.0 200 OK\r\n\r\nab");
  EXPECT_FALSE(got);
  say("cd");
  accepted.back()->close();
  scheduler.run_ready();
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->body.text(), "abcd");
  EXPECT_EQ(client.pooled(), 0u);
}

TEST_F(ScriptedServerTest, ReportsABrokenAnswer) {
  begin(request("/"));
  say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  accepted.back()->close();
  scheduler.run_ready();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error().code, Errc::unavailable);
  begin(request("/"));
  say("SSH-2.0-OpenSSH_9\r\n\r\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error().code, Errc::malformed);
}

TEST_F(ScriptedServerTest, LimitsTheAnswer) {
  auto small = request("/");
  small.max_response_bytes = 3;
  begin(std::move(small));
  say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error().code, Errc::limit_exceeded);
}

TEST_F(ScriptedServerTest, AStalePooledConnectionIsReplacedOnce) {
  begin(request("/"));
  say("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(got && *got);
  EXPECT_EQ(client.pooled(), 1u);
  begin(request("/"));
  ASSERT_EQ(accepted.size(), 1u);
  accepted.back()->close();
  scheduler.run_ready();
  ASSERT_EQ(accepted.size(), 2u);
  say("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(got && *got);
}

TEST_F(ScriptedServerTest, BytesAfterAnAnswerEndTheConnection) {
  begin(request("/"));
  say("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  scheduler.run_ready();
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->status, 204);
  EXPECT_EQ(client.pooled(), 0u);
}

}  // namespace
}  // namespace dunlin::net::http
