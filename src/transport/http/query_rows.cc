#include "transport/http/query_rows.h"

#include <boost/json.hpp>
#include <limits>

#include "model/json_fields.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

using net::http::Request;
using net::http::Responder;
using net::http::Response;

constexpr std::string_view kCsv = "text/csv";
constexpr std::string_view kNdjson = "application/x-ndjson";

/// The first type that Accept names and that is known here; empty: one document of JSON.
std::string_view wanted_type(const Request& request) {
  for (const std::string_view one : net::http::list_elements(request.headers.get("Accept").value_or(""))) {
    const std::string_view type = net::http::trimmed(one.substr(0, one.find(';')));
    if (net::http::equals_ignoring_case(type, kCsv)) return kCsv;
    if (net::http::equals_ignoring_case(type, kNdjson)) return kNdjson;
    if (type == "*/*" || net::http::equals_ignoring_case(type, "application/json")) return {};
  }
  return {};
}

/// The rows as the body of an answer. The query is cancelled with it.
class RowSource final : public net::http::BodySource {
 public:
  RowSource(std::string first, std::unique_ptr<query::RowStream> stream)
      : first_(std::move(first)), stream_(std::move(stream)) {}

  Length length() const override { return Length::open; }
  std::uint64_t size() const override { return 0; }
  void read(std::size_t most, std::move_only_function<void(Result<Slice>)> done) override {
    if (!first_.empty()) return done(Slice::copy_of(std::exchange(first_, {})));
    stream_->read(std::min(most, kQueryPieceBytes),
                  [done = std::move(done)](Result<std::string> piece) mutable {
                    if (!piece) return done(std::unexpected(std::move(piece).error()));
                    done(Slice::copy_of(*piece));
                  });
  }

 private:
  std::string first_;  // at most a piece
  std::unique_ptr<query::RowStream> stream_;
};

/// A query of which nothing has come yet: it can still be refused. Owned by its own tasks.
class Beginning : public std::enable_shared_from_this<Beginning> {
 public:
  Beginning(Executor& executor, std::string_view type, Responder responder)
      : executor_(executor), type_(type), responder_(std::move(responder)) {}

  void start(std::unique_ptr<query::RowStream> stream) {
    stream_ = std::move(stream);
    look();
    stream_->read(kQueryPieceBytes,
                  [self = shared_from_this()](Result<std::string> piece) { self->answer(std::move(piece)); });
  }

 private:
  /// Whether somebody still waits.
  void look() {
    timer_ = executor_.schedule(kWaitingLook, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self || !self->stream_) return;
      if (self->responder_.is_open()) return self->look();
      // What it would tell holds this object.
      const auto stream = std::move(self->stream_);
    });
  }

  void answer(Result<std::string> piece) {
    executor_.cancel(timer_);
    if (!piece) {
      // Not within its own call.
      executor_.post([stream = std::move(stream_)] {});
      return responder_.send(render(std::unexpected(std::move(piece).error())));
    }
    Response head;
    head.headers.add("Content-Type", std::string(type_) + "; charset=utf-8");
    head.headers.add("Cache-Control", "no-store");
    responder_.send(std::move(head), std::make_unique<RowSource>(*std::move(piece), std::move(stream_)));
  }

  Executor& executor_;
  std::string_view type_;
  Responder responder_;
  std::unique_ptr<query::RowStream> stream_;
  TimerId timer_{};
};

void serve(Executor& executor, query::QueryService& queries, const model::Caller& caller,
           const boost::json::object& fields, std::string_view type, Responder responder) {
  const std::int64_t limit =
      model::optional_integer(fields, "limit").value_or(std::numeric_limits<std::int64_t>::max());
  if (limit < 1) return responder.send(render(fail(Errc::invalid_argument, "\"limit\" must be at least 1")));
  auto stream = query::RowStream::open(
      queries, {.caller = caller,
                .sql = *model::optional_text(fields, "sql"),
                .format = type == kCsv ? query::RowFormat::csv : query::RowFormat::ndjson,
                .name = model::optional_text(fields, "id").value_or(""),
                .limit = static_cast<std::uint64_t>(limit)});
  if (!stream) return responder.send(render(std::unexpected(std::move(stream).error())));
  std::make_shared<Beginning>(executor, type, std::move(responder))->start(*std::move(stream));
}

}  // namespace

void serve_query_rows(Api& api, Executor& executor, query::QueryService& queries) {
  api.add_form("series.query",
               {.wanted = wanted_type,
                .serve = [&executor, &queries](const model::Caller& caller, const boost::json::object& fields,
                                               std::string_view type, Responder responder) {
                  serve(executor, queries, caller, fields, type, std::move(responder));
                }});
}

}  // namespace dunlin::transport
