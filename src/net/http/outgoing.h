#pragma once
// Requests that the program makes for its users, to wherever they say: bounded in number, size and time, and
// kept away from internal addresses.

#include <array>
#include <deque>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "net/http/client.h"
#include "net/http/url.h"

namespace dunlin::net::http {

inline constexpr std::size_t kMaxOutgoingUnderWay = 64;
inline constexpr std::size_t kMaxOutgoingPerEndpoint = 16;
inline constexpr std::size_t kMaxOutgoingWaiting = 1024;
inline constexpr std::uint64_t kMaxOutgoingBody = 1024 * 1024;
inline constexpr std::uint64_t kMaxOutgoingAnswer = 64 * 1024;

struct OutgoingOptions {
  /// What may be connected to; never null. Shared with the connects under way.
  std::shared_ptr<const AddressGuard> guard;
  /// What certificates of servers must lead to; null: https is refused. Shared with the connections.
  std::shared_ptr<TlsClientContext> tls;
  std::size_t max_under_way = kMaxOutgoingUnderWay;
  std::size_t max_per_endpoint = kMaxOutgoingPerEndpoint;
  std::size_t max_waiting = kMaxOutgoingWaiting;
  std::uint64_t max_body = kMaxOutgoingBody;
};

struct OutgoingRequest {
  Method method = Method::post;
  std::string url;
  Headers headers;
  Slice body;
  /// From send() to the end of the answer, waiting included.
  Duration deadline = std::chrono::seconds{10};
  std::uint64_t max_answer = kMaxOutgoingAnswer;  // bytes of its body
};

/// One executor's thread only. Redirects are not followed: an answer 3xx is an answer. Destroying it forgets
/// all requests without an answer.
class OutgoingHttp {
 public:
  OutgoingHttp(Network& network, Executor& executor, metrics::Registry& registry, OutgoingOptions options);
  ~OutgoingHttp();
  OutgoingHttp(const OutgoingHttp&) = delete;
  OutgoingHttp& operator=(const OutgoingHttp&) = delete;

  /// Calls `done` exactly once, from a later turn of the loop. Requests to one endpoint begin in the order in
  /// which they were sent. Errors: those of HttpClient::send; invalid_argument (the URL; a header that
  /// belongs to the connection); permission_denied (an internal address); limit_exceeded (the body, or the
  /// answer); unavailable (max_waiting).
  void send(OutgoingRequest request, ResponseHandler done);

  std::size_t under_way() const { return under_way_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  enum class Outcome : std::uint8_t {
    success,       // 2xx
    redirect,      // 3xx
    client_error,  // 4xx
    server_error,  // 5xx
    refused,       // not sent
    timed_out,
    broken,     // no connection, or not to the end
    malformed,  // no HTTP, or too much of it
    count_,
  };
  struct Waiting {
    std::uint64_t id = 0;
    ClientRequest request;
    Instant due;  // when its deadline is over
    ResponseHandler done;
    TimerId timer;
  };
  struct Counters;

  static Outcome outcome_of(const Result<Response>& result);
  Result<ClientRequest> prepare(OutgoingRequest& request) const;
  void refuse(Error error, ResponseHandler done);
  void begin_next();
  void begin(Waiting waiting);
  void give_up(std::uint64_t id);
  void ended(const Endpoint& endpoint, const Result<Response>& result);
  void report(ResponseHandler done, Result<Response> result);

  Executor& executor_;
  OutgoingOptions options_;
  std::unique_ptr<Counters> counters_;
  std::deque<Waiting> waiting_;
  std::unordered_map<std::string, std::size_t> per_endpoint_;  // under way, by Endpoint::to_string()
  std::size_t under_way_ = 0;
  std::uint64_t next_id_ = 1;
  // Posted tasks hold it weakly to learn whether this object still lives, hence shared.
  std::shared_ptr<const bool> alive_;
  HttpClient client_;
};

}  // namespace dunlin::net::http
