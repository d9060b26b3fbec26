#include "net/websocket/client.h"

#include <utility>

#include "net/http/parser.h"
#include "net/http/serialize.h"

namespace dunlin::net::websocket {
namespace {

/// One opening handshake. Owns itself through the callbacks that wait for it, hence shared.
class Handshake final : public ConnectionHandler, public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(Executor& executor, std::string key, OpenRequest request,
            std::move_only_function<void(Result<Opened>)> done)
      : executor_(executor), key_(std::move(key)), request_(std::move(request)), done_(std::move(done)) {}

  void start(Network& network) {
    timer_ = executor_.schedule(request_.deadline, [self = shared_from_this()] {
      self->finish(fail(Errc::timed_out, "no answer to the handshake within the deadline"));
    });
    network.connect(executor_, request_.connect,
                    [self = shared_from_this()](Result<std::unique_ptr<Connection>> connection) {
                      self->connected(std::move(connection));
                    });
  }

 private:
  void connected(Result<std::unique_ptr<Connection>> connection) {
    if (finished_) return;
    if (!connection) return finish(std::unexpected(std::move(connection).error()));
    connection_ = std::move(*connection);
    connection_->set_handler(this);
    std::string host =
        request_.connect.server_name.empty() ? request_.connect.endpoint.host : request_.connect.server_name;
    if (host.contains(':')) host = '[' + host + ']';
    host += ':' + std::to_string(request_.connect.endpoint.port);
    const auto head =
        http::serialize_request_head({.method = http::Method::get, .target = request_.target, .host = host},
                                     client_headers(key_, request_.subprotocols, request_.headers));
    if (!head) return finish(std::unexpected(head.error()));
    connection_->write(*head);
  }

  std::size_t on_data(ByteView bytes) override {
    if (finished_) return 0;
    const std::size_t consumed = parser_.feed(bytes);
    if (parser_.state() == http::ParseState::refused) {
      finish(fail(Errc::malformed, parser_.refusal().message));
    } else if (parser_.state() == http::ParseState::complete) {
      const auto response = parser_.take();
      auto subprotocol = check_answer(response.status, response.headers, key_, request_.subprotocols);
      if (!subprotocol) {
        finish(std::unexpected(std::move(subprotocol).error()));
      } else {
        // The rest stays with the connection, which offers it to the next handler.
        connection_->set_handler(nullptr);
        finish(Opened{.connection = nullptr, .subprotocol = std::move(*subprotocol)});
      }
    }
    return consumed;
  }

  void on_closed(CloseReason) override {
    finish(fail(Errc::unavailable, "the connection ended during the handshake"));
  }

  /// Hands over from a later turn: the connection's own call may be on the stack.
  void finish(Result<Opened> result) {
    if (std::exchange(finished_, true)) return;
    const auto self = shared_from_this();  // the timer may hold the last other one
    executor_.cancel(timer_);
    executor_.post([self, result = std::move(result)]() mutable {
      if (result) result->connection = std::move(self->connection_);
      self->connection_.reset();
      self->done_(std::move(result));
    });
  }

  Executor& executor_;
  std::string key_;
  OpenRequest request_;
  std::move_only_function<void(Result<Opened>)> done_;
  std::unique_ptr<Connection> connection_;
  http::ResponseParser parser_{0, http::ResponseBody::none};
  TimerId timer_;
  bool finished_ = false;
};

}  // namespace

void open_websocket(Network& network, Executor& executor, Rng& rng, OpenRequest request,
                    std::move_only_function<void(Result<Opened>)> done) {
  if (request.connect.tls && request.connect.application_protocols.empty())
    request.connect.application_protocols = {"http/1.1"};
  std::make_shared<Handshake>(executor, make_key(rng), std::move(request), std::move(done))->start(network);
}

}  // namespace dunlin::net::websocket
