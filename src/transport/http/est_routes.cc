// Enrolment over Secure Transport (RFC 7030, with the corrections of RFC 8951): /.well-known/est/.
#include <array>

#include "base/base64.h"
#include "base/core/assert.h"
#include "security/enrolment_formats.h"
#include "service/provision/requests.h"
#include "transport/http/enrolment_routes.h"

namespace dunlin::transport {
namespace {

using net::http::PathParameters;
using net::http::Request;
using net::http::Responder;
using net::http::Response;
using provision::Application;
using provision::Enrolled;
using provision::Way;

constexpr std::string_view kCertificates = "application/pkcs7-mime";
constexpr std::string_view kCertificatesOnly = "application/pkcs7-mime; smime-type=certs-only";

/// CsrAttrs (section 4.5.2): id-ecPublicKey with the curve P-256, and ecdsa-with-SHA256. What else is taken
/// is told by the refusal.
constexpr std::array<std::uint8_t, 35> kCsrAttributes = {0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                         0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06, 0x08, 0x2a,
                                                         0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08,
                                                         0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/// In lines of 76 characters, as mail has them and older clients want them (RFC 8951 section 3.1 allows it).
std::string in_lines(std::string_view bytes) {
  constexpr std::size_t kLine = 76;
  const std::string text = to_base64(as_bytes(bytes));
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += kLine) lines += text.substr(at, kLine) + "\r\n";
  return lines;
}

Response in_base64(std::string_view type, std::string_view bytes) {
  Response response = net::http::text_response(200, in_lines(bytes));
  response.headers.set("Content-Type", std::string(type));
  response.headers.set("Content-Transfer-Encoding", "base64");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Response refusal(const Error& why) {
  Response response = net::http::text_response(net::http::status_of(why.code), why.message + "\n");
  if (response.status == 401)
    response.headers.set("WWW-Authenticate", "Basic realm=\"enrolment: name and code\", charset=\"UTF-8\"");
  if (response.status == 429 || response.status == 503)
    response.headers.set("Retry-After", std::to_string(provision::kRetryAfter.count()));
  return response;
}

Response answer_est(const Enrolled& enrolled) {
  if (enrolled.outcome == Enrolled::Outcome::waiting) {
    // Section 4.2.3: the client asks again with the same request.
    Response response = net::http::text_response(202, "the device waits for an operator's approval\n");
    response.headers.set("Retry-After", std::to_string(provision::kRetryAfter.count()));
    return response;
  }
  // The leaf alone; the others come by cacerts (section 4.2.3).
  const auto leaf = security::certificates_from_pem(enrolled.chain_pem);
  const auto bag = leaf ? security::certs_only(security::certificate_pem(as_bytes(leaf->front())))
                        : Result<std::string>(std::unexpected(leaf.error()));
  if (!bag) return refusal(bag.error());
  return in_base64(kCertificatesOnly, *bag);
}

}  // namespace

void EnrolmentRoutes::mount_est(net::http::Router& router) {
  const auto add = [&router](net::http::Method method, std::string_view path,
                             net::http::RouteHandler handler) {
    DUNLIN_ASSERT(router.add(method, path, std::move(handler)).has_value());
  };
  add(net::http::Method::get, "/.well-known/est/cacerts",
      [this](Request, PathParameters, Responder responder) { serve_ca_certificates(std::move(responder)); });
  add(net::http::Method::get, "/.well-known/est/csrattrs", [](Request, PathParameters, Responder responder) {
    responder.send(in_base64("application/csrattrs", as_text(kCsrAttributes)));
  });
  add(net::http::Method::post, "/.well-known/est/simpleenroll",
      [this](Request request, PathParameters, Responder responder) {
        serve_est(EstCall::enrol, std::move(request), std::move(responder));
      });
  add(net::http::Method::post, "/.well-known/est/simplereenroll",
      [this](Request request, PathParameters, Responder responder) {
        serve_est(EstCall::reenrol, std::move(request), std::move(responder));
      });
}

void EnrolmentRoutes::serve_ca_certificates(Responder responder) {
  const auto bag = security::certs_only(parts_.pki.client_ca_pem());
  responder.send(bag ? in_base64(kCertificates, *bag) : refusal(bag.error()));
}

Result<Application> EnrolmentRoutes::read_est(EstCall call, const Request& request) {
  if (request.peer->tls_version.empty())
    return fail(Errc::permission_denied, "EST needs TLS (RFC 7030 section 3.3)");
  const auto& der = request.peer->certificate_der;
  Application wanted;
  if (call == EstCall::reenrol) wanted.applicants = Application::Applicants::known;
  wanted.certificate_der.assign(der.begin(), der.end());
  const auto authorization = request.headers.get("Authorization");
  if (call == EstCall::enrol && wanted.certificate_der.empty() && !authorization)
    return fail(Errc::unauthenticated, "show a client certificate, or a name and an enrolment code");
  if (call == EstCall::reenrol && wanted.certificate_der.empty())
    return fail(Errc::unauthenticated, "show the client certificate that is to be renewed");
  if (call == EstCall::enrol && authorization) {
    auto basic = provision::read_basic(*authorization);
    if (!basic || basic->password.empty())
      return fail(Errc::unauthenticated, "send a name and an enrolment code");
    wanted.asked = std::move(basic->name);
    wanted.code = std::move(basic->password);
  }
  const auto type = request.headers.get("Content-Type").value_or("");
  if (!type.starts_with("application/pkcs10"))
    return fail(Errc::invalid_argument, "send the request as Content-Type: application/pkcs10");
  DUNLIN_TRY(wanted.csr, provision::read_est_body(request.body));
  return wanted;
}

void EnrolmentRoutes::serve_est(EstCall call, Request request, Responder responder) {
  auto wanted = read_est(call, request);
  if (!wanted) {
    parts_.enrolment.refused(Way::est, request.peer->address.host, wanted.error());
    return responder.send(refusal(wanted.error()));
  }
  wanted->way = Way::est;
  wanted->address = request.peer->address.host;
  parts_.enrolment.enrol(*std::move(wanted),
                         [responder = std::move(responder)](Result<Enrolled> enrolled) mutable {
                           responder.send(enrolled ? answer_est(*enrolled) : refusal(enrolled.error()));
                         });
}

}  // namespace dunlin::transport
