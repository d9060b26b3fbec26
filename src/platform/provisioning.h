#pragma once
// How devices that are not known yet come in: the service, its doors (HTTP, and MQTT over TLS with a
// certificate that a registered authority vouches for), and the authorities that TLS trusts.

#include <functional>
#include <string>
#include <vector>

#include "platform/security_stack.h"
#include "service/provision/provision.h"
#include "service/registry/registry.h"
#include "transport/http/enrolment_routes.h"

namespace dunlin::platform {

/// The home executor's thread.
class Provisioning {
 public:
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    registry::Registry& registry;
    SecurityStack& security;
    const Clock& clock;
    Rng& rng;
    metrics::Registry& metrics;
    std::string group_secret;
    std::function<std::uint16_t()> mqtts_port;
    std::function<Result<void>()> adopt;  // makes the listeners trust what trusted() says now
    provision::Grants::Ender end_certificates;
    RefusalSink& refusals;
  };
  explicit Provisioning(Parts parts);

  /// Before the first listener opens.
  void load(std::move_only_function<void(Result<void>)> done) { grants_.load(std::move(done)); }
  void declare(model::OperationTable& table);
  void mount(net::http::Router& router) { routes_.mount(router); }
  /// PEM of the registered authorities that are enabled.
  std::vector<std::string> trusted() const { return authorities_.trusted(); }

 private:
  void take_group_keys(security::Authenticator& authenticator);

  const security::Pki& pki_;
  provision::Authorities authorities_;
  provision::Enrolment enrolment_;
  provision::Grants grants_;
  transport::EnrolmentRoutes routes_;
};

}  // namespace dunlin::platform
