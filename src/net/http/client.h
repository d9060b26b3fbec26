#pragma once
// Outgoing HTTP/1.1: one call, one answer. No redirects, no cookies, no proxies.

#include <functional>
#include <memory>
#include <string>

#include "net/http/body.h"
#include "net/http/limits.h"
#include "net/http/message.h"
#include "net/network.h"

namespace dunlin::net::http {

struct ClientRequest {
  Method method = Method::get;
  Endpoint endpoint;                      // where to connect
  std::shared_ptr<TlsClientContext> tls;  // null: plain. Shared with the caller's other requests.
  std::string server_name;                // for TLS and the Host field; empty: endpoint.host
  std::string target = "/";               // origin-form, already percent-encoded
  Headers headers;                        // Host, Content-Length and Connection are set by the client
  Slice body;
  // Instead of `body`: made while it is sent, once the server has asked for it (Expect: 100-continue) or has
  // said nothing for kContinueDelay. Shared with the caller, who may want to know how far it is.
  std::shared_ptr<BodySource> source{};
  // From send() to the end of the answer; with a source, from its last piece.
  Duration deadline = std::chrono::seconds{30};
  std::uint64_t max_response_bytes = kDefaultMaxResponseBytes;
};

/// Errors: what Network::connect reports; timed_out; unavailable (the connection broke); malformed (no HTTP,
/// or ambiguous framing); limit_exceeded (the answer is too large); invalid_argument (the request cannot be
/// sent).
using ResponseHandler = std::move_only_function<void(Result<Response>)>;

struct ClientOptions {
  std::size_t max_pooled_per_endpoint = kMaxPooledPerEndpoint;  // 0: a connection for each request
  std::size_t max_pooled = kMaxPooled;                          // of all endpoints; the oldest goes
  Duration pool_idle_deadline = kPoolIdleDeadline;
  std::shared_ptr<const AddressGuard> guard = nullptr;  // shared: as ConnectOptions::guard
};

/// One executor's thread only. Destroying it forgets all calls without an answer. An answer may destroy the
/// client.
class HttpClient {
 public:
  HttpClient(Network& network, Executor& executor, ClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Calls `done` exactly once, from a later turn of the loop. A request whose method is idempotent is sent
  /// once more when a pooled connection turns out to be closed (RFC 9110 section 9.2.2).
  void send(ClientRequest request, ResponseHandler done);

  /// Calls under way, and idle connections kept.
  std::size_t calls() const;
  std::size_t pooled() const;

 private:
  struct Impl;
  class Call;
  class Idle;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::net::http
