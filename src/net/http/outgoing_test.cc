// Against the fake network for order and bounds, and against a server in another program that misbehaves.
#include "net/http/outgoing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/http/fake_network.h"
#include "net/http/server.h"
#include "net/test_support.h"
#include "net/testing/program.h"

namespace dunlin::net::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::shared_ptr<const AddressGuard> open_to(const std::vector<std::string>& entries) {
  return std::make_shared<const AddressGuard>(*AddressGuard::make(entries));
}

struct OutgoingQueueTest : ::testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  testing::FakeNetwork network;
  metrics::Registry registry;
  std::vector<std::string> paths;
  HttpServer server{executor, {}, [this](Request request, Responder responder) {
                      paths.push_back(request.path);
                      held.push_back(std::move(responder));
                    }};
  std::vector<Responder> held;  // goes before the server
  std::unique_ptr<Listener> listener = *network.listen(executor, {.endpoint = {"server", 80}, .tls = nullptr},
                                                       [this](auto c) { server.accept(std::move(c)); });
  std::unique_ptr<Listener> other = *network.listen(executor, {.endpoint = {"other", 81}, .tls = nullptr},
                                                    [this](auto c) { server.accept(std::move(c)); });
  OutgoingHttp http{
      network,
      executor,
      registry,
      {.guard = open_to({}), .tls = nullptr, .max_under_way = 3, .max_per_endpoint = 2, .max_waiting = 4}};
  std::vector<Result<Response>> answers;

  void send(std::string url, Duration deadline = seconds{10}) {
    OutgoingRequest request;
    request.url = std::move(url);
    request.deadline = deadline;
    http.send(std::move(request), [this](Result<Response> result) { answers.push_back(std::move(result)); });
    scheduler.run_ready();
  }
  void answer(std::size_t which) {
    held[which].send(text_response(200, "done"));
    scheduler.run_ready();
  }
  double requests(const char* result) {
    return registry.value("dunlin_outgoing_http_requests_total", {{"result", result}});
  }
};

TEST_F(OutgoingQueueTest, AnEndpointThatHasItsShareDoesNotHoldUpOthers) {
  for (const char* path : {"a", "b", "c", "d"}) send(std::string("http://server/") + path);
  send("http://other:81/x");
  send("http://other:81/y");
  EXPECT_EQ(paths, (std::vector<std::string>{"/a", "/b", "/x"}));
  EXPECT_EQ(http.under_way(), 3U);
  EXPECT_EQ(http.waiting(), 3U);
  EXPECT_EQ(registry.value("dunlin_outgoing_http_under_way"), 3);
  answer(1);
  EXPECT_EQ(paths.back(), "/c");
  answer(0);
  EXPECT_EQ(paths.back(), "/d");
  answer(2);
  EXPECT_EQ(paths.back(), "/y");
  EXPECT_EQ(answers.size(), 3U);
  EXPECT_EQ(registry.value("dunlin_outgoing_http_waiting"), 0);
}

TEST_F(OutgoingQueueTest, TheQueueIsBounded) {
  for (int i = 0; i < 7; ++i) send("http://server/");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].error().code, Errc::unavailable);
  EXPECT_EQ(requests("refused"), 1);
}

TEST_F(OutgoingQueueTest, TheDeadlineCountsTheWaitToo) {
  for (int i = 0; i < 2; ++i) send("http://server/", seconds{10});
  send("http://server/waits", seconds{3});
  send("http://server/late", seconds{12});
  scheduler.run_for(seconds{4});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].error().code, Errc::timed_out);
  scheduler.run_for(seconds{7});  // the first two have passed theirs, and the last one has its turn
  EXPECT_EQ(answers.size(), 3U);
  EXPECT_EQ(paths.back(), "/late");
  scheduler.run_for(seconds{2});
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[3].error().code, Errc::timed_out);
  EXPECT_EQ(http.under_way(), 0U);
  EXPECT_EQ(requests("timed_out"), 4);
}

TEST_F(OutgoingQueueTest, WhatCannotBeSentIsRefusedAtOnce) {
  send("ftp://server/");
  send("https://server/");
  OutgoingRequest framed;
  framed.url = "http://server/";
  framed.headers = {{"transfer-encoding", "chunked"}};
  http.send(std::move(framed), [this](Result<Response> result) { answers.push_back(std::move(result)); });
  OutgoingRequest large;
  large.url = "http://server/";
  large.body = Slice::copy_of(std::string(kMaxOutgoingBody + 1, 'x'));
  http.send(std::move(large), [this](Result<Response> result) { answers.push_back(std::move(result)); });
  scheduler.run_ready();
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0].error().code, Errc::invalid_argument);
  EXPECT_EQ(answers[1].error().code, Errc::unavailable);
  EXPECT_EQ(answers[2].error().code, Errc::invalid_argument);
  EXPECT_EQ(answers[3].error().code, Errc::limit_exceeded);
  EXPECT_TRUE(paths.empty());
}

