#include "net/http/outgoing.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dunlin::net::http {
namespace {

/// What says how the message lies on the connection (RFC 9110 section 7.6.1, RFC 9112 section 6), and what
/// would change what the connection is.
constexpr std::array<std::string_view, 9> kOwnFields{
    "Connection", "Content-Length",    "Expect",  "Host",   "Keep-Alive",
    "TE",         "Transfer-Encoding", "Trailer", "Upgrade"};

constexpr std::string_view kRequests = "dunlin_outgoing_http_requests_total";

}  // namespace

struct OutgoingHttp::Counters {
  explicit Counters(metrics::Registry& registry)
      : under_way(registry.gauge("dunlin_outgoing_http_under_way",
                                 "Requests to other servers that are under way.")),
        waiting(registry.gauge("dunlin_outgoing_http_waiting",
                               "Requests to other servers that wait for their turn.")) {
    constexpr std::array<std::string_view, static_cast<std::size_t>(Outcome::count_)> kNames{
        "success", "redirect", "client_error", "server_error", "refused", "timed_out", "broken", "malformed"};
    for (std::size_t i = 0; i < kNames.size(); ++i)
      requests[i] = &registry.counter(std::string(kRequests), "Requests to other servers, by how they ended.",
                                      {{"result", std::string(kNames[i])}});
  }
  void count(Outcome outcome) { requests[static_cast<std::size_t>(outcome)]->add(); }

  std::array<metrics::Cell*, static_cast<std::size_t>(Outcome::count_)> requests{};
  metrics::Cell& under_way;
  metrics::Cell& waiting;
};

OutgoingHttp::OutgoingHttp(Network& network, Executor& executor, metrics::Registry& registry,
                           OutgoingOptions options)
    : executor_(executor),
      options_(std::move(options)),
      counters_(std::make_unique<Counters>(registry)),
      alive_(std::make_shared<const bool>(true)),
      client_(network, executor, {.guard = options_.guard}) {
  DUNLIN_ASSERT(options_.guard != nullptr);
}

OutgoingHttp::~OutgoingHttp() {
  for (const Waiting& waiting : waiting_) executor_.cancel(waiting.timer);
}

Result<ClientRequest> OutgoingHttp::prepare(OutgoingRequest& request) const {
  DUNLIN_TRY(Url url, parse_url(request.url));
  const bool secure = url.scheme == Url::Scheme::https;
  if (secure && options_.tls == nullptr)
    return dunlin::fail(Errc::unavailable, "https needs certificates of authorities, and there are none");
  if (request.body.size() > options_.max_body)
    return dunlin::fail(Errc::limit_exceeded,
                        "the body is larger than " + std::to_string(options_.max_body) + " bytes");
  for (const auto& [name, value] : request.headers)
    if (std::ranges::any_of(kOwnFields,
                            [&](std::string_view own) { return equals_ignoring_case(own, name); }))
      return dunlin::fail(Errc::invalid_argument, "the header " + name + " belongs to the connection");
  ClientRequest made;
  made.method = request.method;
  made.endpoint = std::move(url.endpoint);
  if (secure) made.tls = options_.tls;
  made.target = std::move(url.target);
  made.headers = std::move(request.headers);
  made.body = std::move(request.body);
  made.deadline = request.deadline;
  made.max_response_bytes = request.max_answer;
  return made;
}

void OutgoingHttp::send(OutgoingRequest request, ResponseHandler done) {
  auto prepared = prepare(request);
  if (!prepared) return refuse(std::move(prepared).error(), std::move(done));
  if (waiting_.size() >= options_.max_waiting)
    return refuse(
        {Errc::unavailable, std::to_string(waiting_.size()) + " requests wait for their turn already"},
        std::move(done));
  const std::uint64_t id = next_id_++;
  const TimerId timer = executor_.schedule(request.deadline, [this, id] { give_up(id); });
  waiting_.push_back({.id = id,
                      .request = *std::move(prepared),
                      .due = executor_.now() + request.deadline,
                      .done = std::move(done),
                      .timer = timer});
  begin_next();
}

void OutgoingHttp::report(ResponseHandler done, Result<Response> result) {
  executor_.post(
      [weak = std::weak_ptr(alive_), done = std::move(done), result = std::move(result)]() mutable {
        if (!weak.expired()) done(std::move(result));
      });
}

void OutgoingHttp::refuse(Error error, ResponseHandler done) {
  counters_->count(Outcome::refused);
  report(std::move(done), std::unexpected(std::move(error)));
}

/// Whoever waits for an endpoint that has its share does not hold up the others.
void OutgoingHttp::begin_next() {
  for (auto next = waiting_.begin(); next != waiting_.end() && under_way_ < options_.max_under_way;) {
    const auto busy = per_endpoint_.find(next->request.endpoint.to_string());
    if (busy != per_endpoint_.end() && busy->second >= options_.max_per_endpoint) {
      ++next;
      continue;
    }
    Waiting ready = std::move(*next);
    next = waiting_.erase(next);
    begin(std::move(ready));
  }
  counters_->waiting.set(static_cast<std::int64_t>(waiting_.size()));
  counters_->under_way.set(static_cast<std::int64_t>(under_way_));
}

void OutgoingHttp::begin(Waiting waiting) {
  executor_.cancel(waiting.timer);
  ++under_way_;
  const Endpoint endpoint = waiting.request.endpoint;
  ++per_endpoint_[endpoint.to_string()];
  waiting.request.deadline = std::max(waiting.due - executor_.now(), Duration{1});
  client_.send(std::move(waiting.request),
               [this, endpoint, done = std::move(waiting.done)](Result<Response> result) mutable {
                 ended(endpoint, result);
                 done(std::move(result));  // may destroy this object
               });
}

void OutgoingHttp::ended(const Endpoint& endpoint, const Result<Response>& result) {
  --under_way_;
  const auto share = per_endpoint_.find(endpoint.to_string());
  if (--share->second == 0) per_endpoint_.erase(share);
  counters_->count(outcome_of(result));
  begin_next();
}

void OutgoingHttp::give_up(std::uint64_t id) {
  const auto found = std::ranges::find(waiting_, id, &Waiting::id);
  if (found == waiting_.end()) return;
  ResponseHandler done = std::move(found->done);
  waiting_.erase(found);
  counters_->count(Outcome::timed_out);
  counters_->waiting.set(static_cast<std::int64_t>(waiting_.size()));
  report(std::move(done),
         dunlin::fail(Errc::timed_out, "the request's turn did not come within its deadline"));
}

OutgoingHttp::Outcome OutgoingHttp::outcome_of(const Result<Response>& result) {
  if (result) {
    if (result->status >= 500) return Outcome::server_error;
    if (result->status >= 400) return Outcome::client_error;
    return result->status >= 300 ? Outcome::redirect : Outcome::success;
  }
  switch (result.error().code) {
    case Errc::timed_out:
      return Outcome::timed_out;
    case Errc::malformed:
    case Errc::limit_exceeded:
      return Outcome::malformed;
    case Errc::permission_denied:
    case Errc::invalid_argument:
      return Outcome::refused;
    default:
      return Outcome::broken;
  }
}

}  // namespace dunlin::net::http
