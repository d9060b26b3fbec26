#include "net/tcp_connection.h"

#include <sys/epoll.h>

#include <utility>

#include "base/core/assert.h"
#include "net/tcp_frame.h"

namespace dunlin::net {

namespace {

void describe_local_peer(PeerInfo& peer, const LocalPeer& local) {
  peer.transport = "unix";
  peer.process = "pid=" + std::to_string(local.process) + " uid=" + std::to_string(local.user) +
                 " gid=" + std::to_string(local.group);
}

}  // namespace

TcpConnection::TcpConnection(TcpContext& context, TcpStream stream)
    : context_(&context), stream_(std::move(stream)) {}

std::unique_ptr<TcpConnection> TcpConnection::make(TcpContext& context, TcpStream stream) {
  std::unique_ptr<TcpConnection> connection(
      new TcpConnection(context, std::move(stream)));  // NOLINT: private constructor
  TcpConnection& self = *connection;
  if (!context.reactor.watch(self.stream_.fd.get(), kReadInterest, self)) {
    self.stream_.fd.reset();
    return nullptr;
  }
  context.metrics.open.add();
  if (self.stream_.service == TcpStream::Service::after_others) self.come_last();
  // Bytes and output that came along from another reactor are looked at at the end of the turn.
  self.offer_tail_ = !self.stream_.unread.empty();
  if (self.offer_tail_ || self.stream_.output != nullptr) context.reactor.at_turn_end(self);
  if (self.stream_.is_finishing) self.finish(self.stream_.finishing);
  return connection;
}

TcpConnection::~TcpConnection() {
  for (Frame* frame = frame_; frame != nullptr; frame = frame->outer) frame->owner = nullptr;
  context_->reactor.forget_turn_end(*this);
  if (deadline_) context_->reactor.cancel(deadline_);
  if (stream_.fd.valid()) context_->metrics.count_closed(CloseReason::local_closed);
  release_descriptor();
  release_output();
}

void TcpConnection::release_descriptor() {
  if (!stream_.fd.valid()) return;
  context_->reactor.unwatch(*this);
  stream_.fd.reset();
  context_->metrics.open.add(-1);
}

void TcpConnection::release_output() {
  if (stream_.output != nullptr) context_->pool.give_back(std::move(stream_.output));
}

const PeerInfo& TcpConnection::peer() const {
  if (peer_ == nullptr) {
    peer_ = std::make_unique<PeerInfo>();
    peer_->address = stream_.address.endpoint();
    peer_->transport = "tcp";
    if (stream_.address.family() == AF_UNIX) describe_local_peer(*peer_, stream_.address.local);
  }
  return *peer_;
}

void TcpConnection::settle() {
  peer_.reset();
  stream_.service = TcpStream::Service::usual;
}

void TcpConnection::set_peer_address(const SocketAddress& address) {
  stream_.address = address;
  peer_.reset();
}

void TcpConnection::set_handler(ConnectionHandler* handler) {
  handler_ = handler;
  if (handler != nullptr) resume_reading();
}

void TcpConnection::set_max_unconsumed(std::size_t bytes) {
  stream_.max_unconsumed = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, 0xffffffffU));
}

bool TcpConnection::reading_wanted() const {
  if (state_ == State::lingering) return true;
  return state_ == State::open && !paused_ && handler_ != nullptr;
}

void TcpConnection::set_interest(std::uint32_t events) {
  if (events == interest() || !stream_.fd.valid()) return;
  context_->reactor.change(events, *this);
}

void TcpConnection::pause_reading() {
  paused_ = true;
}

void TcpConnection::resume_reading() {
  paused_ = false;
  if (state_ != State::open) return;
  if (handler_ == nullptr) return;
  if ((interest() & EPOLLIN) == 0) set_interest(interest() | kReadInterest);
  if (stream_.unread.empty() && (frame_ == nullptr || !frame_->in_data)) return;
  offer_tail_ = true;
  context_->reactor.after_turn_end(*this);
}

OutputQueue* TcpConnection::queue_for_write() {
  if (state_ != State::open) return nullptr;
  if (stream_.output == nullptr) stream_.output = context_->pool.take_queue();
  return stream_.output.get();
}

