#include "transport/http/pki_routes.h"

#include <algorithm>
#include <string>

#include "base/base64.h"
#include "base/core/assert.h"
#include "net/http/assets.h"
#include "security/crypto.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

using net::http::Method;
using net::http::PathParameters;
using net::http::Request;
using net::http::Response;

constexpr std::string_view kPemChain = "application/pem-certificate-chain";
constexpr std::string_view kOcspRequest = "application/ocsp-request";
constexpr std::string_view kOcspResponse = "application/ocsp-response";

std::string seconds_of(Duration time) {
  return std::to_string(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count(), 0));
}

struct Page {
  std::string_view type;
  Slice body;
  std::string tag;
  Duration fresh_for = kMaxStatusAge;  // how long anybody may keep it without asking again
};

Page page_of(std::string_view type, const std::string& body) {
  return {.type = type, .body = Slice::copy_of(body), .tag = security::sha256_hex(as_bytes(body))};
}

/// Whoever has it already is sent the tag alone.
Response cacheable(const Request& request, Page page) {
  const std::string tag = page.tag.substr(0, 32);
  const auto known = request.headers.get("If-None-Match");
  const bool same = known && net::http::matches_entity_tag(*known, tag);
  Response response{.status = same ? 304 : 200, .headers = {}, .body = {}};
  if (!same) {
    response.body = std::move(page.body);
    response.headers.set("Content-Type", std::string(page.type));
  }
  response.headers.set("ETag", '"' + tag + '"');
  response.headers.set("Cache-Control", "public, max-age=" + seconds_of(page.fresh_for));
  return response;
}

Response nothing_here() {
  return net::http::error_response(
      Errc::not_found,
      "there are ISSUER.crl and ISSUER.crt of each intermediate and root, chain.pem, root.pem, and ocsp");
}

}  // namespace

void PkiRoutes::mount(net::http::Router& router) {
  const auto add = [&router](Method method, std::string_view path, net::http::RouteHandler handler) {
    DUNLIN_ASSERT(router.add(method, path, std::move(handler)).has_value());
  };
  add(Method::get, "/pki/{file}", [this](const Request& request, const PathParameters& path, Responder to) {
    serve_file(request, path.get("file"), std::move(to));
  });
  // RFC 6960 appendix A.1: the request as base64 in the path, where its '/' may or may not be escaped.
  add(Method::get, "/pki/ocsp/{request...}",
      [this](const Request&, const PathParameters& path, Responder to) {
        const auto question = from_base64(path.get("request"));
        serve_ocsp(question ? ByteView(*question) : ByteView(), std::move(to));
      });
  add(Method::post, "/pki/ocsp", [this](const Request& request, const PathParameters&, Responder to) {
    if (request.headers.get("Content-Type").value_or("") != kOcspRequest) {
      return to.send(net::http::error_response(415, "unsupported_media_type",
                                               "send the request as Content-Type: application/ocsp-request"));
    }
    serve_ocsp(as_bytes(request.body), std::move(to));
  });
}

void PkiRoutes::serve_file(const Request& request, std::string_view file, Responder responder) {
  if (file == "chain.pem")
    return responder.send(cacheable(request, page_of(kPemChain, parts_.pki.client_ca_pem())));
  if (file == "root.pem")
    return responder.send(cacheable(request, page_of(kPemChain, parts_.pki.root_pem())));
  const std::string issuer(file.substr(0, file.find('.')));
  if (file == issuer + ".crl") return serve_list(request, issuer, std::move(responder));
  const std::string pem = file == issuer + ".crt" ? parts_.pki.issuer_pem(issuer) : std::string();
  const auto ders = security::certificates_from_pem(pem);
  if (!ders) return responder.send(nothing_here());
  responder.send(cacheable(request, page_of("application/pkix-cert", ders->front())));
}

void PkiRoutes::serve_list(const Request& request, const std::string& issuer, Responder responder) {
  if (const security::RootListRef list = parts_.pki.root_list(issuer)) {
    const Duration left = list->info.next_update - parts_.clock.wall_now();
    return responder.send(
        cacheable(request, {.type = "application/pkix-crl",
                            .body = Slice::copy_of(list->der),
                            .tag = security::sha256_hex(as_bytes(list->der)),
                            .fresh_for = std::clamp<Duration>(left, Duration{0}, kMaxStatusAge)}));
  }
  parts_.lists.get(issuer, [this, request, responder = std::move(responder)](
                               Result<security::RevocationLists::ListRef> list) mutable {
    if (!list && list.error().code == Errc::not_found) return responder.send(nothing_here());
    if (!list) {
      Response response = net::http::error_response(list.error().code, list.error().message);
      response.headers.set("Retry-After", "60");
      return responder.send(std::move(response));
    }
    const Duration left = (*list)->next_update - parts_.clock.wall_now();
    responder.send(cacheable(request, {.type = "application/pkix-crl",
                                       .body = (*list)->der,
                                       .tag = (*list)->tag,
                                       .fresh_for = std::clamp<Duration>(left, Duration{0}, kMaxStatusAge)}));
  });
}

void PkiRoutes::serve_ocsp(ByteView question, Responder responder) {
  parts_.ocsp.answer(
      question, [responder = std::move(responder)](security::OcspResponder::Answer answer) mutable {
        Response response{.status = 200, .headers = {}, .body = Slice::copy_of(answer.der)};
        response.headers.set("Content-Type", std::string(kOcspResponse));
        // RFC 5019 section 6.2.
        response.headers.set("Cache-Control", answer.fresh_for > Duration{0}
                                                  ? "public, no-transform, must-revalidate, max-age=" +
                                                        seconds_of(std::min(answer.fresh_for, kMaxStatusAge))
                                                  : "no-store");
        responder.send(std::move(response));
      });
}

}  // namespace dunlin::transport
