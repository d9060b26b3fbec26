#include "transport/http/line_routes.h"

#include <array>
#include <boost/json.hpp>
#include <optional>

#include "base/base64.h"
#include "base/core/assert.h"
#include "net/http/content_coding.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

using net::http::Method;
using net::http::PathParameters;
using net::http::Request;
using net::http::Response;

/// Nanoseconds in the unit that the request names.
Result<std::int64_t> tick_of(const Request& request) {
  struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
  };
  constexpr std::array<Unit, 10> kUnits = {{{"", 1},
                                            {"ns", 1},
                                            {"n", 1},
                                            {"us", 1'000},
                                            {"u", 1'000},
                                            {"\xC2\xB5", 1'000},
                                            {"ms", 1'000'000},
                                            {"s", 1'000'000'000},
                                            {"m", 60'000'000'000},
                                            {"h", 3'600'000'000'000}}};
  const std::string_view wanted = request.parameter("precision").value_or("");
  for (const Unit& unit : kUnits) {
    if (unit.name == wanted) return unit.nanoseconds;
  }
  return fail(Errc::invalid_argument, "\"precision\" is none of ns, us, ms, s, m and h");
}

/// The token that a client of InfluxDB sends: as `Token`, or in the place of a password. Empty: none of
/// these.
std::string token_of(std::string_view authorization) {
  const auto behind_user = [](std::string_view text) {
    const std::size_t colon = text.find(':');
    return std::string(colon == std::string_view::npos ? text : text.substr(colon + 1));
  };
  if (authorization.starts_with("Token ")) return behind_user(net::http::trimmed(authorization.substr(6)));
  if (!authorization.starts_with("Basic ")) return {};
  const auto decoded = from_base64(net::http::trimmed(authorization.substr(6)));
  if (!decoded) return {};
  return behind_user(as_text(*decoded));
}

Result<std::string> plain_body(Request request) {
  const std::string_view coding = request.headers.get("Content-Encoding").value_or("identity");
  if (coding == "identity") return std::move(request.body);
  if (coding == "gzip") return net::http::gunzip(request.body, kMaxUnpackedLineBytes);
  return fail(Errc::unsupported, "the body's Content-Encoding must be gzip or identity");
}

/// What InfluxDB 2 calls it.
std::string_view influx_code(int status) {
  switch (status) {
    case 400:
    case 415:
      return "invalid";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 413:
      return "request too large";
    case 429:
      return "too many requests";
    case 503:
    case 507:
      return "unavailable";
    default:
      return "internal error";
  }
}

/// Clients look for how the text begins.
std::string in_words(const series::LineReport& report) {
  std::string text = report.stored > 0 ? "partial write: " : "unable to parse: ";
  for (const std::string& error : report.errors) text += error + "; ";
  const std::size_t untold = report.refused - report.errors.size();
  if (untold > 0) text += std::to_string(untold) + " more lines were refused; ";
  return text + std::to_string(report.stored) + " values were stored";
}

}  // namespace

Result<void> check_series_write(const Principal& principal) {
  if (principal.kind == PrincipalKind::anonymous)
    return fail(Errc::unauthenticated, "this needs a token: Authorization: Token, Bearer or Basic");
  if (!model::has_permission(principal, "series:write"))
    return fail(Errc::permission_denied, "this needs the permission \"series:write\"");
  return {};
}

void LineRoutes::mount(net::http::Router& router) {
  const auto add = [&router](Method method, std::string_view path, net::http::RouteHandler handler) {
    DUNLIN_ASSERT(router.add(method, path, std::move(handler)).has_value());
  };
  add(Method::post, "/write", [this](Request request, PathParameters, Responder responder) {
    serve(Dialect::influx_1, std::move(request), std::move(responder));
  });
  add(Method::post, "/api/v2/write", [this](Request request, PathParameters, Responder responder) {
    serve(Dialect::influx_2, std::move(request), std::move(responder));
  });
  add(Method::get, "/ping", [](Request, PathParameters, Responder responder) {
    responder.send({204, {{"X-Influxdb-Build", "Dunlin"}, {"X-Influxdb-Version", "Dunlin"}}, {}});
  });
}

Response LineRoutes::refusal(Dialect dialect, const Error& why) {
  const int status = why.code == Errc::unsupported ? 415 : net::http::status_of(why.code);
  const boost::json::object body =
      dialect == Dialect::influx_1
          ? boost::json::object{{"error", why.message}}
          : boost::json::object{{"code", influx_code(status)}, {"message", why.message}};
  Response response = net::http::json_response(status, boost::json::serialize(body));
  if (status == 503 || status == 507) response.headers.set("Retry-After", "5");
  return response;
}

void LineRoutes::serve(Dialect dialect, Request request, Responder responder) {
  if (request.parameter("u") || request.parameter("p")) {
    const Error why{Errc::invalid_argument,
                    "credentials do not belong into an address, where logs keep them: send the token as "
                    "Authorization: Token, Bearer or Basic"};
    return responder.send(refusal(dialect, why));
  }
  if (std::string token = token_of(request.headers.get("Authorization").value_or("")); !token.empty())
    request.headers.set("Authorization", "Bearer " + std::move(token));
  auto kept = std::make_unique<Request>(std::move(request));
  const Request& seen = *kept;
  api_.identify(seen, [this, dialect, kept = std::move(kept),
                       responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller) return responder.send(refusal(dialect, caller.error()));
    store(dialect, *caller, std::move(*kept), std::move(responder));
  });
}

void LineRoutes::store(Dialect dialect, const model::Caller& caller, Request request, Responder responder) {
  const auto refuse = [&](const Error& why) {
    api_.tell_refused(caller, why);
    responder.send(refusal(dialect, why));
  };
  if (const auto allowed = check_series_write(*caller.principal); !allowed) return refuse(allowed.error());
  const auto tick = tick_of(request);
  if (!tick) return refuse(tick.error());
  auto lines = plain_body(std::move(request));
  if (!lines) return refuse(lines.error());
  ingest_.write({caller.principal->tenant, *std::move(lines), *tick},
                [dialect, responder = std::move(responder)](Result<series::LineReport> report) mutable {
                  if (!report) return responder.send(refusal(dialect, report.error()));
                  if (report->refused > 0)
                    return responder.send(refusal(dialect, {Errc::invalid_argument, in_words(*report)}));
                  responder.send({204, {}, {}});
                });
}

}  // namespace dunlin::transport
