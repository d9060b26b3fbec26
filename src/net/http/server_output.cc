// The half of a server connection that writes.

#include <algorithm>
#include <array>
#include <charconv>
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
  if (source_left_ > 0 || source_open_ != Open::no) return ask_source();
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
  ResponseFraming framing{
      .version = exchange.version, .date = context_.date_now(), .more = &context_.options.headers};
  if (exchange.source) framing.body = begin_source(exchange);
  if (exchange.source) framing.body_bytes = exchange.source->size();
  framing.keep_alive = exchange.keep_alive;
  const std::string head = serialize_head(response, framing);
  count_answer(response.status);
  const bool with_body = exchange.body == Exchange::Body::sent && !is_bodiless(response.status);
  if (exchange.source) {
    connection_->write(Slice::copy_of(head));
    if (!with_body) source_open_ = Open::no;
    source_left_ = with_body && source_open_ == Open::no ? *framing.body_bytes : 0;
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

/// How the body's end will be told.
ResponseFraming::Body HttpServerConnection::begin_source(Exchange& exchange) {
  source_open_ = Open::no;
  if (exchange.source->length() == BodySource::Length::known) return ResponseFraming::Body::counted;
  if (exchange.version == Version::http_1_1) {
    source_open_ = Open::chunked;
    return ResponseFraming::Body::chunked;
  }
  source_open_ = Open::until_close;
  exchange.keep_alive = KeepAlive::no;
  input_ended_ = true;
  return ResponseFraming::Body::until_close;
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
  const std::uint64_t left = source_open_ == Open::no ? source_left_ : kSourcePieceBytes;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, kSourcePieceBytes));
  front.source->read(most, [weak = std::weak_ptr(link_), id = front.id](Result<Slice> piece) {
    const auto link = weak.lock();
    if (link && link->connection != nullptr) link->connection->take_piece(id, std::move(piece));
  });
  return asked_ == Asked::no && !finished_ && !closing_;
}

void HttpServerConnection::take_piece(std::uint64_t exchange, Result<Slice> piece) {
  if (finished_ || closing_ || exchanges_.empty() || exchanges_.front().id != exchange) return;
  asked_ = Asked::no;
  if (piece && source_open_ != Open::no) return take_open_piece(*std::move(piece));
  // The length was promised; the receiver sees by the missing rest that something went wrong.
  if (!piece || piece->empty() || piece->size() > source_left_) return break_off();
  source_left_ -= piece->size();
  body_left_ = *std::move(piece);
  flush();
}

/// RFC 9112 section 7.1: the last chunk is empty. Without it the receiver sees that the body was cut short.
void HttpServerConnection::take_open_piece(Slice piece) {
  const bool is_end = piece.empty();
  if (source_open_ == Open::until_close) {
    body_left_ = std::move(piece);
  } else if (is_end) {
    body_left_ = Slice::of_static("0\r\n\r\n");
  } else {
    std::array<char, 20> size{};
    char* const end = std::to_chars(size.data(), size.data() + size.size() - 2, piece.size(), 16).ptr;
    std::copy_n("\r\n", 2, end);
    const ByteView head(reinterpret_cast<const std::uint8_t*>(size.data()),
                        static_cast<std::size_t>(end + 2 - size.data()));
    body_left_ = Slice::concat(Slice::concat(head, piece.view()).view(), as_bytes(std::string_view("\r\n")));
  }
  if (is_end) source_open_ = Open::no;
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
