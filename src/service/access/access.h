#pragma once
// Who may enter, as operations: certificates, policies, users and tokens. The rules are the security room's;
// this renders them.

#include <functional>
#include <string>

#include "base/executor.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "security/accounts.h"
#include "security/attachment_register.h"
#include "security/authority_changes.h"
#include "security/certificates.h"
#include "security/pki.h"
#include "security/policies.h"
#include "security/policy_trial.h"
#include "security/role_register.h"
#include "security/scram_authenticator.h"
#include "security/thing_keys.h"

namespace dunlin::access {

struct AccessParts {
  Executor& executor;
  hub::Bus& bus;
  security::Pki& pki;
  security::CertificateRegister& certificates;
  security::AuthorityChanges& authorities;
  security::PolicyRegister& policies;
  security::AttachmentRegister& attachments;
  security::PolicyTrial& policy_trial;
  security::Accounts& accounts;
  security::RoleRegister& roles;
  security::ScramCredentials& scram;
  security::ThingKeys& thing_keys;
  security::SecondFactors& second_factors;
  /// Ends the live pages of a user; one whose session holds comes back by itself.
  std::function<void(TenantId tenant, const std::string& user)> end_pages;
  /// Told of a thing that has been given a credential; the answer to the caller waits for `done`. May be
  /// empty.
  std::function<void(TenantId, std::string thing, std::move_only_function<void()> done)> credential_given =
      {};
};

/// Declares ca.*, cert.*, policy.*, user.*, token.*, scram.*, key.*, totp.*, role.*, group.*, websession.*
/// and thing.token. The parts must outlive the table. A revoked certificate or removed token or key ends the
/// live sessions of its owner.
void declare(const AccessParts& parts, model::OperationTable& table);

/// What declare() adds, for clients that render the operations without a server.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::access
