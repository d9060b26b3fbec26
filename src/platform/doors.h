#pragma once
// The security room as the MQTT side asks it.

#include "hub/access.h"
#include "security/authenticator.h"
#include "security/policy.h"

namespace dunlin::platform {

/// Both must outlive the function. Completions run on `executor`.
hub::Authenticator make_mqtt_authenticator(Executor& executor, security::Authenticator& authenticator);
hub::Authorizer make_mqtt_authorizer(security::PolicyEngine& engine);

}  // namespace dunlin::platform
