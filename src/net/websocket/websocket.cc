#include "net/websocket/websocket.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"

namespace dunlin::net::websocket {

WebSocketConnection::WebSocketConnection(std::unique_ptr<Connection> connection, Role role,
                                         WebSocketOptions options, WebSocketHandler& handler, Slice unread)
    : connection_(std::move(connection)),
      decoder_(role, options.max_message_bytes),
      role_(role),
      options_(options),
      handler_(handler),
      unread_(std::move(unread)) {
  begin();
}

WebSocketConnection::WebSocketConnection(WebSocketParts parts, WebSocketHandler& handler)
    : connection_(std::move(parts.connection)),
      decoder_(std::move(parts.decoder)),
      role_(parts.role),
      options_(parts.options),
      handler_(handler),
      unread_(std::move(parts.unread)) {
  begin();
}

void WebSocketConnection::begin() {
  DUNLIN_ASSERT((role_ == Role::client) == (options_.mask_keys != nullptr));
  self_ = std::make_shared<WebSocketConnection*>(this);
  heard_ = executor().now();
  connection_->set_handler(this);
  watch_peer();
  if (unread_.empty()) return;
  executor().post([weak = std::weak_ptr(self_)] {
    if (const auto living = weak.lock()) (*living)->feed({});
  });
}

WebSocketConnection::~WebSocketConnection() {
  if (connection_) executor().cancel(timer_);
}

WebSocketParts WebSocketConnection::release() {
  DUNLIN_ASSERT(state_ == State::open);
  executor().cancel(timer_);
  self_.reset();
  state_ = State::closed;
  connection_->set_handler(nullptr);
  return {std::move(connection_), std::move(decoder_), role_, options_, std::move(unread_)};
}

std::size_t WebSocketConnection::on_data(ByteView bytes) {
  heard_ = executor().now();
  feed(bytes);
  return bytes.size();
}

void WebSocketConnection::feed(ByteView bytes) {
  if (!unread_.empty()) {
    const Slice first = std::exchange(unread_, {});
    feed(first.view());
  }
  if (state_ == State::closed) return;
  // While closing, what still comes is read for the peer's close frame alone.
  const auto result = decoder_.feed(bytes, *this);
  if (result || state_ == State::closed) return;
  // A peer that breaks the protocol is told why and not listened to any more (section 7.1.7).
  const bool told = state_ == State::closing;
  if (!told) {
    close_code_ = result.error().code;
    close_reason_ = result.error().why;
    connection_->write(encode_close(close_code_, close_reason_, options_.mask_keys));
  }
  end_stream();
}

void WebSocketConnection::on_message(MessageKind kind, ByteView payload) {
  if (state_ == State::open) handler_.on_message(kind, payload);
}

void WebSocketConnection::on_ping(ByteView payload) {
  // A peer that pings but does not read must not fill the memory (section 5.5.3 lets the latest ping alone be
  // answered).
  if (state_ != State::open || pending_output() > kMaxPongBacklog) return;
  send({.opcode = Opcode::pong, .payload = payload});
}

void WebSocketConnection::on_pong(ByteView payload) {
  if (state_ == State::open) handler_.on_pong(payload);
}

void WebSocketConnection::on_close(CloseCode code, std::string_view reason) {
  if (state_ == State::open) {
    close_code_ = code;
    close_reason_ = reason;
    connection_->write(encode_close(code, {}, options_.mask_keys));
  }
  end_stream();
}

void WebSocketConnection::send(const Frame& frame) {
  if (state_ == State::open) connection_->write(encode_frame(frame, options_.mask_keys));
}

void WebSocketConnection::send_text(std::string_view text) {
  send({.opcode = Opcode::text, .payload = as_bytes(text)});
}
void WebSocketConnection::send_binary(ByteView payload) {
  send({.opcode = Opcode::binary, .payload = payload});
}
void WebSocketConnection::ping(ByteView payload) {
  send({.opcode = Opcode::ping, .payload = payload.first(std::min(payload.size(), kMaxControlPayload))});
}

void WebSocketConnection::close(CloseCode code, std::string_view reason) {
  if (state_ != State::open) return;
  state_ = State::closing;
  close_code_ = code;
  close_reason_ = reason;
  connection_->write(encode_close(code, reason, options_.mask_keys));
  connection_->resume_reading();  // for the peer's close frame
  executor().cancel(timer_);
  timer_ = executor().schedule(options_.close_deadline, [this] { end_stream(); });
}

void WebSocketConnection::abort() {
  if (state_ == State::closed) return;
  decoder_.stop();
  state_ = State::closed;
  connection_->abort();
}

/// Both close frames are written, or there is nothing to wait for.
void WebSocketConnection::end_stream() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  executor().cancel(timer_);
  connection_->resume_reading();  // so that the end of the stream is noticed
  connection_->close();
}

void WebSocketConnection::pause_reading() {
  if (state_ != State::open) return;
  reading_paused_ = true;
  connection_->pause_reading();
}

void WebSocketConnection::resume_reading() {
  reading_paused_ = false;
  connection_->resume_reading();
}

void WebSocketConnection::on_output_drained() {
  if (state_ == State::open) handler_.on_output_drained();
}

void WebSocketConnection::on_closed(CloseReason) {
  executor().cancel(timer_);
  state_ = State::closed;
  self_.reset();
  // The handler may destroy this object: nothing of it is used after the call.
  const std::string reason = std::move(close_reason_);
  handler_.on_closed(close_code_, reason);
}

/// Sends a ping when the peer has been silent, cuts it off when that brought nothing.
void WebSocketConnection::watch_peer() {
  if (options_.ping_interval == Duration::zero()) return;
  timer_ = executor().schedule(options_.ping_interval, [this] {
    if (state_ != State::open) return;
    // A peer that is not read cannot be heard.
    if (reading_paused_) heard_ = executor().now();
    const Duration silence = executor().now() - heard_;
    if (silence >= 2 * options_.ping_interval) {
      close_reason_ = "the peer fell silent";
      return abort();
    }
    if (silence >= options_.ping_interval) ping({});
    watch_peer();
  });
}

}  // namespace dunlin::net::websocket
