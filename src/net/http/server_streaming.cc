// The part of a server connection that reads bodies while they come.

#include <utility>

#include "net/http/server_connection.h"

namespace dunlin::net::http {

/// The header of a request is there whose body is wanted piece by piece.
void HttpServerConnection::begin_stream() {
  const bool continues = parser_.state() == ParseState::body && parser_.head().expects_continue();
  owes_continue_ = continues;
  exchanges_.push_back(begin_exchange());
  const std::uint64_t id = next_exchange_++;
  streaming_.emplace(Streaming{.exchange = id});
  Request request = parser_.take_head();
  request.peer = peer_;
  if (context_.options.probe) context_.options.probe->requests.add();
  context_.options.streamed.handler(std::move(request), RequestBody(link_, id), Responder(link_, id));
}

void HttpServerConnection::read_body(std::uint64_t exchange, std::unique_ptr<BodySink> sink) {
  if (finished_ || !streaming_ || streaming_->exchange != exchange || streaming_->sink) return;
  streaming_->sink = std::move(sink);
  streaming_->flow = Streaming::Flow::open;
  send_continue();
  // Not here: whoever wants to read is on the stack.
  post_guarded(&HttpServerConnection::read_kept_input);
}

void HttpServerConnection::hold_body(std::uint64_t exchange) {
  if (streaming_ && streaming_->exchange == exchange) streaming_->flow = Streaming::Flow::held;
}

void HttpServerConnection::let_body_come(std::uint64_t exchange) {
  if (finished_ || !streaming_ || streaming_->exchange != exchange || !streaming_->sink) return;
  if (std::exchange(streaming_->flow, Streaming::Flow::open) == Streaming::Flow::held)
    post_guarded(&HttpServerConnection::read_kept_input);
}

/// Gives on what has come of the body, and its end.
void HttpServerConnection::advance_stream() {
  if (!streaming_ || !streaming_->sink) return;
  const std::uint64_t exchange = streaming_->exchange;
  const std::string part = parser_.take_part();
  if (!part.empty()) {
    streaming_->progress += part.size();
    streaming_->sink->on_bytes(as_bytes(part));
  }
  // The sink may have answered.
  if (finished_ || !streaming_ || streaming_->exchange != exchange) return;
  if (parser_.state() != ParseState::complete) return;
  const std::unique_ptr<BodySink> sink = std::move(streaming_->sink);
  streaming_.reset();
  owes_continue_ = false;
  parser_.end();
  if (find(exchange)->keep_alive == KeepAlive::no) input_ended_ = true;
  sink->on_end();
}

/// The request is answered before its body was read. Where the rest of it is not here, the stream cannot be
/// cut into requests any more.
void HttpServerConnection::drop_stream() {
  Exchange& exchange = *find(streaming_->exchange);
  // The sink may be on the stack.
  context_.executor.post([sink = std::move(streaming_->sink)] {});
  streaming_.reset();
  owes_continue_ = false;
  if (parser_.state() == ParseState::complete) {
    parser_.end();
  } else {
    exchange.keep_alive = KeepAlive::no;
  }
  if (exchange.keep_alive == KeepAlive::no) input_ended_ = true;
}

}  // namespace dunlin::net::http
