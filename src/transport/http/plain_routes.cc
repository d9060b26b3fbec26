#include "transport/http/plain_routes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "base/core/assert.h"
#include "transport/http/openapi.h"

namespace dunlin::transport {
namespace {

using boost::json::array;
using boost::json::object;
using net::http::Method;

struct Parameter {
  std::string_view name;
  std::string_view help;
};
/// How a caller proves who it is.
enum class Proof : std::uint8_t { none, token, influx, session, certificate, certificate_or_basic };

struct PlainRoute {
  Method method;
  std::string_view path;
  std::string_view id;
  std::string_view protocol;
  std::string_view summary;
  std::string_view permission;  // empty: none
  Proof proof = Proof::none;
  int status = 200;
  std::string_view answer{};                 // media type; empty: no body
  std::vector<std::string_view> requests{};  // media types of the body
  std::vector<Parameter> query{};
  std::vector<int> errors{};
};

constexpr Parameter kPrecision{"precision", "unit of the times: ns (also n), us (also u), ms, s, m or h; ns"};

std::vector<PlainRoute> ingest_routes() {
  const std::vector<int> errors{400, 401, 403, 413, 415, 429, 503, 507};
  return {{.method = Method::post,
           .path = "/write",
           .id = "influx.write_v1",
           .protocol = "influxdb-1",
           .summary = "Store lines of InfluxDB's line protocol, as clients of its version 1 send them. The "
                      "body may be gzip (Content-Encoding). Errors are {\"error\": TEXT}.",
           .permission = "series:write",
           .proof = Proof::influx,
           .status = 204,
           .requests = {"text/plain"},
           .query = {kPrecision, {"db", "taken and not used"}, {"rp", "taken and not used"}},
           .errors = errors},
          {.method = Method::post,
           .path = "/api/v2/write",
           .id = "influx.write_v2",
           .protocol = "influxdb-2",
           .summary = "The same for clients of its version 2. Errors are {\"code\": .., \"message\": TEXT}.",
           .permission = "series:write",
           .proof = Proof::influx,
           .status = 204,
           .requests = {"text/plain"},
           .query = {kPrecision, {"org", "taken and not used"}, {"bucket", "taken and not used"}},
           .errors = errors},
          {.method = Method::get,
           .path = "/ping",
           .id = "influx.ping",
           .protocol = "influxdb-1",
           .summary = "Say that lines are taken here.",
           .permission = {},
           .status = 204},
          {.method = Method::post,
           .path = "/api/series/senml",
           .id = "series.senml",
           .protocol = "senml",
           .summary = "Store a pack of measurements (RFC 8428), as JSON or CBOR. Names of records are "
                      "DEVICE/CHANNEL, or channels of the device that the query names.",
           .permission = "series:write",
           .proof = Proof::token,
           .status = 204,
           .requests = {"application/senml+json", "application/senml+cbor"},
           .query = {{"device", "whose channels all names are"}},
           .errors = errors}};
}

std::vector<PlainRoute> upgrade_routes() {
  return {{.method = Method::get,
           .path = "/api/live",
           .id = "live.open",
           .protocol = "websocket",
           .summary = "Open a WebSocket that tells of what happens, and answers queries while their rows are "
                      "found: {\"query\":{\"id\":\"1\",\"sql\":\"SELECT ..\",\"format\":\"json\"}}, and "
                      "{\"cancel\":\"1\"} (docs/protocols/live.md).",
           .permission = "series:read",
           .proof = Proof::session,
           .status = 101,
           .errors = {400, 401, 403, 426}},
          {.method = Method::get,
           .path = "/mqtt",
           .id = "mqtt.open",
           .protocol = "websocket",
           .summary = "Open a WebSocket with the subprotocol mqtt (MQTT 5.0 section 6); who speaks is proven "
                      "by CONNECT.",
           .permission = {},
           .status = 101,
           .errors = {400, 426}}};
}

std::vector<PlainRoute> health_routes() {
  const auto get = [](std::string_view path, std::string_view id, std::string_view summary,
                      std::string_view answer, std::vector<int> errors) {
    return PlainRoute{.method = Method::get,
                      .path = path,
                      .id = id,
                      .protocol = "http",
                      .summary = summary,
                      .permission = {},
                      .answer = answer,
                      .errors = std::move(errors)};
  };
  PlainRoute metrics = get("/metrics", "metrics.get",
                           "Counters and gauges in Prometheus' text format; from the machine itself without "
                           "a sign-in, unless the configuration says otherwise.",
                           "text/plain", {401, 403});
  metrics.permission = "metrics:read";
  metrics.proof = Proof::token;
  return {std::move(metrics), get("/healthz", "health.alive", "Say that the program runs.", "text/plain", {}),
          get("/readyz", "health.ready", "Say whether it takes work.", "text/plain", {503}),
          get("/api/openapi.json", "api.describe", "This document.", "application/json", {}),
          get("/.well-known/security.txt", "security.contact", "Whom to tell of a weakness (RFC 9116).",
              "text/plain", {404})};
}

std::vector<PlainRoute> est_routes() {
  const auto route = [](Method method, std::string_view path, std::string_view id, std::string_view summary,
                        std::string_view answer) {
    return PlainRoute{.method = method,
                      .path = path,
                      .id = id,
                      .protocol = "est",
                      .summary = summary,
                      .permission = {},
                      .answer = answer};
  };
  std::vector<PlainRoute> routes{
      route(Method::get, "/.well-known/est/cacerts", "est.cacerts",
            "The authorities' certificates (RFC 7030 section 4.1), base64.", "application/pkcs7-mime"),
      route(Method::get, "/.well-known/est/csrattrs", "est.csrattrs",
            "What a certificate request should say (RFC 7030 section 4.5), base64.", "application/csrattrs"),
      route(Method::post, "/.well-known/est/simpleenroll", "est.simpleenroll",
            "Give a device its certificate (RFC 7030 section 4.2); 202 while it waits for approval.",
            "application/pkcs7-mime"),
      route(Method::post, "/.well-known/est/simplereenroll", "est.simplereenroll",
            "Renew the certificate that is shown (RFC 7030 section 4.2.2).", "application/pkcs7-mime")};
  for (PlainRoute& one : routes) {
    if (one.method != Method::post) continue;
    one.requests = {"application/pkcs10"};
    one.errors = {202, 400, 401, 403, 415, 429, 503};
    one.proof = Proof::certificate_or_basic;
  }
  routes.back().proof = Proof::certificate;
  return routes;
}

std::vector<PlainRoute> pki_routes() {
  constexpr std::string_view kOcsp = "application/ocsp-response";
  return {{.method = Method::get,
           .path = "/pki/{file}",
           .id = "pki.file",
           .protocol = "http",
           .summary = "ISSUER.crl and ISSUER.crt of each authority, chain.pem, root.pem.",
           .permission = {},
           .answer = "application/octet-stream",
           .errors = {304, 404}},
          {.method = Method::get,
           .path = "/pki/ocsp/{request...}",
           .id = "pki.ocsp_get",
           .protocol = "ocsp",
           .summary = "The state of a certificate (RFC 6960 appendix A.1): the request as base64.",
           .permission = {},
           .answer = kOcsp},
          {.method = Method::post,
           .path = "/pki/ocsp",
           .id = "pki.ocsp",
           .protocol = "ocsp",
           .summary = "The state of a certificate (RFC 6960 appendix A.1).",
           .permission = {},
           .answer = kOcsp,
           .requests = {"application/ocsp-request"},
           .errors = {415}}};
}

array security_of(Proof proof) {
  const auto all = [](std::initializer_list<std::string_view> names) {
    array alternatives;
    for (const std::string_view name : names) alternatives.push_back(object{{name, array{}}});
    return alternatives;
  };
  switch (proof) {
    case Proof::none:
      return {};
    case Proof::token:
    case Proof::session:
      return all({"token", "session"});
    case Proof::influx:
      return all({"token", "influx_token", "basic"});
    case Proof::certificate:
      return all({"certificate"});
    case Proof::certificate_or_basic:
      return all({"certificate", "basic"});
  }
  return {};
}

object content_of(std::span<const std::string_view> types) {
  object content;
  for (const std::string_view type : types) content[type] = {{"schema", {{"type", "string"}}}};
  return content;
}

/// OpenAPI knows no "{rest...}".
std::string template_of(std::string_view path) {
  std::string text(path);
  if (const std::size_t dots = text.find("...}"); dots != std::string::npos) text.erase(dots, 3);
  return text;
}

object path_item(const PlainRoute& route) {
  array parameters;
  for (const std::string& name : path_fields(template_of(route.path))) {
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const auto& [name, help] : route.query) {
    parameters.push_back({{"name", name},
                          {"in", "query"},
                          {"required", false},
                          {"description", help},
                          {"schema", {{"type", "string"}}}});
  }
  object done{{"description", route.status == 101 ? "The WebSocket is open." : "Done."}};
  if (!route.answer.empty()) done["content"] = content_of({&route.answer, 1});
  object responses{{std::to_string(route.status), std::move(done)}};
  for (const int status : route.errors)
    responses[std::to_string(status)] = {{"description", net::http::reason_phrase(status)}};
  object result{{"operationId", route.id},
                {"summary", route.summary},
                {"tags", array{route.id.substr(0, route.id.find('.'))}},
                {"parameters", std::move(parameters)},
                {"responses", std::move(responses)},
                {"security", security_of(route.proof)},
                {"x-permission", route.permission},
                {"x-protocol", route.protocol}};
  if (!route.requests.empty())
    result["requestBody"] = {{"required", true}, {"content", content_of(route.requests)}};
  return result;
}

std::vector<PlainRoute> all_routes() {
  std::vector<PlainRoute> all = ingest_routes();
  for (auto& more : {upgrade_routes(), health_routes(), est_routes(), pki_routes()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

void describe_plain_routes(object& document, const net::http::Router& router) {
  object& paths = document["paths"].as_object();
  const std::vector<PlainRoute> known = all_routes();
  for (const auto& [method, path] : router.routes()) {
    const std::string name = template_of(path);
    const std::string verb = lower_case(net::http::method_name(method));
    boost::json::value& item = paths[name];
    if (!item.is_object()) item = object{};
    if (item.get_object().contains(verb)) continue;
    const auto found = std::ranges::find_if(
        known, [&](const PlainRoute& one) { return one.method == method && one.path == path; });
    DUNLIN_ASSERT(found != known.end());
    item.get_object()[verb] = path_item(*found);
  }
  object& schemes = document["components"].at("securitySchemes").as_object();
  schemes["basic"] = {{"type", "http"}, {"scheme", "basic"}};
  schemes["certificate"] = {{"type", "mutualTLS"}};
  schemes["influx_token"] = {{"type", "apiKey"},
                             {"in", "header"},
                             {"name", "Authorization"},
                             {"description", "Token TOKEN, as InfluxDB's clients send it."}};
}

}  // namespace dunlin::transport
