#include "net/http/server_connection.h"

#include <utility>

#include "base/core/assert.h"

namespace dunlin::net::http {

namespace {

Response refusal_response(const Refusal& refusal) {
  const Errc code = refusal.status == 413 || refusal.status == 414 || refusal.status == 431
                        ? Errc::limit_exceeded
                    : refusal.status >= 500 ? Errc::unsupported
                    : refusal.status == 408 ? Errc::timed_out
                                            : Errc::malformed;
  return error_response(refusal.status, errc_name(code), refusal.message);
}

}  // namespace

HttpServerConnection::HttpServerConnection(Context& context, std::uint64_t id,
                                           std::unique_ptr<Connection> connection)
    : context_(context),
      id_(id),
      connection_(std::move(connection)),
      peer_(std::make_shared<const PeerInfo>(connection_->peer())),
      link_(std::make_shared<Responder::Link>(Responder::Link{this})),
      parser_(context.options.max_body_bytes, context.options.streamed.limit),
      phase_since_(context.executor.now()) {
  connection_->set_handler(this);
  arm_timer(deadline_of(phase_));
}

HttpServerConnection::~HttpServerConnection() {
  finish();
}

/// Ends everything that could still call back.
void HttpServerConnection::finish() {
  finished_ = true;
  link_->connection = nullptr;
  context_.executor.cancel(timer_);
  context_.executor.cancel(output_timer_);
}

void HttpServerConnection::on_closed(CloseReason) {
  finish();
  context_.remove_later(id_);
}

std::size_t HttpServerConnection::on_data(ByteView bytes) {
  if (input_ended_ || finished_) return bytes.size();
  if (!input_.empty() || !can_read()) {
    input_.append(as_text(bytes));
    read_kept_input();
  } else {
    const std::size_t consumed = read_requests(bytes);
    if (!input_ended_) input_.assign(as_text(bytes.subspan(consumed)));
  }
  update_phase();
  return bytes.size();
}

void HttpServerConnection::read_kept_input() {
  if (finished_ || closing_) return;
  if (can_read()) advance_stream();
  if (can_read() && !input_.empty()) {
    const std::size_t consumed = read_requests(as_bytes(input_));
    input_.erase(0, consumed);
  }
  if (input_ended_) input_.clear();
  if (reading_paused_ && can_read()) {
    reading_paused_ = false;
    connection_->resume_reading();
  }
  update_phase();
}

bool HttpServerConnection::can_read() const {
  if (streaming_) return streaming_->flow == Streaming::Flow::open && !closing_;
  return !input_ended_ && !upgrading_ && !closing_ && exchanges_.size() < kMaxPipelined;
}

std::size_t HttpServerConnection::read_requests(ByteView bytes) {
  std::size_t consumed = 0;
  while (can_read() && consumed < bytes.size()) {
    consumed += parser_.feed(bytes.subspan(consumed));
    const ParseState state = parser_.state();
    if (state == ParseState::refused) {
      refuse(parser_.refusal());
      return bytes.size();
    }
    const bool has_head = state == ParseState::body || state == ParseState::complete;
    if (has_head && parser_.is_streamed()) {
      if (!streaming_) begin_stream();
      if (can_read()) advance_stream();
      if (state != ParseState::complete) break;
      continue;
    }
    if (state != ParseState::complete) {
      if (state == ParseState::body && !std::exchange(continue_decided_, true)) {
        owes_continue_ = parser_.head().expects_continue();
        send_continue();
      }
      break;
    }
    owes_continue_ = false;
    continue_decided_ = false;
    dispatch();
  }
  if (!can_read() && !input_ended_ && !reading_paused_) {
    reading_paused_ = true;
    connection_->pause_reading();
  }
  return consumed;
}

void HttpServerConnection::send_continue() {
  if (!owes_continue_ || parser_.state() != ParseState::body) return;
  const bool wanted =
      streaming_ ? streaming_->sink && exchanges_.front().id == streaming_->exchange : exchanges_.empty();
  if (!wanted) return;
  owes_continue_ = false;
  connection_->write(Slice::of_static("HTTP/1.1 100 Continue\r\n\r\n"));
}

HttpServerConnection::Exchange HttpServerConnection::begin_exchange() const {
  const RequestHead& head = parser_.head();
  Exchange exchange{.id = next_exchange_,
                    .version = head.version,
                    .response = std::nullopt,
                    .source = nullptr,
                    .taken = nullptr};
  exchange.keep_alive = head.keep_alive() && !context_.draining ? KeepAlive::yes : KeepAlive::no;
  if (head.method == "HEAD") exchange.body = Exchange::Body::left_out;
  return exchange;
}

void HttpServerConnection::dispatch() {
  const RequestHead& head = parser_.head();
  Exchange exchange = begin_exchange();
  ++next_exchange_;
  if (exchange.keep_alive == KeepAlive::no) input_ended_ = true;
  if (head.wants_upgrade()) {
    upgrading_ = true;
    input_ended_ = false;
  }
  Request request = parser_.take();
  request.peer = peer_;
  if (context_.options.probe) context_.options.probe->requests.add();
  const std::uint64_t id = exchange.id;
  exchanges_.push_back(std::move(exchange));
  context_.handler(std::move(request), Responder(link_, id));
}

void HttpServerConnection::refuse(const Refusal& refusal) {
  if (context_.options.probe) context_.options.probe->refusals.add();
  if (streaming_) {
    // The request is in work: this is its answer, whatever else would have become of it.
    const std::uint64_t exchange = streaming_->exchange;
    return answer(exchange, refusal_response(refusal));
  }
  input_ended_ = true;
  const std::uint64_t id = next_exchange_++;
  exchanges_.push_back(
      {.id = id, .keep_alive = KeepAlive::no, .response = std::nullopt, .source = nullptr, .taken = nullptr});
  answer(id, refusal_response(refusal));
}

HttpServerConnection::Exchange* HttpServerConnection::find(std::uint64_t exchange) {
  for (Exchange& candidate : exchanges_) {
    if (candidate.id == exchange) return &candidate;
  }
  return nullptr;
}

bool HttpServerConnection::is_waiting(std::uint64_t exchange) const {
  for (const Exchange& candidate : exchanges_) {
    if (candidate.id == exchange) return !candidate.response;
  }
  return false;
}

void HttpServerConnection::answer(std::uint64_t exchange, Response response,
                                  std::unique_ptr<BodySource> body) {
  Exchange* found = find(exchange);
  if (finished_ || found == nullptr || found->response) return;
  if (streaming_ && streaming_->exchange == exchange) drop_stream();
  const bool sendable = is_sendable(response.headers) && response.status >= 200 && response.status <= 599;
  found->response =
      sendable ? std::move(response) : error_response(Errc::internal, "the answer could not be sent");
  // RFC 9110 section 11.6.1: a 401 says how to prove who one is.
  if (found->response->status == 401 && !found->response->headers.get("WWW-Authenticate"))
    found->response->headers.set("WWW-Authenticate", "Bearer realm=\"dunlin\"");
  if (sendable && !is_bodiless(found->response->status)) found->source = std::move(body);
  flush();
}

void HttpServerConnection::answer_upgrade(std::uint64_t exchange, Headers headers, UpgradeHandler taken) {
  Exchange* found = find(exchange);
  if (finished_ || found == nullptr || found->response) return;
  // Only the newest request can have asked for it: reading stopped there.
  if (!upgrading_ || found != &exchanges_.back() || !is_sendable(headers)) {
    answer(exchange, error_response(Errc::internal, "the connection cannot be upgraded"));
    return;
  }
  found->response = Response{.status = 101, .headers = std::move(headers), .body = {}};
  found->taken = std::move(taken);
  flush();
}

void HttpServerConnection::drain() {
  if (finished_ || closing_) return;
  if (!exchanges_.empty()) {
    exchanges_.back().keep_alive = KeepAlive::no;
    input_ended_ = !upgrading_ && !streaming_;
    return;
  }
  // A request that is half read is still answered; its header will say close.
  if (parser_.state() == ParseState::idle && input_.empty()) close();
}

void HttpServerConnection::count_answer(int status) {
  Probe* probe = context_.options.probe;
  if (probe == nullptr) return;
  switch (status / 100) {
    case 1:
      probe->upgrades.add();
      break;
    case 2:
      probe->answers_2xx.add();
      break;
    case 3:
      probe->answers_3xx.add();
      break;
    case 4:
      probe->answers_4xx.add();
      break;
    default:
      probe->answers_5xx.add();
      break;
  }
}

void HttpServerConnection::close() {
  if (closing_) return;
  closing_ = true;
  input_ended_ = true;
  input_.clear();
  context_.executor.cancel(timer_);
  if (reading_paused_) connection_->resume_reading();  // what the peer still sends is read and thrown away
  reading_paused_ = false;
  connection_->close();
}

/// Runs `step` from a later turn unless the connection has gone by then.
void HttpServerConnection::post_guarded(void (HttpServerConnection::*step)()) {
  context_.executor.post([weak = std::weak_ptr(link_), step] {
    const auto link = weak.lock();
    if (link && link->connection != nullptr) (link->connection->*step)();
  });
}

Duration HttpServerConnection::deadline_of(Phase phase) const {
  switch (phase) {
    case Phase::idle:
      return context_.options.idle_deadline;
    case Phase::header:
      return context_.options.header_deadline;
    case Phase::body:
    case Phase::stream:
      return context_.options.body_deadline;
    case Phase::answers:
      break;
  }
  return Duration::zero();
}

/// Starts the deadline that fits what is waited for now. A deadline runs from when its phase began: bytes
/// that trickle in do not prolong it.
void HttpServerConnection::update_phase() {
  if (finished_ || closing_) return;
  Phase phase = exchanges_.empty() ? Phase::idle : Phase::answers;
  const ParseState state = parser_.state();
  if (can_read() && state == ParseState::header) phase = Phase::header;
  if (can_read() && state == ParseState::idle && !input_.empty()) phase = Phase::header;
  if (can_read() && state == ParseState::body) phase = streaming_ ? Phase::stream : Phase::body;
  if (phase == phase_ && next_exchange_ == phase_exchange_) return;
  phase_ = phase;
  phase_exchange_ = next_exchange_;
  phase_since_ = context_.executor.now();
  if (phase_ == Phase::answers) {
    context_.executor.cancel(timer_);
    timer_ = {};
  } else {
    arm_timer(deadline_of(phase_));
  }
}

void HttpServerConnection::arm_timer(Duration delay) {
  context_.executor.cancel(timer_);
  timer_ = context_.executor.schedule(delay, [this] { on_timer(); });
}

void HttpServerConnection::on_timer() {
  timer_ = {};
  if (finished_ || closing_) return;
  if (phase_ == Phase::idle) {
    close();
    return;
  }
  if (phase_ == Phase::stream && streaming_ && std::exchange(streaming_->progress, 0) >= kLeastBodyProgress)
    return arm_timer(deadline_of(phase_));
  if (context_.options.probe) context_.options.probe->timeouts.add();
  refuse({408, phase_ == Phase::header ? "the header came too slowly" : "the body came too slowly"});
  update_phase();
}

}  // namespace dunlin::net::http
