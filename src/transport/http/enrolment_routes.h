#pragma once
// How devices enrol over HTTP: POST /api/devices/register and POST /api/enrol as JSON, and EST
// (est_routes.cc). Translates; what is allowed is decided by provision::Enrolment.

#include <functional>
#include <span>
#include <string>

#include "model/operation.h"
#include "net/http/router.h"
#include "security/pki.h"
#include "service/provision/enrolment.h"

namespace dunlin::transport {

/// The HTTP server's executor only, which is the enrolment's.
class EnrolmentRoutes {
 public:
  struct Parts {
    provision::Enrolment& enrolment;
    const security::Pki& pki;
    std::function<std::uint16_t()> mqtts_port;  // where a device connects next; 0: nowhere
  };
  explicit EnrolmentRoutes(Parts parts) : parts_(std::move(parts)) {}

  void mount(net::http::Router& router);
  /// For the OpenAPI document.
  static std::span<const model::OperationSpec> operations();

 private:
  using Request = net::http::Request;
  using Responder = net::http::Responder;
  void mount_est(net::http::Router& router);
  void register_device(Request request, Responder responder);
  void enrol(Request request, Responder responder);
  void serve_ca_certificates(Responder responder);
  enum class EstCall : std::uint8_t { enrol, reenrol };
  void serve_est(EstCall call, Request request, Responder responder);

  void refuse(provision::Way way, const Request& request, const Error& why, Responder& responder);
  Result<provision::Application> read_registration(const Request& request) const;
  Result<provision::Application> read_enrolment(const Request& request) const;
  static Result<provision::Application> read_est(EstCall call, const Request& request);
  net::http::Response answer(const Request& request, const provision::Enrolled& enrolled) const;

  Parts parts_;
};

}  // namespace dunlin::transport
