// The half of a server connection that writes.

#include <algorithm>
#include <utility>

#include "net/http/server_connection.h"

namespace dunlin::net::http {
namespace {

/// A body up to this size travels in one piece with its head.
constexpr std::size_t kJoinedBodyBytes = 4096;

}  // namespace

/// Writes what may be written, in the order of the requests.
void HttpServerConnection::flush() {
  if (flushing_ || finished_ || closing_) return;
  flushing_ = true;
  while (!finished_ && !closing_ && write_some()) {
  }
  flushing_ = false;
  if (finished_ || closing_) return;
  send_continue();
  // Slots may be free again. The rest is read later, not in here: a handler may be on the stack.
  if (reading_paused_ && can_read()) post_guarded(&HttpServerConnection::read_kept_input);
  update_phase();
}

/// One step; false when there is nothing to write or the peer must take something first.
bool HttpServerConnection::write_some() {
  if (exchanges_.empty()) return false;
  Exchange& front = exchanges_.front();
  if (!front.response) return false;
  if (connection_->pending_output() >= kWriteAheadBytes) {
    wait_for_output();
    return false;
  }
  if (!writing_) {
    begin_response(front);
    return true;
  }
  if (!body_left_.empty()) {
    write_body();
    return true;
  }
  if (source_left_ > 0) return ask_source();
  if (front.taken) {
    begin_hand_over();
    return false;
  }
  finish_front();
  return true;
}

void HttpServerConnection::begin_response(Exchange& exchange) {
  writing_ = true;
  Response& response = *exchange.response;
  if (context_.draining) exchange.keep_alive = KeepAlive::no;
  std::optional<std::uint64_t> body_bytes;
  if (exchange.source) body_bytes = exchange.source->size();
  const ResponseFraming framing{.version = exchange.version,
                                .keep_alive = exchange.keep_alive,
                                .date = context_.date_now(),
                                .body_bytes = body_bytes,
                                .more = &context_.options.headers};
  const std::string head = serialize_head(response, framing);
  count_answer(response.status);
  const bool with_body = exchange.body == Exchange::Body::sent && !is_bodiless(response.status);
  if (exchange.source) {
    connection_->write(Slice::copy_of(head));
    source_left_ = with_body ? *body_bytes : 0;
    return;
  }
  Slice body = with_body ? std::move(response.body) : Slice{};
  if (body.size() <= kJoinedBodyBytes) {
    connection_->write(Slice::concat(as_bytes(head), body.view()));
    return;
  }
  connection_->write(Slice::copy_of(head));
  body_left_ = std::move(body);
}

void HttpServerConnection::write_body() {
  const std::size_t piece = std::min(body_left_.size(), kWritePieceBytes);
  connection_->write(body_left_.sub(0, piece));
  body_left_ = body_left_.sub(piece, body_left_.size() - piece);
}

/// False while the answer is still to come.
bool HttpServerConnection::ask_source() {
  if (std::exchange(asked_, Asked::yes) == Asked::yes) return false;
  Exchange& front = exchanges_.front();
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(source_left_, kSourcePieceBytes));
  front.source->read(most, [weak = std::weak_ptr(link_), id = front.id](Result<Slice> piece) {
    const auto link = weak.lock();
    if (link && link->connection != nullptr) link->connection->take_piece(id, std::move(piece));
  });
  return asked_ == Asked::no && !finished_ && !closing_;
}

void HttpServerConnection::take_piece(std::uint64_t exchange, Result<Slice> piece) {
  if (finished_ || closing_ || exchanges_.empty() || exchanges_.front().id != exchange) return;
  asked_ = Asked::no;
  // The length was promised; the receiver sees by the missing rest that something went wrong.
  if (!piece || piece->empty() || piece->size() > source_left_) return break_off();
  source_left_ -= piece->size();
  body_left_ = *std::move(piece);
  flush();
}

void HttpServerConnection::break_off() {
  closing_ = true;
  connection_->abort();
}

void HttpServerConnection::finish_front() {
  const bool last = exchanges_.front().keep_alive == KeepAlive::no;
  const bool was_upgrade = upgrading_ && exchanges_.size() == 1;
  exchanges_.pop_front();
  writing_ = false;
  body_left_ = {};
  if (was_upgrade) upgrading_ = false;  // asked for, answered otherwise: HTTP goes on
  if (last) close();
}

/// From here to hand_over() nothing is written or parsed; what comes is kept in input_.
void HttpServerConnection::begin_hand_over() {
  closing_ = true;
  context_.executor.cancel(timer_);
  if (!reading_paused_) connection_->pause_reading();
  reading_paused_ = true;
  post_guarded(&HttpServerConnection::hand_over);
}

void HttpServerConnection::hand_over() {
  if (finished_) return;
  UpgradeHandler taken = std::move(exchanges_.front().taken);
  connection_->set_handler(nullptr);
  connection_->resume_reading();
  finish();
  context_.remove_later(id_);
  Upgraded upgraded{std::move(connection_), Slice::copy_of(input_)};
  taken(std::move(upgraded));
}

/// on_output_drained goes on; the timer does too, for a queue that never reached the connection's own mark,
/// and it ends a peer that takes nothing.
void HttpServerConnection::wait_for_output() {
  if (output_timer_) return;
  last_pending_output_ = connection_->pending_output();
  output_progress_ = context_.executor.now();
  output_timer_ = context_.executor.schedule(kWriteRetryInterval, [this] { check_output_progress(); });
}

void HttpServerConnection::check_output_progress() {
  output_timer_ = {};
  if (finished_ || closing_) return;
  const std::size_t pending = connection_->pending_output();
  if (pending < kWriteAheadBytes) {
    flush();
    return;
  }
  if (pending < last_pending_output_) output_progress_ = context_.executor.now();
  last_pending_output_ = pending;
  if (context_.executor.now() - output_progress_ >= context_.options.write_stall_deadline) {
    if (context_.options.probe) context_.options.probe->timeouts.add();
    break_off();
    return;
  }
  output_timer_ = context_.executor.schedule(kWriteRetryInterval, [this] { check_output_progress(); });
}

void HttpServerConnection::on_output_drained() {
  if (finished_ || closing_) return;
  context_.executor.cancel(output_timer_);
  output_timer_ = {};
  flush();
}

}  // namespace dunlin::net::http
