#pragma once
// The security room's parts over a server's stores.

#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/rng.h"
#include "net/crl.h"
#include "platform/config.h"
#include "security/accounts.h"
#include "security/attachment_register.h"
#include "security/authenticator.h"
#include "security/authority_changes.h"
#include "security/certificate_retirement.h"
#include "security/certificates.h"
#include "security/expiry_watch.h"
#include "security/ocsp_responder.h"
#include "security/pki.h"
#include "security/policies.h"
#include "security/policy_trial.h"
#include "security/revocation_lists.h"
#include "security/role_register.h"
#include "security/scram_authenticator.h"
#include "security/thing_credentials.h"
#include "security/thing_keys.h"

namespace dunlin::platform {

struct SecurityEnvironment {
  Executor& executor;  // of the services
  Fs& fs;
  const Clock& clock;
  Rng& rng;  // must bear any thread
  WorkerPool& workers;
  store::Repository& repository;
  metrics::Registry& metrics;
  const security::Vault* vault = nullptr;  // seals the server's secrets; null: they are in the clear
};

/// Any thread, but for load(), and the attachments, revocation lists, OCSP responder, expiry watch and
/// changes of authorities, which are the executor's.
class SecurityStack {
 public:
  /// Opens or makes the certificate authority. Blocks. Errors: corrupt, io, no_space, invalid_argument.
  static Result<std::unique_ptr<SecurityStack>> open(SecurityEnvironment environment,
                                                     const ServerConfig& config);

  /// Reads roles, policies, attachments and revocations, and makes the claim for the first user: its token,
  /// or nullopt once a user exists.
  using LoadDone = std::move_only_function<void(Result<std::optional<std::string>>)>;
  void load(Executor& executor, LoadDone done);

  struct Tls {
    std::shared_ptr<net::TlsServerContext> devices;  // asks for a client certificate
    std::shared_ptr<net::TlsServerContext> people;   // does, and takes one that does not pass as none
    std::shared_ptr<net::TlsServerContext> shared;   // does, unless the client chooses HTTP
  };
  /// `authorities`: PEM of those of others whose certificates are taken too. The stack must outlive the
  /// connections: handshakes ask it for pinned certificates.
  Result<Tls> make_tls(const Clock& clock, const net::ClientRevocation& revocation,
                       const std::vector<std::string>& authorities) const;

  /// After it has changed: it is put on record.
  void note_server_certificate(Executor& executor);

  security::Pki& pki() { return *pki_; }
  security::CertificateRegister& certificates() { return certificates_; }
  security::RevocationLists& revocation_lists() { return revocation_lists_; }
  security::OcspResponder& ocsp() { return ocsp_; }
  security::CertificateRetirement& retirement() { return retirement_; }
  security::ExpiryWatch& expiry_watch() { return expiry_watch_; }
  security::AuthorityChanges& authority_changes() { return authority_changes_; }
  security::ThingCredentials& thing_credentials() { return thing_credentials_; }
  security::ThingKeys& thing_keys() { return thing_keys_; }
  security::PolicyRegister& policies() { return policies_; }
  security::AttachmentRegister& attachments() { return attachments_; }
  security::PolicyTrial& policy_trial() { return policy_trial_; }
  security::PolicyEngine& policy_engine() { return engine_; }
  security::Authenticator& authenticator() { return authenticator_; }
  security::SecondFactors& second_factors() { return second_factors_; }
  security::Accounts& accounts() { return accounts_; }
  security::RoleRegister& roles() { return roles_; }
  security::ScramAuthenticator& scram() { return scram_; }
  security::ScramCredentials& scram_credentials() { return scram_credentials_; }

 private:
  struct Key {};  // only open() can make one
  struct Secrets {
    std::string scram;
    std::string keys;
  };

 public:
  SecurityStack(Key, SecurityEnvironment environment, const ServerConfig& config,
                std::unique_ptr<security::Pki> pki, Secrets secrets);

 private:
  void load_certificates(Executor& executor, std::move_only_function<void(Result<void>)> done);
  void prepare_claim(Executor& executor, LoadDone done);

  std::unique_ptr<security::Pki> pki_;
  security::RevocationIndex revocations_;
  security::PolicyEngine engine_;
  security::Authenticator authenticator_;
  security::SecondFactors second_factors_;
  security::Accounts accounts_;
  security::RoleRegister roles_;
  security::CertificateRegister certificates_;
  security::RevocationLists revocation_lists_;
  security::OcspResponder ocsp_;
  security::CertificateRetirement retirement_;
  security::ExpiryWatch expiry_watch_;
  security::AuthorityChanges authority_changes_;
  security::ThingCredentials thing_credentials_;
  security::ThingKeys thing_keys_;
  security::PolicyRegister policies_;
  security::AttachmentRegister attachments_;
  security::PolicyTrial policy_trial_;
  security::ScramAuthenticator scram_;
  security::ScramCredentials scram_credentials_;
};

}  // namespace dunlin::platform
