#pragma once
// The line protocol over HTTP, as InfluxDB's clients speak it: POST /write (1.x), POST /api/v2/write (2.x),
// GET /ping. docs/guide/ingest.md.

#include "net/http/router.h"
#include "service/series/line_ingest.h"
#include "transport/http/api.h"

namespace dunlin::transport {

/// Errors: unauthenticated, permission_denied (without "series:write").
Result<void> check_series_write(const Principal& principal);

/// The HTTP server's executor only, which is the ingest's. Both must outlive it.
class LineRoutes {
 public:
  LineRoutes(Api& api, series::LineIngest& ingest) : api_(api), ingest_(ingest) {}

  void mount(net::http::Router& router);

 private:
  using Request = net::http::Request;
  using Responder = net::http::Responder;
  /// Whose forms of an answer.
  enum class Dialect : std::uint8_t { influx_1, influx_2 };

  static net::http::Response refusal(Dialect dialect, const Error& why);
  void serve(Dialect dialect, Request request, Responder responder);
  void store(Dialect dialect, const model::Caller& caller, Request request, Responder responder);

  Api& api_;
  series::LineIngest& ingest_;
};

}  // namespace dunlin::transport
