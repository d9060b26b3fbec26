#include "net/http/client.h"

#include <list>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "net/http/parser.h"
#include "net/http/serialize.h"

namespace dunlin::net::http {
namespace {

bool is_idempotent(Method method) {
  return method != Method::post && method != Method::patch;
}

/// Only connections made for the same peer under the same trust may be used again.
struct PoolKey {
  Endpoint endpoint;
  const TlsClientContext* tls;
  std::string server_name;
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
};

PoolKey key_of(const ClientRequest& request) {
  return {request.endpoint, request.tls.get(), request.server_name};
}

std::string host_field(const ClientRequest& request) {
  std::string host = request.server_name.empty() ? request.endpoint.host : request.server_name;
  if (host.contains(':') && !host.starts_with('[')) host = '[' + host + ']';
  const int usual = request.tls ? 443 : 80;
  if (request.endpoint.port != usual) host += ':' + std::to_string(request.endpoint.port);
  return host;
}

}  // namespace

/// A connection between two requests. Whatever happens on it ends it.
class HttpClient::Idle final : public ConnectionHandler {
 public:
  Idle(Impl& impl, std::uint64_t id, PoolKey key, std::shared_ptr<TlsClientContext> tls,
       std::unique_ptr<Connection> connection);
  ~Idle() override;

  std::size_t on_data(ByteView bytes) override;
  void on_closed(CloseReason reason) override;
  std::unique_ptr<Connection> release() { return std::move(connection_); }
  const PoolKey& key() const { return key_; }
  bool is_usable() const { return usable_; }
  std::uint64_t id() const { return id_; }

 private:
  void drop_later();

  Impl& impl_;
  const std::uint64_t id_;
  PoolKey key_;
  // Keeps the address in key_ from being reused by another context. Shared with the caller.
  std::shared_ptr<TlsClientContext> tls_;
  std::unique_ptr<Connection> connection_;
  TimerId timer_;
  bool usable_ = true;
};

class HttpClient::Call final : public ConnectionHandler {
 public:
  Call(Impl& impl, std::uint64_t id, ClientRequest request, ResponseHandler done);
  ~Call() override;

  void start();
  void connected(Result<std::unique_ptr<Connection>> connection);
  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override { send_more(); }
  void on_closed(CloseReason reason) override;

 private:
  enum class Source { pooled, fresh };
  void arm_deadline();
  void begin_body();
  void send_more();
  void take_piece(Result<Slice> piece);
  void use(std::unique_ptr<Connection> connection, Source source);
  void connect();
  void read_message();
  void complete();
  void finish(Result<Response> result);

  Impl& impl_;
  const std::uint64_t id_;
  ClientRequest request_;
  ResponseHandler done_;
  std::unique_ptr<Connection> connection_;
  Source source_ = Source::fresh;
  ResponseParser parser_;
  TimerId timer_;
  TimerId continue_timer_;
  std::uint64_t source_left_ = 0;  // bytes of the body that are still to be sent
  enum class Body : std::uint8_t { waiting, asked, ready } body_ = Body::waiting;
  bool answered_ = false;  // the first byte has come
  bool surplus_ = false;
  bool finished_ = false;
};

struct HttpClient::Impl {
  Network& network;
  Executor& executor;
  ClientOptions options;
  std::unordered_map<std::uint64_t, std::unique_ptr<Call>> calls;
  std::list<std::unique_ptr<Idle>> idle;  // the oldest first
  std::uint64_t next_id = 1;
  // Posted tasks hold it weakly to learn whether the client still lives, hence shared.
  std::shared_ptr<Impl*> self;

