#pragma once
// An HTTP/1.1 server on connections that someone else accepted.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "net/http/body.h"
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
  /// The same with a body that is made while it is sent; that of `response` is left out.
  void send(Response response, std::unique_ptr<BodySource> body);
  /// Answers 101 with `headers` and gives the connection away once all earlier answers are written. `taken`
  /// is dropped without a call if the connection has gone.
  void upgrade(Headers headers, UpgradeHandler taken);
  /// False once the connection has gone or the answer was given.
  bool is_open() const;

 private:
  friend class HttpServerConnection;
  friend class RequestBody;
  /// Set to null when the connection goes; shared with every responder of the connection because either may
  /// outlive the other.
  struct Link {
    HttpServerConnection* connection;
  };
  Responder(std::weak_ptr<Link> link, std::uint64_t exchange) : link_(std::move(link)), exchange_(exchange) {}

  std::weak_ptr<Link> link_;
  std::uint64_t exchange_;
};

/// The body of a request that is in work before its body has come. Own thread of the server. Of a connection
/// that has gone, or a request that is answered, nothing is read any more.
class RequestBody {
 public:
  /// From now on what comes goes to `sink`, from a later turn of the loop on; until then the peer is held
  /// back, and not told to go on (RFC 9110 section 10.1.1). Once.
  void read(std::unique_ptr<BodySink> sink);
  /// Holds the peer back, and lets it go on. What was read already still comes.
  void pause();
  void resume();

 private:
  friend class HttpServerConnection;
  RequestBody(std::weak_ptr<Responder::Link> link, std::uint64_t exchange)
      : link_(std::move(link)), exchange_(exchange) {}

  std::weak_ptr<Responder::Link> link_;
  std::uint64_t exchange_;
};

/// Called on the server's thread. Must not throw and must not destroy the server.
using RequestHandler = std::function<void(Request, Responder)>;

/// Requests whose bodies are read while they come. An answer before the body's end ends the connection.
struct StreamedRequests {
  /// Whose these are, and how large. Empty: none.
  std::function<std::optional<std::uint64_t>(Method, const std::vector<std::string>& segments)> limit{};
  /// As RequestHandler, called as soon as the header is there.
  std::function<void(Request, RequestBody, Responder)> handler{};
};

struct ServerOptions {
  std::uint64_t max_body_bytes = kDefaultMaxBodyBytes;
  std::size_t max_connections = kDefaultMaxConnections;
  Duration header_deadline = kHeaderDeadline;
  Duration body_deadline = kBodyDeadline;
  Duration idle_deadline = kIdleDeadline;
  Duration write_stall_deadline = kWriteStallDeadline;
  Headers headers;  // for every response that does not set them itself
  StreamedRequests streamed{};
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
