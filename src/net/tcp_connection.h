#pragma once
// A TCP stream on one reactor.

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "net/connection.h"
#include "net/input_tail.h"
#include "net/limits.h"
#include "net/net_metrics.h"
#include "net/output_queue.h"
#include "net/reactor.h"
#include "net/socket_address.h"

namespace dunlin::net {

/// What the connections of one reactor share. Lives as long as the network. The reactor's thread only.
struct TcpContext {
  Reactor& reactor;
  NetMetrics metrics;
  OutputPool pool;
  Patience patience;
  std::function<TcpContext*(Executor&)> context_of;  // null for an executor that is not of this network
};

/// Everything of a stream but its handler: what travels from one reactor to another.
struct TcpStream {
  UniqueFd fd;
  SocketAddress address;
  InputTail unread;
  std::unique_ptr<OutputQueue> output;
  std::uint32_t max_unconsumed = kDefaultMaxUnconsumed;
  bool above_high_mark = false;
  /// Served after the others until settle(): long work for peers that are not known yet.
  enum class Service : std::uint8_t { usual, after_others } service = Service::usual;
  bool is_finishing = false;  // the queue is being sent and no more is read
  CloseReason finishing = CloseReason::reset;
};

/// May be destroyed inside any callback, its own included: the frame that called the handler notices and
/// touches it no more. The object of an idle connection and its one timer-free epoll entry are all it owns.
class TcpConnection final : public Connection, private EventSource {
 public:
  /// The descriptor must be non-blocking and connected. Null if the kernel refuses to watch it.
  static std::unique_ptr<TcpConnection> make(TcpContext& context, TcpStream stream);
  ~TcpConnection() override;

  void set_handler(ConnectionHandler* handler) override;
  void write(Slice bytes) override;
  std::size_t pending_output() const override {
    return stream_.output == nullptr ? 0 : stream_.output->size();
  }
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  void abort() override;
  const PeerInfo& peer() const override;
  void settle() override;
  /// From now on the peer has this address: a proxy has said for whom it speaks.
  void set_peer_address(const SocketAddress& address);
  Executor& executor() override { return context_->reactor; }
  void set_max_unconsumed(std::size_t bytes) override;
  void move_to(Executor& target, std::move_only_function<void(std::unique_ptr<Connection>)> arrived) override;

 protected:
  void write_copy(ByteView bytes) override;

 private:
  using Arrived = std::move_only_function<void(std::unique_ptr<Connection>)>;
  enum class State : std::uint8_t {
    open,
    finishing,  // close() was called, or the peer has ended: the queue is being sent
    lingering,  // our end is sent; waiting for the peer's
    closed,     // nothing left but to report
    spent,      // reported, or moved away
  };
  struct Frame;

  TcpConnection(TcpContext& context, TcpStream stream);
  void on_events(std::uint32_t events) override;
  void on_turn_end() override;

  OutputQueue* queue_for_write();
  void after_write();
  bool reading_wanted() const;
  void set_interest(std::uint32_t events);
  void on_readable(std::uint32_t events);
  void read_once();
  void handle_read_end(long result);
  void deliver(ByteView bytes, InputTail kept);
  void discard_input();
  void flush();
  bool send_queued();
  void settle_flushed();
  void finish(CloseReason reason);
  void set_deadline(Duration delay);
  void watch_stall();
  void cut_off_stalled();
  void fail(CloseReason reason);
  void release_descriptor();
  void release_output();
  void report_closed();
  static void send_away(TcpContext& target, TcpStream stream, Arrived arrived);
  static std::unique_ptr<Connection> arrive(TcpContext& context, TcpStream stream);

  TcpContext* context_;
  ConnectionHandler* handler_ = nullptr;
  TcpStream stream_;
  Frame* frame_ = nullptr;
  mutable std::unique_ptr<PeerInfo> peer_;  // made when someone asks
  TimerId deadline_;
  static constexpr std::uint32_t kReadInterest = EPOLLIN | EPOLLRDHUP;  // the reactor serves ends last
  State state_ = State::open;
  CloseReason reason_ = CloseReason::local_closed;
  bool paused_ = false;
  bool offer_tail_ = false;
  bool progressed_ = false;  // the kernel has taken something since watch_stall() looked
};

}  // namespace dunlin::net
