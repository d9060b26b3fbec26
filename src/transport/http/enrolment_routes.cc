#include "transport/http/enrolment_routes.h"

#include <array>
#include <boost/json.hpp>

#include "base/core/assert.h"
#include "service/provision/requests.h"

namespace dunlin::transport {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using net::http::Request;
using net::http::Responder;
using net::http::Response;
using provision::Application;
using provision::Enrolled;
using provision::Way;

constexpr std::array<Field, 5> kRegistration = {
    {{"device_id", FieldType::text, Need::required, "the thing's name"},
     {"firmware_version", FieldType::text, Need::required, "1 to 128 bytes"},
     {"model", FieldType::text, Need::required, "1 to 128 bytes"},
     {"capabilities", FieldType::array, Need::optional, "what the device can do: at most 32 texts"},
     {"certificate", FieldType::text, Need::required,
      "the client certificate of the TLS connection, PEM; what leads to its authority may follow"}}};
constexpr std::array<Field, 7> kEnrolment = {
    {{"csr", FieldType::text, Need::optional, "PKCS#10 request, PEM; only a group may go without one"},
     {"code", FieldType::text, Need::optional, "an enrolment code"},
     {"device_id", FieldType::text, Need::optional, "the name that is asked for"},
     {"group", FieldType::text, Need::optional, "instead of a code: a group with derived keys"},
     {"registration_id", FieldType::text, Need::optional, "with a group: the device's name"},
     {"expires", FieldType::integer, Need::optional, "with a group: Unix time in seconds, within an hour"},
     {"signature", FieldType::text, Need::optional,
      "with a group: HMAC-SHA256 by the device's key, base64"}}};
constexpr std::array<Field, 8> kEnrolled = {
    {{"thing", FieldType::text, Need::required, "the thing's name"},
     {"status", FieldType::text, Need::required, "registered, or waiting for an operator"},
     {"fingerprint", FieldType::text, Need::optional, "of its certificate"},
     {"certificate", FieldType::text, Need::optional, "where one was issued: PEM, with the intermediate"},
     {"token", FieldType::text, Need::optional, "where a group asked without a CSR: shown this once"},
     {"mqtt", FieldType::object, Need::optional, "host, port, tls and client_id for what comes next"},
     {"topics", FieldType::object, Need::optional, "where the device may publish and listen"},
     {"ca", FieldType::text, Need::required, "what the device should trust, PEM"}}};
constexpr std::array<Errc, 7> kErrors = {Errc::malformed,      Errc::unauthenticated, Errc::permission_denied,
                                         Errc::already_exists, Errc::limit_exceeded,  Errc::quota_exceeded,
                                         Errc::unavailable};
constexpr std::array<model::OperationSpec, 2> kOperations = {
    {{"device.register", model::Method::post, "/api/devices/register",
      "Register the device whose client certificate the TLS connection has shown.", model::kPublic,
      kRegistration, kEnrolled, kErrors},
     {"device.enrol", model::Method::post, "/api/enrol",
      "Get a certificate or token by an enrolment code, a group's key or a claim certificate.",
      model::kPublic, kEnrolment, kEnrolled, kErrors}}};

/// The host that the device has reached, without a port.
std::string host_of(const Request& request) {
  const std::string_view host = request.headers.get("Host").value_or("");
  const std::size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
  if (end == std::string_view::npos) return std::string(host);
  return std::string(host.substr(0, host.starts_with('[') ? end + 1 : end));
}

int status_of(Enrolled::Outcome outcome) {
  switch (outcome) {
    case Enrolled::Outcome::created:
      return 201;
    case Enrolled::Outcome::waiting:
      return 202;
    case Enrolled::Outcome::repeated:
    case Enrolled::Outcome::renewed:
      return 200;
  }
  return 200;
}

Result<void> check_is_json(const Request& request) {
  const auto type = request.headers.get("Content-Type").value_or("");
  if (type.starts_with("application/json")) return {};
  return fail(Errc::invalid_argument, "send the body as Content-Type: application/json");
}

std::string shown_certificate(const Request& request) {
  const auto& der = request.peer->certificate_der;
  return std::string(der.begin(), der.end());
}

}  // namespace

std::span<const model::OperationSpec> EnrolmentRoutes::operations() {
  return kOperations;
}

void EnrolmentRoutes::mount(net::http::Router& router) {
  const auto post = [&router](std::string_view path, net::http::RouteHandler handler) {
    DUNLIN_ASSERT(router.add(net::http::Method::post, path, std::move(handler)).has_value());
  };
  post("/api/devices/register", [this](Request request, net::http::PathParameters, Responder responder) {
    register_device(std::move(request), std::move(responder));
  });
  post("/api/enrol", [this](Request request, net::http::PathParameters, Responder responder) {
    enrol(std::move(request), std::move(responder));
  });
  mount_est(router);
}

