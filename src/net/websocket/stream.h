#pragma once
// A WebSocket as a byte stream, for MQTT over WebSocket (MQTT 5.0 section 6): binary messages only, packets
// may span them.

#include <memory>
#include <string>

#include "net/websocket/websocket.h"

namespace dunlin::net::websocket {

/// All that one loop turn writes leaves in as few binary frames as kMaxBatchBytes allows. A text message
/// closes with 1003. Own thread only.
class WebSocketStream final : public Connection {
  class Core;

 public:
  /// As WebSocketConnection. The peer's transport becomes "ws" or "wss".
  WebSocketStream(std::unique_ptr<Connection> connection, Role role, WebSocketOptions options,
                  Slice unread = {});
  /// For the room itself.
  explicit WebSocketStream(std::shared_ptr<Core> core);
  ~WebSocketStream() override;

  using Connection::write;
  void set_handler(ConnectionHandler* handler) override;
  void write(Slice bytes) override;
  std::size_t pending_output() const override;
  void pause_reading() override;
  void resume_reading() override;
  /// Ends with close code 1000 once what was written has been sent.
  void close() override;
  void abort() override;
  const PeerInfo& peer() const override;
  Executor& executor() override;
  /// Also bounds one WebSocket message: bytes of it cannot be offered before it is complete.
  void set_max_unconsumed(std::size_t bytes) override;
  void move_to(Executor& target, std::move_only_function<void(std::unique_ptr<Connection>)> arrived) override;

 private:
  void write_copy(ByteView bytes) override;

  // Shared: tasks of this loop turn (flush, offer, move) may outlive the stream, and a handler may destroy it
  // from on_closed.
  std::shared_ptr<Core> core_;
};

}  // namespace dunlin::net::websocket