/// A server in another program, over real sockets.
struct OutgoingPeerTest : ::testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("dunlin-outgoing-" + std::to_string(::getpid()));
  test::Loop loop;
  std::unique_ptr<testing::Program> program;
  std::string port;
  std::string chain;
  std::unique_ptr<OutgoingHttp> http;

  ~OutgoingPeerTest() override { std::filesystem::remove_all(folder); }

  void start(const std::string& mode, const std::vector<std::string>& open = {"127.0.0.1"}) {
    std::filesystem::create_directories(folder);
    program = std::make_unique<testing::Program>(std::vector<std::string>{
        "python3", DUNLIN_SOURCE_DIR "/src/net/http/testing/http_peer.py", mode, folder.string()});
    std::istringstream(program->read_line()) >> port >> chain;
    ASSERT_FALSE(port.empty());
    OutgoingOptions options{.guard = open_to(open), .tls = nullptr};
    if (mode == "tls") {
      std::ifstream file(chain);
      const std::string pem{std::istreambuf_iterator<char>(file), {}};
      options.tls = *make_tls_client_context(
          {.trusted_ca_pem = pem, .certificate_chain_pem = {}, .private_key_pem = {}});
    }
    http = std::make_unique<OutgoingHttp>(loop.network, loop.reactor, loop.registry, std::move(options));
  }
  Result<Response> call(OutgoingRequest request) {
    std::optional<Result<Response>> got;
    http->send(std::move(request), [&](Result<Response> result) { got = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }));
    return got ? std::move(*got) : fail(Errc::internal, "no answer at all");
  }
  Result<Response> call(const std::string& path, Duration deadline = seconds{10}) {
    OutgoingRequest request;
    request.url = "http://127.0.0.1:" + port + path;
    request.deadline = deadline;
    return call(std::move(request));
  }
  Errc error_of(const std::string& path, Duration deadline = seconds{10}) {
    const auto result = call(path, deadline);
    return result ? Errc::internal : result.error().code;
  }
};

TEST_F(OutgoingPeerTest, SendsAndReusesItsConnection) {
  start("plain");
  OutgoingRequest request;
  request.url = "http://127.0.0.1:" + port + "/echo?a=1#fragment";
  request.headers = {{"Content-Type", "application/json"}, {"X-Sent", "yes"}};
  request.body = Slice::copy_of(std::string_view("{\"value\":1}"));
  const auto echoed = call(std::move(request));
  ASSERT_TRUE(echoed) << echoed.error().message;
  EXPECT_EQ(echoed->body.text(), "{\"value\":1}");
  EXPECT_EQ(echoed->headers.get("X-Seen"), "yes");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(call("/echo"));
  EXPECT_EQ(call("/connections")->body.text(), "1");
}

TEST_F(OutgoingPeerTest, ErrorsAndRedirectsAreAnswers) {
  start("plain");
  EXPECT_EQ(call("/status/503")->status, 503);
  EXPECT_EQ(call("/status/429")->status, 429);
  const auto redirect = call("/redirect");
  ASSERT_TRUE(redirect);
  EXPECT_EQ(redirect->status, 302);
  EXPECT_EQ(redirect->headers.get("Location"), "/echo");
}

TEST_F(OutgoingPeerTest, AServerThatStallsOrDripsIsLeftAtTheDeadline) {
  start("plain");
  EXPECT_EQ(error_of("/stall", milliseconds{300}), Errc::timed_out);
  EXPECT_EQ(error_of("/drip", milliseconds{300}), Errc::timed_out);
  EXPECT_EQ(error_of("/endless-interim", milliseconds{300}), Errc::timed_out);
}

TEST_F(OutgoingPeerTest, NonsenseAndEndlessDataEndTheCall) {
  start("plain");
  EXPECT_EQ(error_of("/close"), Errc::unavailable);
  EXPECT_EQ(error_of("/half"), Errc::unavailable);
  EXPECT_EQ(error_of("/nonsense"), Errc::malformed);
  EXPECT_EQ(error_of("/smuggle"), Errc::malformed);
  EXPECT_EQ(error_of("/endless"), Errc::limit_exceeded);
  EXPECT_EQ(error_of("/endless-chunks"), Errc::limit_exceeded);
  EXPECT_EQ(error_of("/endless-header"), Errc::limit_exceeded);
  EXPECT_EQ(http->under_way(), 0U);
  program->kill();
  EXPECT_EQ(error_of("/echo"), Errc::unavailable);
}

TEST_F(OutgoingPeerTest, InternalAddressesAreNotReachedUnderAnyName) {
  start("plain", {});
  for (const char* host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"}) {
    OutgoingRequest request;
    request.url = std::string("http://") + host + ":" + port + "/connections";
    const auto refused = call(std::move(request));
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, Errc::permission_denied) << host << ": " << refused.error().message;
  }
  EXPECT_EQ(loop.registry.value("dunlin_outgoing_http_requests_total", {{"result", "refused"}}), 6);
}

TEST_F(OutgoingPeerTest, TheServersCertificateIsChecked) {
  start("tls");
  OutgoingRequest request;
  request.url = "https://127.0.0.1:" + port + "/echo";
  const auto secure = call(std::move(request));
  ASSERT_TRUE(secure) << secure.error().message;
  EXPECT_EQ(secure->status, 200);
  EXPECT_EQ(error_of("/echo", seconds{2}), Errc::unavailable);  // plain HTTP to a TLS port

  std::ifstream other("/etc/ssl/certs/ca-certificates.crt");
  const std::string pem{std::istreambuf_iterator<char>(other), {}};
  auto strangers =
      make_tls_client_context({.trusted_ca_pem = pem, .certificate_chain_pem = {}, .private_key_pem = {}});
  ASSERT_TRUE(strangers) << strangers.error().message;
  http = std::make_unique<OutgoingHttp>(loop.network, loop.reactor, loop.registry,
                                        OutgoingOptions{.guard = open_to({"127.0.0.1"}), .tls = *strangers});
  OutgoingRequest again;
  again.url = "https://127.0.0.1:" + port + "/echo";
  const auto refused = call(std::move(again));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthenticated) << refused.error().message;
}

}  // namespace
}  // namespace dunlin::net::http