void TcpConnection::after_write() {
  if (stream_.output->size() > kOutputHighMark) stream_.above_high_mark = true;
  if ((interest() & EPOLLOUT) != 0) return;
  context_->reactor.at_turn_end(*this);
  // Nothing is reported from here: a failure or a drained queue is told at the end of the turn.
  if (stream_.output->size() >= kEarlySendBytes) send_queued();
}

void TcpConnection::write(Slice bytes) {
  DUNLIN_ASSERT(context_->reactor.may_touch());
  if (bytes.empty()) return;
  if (OutputQueue* queue = queue_for_write()) {
    queue->push(std::move(bytes), context_->pool);
    after_write();
  }
}

void TcpConnection::write_copy(ByteView bytes) {
  DUNLIN_ASSERT(context_->reactor.may_touch());
  if (bytes.empty()) return;
  if (OutputQueue* queue = queue_for_write()) {
    queue->push(bytes, context_->pool);
    after_write();
  }
}

void TcpConnection::close() {
  if (state_ == State::open) finish(CloseReason::local_closed);
}

void TcpConnection::abort() {
  if (state_ == State::closed || state_ == State::spent) return;
  const linger cut{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(stream_.fd.get(), SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
  fail(CloseReason::local_closed);
}

void TcpConnection::finish(CloseReason reason) {
  reason_ = reason;
  state_ = State::finishing;
  stream_.unread.clear();
  set_deadline(kCloseDeadline);
  context_->reactor.at_turn_end(*this);
}

void TcpConnection::set_deadline(Duration delay) {
  if (deadline_) context_->reactor.cancel(deadline_);
  deadline_ = context_->reactor.schedule(delay, [this] {
    deadline_ = {};
    fail(reason_);
  });
}

// The descriptor goes at once; the handler hears of it at the end of the turn, outside of whatever called
// this.
void TcpConnection::fail(CloseReason reason) {
  if (state_ == State::closed || state_ == State::spent) return;
  state_ = State::closed;
  reason_ = reason;
  if (deadline_) context_->reactor.cancel(std::exchange(deadline_, TimerId{}));
  release_descriptor();
  release_output();
  stream_.unread.clear();
  context_->metrics.count_closed(reason);
  context_->reactor.at_turn_end(*this);
}

void TcpConnection::report_closed() {
  state_ = State::spent;
  ConnectionHandler* handler = std::exchange(handler_, nullptr);
  if (handler != nullptr) handler->on_closed(reason_);
}

void TcpConnection::move_to(Executor& target, Arrived arrived) {
  DUNLIN_ASSERT(context_->reactor.may_touch());
  TcpContext* destination = context_->context_of(target);
  DUNLIN_ASSERT(destination != nullptr);
  handler_ = nullptr;
  context_->reactor.forget_turn_end(*this);
  if (deadline_) context_->reactor.cancel(std::exchange(deadline_, TimerId{}));
  if (state_ != State::open) {
    stream_.is_finishing = true;
    stream_.finishing = reason_;
  }
  TcpStream stream = std::move(stream_);
  if (stream.fd.valid()) {
    context_->reactor.unwatch(*this);
    context_->metrics.open.add(-1);
  }
  stream_ = TcpStream{};
  stream_.address = stream.address;
  state_ = State::spent;
  if (frame_ == nullptr || !frame_->in_data)
    return send_away(*destination, std::move(stream), std::move(arrived));
  frame_->target = destination;
  frame_->stream = std::move(stream);
  frame_->arrived = std::move(arrived);
}

void TcpConnection::send_away(TcpContext& target, TcpStream stream, Arrived arrived) {
  target.reactor.post([&target, moved = std::move(stream), done = std::move(arrived)]() mutable {
    done(arrive(target, std::move(moved)));
  });
}

std::unique_ptr<Connection> TcpConnection::arrive(TcpContext& context, TcpStream stream) {
  const SocketAddress address = stream.address;
  const CloseReason reason = stream.finishing;
  if (stream.fd.valid()) {
    if (auto connection = make(context, std::move(stream))) return connection;
  }
  // The stream broke on its way: the new owner learns it as of any other connection.
  TcpStream broken;
  broken.address = address;
  std::unique_ptr<TcpConnection> connection(
      new TcpConnection(context, std::move(broken)));  // NOLINT: private constructor
  connection->fail(reason);
  return connection;
}

}  // namespace dunlin::net
