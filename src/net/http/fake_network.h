#pragma once
// Connections without an operating system, for the tests of net/http and net/websocket: two ends in one
// thread and virtual time.

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/virtual_executor.h"
#include "net/network.h"

namespace dunlin::net::testing {

class FakeConnection;

/// What lies between two ends. Either end may be a FakeConnection, or the test itself, which then reads
/// `inbox` and calls send().
struct Wire : std::enable_shared_from_this<Wire> {
  explicit Wire(Executor& loop) : executor(loop) {}

  struct End {
    FakeConnection* connection = nullptr;
    std::string inbox;                                             // what has arrived and is not consumed
    std::string outbox;                                            // written and not yet taken
    std::size_t budget = std::numeric_limits<std::size_t>::max();  // how much may still be taken
    bool closing = false;                                          // ends once the outbox is empty
    bool ended = false;                                            // no more will come out of this end
    bool was_full = false;
  };
  Executor& executor;
  End ends[2];

  /// Delivers `text` to the other end, as one piece.
  void send(int from, std::string_view text);
  /// Ends the stream from this side.
  void end(int from);
  void allow(int from, std::size_t bytes) {
    ends[from].budget += bytes;
    pump_later(from);
  }
  void pump_later(int from);
  void pump(int from);
  void deliver_later(int to);
};

inline constexpr std::size_t kFakeHighMark = 1024 * 1024;
inline constexpr std::size_t kFakeLowMark = 256 * 1024;

class FakeConnection final : public Connection {
 public:
  FakeConnection(std::shared_ptr<Wire> wire, int side, PeerInfo peer = {})
      : wire_(std::move(wire)), side_(side), peer_(std::move(peer)) {
    own().connection = this;
  }
  ~FakeConnection() override {
    if (wire_ == nullptr || own().connection != this) return;
    own().connection = nullptr;
    own().outbox.clear();
    wire_->end(side_);
  }

  using Connection::write;
  void set_handler(ConnectionHandler* handler) override {
    handler_ = handler;
    if (handler != nullptr) wire_->deliver_later(side_);
  }
  void write(Slice bytes) override {
    if (own().closing || own().ended) return;
    own().outbox.append(bytes.text());
    if (own().outbox.size() > kFakeHighMark) own().was_full = true;
    wire_->pump_later(side_);
  }
  std::size_t pending_output() const override { return own().outbox.size(); }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override {
    paused_ = false;
    wire_->deliver_later(side_);
  }
  void close() override {
    if (own().closing || own().ended) return;
    own().closing = true;
    wire_->pump_later(side_);
  }
  void abort() override {
    own().outbox.clear();
    own().budget = std::numeric_limits<std::size_t>::max();
    own().closing = true;
    wire_->pump_later(side_);
  }
  const PeerInfo& peer() const override { return peer_; }
  Executor& executor() override { return wire_->executor; }
  void set_max_unconsumed(std::size_t bytes) override { max_unconsumed_ = bytes; }
  void move_to(Executor& target,
               std::move_only_function<void(std::unique_ptr<Connection>)> arrived) override {
    handler_ = nullptr;
    own().connection = nullptr;
    target.post([wire = std::exchange(wire_, nullptr), side = side_, peer = peer_,
                 arrived = std::move(arrived)]() mutable {
      arrived(std::make_unique<FakeConnection>(std::move(wire), side, std::move(peer)));
    });
  }

  /// Offers what is in the inbox, then the end of the stream. Called by the wire.
  void deliver() {
    auto wire = wire_;
    const int side = side_;
    auto& end = wire->ends[side];
    if (handler_ == nullptr || paused_ || reported_) return;
    if (!end.inbox.empty()) {
      const std::string bytes = std::exchange(end.inbox, {});
      const std::size_t consumed = handler_->on_data(as_bytes(bytes));
      end.inbox.insert(0, bytes.substr(std::min(consumed, bytes.size())));
      if (end.connection != this) return;
      if (end.inbox.size() > max_unconsumed_) return report(CloseReason::reset);
    }
    if (wire->ends[1 - side].ended) report(CloseReason::peer_closed);
  }
  void report(CloseReason reason) {
    if (std::exchange(reported_, true) || handler_ == nullptr) return;
    handler_->on_closed(reason);
  }
  void report_drained() {
    if (handler_ != nullptr) handler_->on_output_drained();
  }

