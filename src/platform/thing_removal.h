#pragma once
// A thing that is removed or decommissioned takes its tokens, certificates and attachments with it.

#include "base/executor.h"
#include "security/attachment_register.h"
#include "security/thing_credentials.h"
#include "service/registry/registry.h"

namespace dunlin::platform {

/// In the write that removes or decommissions the thing; a removal takes its attachments, too. All must
/// outlive the registry's last call; `executor` is its own.
void withdraw_credentials_with_things(Executor& executor, registry::Registry& registry,
                                      security::ThingCredentials& credentials,
                                      security::AttachmentRegister& attachments);

/// Once after the start; logs what it found.
void sweep_credentials(Executor& executor, security::ThingCredentials& credentials);

}  // namespace dunlin::platform