  /// Runs `step` from a later turn if the client still lives.
  template <class Step>
  void post(Step step) {
    executor.post([weak = std::weak_ptr(self), step = std::move(step)]() mutable {
      if (const auto living = weak.lock()) step(**living);
    });
  }
  std::unique_ptr<Connection> take_pooled(const PoolKey& key) {
    for (auto at = idle.rbegin(); at != idle.rend(); ++at) {
      if (!(*at)->is_usable() || (*at)->key() != key) continue;
      auto connection = (*at)->release();
      idle.erase(std::next(at).base());
      return connection;
    }
    return nullptr;
  }
  void pool(const ClientRequest& request, std::unique_ptr<Connection> connection) {
    PoolKey key = key_of(request);
    std::size_t same = 0;
    for (const auto& entry : idle) same += entry->key() == key ? 1 : 0;
    if (same >= options.max_pooled_per_endpoint) return;
    if (idle.size() >= options.max_pooled) idle.pop_front();
    idle.push_back(
        std::make_unique<Idle>(*this, next_id++, std::move(key), request.tls, std::move(connection)));
  }
};

HttpClient::Idle::Idle(Impl& impl, std::uint64_t id, PoolKey key, std::shared_ptr<TlsClientContext> tls,
                       std::unique_ptr<Connection> connection)
    : impl_(impl), id_(id), key_(std::move(key)), tls_(std::move(tls)), connection_(std::move(connection)) {
  connection_->set_handler(this);
  timer_ = impl_.executor.schedule(impl_.options.pool_idle_deadline, [this] { drop_later(); });
}

HttpClient::Idle::~Idle() {
  impl_.executor.cancel(timer_);
}

std::size_t HttpClient::Idle::on_data(ByteView bytes) {
  drop_later();
  return bytes.size();
}

void HttpClient::Idle::on_closed(CloseReason) {
  drop_later();
}

void HttpClient::Idle::drop_later() {
  if (!std::exchange(usable_, false)) return;
  impl_.post(
      [id = id_](Impl& impl) { impl.idle.remove_if([id](const auto& entry) { return entry->id() == id; }); });
}

HttpClient::Call::Call(Impl& impl, std::uint64_t id, ClientRequest request, ResponseHandler done)
    : impl_(impl),
      id_(id),
      request_(std::move(request)),
      done_(std::move(done)),
      parser_(request_.max_response_bytes,
              request_.method == Method::head ? ResponseBody::none : ResponseBody::by_header) {}

HttpClient::Call::~Call() {
  impl_.executor.cancel(timer_);
  impl_.executor.cancel(continue_timer_);
}

void HttpClient::Call::arm_deadline() {
  impl_.executor.cancel(timer_);
  timer_ = impl_.executor.schedule(
      request_.deadline, [this] { finish(fail(Errc::timed_out, "no answer within the deadline")); });
}

void HttpClient::Call::start() {
  arm_deadline();
  auto pooled = impl_.take_pooled(key_of(request_));
  if (pooled) return use(std::move(pooled), Source::pooled);
  connect();
}

void HttpClient::Call::connect() {
  ConnectOptions options{
      .endpoint = request_.endpoint,
      .tls = request_.tls,
      .server_name = request_.server_name.empty() ? request_.endpoint.host : request_.server_name,
      .application_protocols = {},
      .deadline = request_.deadline,
      .guard = impl_.options.guard};
  if (request_.tls) options.application_protocols = {"http/1.1"};
  impl_.network.connect(impl_.executor, std::move(options),
                        [weak = std::weak_ptr(impl_.self), id = id_](auto connection) mutable {
                          const auto living = weak.lock();
                          if (!living) return;
                          const auto call = (*living)->calls.find(id);
                          if (call != (*living)->calls.end()) call->second->connected(std::move(connection));
                        });
}

void HttpClient::Call::connected(Result<std::unique_ptr<Connection>> connection) {
  if (finished_) return;
  if (!connection) return finish(std::unexpected(std::move(connection).error()));
  use(std::move(*connection), Source::fresh);
}

void HttpClient::Call::use(std::unique_ptr<Connection> connection, Source source) {
  connection_ = std::move(connection);
  source_ = source;
  connection_->set_handler(this);
  const KeepAlive keep_alive = impl_.options.max_pooled_per_endpoint > 0 ? KeepAlive::yes : KeepAlive::no;
  const std::string host = host_field(request_);
  Headers headers = request_.headers;
  headers.remove("Connection");
  if (request_.source) {
    source_left_ = request_.source->size();
    if (source_left_ > 0) headers.set("Expect", "100-continue");
  }
  const auto head = serialize_request_head(
      {.method = request_.method,
       .target = request_.target,
       .host = host,
       .body_bytes = request_.source ? static_cast<std::size_t>(source_left_) : request_.body.size(),
       .keep_alive = keep_alive},
      headers);
  if (!head) return finish(std::unexpected(head.error()));
  connection_->write(Slice::copy_of(*head));
  if (source_left_ > 0) continue_timer_ = impl_.executor.schedule(kContinueDelay, [this] { begin_body(); });
  if (!request_.source && !request_.body.empty()) connection_->write(request_.body);
}

void HttpClient::Call::begin_body() {
  impl_.executor.cancel(continue_timer_);
  continue_timer_ = {};
  if (finished_ || body_ != Body::waiting) return;
  body_ = Body::ready;
  send_more();
}

void HttpClient::Call::send_more() {
  while (!finished_ && source_left_ > 0 && body_ == Body::ready &&
         connection_->pending_output() < kOutputHighMark) {
    body_ = Body::asked;
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(source_left_, kSourcePieceBytes));
    request_.source->read(most, [weak = std::weak_ptr(impl_.self), id = id_](Result<Slice> piece) {
      const auto living = weak.lock();
      if (!living) return;
      const auto call = (*living)->calls.find(id);
      if (call != (*living)->calls.end()) call->second->take_piece(std::move(piece));
    });
  }
}

