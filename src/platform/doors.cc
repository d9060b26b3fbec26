#include "platform/doors.h"

#include <array>

#include "net/connection.h"
#include "service/alarm/cause.h"

namespace dunlin::platform {
namespace {

constexpr std::string_view kThingTopics = "$dunlin/things/";
constexpr std::string_view kLifecycleTopic = "/lifecycle";

security::Action action_of(hub::Action action) {
  constexpr std::array kActions{security::Action::connect, security::Action::publish,
                                security::Action::subscribe, security::Action::receive};
  return kActions[static_cast<std::size_t>(action)];
}

struct ScramState final : hub::EnhancedState {
  explicit ScramState(std::unique_ptr<security::ScramExchange> begun) : exchange(std::move(begun)) {}
  std::unique_ptr<security::ScramExchange> exchange;
};

security::Credentials credentials_of(hub::Credentials shown) {
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
  return credentials;
}

/// $SYS, alarms, and what the server tells of a thing's life.
bool is_reserved(std::string_view topic) {
  return topic.starts_with("$SYS/") || topic.starts_with(alarm::kAlarmTopics) ||
         (topic.starts_with(kThingTopics) && topic.ends_with(kLifecycleTopic) &&
          topic.find('/', kThingTopics.size()) == topic.size() - kLifecycleTopic.size());
}

}  // namespace

hub::Authenticator make_mqtt_authenticator(Executor& executor, security::Authenticator& authenticator) {
  return [&executor, &authenticator](hub::Credentials shown, hub::Authenticated done) {
    authenticator.authenticate(executor, credentials_of(std::move(shown)), std::move(done));
  };
}

hub::EnhancedAuthenticator make_mqtt_scram(Executor& executor, security::ScramAuthenticator& scram) {
  return [&executor, &scram](hub::EnhancedStep step, hub::EnhancedAnswered done) {
    if (step.method != security::kScramMethod)
      return done(fail(Errc::unsupported, "the authentication method is not SCRAM-SHA-256"));
    if (step.state) {
      auto exchange = std::move(static_cast<ScramState&>(*step.state).exchange);
      return scram.finish(
          executor, std::move(exchange), step.data,
          [done = std::move(done)](Result<security::ScramAuthenticator::Success> proven) mutable {
            if (!proven) return done(std::unexpected(proven.error()));
            done(hub::EnhancedAnswer{std::move(proven->message), std::move(proven->principal), nullptr});
          });
    }
    // The client speaks first; one that has said nothing with its CONNECT is asked to (RFC 5801 section 4).
    if (step.data.empty()) return done(hub::EnhancedAnswer{});
    scram.begin(executor, credentials_of(std::move(step.credentials)), step.data,
                [done = std::move(done)](Result<std::unique_ptr<security::ScramExchange>> begun) mutable {
                  if (!begun) return done(std::unexpected(begun.error()));
                  std::string challenge = (*begun)->challenge.message;
                  done(hub::EnhancedAnswer{std::move(challenge), nullptr,
                                           std::make_unique<ScramState>(*std::move(begun))});
                });
  };
}

hub::Authorizer make_mqtt_authorizer(security::PolicyEngine& engine) {
  return [&engine](const Principal& principal, hub::Action action, std::string_view topic) -> Result<void> {
    if (action == hub::Action::publish && is_reserved(topic))
      return fail(Errc::permission_denied, "only the server publishes to this topic");
    const security::Decision decision = engine.authorize(principal, action_of(action), topic);
    if (decision.allowed()) return {};
    return fail(Errc::permission_denied, engine.explain(decision, principal));
  };
}

hub::Authorizer make_will_authorizer(security::PolicyEngine& engine, const hub::Standings& standings) {
  return [judge = make_mqtt_authorizer(engine), &standings](const Principal& principal, hub::Action action,
                                                            std::string_view topic) -> Result<void> {
    const bool only_a_name = principal.kind == PrincipalKind::anonymous && principal.policies.empty();
    if (!only_a_name) return judge(principal, action, topic);
    const Standing now = standings.of(principal.tenant, principal.name);
    if (now.quarantine == Quarantine::no && now.lifecycle != Lifecycle::decommission) return {};
    return fail(Errc::permission_denied, "the thing is in quarantine or decommissioned");
  };
}

std::function<bool(TenantId, std::string_view)> heard_in(const hub::Hub& hub) {
  return [&hub](TenantId tenant, std::string_view topic) { return hub.is_heard(tenant, topic); };
}

}  // namespace dunlin::platform