void EnrolmentRoutes::refuse(Way way, const Request& request, const Error& why, Responder& responder) {
  parts_.enrolment.refused(way, request.peer->address.host, why);
  responder.send(net::http::error_response(why.code, why.message));
}

Result<Application> EnrolmentRoutes::read_registration(const Request& request) const {
  DUNLIN_CHECK(check_is_json(request));
  DUNLIN_TRY(const provision::Registration body, provision::read_registration(request.body));
  const auto stated = security::certificates_from_pem(body.certificate_pem);
  if (!stated)
    return fail(Errc::invalid_argument,
                "the field \"certificate\" is no certificate in PEM form: " + stated.error().message);
  DUNLIN_CHECK(security::parse_certificate(as_bytes(stated->front())));
  Application wanted;
  wanted.certificate_der = shown_certificate(request);
  wanted.chain_pem = body.certificate_pem;
  if (wanted.certificate_der.empty()) {
    // TLS passes on what it has verified, and says nothing of the rest: the body tells what would be wrong.
    const auto voucher = parts_.enrolment.find_voucher(stated->front(), body.certificate_pem);
    if (!voucher) return std::unexpected(voucher.error());
    return fail(Errc::unauthenticated,
                "the TLS connection has shown no client certificate that is valid here: connect with the one "
                "in the body");
  }
  if (wanted.certificate_der != stated->front())
    return fail(Errc::permission_denied,
                "the certificate in the body is not the client certificate of the TLS connection");
  wanted.asked = body.device_id;
  wanted.attributes = body.attributes();
  return wanted;
}

void EnrolmentRoutes::register_device(Request request, Responder responder) {
  auto wanted = read_registration(request);
  if (!wanted) return refuse(Way::registration, request, wanted.error(), responder);
  wanted->way = Way::registration;
  wanted->address = request.peer->address.host;
  parts_.enrolment.enrol(*std::move(wanted), [this, request = std::move(request),
                                              responder = std::move(responder)](auto enrolled) mutable {
    if (enrolled) return responder.send(answer(request, *enrolled));
    const Error& why = enrolled.error();
    responder.send(net::http::error_response(why.code, why.message));
  });
}

Result<Application> EnrolmentRoutes::read_enrolment(const Request& request) const {
  DUNLIN_CHECK(check_is_json(request));
  DUNLIN_TRY(provision::EnrolRequest body, provision::read_enrol_request(request.body));
  Application wanted;
  wanted.way = !body.code.empty() ? Way::code : body.group ? Way::group : Way::claim;
  wanted.code = std::move(body.code);
  wanted.group = std::move(body.group);
  wanted.csr = std::move(body.csr);
  wanted.asked = std::move(body.device_id);
  wanted.certificate_der = shown_certificate(request);
  return wanted;
}

void EnrolmentRoutes::enrol(Request request, Responder responder) {
  auto wanted = read_enrolment(request);
  if (!wanted) return refuse(Way::code, request, wanted.error(), responder);
  wanted->address = request.peer->address.host;
  parts_.enrolment.enrol(*std::move(wanted), [this, request = std::move(request),
                                              responder = std::move(responder)](auto enrolled) mutable {
    if (enrolled) return responder.send(answer(request, *enrolled));
    const Error& why = enrolled.error();
    responder.send(net::http::error_response(why.code, why.message));
  });
}

Response EnrolmentRoutes::answer(const Request& request, const Enrolled& enrolled) const {
  const bool waits = enrolled.outcome == Enrolled::Outcome::waiting;
  boost::json::object body{
      {"thing", enrolled.thing}, {"status", waits ? "waiting" : "registered"}, {"ca", parts_.pki.root_pem()}};
  if (!enrolled.fingerprint.empty() && !waits) body["fingerprint"] = enrolled.fingerprint;
  if (!enrolled.chain_pem.empty()) body["certificate"] = enrolled.chain_pem;
  if (!enrolled.token.empty()) body["token"] = enrolled.token.view();
  if (waits) body["retry_after"] = provision::kRetryAfter.count();
  const std::uint16_t port = parts_.mqtts_port();
  if (!waits && port != 0) {
    body["mqtt"] = boost::json::object{
        {"host", host_of(request)}, {"port", port}, {"tls", true}, {"client_id", enrolled.thing}};
  }
  if (!waits) {
    body["topics"] =
        boost::json::object{{"telemetry", "{project}/{site}/{device_type}/" + enrolled.thing + "/{channel}"},
                            {"services", "$dunlin/things/" + enrolled.thing + "/#"}};
  }
  Response response = net::http::json_response(status_of(enrolled.outcome), boost::json::serialize(body));
  response.headers.set("Cache-Control", "no-store");
  if (waits) response.headers.set("Retry-After", std::to_string(provision::kRetryAfter.count()));
  return response;
}

}  // namespace dunlin::transport
