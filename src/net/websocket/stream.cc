#include "net/websocket/stream.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/core/assert.h"

namespace dunlin::net::websocket {

class WebSocketStream::Core final : public WebSocketHandler, public std::enable_shared_from_this<Core> {
 public:
  Core(Executor& executor, PeerInfo peer) : executor_(executor), peer_(std::move(peer)) {}

  void set_socket(std::unique_ptr<WebSocketConnection> socket) { socket_ = std::move(socket); }

  void set_handler(ConnectionHandler* handler) {
    handler_ = handler;
    if (handler != nullptr) offer_later();
  }

  void write(ByteView bytes) {
    if (closing_ || ended_) return;
    if (batch_.size() + bytes.size() > kMaxBatchBytes) flush();
    if (bytes.size() > kMaxBatchBytes) return socket_->send_binary(bytes);
    batch_.insert(batch_.end(), bytes.begin(), bytes.end());
    if (std::exchange(flush_posted_, true)) return;
    executor_.post([self = shared_from_this()] {
      self->flush_posted_ = false;
      self->flush();
    });
  }

  void flush() {
    if (batch_.empty() || socket_ == nullptr) return;
    socket_->send_binary(batch_);
    batch_.clear();
  }

  std::size_t pending_output() const { return batch_.size() + (socket_ ? socket_->pending_output() : 0); }

  void pause_reading() {
    paused_ = true;
    if (socket_) socket_->pause_reading();
  }
  void resume_reading() {
    paused_ = false;
    if (socket_) socket_->resume_reading();
    offer_later();
  }

  void close() {
    if (closing_ || ended_ || socket_ == nullptr) return;
    flush();
    closing_ = true;
    kept_.clear();
    socket_->close(CloseCode::normal, {});
  }

  void abort() {
    if (ended_ || socket_ == nullptr) return;
    closing_ = true;
    kept_.clear();
    batch_.clear();
    socket_->abort();
  }

  /// The stream has been destroyed: so is the socket, unless one of its calls is on the stack.
  void abandon() {
    handler_ = nullptr;
    batch_.clear();
    if (calls_ == 0) {
      socket_.reset();
      return;
    }
    if (!ended_) abort();
    executor_.post([self = shared_from_this()] {});
  }

  static void move(std::shared_ptr<Core> core, Executor& target,
                   std::move_only_function<void(std::unique_ptr<Connection>)> arrived) {
    core->handler_ = nullptr;
    core->flush();
    Executor& own = core->executor_;
    // Not now: frames of this socket may be on the stack. What comes until then is kept.
    own.post([core = std::move(core), &target, done = std::move(arrived)]() mutable {
      core->paused_ = false;
      auto next = std::make_shared<Core>(target, core->peer_);
      next->kept_ = std::move(core->kept_);
      next->max_unconsumed_ = core->max_unconsumed_;
      next->closing_ = core->closing_;
      if (core->ended_ || !core->socket_->is_open()) {
        next->closing_ = true;
        next->ended_ = true;
        next->end_reason_ = core->ended_ ? core->end_reason_ : CloseReason::local_closed;
        target.post([next = std::move(next), last = std::move(done)]() mutable {
          last(std::make_unique<WebSocketStream>(std::move(next)));
        });
        return;
      }
      auto parts = std::make_unique<WebSocketParts>(core->socket_->release());
      Connection& connection = *parts->connection;
      // The old connection object is spent by the move and lives until its task has run.
      auto spent = std::move(parts->connection);
      connection.move_to(target, [next = std::move(next), parts = std::move(parts),
                                  last = std::move(done)](std::unique_ptr<Connection> moved) mutable {
        parts->connection = std::move(moved);
        Core& core_there = *next;
        core_there.set_socket(std::make_unique<WebSocketConnection>(std::move(*parts), core_there));
        last(std::make_unique<WebSocketStream>(std::move(next)));
      });
    });
  }

  /// Makes this the core of a spent stream: nothing happens on it.
  void end_here() {
    closing_ = true;
    ended_ = true;
    end_reported_ = true;
  }

  void set_max_unconsumed(std::size_t bytes) { max_unconsumed_ = bytes; }
  const PeerInfo& peer() const { return peer_; }
  Executor& executor() { return executor_; }

 private:
  void on_message(MessageKind kind, ByteView payload) override {
    if (closing_ || ended_) return;
    if (kind == MessageKind::text) {
      end_reason_ = CloseReason::reset;
      return socket_->close(CloseCode::unsupported_data, "binary messages only");
    }
    if (!kept_.empty() || !can_offer()) {
      kept_.insert(kept_.end(), payload.begin(), payload.end());
      return offer();
    }
    const std::size_t consumed = call_handler(payload);
    if (!closing_ && !ended_)
      kept_.assign(payload.begin() + static_cast<std::ptrdiff_t>(consumed), payload.end());
    check_kept();
  }

