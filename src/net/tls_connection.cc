#include "net/tls_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "net/limits.h"

namespace dunlin::net {

namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;
// Plain text of the present on_data: several records, so that the handler sees larger pieces. One per thread,
// used only inside a call.
thread_local std::array<std::uint8_t, 4 * kRecordBytes> plain_buffer;

template <class Function, class... Arguments>
int call_openssl(TlsState& state, Function function, Arguments... arguments) {
  const TlsBioScope scope(state);
  return function(state.ssl.get(), arguments...);
}

}  // namespace

// One call of on_data or of a turn; it survives the connection, which tells it of its end or its move.
struct TlsConnection::Frame {
  explicit Frame(TlsConnection& connection) : owner(&connection) { connection.frame_ = this; }
  Frame(std::unique_ptr<Connection> moving_inner, std::unique_ptr<TlsState> moving_state, Executor& to,
        Arrived then)
      : owner(nullptr),
        target(&to),
        inner(std::move(moving_inner)),
        state(std::move(moving_state)),
        arrived(std::move(then)) {}
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() {
    if (owner != nullptr) owner->frame_ = nullptr;
  }
  TlsConnection* owner;
  bool delivering = false;
  // Set by a move_to() inside the handler's on_data: the stream leaves when the handler has said what it
  // consumed.
  Executor* target = nullptr;
  std::unique_ptr<Connection> inner;
  std::unique_ptr<TlsState> state;
  Arrived arrived;
};

TlsConnection::TlsConnection(std::unique_ptr<Connection> inner, std::unique_ptr<TlsState> state)
    : inner_(std::move(inner)), state_(std::move(state)), executor_(&inner_->executor()) {
  state_->inner = inner_.get();
  use_thread_bio(*state_);
}

TlsConnection::~TlsConnection() {
  if (self_ != nullptr) *self_ = nullptr;
  if (frame_ != nullptr) frame_->owner = nullptr;
}

void TlsConnection::handshake(std::move_only_function<void(Result<void>)> done) {
  shaking_ = std::make_unique<Handshake>(std::move(done));
  inner_->set_handler(this);
  // The client speaks first: until it does, a server's handshake takes no buffers and no time.
  if (state_->server != nullptr) return;
  Frame frame(*this);
  step_handshake();
}

bool TlsConnection::resumed() const {
  return SSL_session_reused(state_->ssl.get()) == 1;
}

// May destroy this object.
void TlsConnection::step_handshake() {
  ERR_clear_error();
  const int status = call_openssl(*state_, SSL_do_handshake);
  if (status != 1) {
    const int error = SSL_get_error(state_->ssl.get(), status);
    if (error != SSL_ERROR_WANT_READ) return handshake_failed(describe_tls_failure(*state_));
    if (shaking_->bytes > kMaxHandshakeBytes) handshake_failed("the handshake is too long");
    return;
  }
  if (const auto completed = complete_tls_state(*state_); !completed)
    return handshake_failed(completed.error().message);
  forget_tls_handshake(*state_);
  inner_->settle();
  handshake_ended({});
}

void TlsConnection::handshake_failed(std::string why) {
  end(CloseReason::tls_failed);
  handshake_ended(fail(Errc::unauthenticated, std::move(why)));
}

// May destroy this object.
void TlsConnection::handshake_ended(Result<void> result) {
  const std::unique_ptr<Handshake> over = std::move(shaking_);
  if (over->done) over->done(std::move(result));
}

// The inner connection sends what OpenSSL has queued (an alert, say) and then reports the end.
void TlsConnection::end(CloseReason reason) {
  if (closing_) return;
  closing_ = true;
  reason_ = reason;
  state_->gathered = {};
  state_->unread.clear();
  inner_->close();
}

