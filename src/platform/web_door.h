#pragma once

#include "security/accounts.h"
#include "security/authenticator.h"
#include "transport/http/web_door.h"

namespace dunlin::platform {

/// The security room as the HTTP side asks it. All three must outlive the door.
transport::WebDoor make_web_door(Executor& executor, security::Authenticator& authenticator,
                                 security::Accounts& accounts, const Clock& clock);

}  // namespace dunlin::platform
