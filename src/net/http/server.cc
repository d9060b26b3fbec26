#include "net/http/server.h"

#include <utility>

#include "net/http/server_connection.h"

namespace dunlin::net::http {

Responder::Responder(Responder&& other) noexcept
    : link_(std::exchange(other.link_, {})), exchange_(other.exchange_) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  Responder forgotten(std::move(*this));
  link_ = std::exchange(other.link_, {});
  exchange_ = other.exchange_;
  return *this;
}

Responder::~Responder() {
  if (is_open()) send(error_response(Errc::internal, "the request was not answered"));
}

bool Responder::is_open() const {
  const auto link = link_.lock();
  return link && link->connection != nullptr && link->connection->is_waiting(exchange_);
}

void Responder::send(Response response) {
  const auto link = std::exchange(link_, {}).lock();
  if (link && link->connection != nullptr) link->connection->answer(exchange_, std::move(response));
}

void Responder::send(Response response, std::unique_ptr<BodySource> body) {
  const auto link = std::exchange(link_, {}).lock();
  if (link && link->connection != nullptr)
    link->connection->answer(exchange_, std::move(response), std::move(body));
}

void RequestBody::read(std::unique_ptr<BodySink> sink) {
  const auto link = link_.lock();
  if (link && link->connection != nullptr) link->connection->read_body(exchange_, std::move(sink));
}

void RequestBody::pause() {
  const auto link = link_.lock();
  if (link && link->connection != nullptr) link->connection->hold_body(exchange_);
}

void RequestBody::resume() {
  const auto link = link_.lock();
  if (link && link->connection != nullptr) link->connection->let_body_come(exchange_);
}

void Responder::upgrade(Headers headers, UpgradeHandler taken) {
  const auto link = std::exchange(link_, {}).lock();
  if (link && link->connection != nullptr)
    link->connection->answer_upgrade(exchange_, std::move(headers), std::move(taken));
}

const std::string& HttpServer::Context::date_now() {
  const auto second = std::chrono::floor<std::chrono::seconds>(executor.wall_now());
  if (date.empty() || second != date_of) {
    date_of = second;
    date = format_date(second);
  }
  return date;
}

void HttpServer::Context::remove_later(std::uint64_t id) {
  executor.post([weak = std::weak_ptr(self), id] {
    const auto context = weak.lock();
    if (!context) return;
    (*context)->connections.erase(id);
    if (Probe* probe = (*context)->options.probe)
      probe->connections.set(static_cast<std::int64_t>((*context)->connections.size()));
  });
}

HttpServer::HttpServer(Executor& executor, ServerOptions options, RequestHandler handler)
    : context_(std::make_unique<Context>(executor, std::move(options), std::move(handler))) {
  context_->self = std::make_shared<Context*>(context_.get());
}

HttpServer::~HttpServer() {
  context_->self.reset();
  context_->connections.clear();
}

void HttpServer::accept(std::unique_ptr<Connection> connection) {
  Probe* probe = context_->options.probe;
  if (context_->draining || context_->connections.size() >= context_->options.max_connections) {
    if (probe) probe->connections_refused.add();
    return;
  }
  const std::uint64_t id = context_->next_id++;
  auto& slot = context_->connections[id];
  slot = std::make_unique<HttpServerConnection>(*context_, id, std::move(connection));
  if (probe) probe->connections.set(static_cast<std::int64_t>(context_->connections.size()));
}

void HttpServer::drain() {
  context_->draining = true;
  for (auto& [id, connection] : context_->connections) connection->drain();
}

std::size_t HttpServer::size() const {
  return context_->connections.size();
}

}  // namespace dunlin::net::http