std::size_t TlsConnection::on_data(ByteView bytes) {
  Frame frame(*this);
  state_->input = bytes;
  if (shaking_ != nullptr) {
    shaking_->bytes += bytes.size();
    step_handshake();
    if (frame.owner == nullptr) return bytes.size();
  }
  if (shaking_ == nullptr) read_records(frame);
  if (frame.target != nullptr) {
    const std::size_t left = std::exchange(frame.state->input, {}).size();
    depart(frame);
    return bytes.size() - left;
  }
  if (frame.owner == nullptr) return bytes.size();
  const std::size_t left = std::exchange(state_->input, {}).size();
  flush();
  if (closing_) return bytes.size();
  // What is not decrypted yet waits in the inner connection.
  if (left > 0) inner_->pause_reading();
  return bytes.size() - left;
}

void TlsConnection::read_records(Frame& frame) {
  while (reading_wanted()) {
    std::size_t filled = 0;
    int error = SSL_ERROR_NONE;
    ERR_clear_error();
    while (error == SSL_ERROR_NONE && plain_buffer.size() - filled >= kRecordBytes) {
      std::size_t count = 0;
      const int status =
          call_openssl(*state_, SSL_read_ex, plain_buffer.data() + filled, kRecordBytes, &count);
      error = status == 1 ? SSL_ERROR_NONE : SSL_get_error(state_->ssl.get(), status);
      filled += status == 1 ? count : 0;
    }
    if (filled > 0 && !deliver(frame, ByteView{plain_buffer}.first(filled))) return;
    if (error == SSL_ERROR_NONE) continue;
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      flush();
      call_openssl(*state_, SSL_shutdown);
      return end(CloseReason::peer_closed);
    }
    return end(CloseReason::tls_failed);
  }
}

// False if there is to be no more reading now. `plain` is offered after what the handler left before.
bool TlsConnection::deliver(Frame& frame, ByteView plain) {
  InputTail kept = std::move(state_->unread);
  if (!kept.empty()) {
    kept.append(plain);
    plain = kept.view();
  }
  frame.delivering = true;
  const std::size_t consumed = handler_->on_data(plain);
  frame.delivering = false;
  DUNLIN_ASSERT(consumed <= plain.size());
  kept.keep(plain.subspan(consumed));
  if (frame.target != nullptr) {
    frame.state->unread = std::move(kept);
    return false;
  }
  if (frame.owner == nullptr) return false;
  const std::size_t left = kept.size();
  if (!closing_) state_->unread = std::move(kept);
  if (!reading_wanted() || left <= state_->max_unconsumed) return reading_wanted();
  reason_ = CloseReason::reset;
  inner_->abort();
  closing_ = true;
  return false;
}

void TlsConnection::settle() {
  state_->peer.reset();
  if (inner_ != nullptr) inner_->settle();
}

void TlsConnection::set_max_unconsumed(std::size_t bytes) {
  state_->max_unconsumed = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, 0xffffffffU));
}

void TlsConnection::set_handler(ConnectionHandler* handler) {
  handler_ = handler;
  if (handler != nullptr) resume_reading();
}

void TlsConnection::pause_reading() {
  paused_ = true;
  if (inner_ != nullptr) inner_->pause_reading();
}

void TlsConnection::resume_reading() {
  paused_ = false;
  if (inner_ == nullptr || handler_ == nullptr) return;
  inner_->resume_reading();
  offer_tail_ = true;
  if (frame_ == nullptr || frame_->delivering) wake();
}

void TlsConnection::write(Slice bytes) {
  if (bytes.size() < kMaxTlsGatherBytes / 2) return write_copy(bytes.view());
  if (closing_ || inner_ == nullptr) return;
  flush();
  encrypt(bytes.view());
}

void TlsConnection::write_copy(ByteView bytes) {
  if (closing_ || inner_ == nullptr || bytes.empty()) return;
  std::vector<std::uint8_t>& gathered = state_->gathered;
  gathered.insert(gathered.end(), bytes.begin(), bytes.end());
  if (gathered.size() >= kMaxTlsGatherBytes) return flush();
  if (frame_ == nullptr) wake();
}

