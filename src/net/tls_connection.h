#pragma once
// TLS over any other connection.

#include <functional>
#include <memory>

#include "net/connection.h"
#include "net/tls_state.h"

namespace dunlin::net {

/// Reads and writes records of at most 16 KiB; what one turn writes is gathered into as few as possible. A
/// stream that ends without close_notify is reported as reset (truncation, RFC 8446, 6.1). May be destroyed
/// inside its callbacks. Same thread rules as the inner one.
class TlsConnection final : public Connection, private ConnectionHandler {
 public:
  TlsConnection(std::unique_ptr<Connection> inner, std::unique_ptr<TlsState> state);
  ~TlsConnection() override;

  /// Begins the handshake; `done` is called once, later or at once. After an error the alert is being sent:
  /// keep the connection until its handler's on_closed.
  void handshake(std::move_only_function<void(Result<void>)> done);
  bool resumed() const;
  /// Of a handshake that has failed: whether it was for the peer's certificate.
  RefusalKind failure_kind() const { return tls_failure_kind(*state_); }

  void set_handler(ConnectionHandler* handler) override;
  void write(Slice bytes) override;
  std::size_t pending_output() const override;
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  void abort() override;
  const PeerInfo& peer() const override { return describe_tls_peer(*state_); }
  void settle() override;
  Executor& executor() override { return *executor_; }
  void set_max_unconsumed(std::size_t bytes) override;
  void move_to(Executor& target, std::move_only_function<void(std::unique_ptr<Connection>)> arrived) override;

 protected:
  void write_copy(ByteView bytes) override;

 private:
  using Arrived = std::move_only_function<void(std::unique_ptr<Connection>)>;
  struct Frame;
  struct Handshake {
    std::move_only_function<void(Result<void>)> done;
    std::size_t bytes = 0;
  };

  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override;
  void on_closed(CloseReason reason) override;

  void step_handshake();
  void handshake_ended(Result<void> result);
  void handshake_failed(std::string why);
  void read_records(Frame& frame);
  bool deliver(Frame& frame, ByteView plain);
  static void depart(Frame& frame);
  void encrypt(ByteView bytes);
  void flush();
  void wake();
  void turn();
  void end(CloseReason reason);
  bool reading_wanted() const { return handler_ != nullptr && !paused_ && !closing_ && shaking_ == nullptr; }

  std::unique_ptr<Connection> inner_;
  std::unique_ptr<TlsState> state_;
  Executor* executor_;
  ConnectionHandler* handler_ = nullptr;
  std::unique_ptr<Handshake> shaking_;  // null: it is over
  Frame* frame_ = nullptr;
  CloseReason reason_ = CloseReason::reset;
  bool paused_ = false;
  bool closing_ = false;
  bool turn_posted_ = false;
  bool offer_tail_ = false;
  // Shared with posted tasks, which may outlive this object. Made on first use.
  std::shared_ptr<TlsConnection*> self_;
};

}  // namespace dunlin::net