void HttpClient::Call::take_piece(Result<Slice> piece) {
  if (finished_) return;
  if (!piece) return finish(std::unexpected(piece.error()));
  if (piece->empty() || piece->size() > source_left_)
    return finish(fail(Errc::io, "the body is not as long as it was"));
  source_left_ -= piece->size();
  connection_->write(*std::move(piece));
  arm_deadline();
  body_ = Body::ready;
  impl_.post([id = id_](Impl& impl) {
    const auto call = impl.calls.find(id);
    if (call != impl.calls.end()) call->second->send_more();
  });
}

std::size_t HttpClient::Call::on_data(ByteView bytes) {
  if (finished_) return bytes.size();
  answered_ = answered_ || !bytes.empty();
  std::size_t consumed = 0;
  while (!finished_ && consumed < bytes.size()) {
    consumed += parser_.feed(bytes.subspan(consumed));
    // Bytes after the answer belong to no request: the connection cannot be trusted any further.
    surplus_ = consumed < bytes.size();
    if (parser_.state() != ParseState::complete && parser_.state() != ParseState::refused) break;
    read_message();
  }
  return finished_ ? bytes.size() : consumed;
}

/// The parser has come to an end, good or bad.
void HttpClient::Call::read_message() {
  if (parser_.state() == ParseState::refused) {
    const Refusal& why = parser_.refusal();
    const bool too_large = why.status == 413 || why.status == 431;
    return finish(fail(too_large ? Errc::limit_exceeded : Errc::malformed, why.message));
  }
  const int status = parser_.head().status;
  if (status == 101)
    return finish(fail(Errc::malformed, "the server switched protocols without being asked"));
  if (status >= 200) return complete();
  if (status == 100 && source_left_ > 0) begin_body();
  parser_.take();  // an interim answer; the deadline bounds how many there can be
}

void HttpClient::Call::complete() {
  const bool reusable = !surplus_ && source_left_ == 0 && parser_.head().keep_alive() &&
                        !parser_.ends_with_stream() && impl_.options.max_pooled_per_endpoint > 0;
  Response response = parser_.take();
  if (reusable) {
    // Not here: this connection's on_data is still on the stack and keeps what it did not consume for the
    // next handler.
    impl_.post([request = std::move(request_), connection = std::move(connection_)](Impl& impl) mutable {
      impl.pool(request, std::move(connection));
    });
  }
  finish(std::move(response));
}

void HttpClient::Call::on_closed(CloseReason reason) {
  if (finished_) return;
  if (reason == CloseReason::peer_closed && answered_) {
    parser_.feed_end();
    if (parser_.state() == ParseState::complete) return complete();
  }
  if (source_ == Source::pooled && !answered_ && !request_.source && is_idempotent(request_.method)) {
    // The server had closed it while it lay in the pool.
    impl_.post([id = id_](Impl& impl) {
      const auto call = impl.calls.find(id);
      if (call == impl.calls.end() || call->second->finished_) return;
      call->second->connection_.reset();
      call->second->connect();
    });
    return;
  }
  finish(fail(Errc::unavailable,
              "the connection ended before the answer: " + std::string{close_reason_name(reason)}));
}

void HttpClient::Call::finish(Result<Response> result) {
  if (std::exchange(finished_, true)) return;
  impl_.executor.cancel(timer_);
  impl_.executor.cancel(continue_timer_);
  impl_.post([id = id_, done = std::move(done_), result = std::move(result)](Impl& impl) mutable {
    impl.calls.erase(id);
    done(std::move(result));
  });
}

HttpClient::HttpClient(Network& network, Executor& executor, ClientOptions options)
    : impl_(std::make_unique<Impl>(network, executor, options)) {
  impl_->self = std::make_shared<Impl*>(impl_.get());
}

HttpClient::~HttpClient() {
  impl_->self.reset();
  impl_->calls.clear();
  impl_->idle.clear();
}

void HttpClient::send(ClientRequest request, ResponseHandler done) {
  const std::uint64_t id = impl_->next_id++;
  auto& slot = impl_->calls[id];
  slot = std::make_unique<Call>(*impl_, id, std::move(request), std::move(done));
  slot->start();
}

std::size_t HttpClient::calls() const {
  return impl_->calls.size();
}
std::size_t HttpClient::pooled() const {
  return impl_->idle.size();
}

}  // namespace dunlin::net::http