 private:
  Wire::End& own() const { return wire_->ends[side_]; }

  std::shared_ptr<Wire> wire_;  // shared by the two ends and the test
  int side_;
  PeerInfo peer_;
  ConnectionHandler* handler_ = nullptr;
  bool paused_ = false;
  bool reported_ = false;
  std::size_t max_unconsumed_ = 64 * 1024;
};

inline void Wire::send(int from, std::string_view text) {
  ends[1 - from].inbox.append(text);
  deliver_later(1 - from);
}
inline void Wire::end(int from) {
  ends[from].ended = true;
  deliver_later(1 - from);
}
inline void Wire::deliver_later(int to) {
  executor.post([self = shared_from_this(), to] {
    if (self->ends[to].connection != nullptr) self->ends[to].connection->deliver();
  });
}
inline void Wire::pump_later(int from) {
  executor.post([self = shared_from_this(), from] { self->pump(from); });
}
inline void Wire::pump(int from) {
  End& end = ends[from];
  const std::size_t taken = std::min(end.budget, end.outbox.size());
  if (taken > 0) {
    if (end.budget != std::numeric_limits<std::size_t>::max()) end.budget -= taken;
    ends[1 - from].inbox.append(end.outbox, 0, taken);
    end.outbox.erase(0, taken);
    deliver_later(1 - from);
  }
  if (end.was_full && end.outbox.size() < kFakeLowMark) {
    end.was_full = false;
    if (end.connection != nullptr) end.connection->report_drained();
  }
  if (end.closing && end.outbox.empty() && !end.ended) {
    this->end(from);
    if (end.connection != nullptr) end.connection->report(CloseReason::local_closed);
  }
}

/// Endpoints by name and port; every connection is plain.
class FakeNetwork final : public Network {
 public:
  class FakeListener final : public Listener {
   public:
    FakeListener(FakeNetwork& network, Endpoint endpoint)
        : network_(network), endpoint_(std::move(endpoint)) {}
    ~FakeListener() override { network_.listeners_.erase(endpoint_.port); }
    Endpoint local() const override { return endpoint_; }

   private:
    FakeNetwork& network_;
    Endpoint endpoint_;
  };

  Result<std::unique_ptr<Listener>> listen(Executor&, ListenOptions options, AcceptHandler accept) override {
    if (listeners_.contains(options.endpoint.port)) return fail(Errc::unavailable, "the address is in use");
    listeners_[options.endpoint.port] = std::make_unique<AcceptHandler>(std::move(accept));
    return std::make_unique<FakeListener>(*this, options.endpoint);
  }
  void connect(Executor& executor, ConnectOptions options, ConnectHandler done) override {
    executor.post([this, &executor, port = options.endpoint.port, done = std::move(done)]() mutable {
      const auto found = listeners_.find(port);
      if (found == listeners_.end()) return done(fail(Errc::unavailable, "the connection was refused"));
      ++connections;
      auto wire = std::make_shared<Wire>(executor);
      auto client = std::make_unique<FakeConnection>(wire, 0);
      (*found->second)(std::make_unique<FakeConnection>(wire, 1));
      last_wire = wire;
      done(std::move(client));
    });
  }

  std::size_t connections = 0;
  std::shared_ptr<Wire> last_wire;

 private:
  std::map<std::uint16_t, std::unique_ptr<AcceptHandler>> listeners_;
};

}  // namespace dunlin::net::testing