  void on_output_drained() override {
    if (handler_ == nullptr) return;
    const auto self = shared_from_this();
    ++calls_;
    handler_->on_output_drained();
    --calls_;
  }

  void on_closed(CloseCode code, std::string_view) override {
    const auto self = shared_from_this();
    ++calls_;
    if (!end_reason_) {
      const bool orderly =
          code == CloseCode::normal || code == CloseCode::going_away || code == CloseCode::no_code;
      end_reason_ = closing_  ? CloseReason::local_closed
                    : orderly ? CloseReason::peer_closed
                              : CloseReason::reset;
    }
    ended_ = true;
    batch_.clear();
    report_end();
    --calls_;
  }

  void report_end() {
    if (handler_ == nullptr || std::exchange(end_reported_, true)) return;
    std::exchange(handler_, nullptr)->on_closed(*end_reason_);
  }

  bool can_offer() const { return handler_ != nullptr && !paused_ && calls_ == 0; }

  std::size_t call_handler(ByteView bytes) {
    const auto self = shared_from_this();
    ++calls_;
    const std::size_t consumed = std::min(handler_->on_data(bytes), bytes.size());
    --calls_;
    return consumed;
  }

  void offer() {
    if (kept_.empty() || closing_ || ended_ || !can_offer()) return;
    std::vector<std::uint8_t> bytes = std::exchange(kept_, {});
    const std::size_t consumed = call_handler(bytes);
    // Moved, not copied, when nothing was consumed: tiny frames must not cost the square of what is kept.
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(consumed));
    if (!closing_ && !ended_) kept_ = std::move(bytes);
    check_kept();
  }

  /// A reader that is paused, or changing, is not to blame.
  void check_kept() {
    if (kept_.size() <= max_unconsumed_ || !can_offer() || closing_ || ended_) return;
    end_reason_ = CloseReason::reset;
    kept_.clear();
    closing_ = true;
    socket_->close(CloseCode::message_too_big, "the packet is too large");
  }

  void offer_later() {
    if (std::exchange(offer_posted_, true)) return;
    executor_.post([self = shared_from_this()] {
      self->offer_posted_ = false;
      if (self->ended_) return self->report_end();
      self->offer();
    });
  }

  Executor& executor_;
  PeerInfo peer_;
  std::unique_ptr<WebSocketConnection> socket_;
  ConnectionHandler* handler_ = nullptr;
  std::vector<std::uint8_t> kept_;   // offered and not consumed, or waiting to be offered
  std::vector<std::uint8_t> batch_;  // written in this turn
  std::size_t max_unconsumed_ = 64 * 1024;
  int calls_ = 0;  // into the handler, on the stack
  bool paused_ = false;
  bool flush_posted_ = false;
  bool offer_posted_ = false;
  bool closing_ = false;
  bool ended_ = false;
  bool end_reported_ = false;
  std::optional<CloseReason> end_reason_;
};

namespace {

PeerInfo as_websocket(PeerInfo peer) {
  peer.transport = peer.transport == "tls" ? "wss" : "ws";
  return peer;
}

}  // namespace

WebSocketStream::WebSocketStream(std::unique_ptr<Connection> connection, Role role, WebSocketOptions options,
                                 Slice unread)
    : core_(std::make_shared<Core>(connection->executor(), as_websocket(connection->peer()))) {
  core_->set_socket(
      std::make_unique<WebSocketConnection>(std::move(connection), role, options, *core_, std::move(unread)));
}
WebSocketStream::WebSocketStream(std::shared_ptr<Core> core) : core_(std::move(core)) {}
WebSocketStream::~WebSocketStream() {
  if (core_) core_->abandon();
}

void WebSocketStream::set_handler(ConnectionHandler* handler) {
  core_->set_handler(handler);
}
void WebSocketStream::write(Slice bytes) {
  core_->write(bytes.view());
}
void WebSocketStream::write_copy(ByteView bytes) {
  core_->write(bytes);
}
std::size_t WebSocketStream::pending_output() const {
  return core_->pending_output();
}
void WebSocketStream::pause_reading() {
  core_->pause_reading();
}
void WebSocketStream::resume_reading() {
  core_->resume_reading();
}
void WebSocketStream::close() {
  core_->close();
}
void WebSocketStream::abort() {
  core_->abort();
}
const PeerInfo& WebSocketStream::peer() const {
  return core_->peer();
}
Executor& WebSocketStream::executor() {
  return core_->executor();
}
void WebSocketStream::set_max_unconsumed(std::size_t bytes) {
  core_->set_max_unconsumed(bytes);
}
void WebSocketStream::move_to(Executor& target,
                              std::move_only_function<void(std::unique_ptr<Connection>)> arrived) {
  // The core goes: this object is spent. A copy stays for peer() and executor().
  auto core = std::exchange(core_, std::make_shared<Core>(core_->executor(), core_->peer()));
  core_->end_here();
  Core::move(std::move(core), target, std::move(arrived));
}

}  // namespace dunlin::net::websocket
