// Server and client over real sockets: what the fake connection cannot show.
#include <gtest/gtest.h>

#include "net/http/client.h"
#include "net/http/server.h"
#include "net/test_support.h"

namespace dunlin::net::http {
namespace {

struct HttpOverTcp : testing::Test {
  test::Loop loop;
  std::size_t requests = 0;
  HttpServer server{loop.reactor, {}, [this](Request request, Responder responder) {
                      ++requests;
                      if (request.method == Method::post)
                        return responder.send(text_response(200, request.body));
                      responder.send(text_response(200, std::string(5'000'000, 'z')));
                    }};
  std::unique_ptr<Listener> listener =
      *loop.network.listen(loop.reactor, {.endpoint = {"127.0.0.1", 0}, .tls = nullptr},
                           [this](auto connection) { server.accept(std::move(connection)); });
  HttpClient client{loop.network, loop.reactor};

  Result<Response> call(ClientRequest request) {
    request.endpoint = listener->local();
    std::optional<Result<Response>> got;
    client.send(std::move(request), [&](Result<Response> result) { got = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }));
    return std::move(*got);
  }
};

TEST_F(HttpOverTcp, LargeBodiesGoBothWaysOnOneConnection) {
  ClientRequest up;
  up.method = Method::post;
  up.body = Slice::copy_of(std::string(900'000, 'u'));
  const Slice sent = up.body;
  const auto echoed = call(std::move(up));
  ASSERT_TRUE(echoed) << echoed.error().message;
  EXPECT_EQ(echoed->body, sent);
  const auto down = call({});
  ASSERT_TRUE(down) << down.error().message;
  EXPECT_EQ(down->body.size(), 5'000'000u);
  EXPECT_EQ(requests, 2u);
  EXPECT_EQ(server.size(), 1u);
}

TEST_F(HttpOverTcp, ARefusalReachesTheClientThoughItStillSends) {
  ClientRequest up;
  up.method = Method::post;
  up.body = Slice::copy_of(std::string(kDefaultMaxBodyBytes + 500'000, 'u'));
  const auto refused = call(std::move(up));
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 413);
}

}  // namespace
}  // namespace dunlin::net::http
