#pragma once
// The security room as the MQTT side asks it.

#include <functional>
#include <string_view>

#include "hub/access.h"
#include "hub/hub.h"
#include "hub/standings.h"
#include "security/authenticator.h"
#include "security/policy.h"
#include "security/scram_authenticator.h"

namespace dunlin::platform {

/// All must outlive the functions. Completions run on `executor`.
hub::Authenticator make_mqtt_authenticator(Executor& executor, security::Authenticator& authenticator);
/// The authentication methods of MQTT 5: SCRAM-SHA-256.
hub::EnhancedAuthenticator make_mqtt_scram(Executor& executor, security::ScramAuthenticator& scram);
hub::Authorizer make_mqtt_authorizer(security::PolicyEngine& engine);
/// For wills at the moment of their publishing. Of a session that a restart has found nothing but the name is
/// known: its will was allowed when it began, and is refused when the thing of that name has been
/// decommissioned or put in quarantine since.
hub::Authorizer make_will_authorizer(security::PolicyEngine& engine, const hub::Standings& standings);

/// Hub::is_heard(), which must outlive it.
std::function<bool(TenantId, std::string_view topic)> heard_in(const hub::Hub& hub);

}  // namespace dunlin::platform
