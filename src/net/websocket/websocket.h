#pragma once
// A WebSocket as messages, after the handshake.

#include <functional>
#include <memory>
#include <string>

#include "net/connection.h"
#include "net/websocket/codec.h"
#include "net/websocket/limits.h"

namespace dunlin::net::websocket {

/// Receives what happens, on the connection's thread. Must not destroy the WebSocketConnection but in
/// on_closed.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  /// The view is valid during the call. Text is UTF-8.
  virtual void on_message(MessageKind kind, ByteView payload) = 0;
  virtual void on_pong(ByteView) {}
  virtual void on_output_drained() {}
  /// The last call. `code` is the peer's if it sent a close frame, abnormal if the stream just ended, else
  /// what this side closed with.
  virtual void on_closed(CloseCode code, std::string_view reason) = 0;
};

struct WebSocketOptions {
  std::uint64_t max_message_bytes = kDefaultMaxMessageBytes;
  /// After this long without a byte a ping is sent; after twice as long the peer is cut off. Zero: never.
  Duration ping_interval = kPingInterval;
  Duration close_deadline = kCloseDeadline;
  /// A client's source of masking keys; must outlive the connection. Null on a server.
  Rng* mask_keys = nullptr;
};

/// What is left of a WebSocket when it is taken apart to go on elsewhere.
struct WebSocketParts {
  std::unique_ptr<Connection> connection;
  Decoder decoder;  // in the middle of a frame, perhaps
  Role role;
  WebSocketOptions options;
  Slice unread;
};

/// Own thread only. Destroying it breaks the stream at once, without a call to the handler.
class WebSocketConnection final : public ConnectionHandler, private MessageSink {
 public:
  /// `connection` has done the handshake; `unread` came after it and is delivered from a later turn.
  WebSocketConnection(std::unique_ptr<Connection> connection, Role role, WebSocketOptions options,
                      WebSocketHandler& handler, Slice unread = {});
  /// Goes on with one that was taken apart, on the thread of its connection now.
  WebSocketConnection(WebSocketParts parts, WebSocketHandler& handler);
  ~WebSocketConnection() override;
  WebSocketConnection(const WebSocketConnection&) = delete;
  WebSocketConnection& operator=(const WebSocketConnection&) = delete;

  /// One message in one frame. Ignored after close(). Text must be UTF-8.
  void send_text(std::string_view text);
  void send_binary(ByteView payload);
  /// At most kMaxControlPayload bytes; longer ones are cut.
  void ping(ByteView payload);
  /// Begins the closing handshake (RFC 6455 section 7); on_closed follows, at the latest after
  /// close_deadline.
  void close(CloseCode code, std::string_view reason);
  void abort();

  /// Bytes queued and not yet taken by the operating system.
  std::size_t pending_output() const { return connection_->pending_output(); }
  /// Messages that came in the same read as the one being handled are still delivered.
  void pause_reading();
  void resume_reading();

  bool is_open() const { return state_ == State::open; }
  const PeerInfo& peer() const { return connection_->peer(); }
  Executor& executor() { return connection_->executor(); }
  Connection& connection() { return *connection_; }

  /// Takes it apart; only while open, not from inside a handler's call. This object is spent.
  WebSocketParts release();

 private:
  enum class State { open, closing, closed };

  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override;
  void on_closed(CloseReason reason) override;
  void on_message(MessageKind kind, ByteView payload) override;
  void on_ping(ByteView payload) override;
  void on_pong(ByteView payload) override;
  void on_close(CloseCode code, std::string_view reason) override;

  void begin();
  void feed(ByteView bytes);
  void send(const Frame& frame);
  void end_stream();
  void watch_peer();

  std::unique_ptr<Connection> connection_;
  Decoder decoder_;
  Role role_;
  WebSocketOptions options_;
  WebSocketHandler& handler_;
  State state_ = State::open;
  bool reading_paused_ = false;
  CloseCode close_code_ = CloseCode::abnormal;
  std::string close_reason_;
  TimerId timer_;
  Instant heard_;  // when the last byte came
  // Tells posted tasks that this object has gone, hence shared.
  std::shared_ptr<WebSocketConnection*> self_;
  Slice unread_;  // delivered before anything the connection brings
};

}  // namespace dunlin::net::websocket
