#pragma once
// One end of a stream of the virtual network.

#include "net/virtual_stream.h"

namespace dunlin::net {

/// Behaves as TcpConnection does; may be destroyed inside its callbacks. Must be destroyed before its
/// executor.
class VirtualConnection final : public Connection {
 public:
  /// A null stream is one that broke before it got here: the handler hears of a reset.
  VirtualConnection(VirtualNetwork& network, Executor& executor, VirtualStream* stream, int side);
  ~VirtualConnection() override;

  void set_handler(ConnectionHandler* handler) override;
  void write(Slice bytes) override;
  std::size_t pending_output() const override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void close() override;
  void abort() override;
  const PeerInfo& peer() const override { return peer_; }
  Executor& executor() override { return *executor_; }
  void set_max_unconsumed(std::size_t bytes) override { max_unconsumed_ = bytes; }
  void move_to(Executor& target, std::move_only_function<void(std::unique_ptr<Connection>)> arrived) override;

 private:
  friend class VirtualNetwork;
  using Arrived = std::move_only_function<void(std::unique_ptr<Connection>)>;
  enum class State : std::uint8_t { open, finishing, closed, spent };
  struct Frame;

  VirtualEnd& end() const;
  void on_input();
  void on_end_acknowledged();
  void finish(CloseReason reason);
  void cut_off(CloseReason reason);
  void fail(CloseReason reason);
  void forget();
  void vanish();
  void wake();
  void turn();
  void deliver();
  void finish_turn();

  VirtualNetwork& network_;
  Executor* executor_;
  VirtualStream* stream_;  // null once closed, moved away or crashed
  int side_;
  ConnectionHandler* handler_ = nullptr;
  Frame* frame_ = nullptr;
  PeerInfo peer_;
  std::size_t max_unconsumed_;
  State state_ = State::open;
  CloseReason reason_ = CloseReason::local_closed;
  TimerId deadline_;
  bool paused_ = false;
  bool offer_ = false;
  bool above_high_mark_ = false;
  bool turn_posted_ = false;
  // Shared with posted tasks: lets outlive this object notice it.
  std::shared_ptr<VirtualConnection*> self_;
};

}  // namespace dunlin::net
