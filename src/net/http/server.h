#pragma once
// An HTTP/1.1 server on connections that someone else accepted.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "net/http/limits.h"
#include "net/http/message.h"
#include "net/http/probe.h"

namespace dunlin::net::http {

class HttpServerConnection;

/// A connection that has left HTTP. `unread` came after the request and belongs to the new protocol; it is
/// not offered again by the connection itself.
struct Upgraded {
  std::unique_ptr<Connection> connection;
  Slice unread;
};
/// Runs from a later turn of the loop; must set a handler on the connection.
using UpgradeHandler = std::move_only_function<void(Upgraded)>;

/// The right to answer one request, once, now or later, on the server's thread. Answering a connection that
/// has gone does nothing. Destroyed without an answer, it sends 500.
class Responder {
 public:
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// The connection keeps the order of its requests; the response waits for those before it.
  void send(Response response);
  /// Answers 101 with `headers` and gives the connection away once all earlier answers are written. `taken`
  /// is dropped without a call if the connection has gone.
  void upgrade(Headers headers, UpgradeHandler taken);
  /// False once the connection has gone or the answer was given.
  bool is_open() const;

 private:
  friend class HttpServerConnection;
  /// Set to null when the connection goes; shared with every responder of the connection because either may
  /// outlive the other.
  struct Link {
    HttpServerConnection* connection;
  };
  Responder(std::weak_ptr<Link> link, std::uint64_t exchange) : link_(std::move(link)), exchange_(exchange) {}

  std::weak_ptr<Link> link_;
  std::uint64_t exchange_;
};

/// Called on the server's thread. Must not throw and must not destroy the server.
using RequestHandler = std::function<void(Request, Responder)>;

struct ServerOptions {
  std::uint64_t max_body_bytes = kDefaultMaxBodyBytes;
  std::size_t max_connections = kDefaultMaxConnections;
  Duration header_deadline = kHeaderDeadline;
  Duration body_deadline = kBodyDeadline;
  Duration idle_deadline = kIdleDeadline;
  Duration write_stall_deadline = kWriteStallDeadline;
  Headers headers;         // for every response that does not set them itself
  Probe* probe = nullptr;  // null: nothing is counted. Must outlive the server.
};

/// One per executor; that thread only. Destroying it breaks its connections at once; those given away by an
/// upgrade live on.
class HttpServer {
 public:
  HttpServer(Executor& executor, ServerOptions options, RequestHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Past max_connections the connection is dropped.
  void accept(std::unique_ptr<Connection> connection);
  /// Closes idle connections now and the others after the answers they owe.
  void drain();
  /// Connections that are open and still speak HTTP.
  std::size_t size() const;

 private:
  struct Context;
  friend class HttpServerConnection;
  std::unique_ptr<Context> context_;
};

}  // namespace dunlin::net::http
