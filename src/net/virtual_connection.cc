#include "net/virtual_connection.h"

#include <utility>

#include "base/core/assert.h"
#include "net/limits.h"

namespace dunlin::net {

// One call of on_data. It survives the connection, which tells it of its end or its move.
struct VirtualConnection::Frame {
  bool destroyed = false;
  VirtualEnd* moved = nullptr;  // set by a move_to() inside the call
};

VirtualConnection::VirtualConnection(VirtualNetwork& network, Executor& executor, VirtualStream* stream,
                                     int side)
    : network_(network),
      executor_(&executor),
      stream_(stream),
      side_(side),
      max_unconsumed_(kDefaultMaxUnconsumed),
      self_(std::make_shared<VirtualConnection*>(this)) {
  peer_.transport = "virtual";
  if (stream_ == nullptr) {
    state_ = State::closed;
    reason_ = CloseReason::reset;
    wake();
    return;
  }
  end().connection = this;
  end().moving = false;
  peer_.address = stream->end(1 - side).address;
  network_.metrics_.open.add();
  above_high_mark_ = end().pending > kOutputHighMark;
  offer_ = true;
  wake();
}

VirtualConnection::~VirtualConnection() {
  *self_ = nullptr;
  if (frame_ != nullptr) frame_->destroyed = true;
  if (deadline_) network_.wire_.cancel(deadline_);
  if (stream_ == nullptr) return;
  network_.metrics_.count_closed(CloseReason::local_closed);
  VirtualStream& stream = *stream_;
  forget();
  network_.send(stream, side_, VirtualNetwork::PacketKind::reset);
  network_.detach(stream, side_);
}

VirtualEnd& VirtualConnection::end() const {
  return stream_->end(side_);
}

// Leaves the stream without a word to the peer.
void VirtualConnection::forget() {
  if (stream_ == nullptr) return;
  end().connection = nullptr;
  stream_ = nullptr;
  network_.metrics_.open.add(-1);
}

// The process has died: nobody is told.
void VirtualConnection::vanish() {
  forget();
  state_ = State::spent;
  handler_ = nullptr;
  if (deadline_) network_.wire_.cancel(std::exchange(deadline_, TimerId{}));
}

void VirtualConnection::set_handler(ConnectionHandler* handler) {
  handler_ = handler;
  if (handler != nullptr) resume_reading();
}

void VirtualConnection::resume_reading() {
  paused_ = false;
  offer_ = true;
  wake();
}

std::size_t VirtualConnection::pending_output() const {
  return stream_ == nullptr ? 0 : end().pending;
}

void VirtualConnection::write(Slice bytes) {
  if (state_ != State::open || stream_ == nullptr || bytes.empty()) return;
  end().pending += bytes.size();
  end().output.push_back(std::move(bytes));
  if (end().pending > kOutputHighMark) above_high_mark_ = true;
  wake();
}

void VirtualConnection::close() {
  if (state_ != State::open || stream_ == nullptr) return;
  finish(CloseReason::local_closed);
  end().unread.clear();
  end().end_wanted = true;
  wake();
}

/// What is queued may still go, but not for ever.
void VirtualConnection::finish(CloseReason reason) {
  state_ = State::finishing;
  reason_ = reason;
  deadline_ = network_.wire_.schedule(kCloseDeadline, [this] {
    deadline_ = {};
    cut_off(reason_);
  });
}

void VirtualConnection::abort() {
  cut_off(CloseReason::local_closed);
}

void VirtualConnection::cut_off(CloseReason reason) {
  if (stream_ == nullptr) return;
  VirtualStream& stream = *stream_;
  fail(reason);
  network_.send(stream, side_, VirtualNetwork::PacketKind::reset);
  network_.detach(stream, side_);
}

// The stream goes at once; the handler hears of it in a turn of its own.
void VirtualConnection::fail(CloseReason reason) {
  if (state_ == State::closed || state_ == State::spent) return;
  forget();
  state_ = State::closed;
  reason_ = reason;
  if (deadline_) network_.wire_.cancel(std::exchange(deadline_, TimerId{}));
  network_.metrics_.count_closed(reason);
  wake();
}

void VirtualConnection::on_input() {
  offer_ = true;
  wake();
}

void VirtualConnection::on_end_acknowledged() {
  VirtualStream& stream = *stream_;
  const int side = side_;
  VirtualNetwork& network = network_;
  fail(reason_);
  network.detach(stream, side);
}

void VirtualConnection::wake() {
  if (std::exchange(turn_posted_, true)) return;
  executor_->post([self = self_] {
    if (*self == nullptr) return;
    (*self)->turn_posted_ = false;
    (*self)->turn();
  });
}

void VirtualConnection::turn() {
  if (state_ == State::spent) return;
  if (state_ == State::closed) {
    state_ = State::spent;
    if (ConnectionHandler* handler = std::exchange(handler_, nullptr)) handler->on_closed(reason_);
    return;
  }
  if (stream_ == nullptr) return;
  const auto self = self_;
  if (std::exchange(offer_, false)) deliver();
  if (*self == nullptr || stream_ == nullptr) return;
  network_.pump(*stream_, side_);
  if (stream_ != nullptr) finish_turn();
}

void VirtualConnection::deliver() {
  if (state_ != State::open || paused_ || handler_ == nullptr || end().unread.empty()) return;
  VirtualNetwork& network = network_;
  Frame frame;
  frame_ = &frame;
  InputTail kept = std::move(end().unread);
  const ByteView bytes = kept.view();
  const std::size_t consumed = handler_->on_data(bytes);
  DUNLIN_ASSERT(consumed <= bytes.size());
  network.metrics_.bytes_in.add(static_cast<std::int64_t>(consumed));
  kept.keep(bytes.subspan(consumed));
  if (!frame.destroyed) frame_ = nullptr;
  if (frame.moved != nullptr) {
    frame.moved->offered = 0;
    frame.moved->unread = std::move(kept);
    return;
  }
  if (frame.destroyed || stream_ == nullptr || state_ != State::open) return;
  end().offered = paused_ ? 0 : kept.size();
  end().unread = std::move(kept);
  network_.pump(*stream_, 1 - side_);                       // the window has opened
  if (stream_ == nullptr || state_ != State::open) return;  // what the peer sent into it met a reset
  if (paused_ || handler_ == nullptr || end().unread.size() <= max_unconsumed_) return;
  network_.metrics_.unconsumed_exceeded.add();
  network_.break_stream(*stream_);
}

// What follows from the state of both directions once the turn's work is done. May destroy this object.
void VirtualConnection::finish_turn() {
  VirtualEnd& mine = end();
  if (mine.end_received && state_ == State::open && !paused_ && handler_ != nullptr && !offer_) {
    finish(CloseReason::peer_closed);
  }
  if (state_ == State::finishing && reason_ == CloseReason::peer_closed && mine.pending == 0) {
    VirtualStream& stream = *stream_;
    fail(CloseReason::peer_closed);
    network_.detach(stream, side_);
    return;
  }
  if (!above_high_mark_ || mine.pending > kOutputLowMark) return;
  above_high_mark_ = false;
  if (handler_ != nullptr) handler_->on_output_drained();
}

void VirtualConnection::move_to(Executor& target, Arrived arrived) {
  handler_ = nullptr;
  if (deadline_) network_.wire_.cancel(std::exchange(deadline_, TimerId{}));
  const std::uint64_t id = stream_ == nullptr ? 0 : stream_->id;
  if (stream_ != nullptr) {
    end().moving = true;
    end().offered = 0;
    if (frame_ != nullptr) frame_->moved = &end();
    forget();
  }
  state_ = State::spent;
  target.post([network = &network_, &target, id, limit = max_unconsumed_, side = side_,
               done = std::move(arrived)]() mutable {
    auto connection = network->arrive_moved(id, side, target);
    connection->set_max_unconsumed(limit);
    done(std::move(connection));
  });
}

}  // namespace dunlin::net
