// The half of TcpConnection that moves bytes: reading, delivering, sending.

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/core/assert.h"
#include "base/log.h"
#include "net/tcp_connection.h"
#include "net/tcp_frame.h"

namespace dunlin::net {

namespace {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

CloseReason reason_of(int error) {
  return error == ETIMEDOUT ? CloseReason::timed_out : CloseReason::reset;
}

constexpr std::size_t kLeastTailRead = 16 * 1024;

}  // namespace

void TcpConnection::on_events(std::uint32_t events) {
  if (stream_.service == TcpStream::Service::after_others) come_last();
  Frame frame(*this);
  if ((events & EPOLLOUT) != 0) flush();
  if (frame.owner == nullptr || state_ == State::spent) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) on_readable(events);
}

void TcpConnection::on_readable(std::uint32_t events) {
  if (state_ == State::closed) return;
  if (state_ == State::lingering) return discard_input();
  if (reading_wanted()) return read_once();
  // Nobody wants the input. An error or a complete hang-up cannot be switched off, and means that the stream
  // is gone.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return fail(CloseReason::reset);
  set_interest(interest() & ~kReadInterest);
}

void TcpConnection::on_turn_end() {
  if (state_ == State::closed) return report_closed();
  Frame frame(*this);
  if (offer_tail_) {
    offer_tail_ = false;
    if (reading_wanted() && !stream_.unread.empty()) {
      InputTail kept = std::move(stream_.unread);
      const ByteView bytes = kept.view();
      deliver(bytes, std::move(kept));
    }
  }
  if (frame.owner == nullptr || state_ == State::closed || state_ == State::spent) return;
  flush();
}

void TcpConnection::read_once() {
  InputTail& unread = stream_.unread;
  const std::size_t old_size = unread.size();
  if (old_size > kSmallTailBytes) {
    const MutableByteView room = unread.extend(std::clamp(old_size, kLeastTailRead, kReadBufferBytes));
    const auto result = ::recv(stream_.fd.get(), room.data(), room.size(), 0);
    unread.shrink_to(old_size + static_cast<std::size_t>(std::max<ssize_t>(result, 0)));
    if (result <= 0) return handle_read_end(result);
    if (static_cast<std::size_t>(result) == room.size()) yield_to_others();
    context_->metrics.bytes_in.add(result);
    InputTail kept = std::move(unread);
    const ByteView bytes = kept.view();
    return deliver(bytes, std::move(kept));
  }
  const MutableByteView buffer = context_->reactor.read_buffer();
  const auto result = ::recv(stream_.fd.get(), buffer.data() + old_size, buffer.size() - old_size, 0);
  if (result <= 0) return handle_read_end(result);
  if (static_cast<std::size_t>(result) == buffer.size() - old_size) yield_to_others();
  context_->metrics.bytes_in.add(result);
  if (old_size != 0) std::memcpy(buffer.data(), unread.view().data(), old_size);
  deliver(buffer.first(old_size + static_cast<std::size_t>(result)), std::move(unread));
}

void TcpConnection::handle_read_end(long result) {
  if (result < 0) {
    if (!would_block(errno)) fail(reason_of(errno));
    return;
  }
  // The peer may still read: what is queued goes out before the end is reported.
  if (pending_output() == 0) return fail(CloseReason::peer_closed);
  finish(CloseReason::peer_closed);
}

// `kept` holds or will hold what the handler leaves; it lives here so that `bytes` outlives the connection.
void TcpConnection::deliver(ByteView bytes, InputTail kept) {
  Frame frame(*this);
  frame.in_data = true;
  const std::size_t consumed = handler_->on_data(bytes);
  DUNLIN_ASSERT(consumed <= bytes.size());
  kept.keep(bytes.subspan(consumed));
  if (frame.target != nullptr) {
    frame.stream.unread = std::move(kept);
    return send_away(*frame.target, std::move(frame.stream), std::move(frame.arrived));
  }
  if (frame.owner == nullptr || state_ != State::open) return;
  stream_.unread = std::move(kept);
  if (paused_ || handler_ == nullptr || stream_.unread.size() <= stream_.max_unconsumed) return;
  context_->metrics.unconsumed_exceeded.add();
  fail(CloseReason::reset);
}

/// MSG_TRUNC makes TCP throw the bytes away without copying them (tcp(7)); a Unix socket copies.
void TcpConnection::discard_input() {
  yield_to_others();
  const MutableByteView buffer = context_->reactor.read_buffer();
  for (int call = 0; call < kMaxDiscardsPerTurn; ++call) {
    const auto result = ::recv(stream_.fd.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (result == 0 || (result < 0 && !would_block(errno))) return fail(reason_);
    if (result < 0) return;
  }
}

void TcpConnection::flush() {
  if (stream_.output != nullptr && !send_queued()) return;
  if (state_ == State::finishing && pending_output() == 0) return settle_flushed();
  if (!stream_.above_high_mark || pending_output() > kOutputLowMark) return;
  stream_.above_high_mark = false;
  if (handler_ != nullptr) handler_->on_output_drained();
}

// False if the stream has broken.
bool TcpConnection::send_queued() {
  OutputQueue& queue = *stream_.output;
  std::array<iovec, kMaxPiecesPerSend> pieces;
  for (int call = 0; !queue.empty(); ++call) {
    if (call == kMaxSendsPerTurn) {
      context_->reactor.at_turn_end(*this);
      return true;
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = queue.gather(pieces);
    const auto sent = ::sendmsg(stream_.fd.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (!would_block(errno)) {
        fail(reason_of(errno));
        return false;
      }
      set_interest(interest() | EPOLLOUT);
      if (!deadline_) watch_stall();
      return true;
    }
    progressed_ = true;
    context_->metrics.bytes_out.add(sent);
    queue.consume(static_cast<std::size_t>(sent), context_->pool);
  }
  set_interest(interest() & ~std::uint32_t{EPOLLOUT});
  release_output();
  return true;
}

// A timer only while something waits: it is forgotten when it finds nothing to watch.
void TcpConnection::watch_stall() {
  const Duration patience = context_->patience.stalled_after;
  if (patience <= Duration::zero() || state_ != State::open) return;
  progressed_ = false;
  deadline_ = context_->reactor.schedule(patience, [this] {
    deadline_ = {};
    if (pending_output() == 0) return;
    if (progressed_) return watch_stall();
    cut_off_stalled();
  });
}

void TcpConnection::cut_off_stalled() {
  context_->metrics.stalled.add();
  log::refusal("net", "cut off: the peer takes nothing of what waits for it", stream_.address.endpoint().host,
               {{"bytes", pending_output()}});
  // Or else the kernel would keep what it holds for this peer.
  const linger cut{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(stream_.fd.get(), SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
  fail(CloseReason::timed_out);
}

// All that was queued before the end has been handed to the kernel.
void TcpConnection::settle_flushed() {
  if (reason_ == CloseReason::peer_closed) return fail(reason_);
  // Closing with unread input would make the kernel cut the stream, and the peer could lose our last bytes.
  ::shutdown(stream_.fd.get(), SHUT_WR);
  state_ = State::lingering;
  set_deadline(kLingerDeadline);
  set_interest(EPOLLIN);
}

}  // namespace dunlin::net
