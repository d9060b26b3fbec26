#include "platform/doors.h"

#include <array>

#include "net/connection.h"

namespace dunlin::platform {
namespace {

security::Action action_of(hub::Action action) {
  constexpr std::array kActions{security::Action::connect, security::Action::publish,
                                security::Action::subscribe, security::Action::receive};
  return kActions[static_cast<std::size_t>(action)];
}

}  // namespace

hub::Authenticator make_mqtt_authenticator(Executor& executor, security::Authenticator& authenticator) {
  return [&executor, &authenticator](hub::Credentials shown, hub::Authenticated done) {
    security::Credentials credentials;
    credentials.protocol = shown.protocol;
    credentials.client_id = std::move(shown.client_id);
    credentials.username = std::move(shown.username).value_or("");
    credentials.password = security::Secret(std::move(shown.password).value_or(""));
    credentials.certificate_der.assign(shown.certificate_der.begin(), shown.certificate_der.end());
    const auto with_port = net::parse_endpoint(shown.address);
    const bool local = with_port && with_port->is_loopback();
    const bool on_this_machine = local || net::Endpoint{shown.address, 0}.is_loopback();
    credentials.listener = on_this_machine ? security::Listener::loopback : security::Listener::network;
    credentials.address = std::move(shown.address);
    authenticator.authenticate(executor, std::move(credentials), std::move(done));
  };
}

hub::Authorizer make_mqtt_authorizer(security::PolicyEngine& engine) {
  return [&engine](const Principal& principal, hub::Action action, std::string_view topic) -> Result<void> {
    const security::Decision decision = engine.authorize(principal, action_of(action), topic);
    if (decision.allowed()) return {};
    return fail(Errc::permission_denied, security::explain(decision, principal));
  };
}

}  // namespace dunlin::platform