void TlsConnection::flush() {
  if (closing_ || inner_ == nullptr || state_->gathered.empty()) return;
  const std::vector<std::uint8_t> gathered = std::move(state_->gathered);
  state_->gathered = {};
  encrypt(gathered);
}

void TlsConnection::encrypt(ByteView bytes) {
  ERR_clear_error();
  std::size_t written = 0;
  // The BIO takes everything, so this either writes all or the stream is broken.
  if (call_openssl(*state_, SSL_write_ex, bytes.data(), bytes.size(), &written) != 1)
    return end(CloseReason::tls_failed);
  DUNLIN_ASSERT(written == bytes.size());
}

std::size_t TlsConnection::pending_output() const {
  return inner_ == nullptr ? 0 : inner_->pending_output() + state_->gathered.size();
}

void TlsConnection::wake() {
  if (std::exchange(turn_posted_, true)) return;
  if (self_ == nullptr) self_ = std::make_shared<TlsConnection*>(this);
  executor_->post([self = self_] {
    if (*self == nullptr) return;
    (*self)->turn_posted_ = false;
    (*self)->turn();
  });
}

// Output of this turn, and plain bytes that were left and are wanted again.
void TlsConnection::turn() {
  if (inner_ == nullptr) return;
  Frame frame(*this);
  if (std::exchange(offer_tail_, false) && reading_wanted() && !state_->unread.empty()) deliver(frame, {});
  if (frame.target != nullptr) return depart(frame);
  if (frame.owner != nullptr) flush();
}

void TlsConnection::close() {
  if (closing_ || inner_ == nullptr) return;
  flush();
  if (closing_) return;
  if (shaking_ == nullptr) call_openssl(*state_, SSL_shutdown);
  end(CloseReason::local_closed);
}

void TlsConnection::abort() {
  if (inner_ == nullptr) return;
  closing_ = true;
  reason_ = CloseReason::local_closed;
  inner_->abort();
}

void TlsConnection::on_output_drained() {
  if (handler_ != nullptr) handler_->on_output_drained();
}

void TlsConnection::on_closed(CloseReason reason) {
  if (shaking_ != nullptr) {
    closing_ = true;
    reason_ = reason;
    Frame frame(*this);
    handshake_ended(fail(Errc::unavailable, "the peer ended the connection during the handshake"));
    if (frame.owner == nullptr) return;
  } else if (!closing_) {
    closing_ = true;
    reason_ = reason == CloseReason::peer_closed ? CloseReason::reset : reason;
  } else if (reason == CloseReason::reset && reason_ == CloseReason::local_closed) {
    reason_ = reason;  // what was queued did not all arrive
  }
  if (ConnectionHandler* handler = std::exchange(handler_, nullptr)) handler->on_closed(reason_);
}

void TlsConnection::move_to(Executor& target, Arrived arrived) {
  flush();
  handler_ = nullptr;
  if (self_ != nullptr) *std::exchange(self_, nullptr) = nullptr;
  turn_posted_ = false;
  auto known = std::make_unique<PeerInfo>(peer());  // this spent object still answers
  Frame frame(std::move(inner_), std::exchange(state_, std::make_unique<TlsState>()), target,
              std::move(arrived));
  state_->peer = std::move(known);
  if (frame_ == nullptr || !frame_->delivering) return depart(frame);
  frame_->target = frame.target;
  frame_->inner = std::move(frame.inner);
  frame_->state = std::move(frame.state);
  frame_->arrived = std::move(frame.arrived);
}

void TlsConnection::depart(Frame& frame) {
  frame.state->inner = nullptr;
  auto arrive = [state = std::move(frame.state),
                 done = std::move(frame.arrived)](std::unique_ptr<Connection> moved) mutable {
    auto connection = std::make_unique<TlsConnection>(std::move(moved), std::move(state));
    connection->inner_->set_handler(connection.get());
    done(std::move(connection));
  };
  frame.inner->move_to(*frame.target, std::move(arrive));
}

}  // namespace dunlin::net
