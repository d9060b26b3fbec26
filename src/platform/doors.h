#pragma once
// The security room as the MQTT side asks it.

#include "hub/access.h"
#include "security/authenticator.h"
#include "security/policy.h"
#include "security/scram_authenticator.h"

namespace dunlin::platform {

/// All must outlive the functions. Completions run on `executor`.
hub::Authenticator make_mqtt_authenticator(Executor& executor, security::Authenticator& authenticator);
/// The authentication methods of MQTT 5: SCRAM-SHA-256.
hub::EnhancedAuthenticator make_mqtt_scram(Executor& executor, security::ScramAuthenticator& scram);
hub::Authorizer make_mqtt_authorizer(security::PolicyEngine& engine);

}  // namespace dunlin::platform
