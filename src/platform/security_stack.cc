#include "platform/security_stack.h"

#include <unistd.h>

#include <array>

#include "base/log.h"

namespace dunlin::platform {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

security::AuthenticatorOptions authenticator_options(const ServerConfig& config, std::string key_secret) {
  security::AuthenticatorOptions options;
  if (config.anonymous_on_loopback) options.anonymous = security::Anonymous::on_loopback;
  options.audiences = config.token_audiences;
  options.key_secret = std::move(key_secret);
  return options;
}

}  // namespace

SecurityStack::SecurityStack(Key, SecurityEnvironment environment, const ServerConfig& config,
                             std::unique_ptr<security::Pki> pki, Secrets secrets)
    : pki_(std::move(pki)),
      authenticator_(
          {environment.repository, environment.workers, environment.clock, environment.rng, revocations_},
          authenticator_options(config, secrets.keys)),
      second_factors_({environment.repository, environment.clock, environment.rng, authenticator_.penalties(),
                       secrets.keys, "Dunlin on " + host_name()}),
      accounts_(environment.repository, authenticator_, second_factors_, environment.clock, environment.rng),
      roles_(environment.repository, authenticator_.roles(), environment.clock),
      certificates_({environment.repository, environment.workers, *pki_, revocations_, environment.clock,
                     environment.rng}),
      revocation_lists_({environment.executor, environment.workers, environment.fs, environment.repository,
                         *pki_, revocations_, environment.clock, environment.metrics, config.data_folder}),
      ocsp_({environment.executor, environment.workers, environment.repository, *pki_, revocations_,
             environment.clock, environment.metrics}),
      retirement_({environment.executor, environment.repository, revocations_, environment.clock}),
      expiry_watch_(
          {environment.executor, environment.repository, *pki_, environment.clock, environment.metrics}),
      authority_changes_({environment.executor, environment.workers, environment.repository, *pki_,
                          certificates_, environment.clock}),
      thing_credentials_({environment.repository, revocations_, environment.clock, environment.rng}),
      thing_keys_({environment.repository, environment.clock, environment.rng, std::move(secrets.keys)}),
      policies_(environment.repository, engine_, environment.clock),
      attachments_({environment.executor, environment.repository, engine_, policies_, environment.clock}),
      policy_trial_(environment.repository, policies_, engine_),
      scram_({environment.repository, authenticator_, environment.rng, std::move(secrets.scram)}),
      scram_credentials_({environment.repository, environment.workers, environment.clock, environment.rng}) {
  accounts_.plan_removals(
      [this](const std::string& user) { return attachments_.withdraw({security::SubjectKind::user, user}); });
  environment.metrics.gauge_function("dunlin_security_attachments",
                                     "Things, groups, certificates and users with policies or groups", {},
                                     [this] { return static_cast<double>(engine_.attachments()); });
  const auto count = [&](std::string name, std::string help,
                         std::uint64_t security::Authenticator::Counts::* field) {
    environment.metrics.gauge_function(std::move(name), std::move(help), {}, [this, field] {
      return static_cast<double>(authenticator_.counts().*field);
    });
  };
  count("dunlin_security_accepted", "Identities accepted since the start",
        &security::Authenticator::Counts::accepted);
  count("dunlin_security_refused", "Identities refused since the start",
        &security::Authenticator::Counts::refused);
  count("dunlin_security_penalised", "Attempts turned away for earlier failures",
        &security::Authenticator::Counts::penalised);
}

Result<std::unique_ptr<SecurityStack>> SecurityStack::open(SecurityEnvironment environment,
                                                           const ServerConfig& config) {
  security::PkiOptions options;
  options.host_name = host_name();
  options.names = config.certificate_names;
  options.addresses = config.certificate_addresses;
  options.public_url = config.public_url;
  options.keys = {environment.vault, config.key_token};
  DUNLIN_TRY(auto pki, security::Pki::open(environment.fs, environment.clock, environment.rng,
                                           config.data_folder, options));
  const security::SecretFiles files(environment.fs, environment.vault);
  Secrets secrets;
  DUNLIN_TRY(secrets.scram,
             security::ScramAuthenticator::load_secret(files, environment.rng, config.data_folder));
  DUNLIN_TRY(secrets.keys, security::ThingKeys::load_secret(files, environment.rng, config.data_folder));
  return std::make_unique<SecurityStack>(Key{}, environment, config, std::move(pki), std::move(secrets));
}

void SecurityStack::load(Executor& executor, LoadDone done) {
  roles_.load(executor, [this, &executor, done = std::move(done)](Result<void> roles) mutable {
    if (!roles) return done(std::unexpected(roles.error()));
    policies_.load(executor, [this, &executor, done = std::move(done)](Result<void> loaded) mutable {
      if (!loaded) return done(std::unexpected(loaded.error()));
      attachments_.load([this, &executor, done = std::move(done)](Result<void> attached) mutable {
        if (!attached) return done(std::unexpected(attached.error()));
        load_certificates(executor, [this, &executor, done = std::move(done)](Result<void> indexed) mutable {
          if (!indexed) return done(std::unexpected(indexed.error()));
          prepare_claim(executor, std::move(done));
        });
      });
    });
  });
}

void SecurityStack::load_certificates(Executor& executor, std::move_only_function<void(Result<void>)> done) {
  certificates_.load(executor, [this, &executor, done = std::move(done)](Result<void> indexed) mutable {
    if (!indexed) return done(std::move(indexed));
    certificates_.note_server(executor, std::move(done));
  });
}

void SecurityStack::prepare_claim(Executor& executor, LoadDone done) {
  accounts_.prepare_claim(executor,
                          [done = std::move(done)](Result<std::optional<security::Secret>> claim) mutable {
                            if (!claim) return done(std::unexpected(claim.error()));
                            if (!*claim) return done(std::nullopt);
                            done(std::string((*claim)->view()));
                          });
}

void SecurityStack::note_server_certificate(Executor& executor) {
  certificates_.note_server(executor, [](const Result<void>& noted) {
    // OCSP knows the present one all the same; the next start tries again.
    if (!noted)
      log::error("platform", "the server's certificate is not on record", {{"why", noted.error().message}});
  });
}

Result<SecurityStack::Tls> SecurityStack::make_tls(const Clock& clock,
                                                   const net::ClientRevocation& revocation,
                                                   const std::vector<std::string>& authorities) const {
  const security::ServerIdentity identity = pki_->server_identity();
  net::TlsServerOptions options;
  options.certificate_chain_pem = identity.certificate_chain_pem;
  options.private_key_pem = identity.private_key_pem;
  options.clock = &clock;
  options.client_ca_pem = pki_->client_ca_pem();
  for (const std::string& pem : authorities) options.client_ca_pem += pem + "\n";
  options.client_certificate = net::ClientCertificate::requested;
  options.pinned = [this](ByteView der) { return certificates_.is_pinned(der); };
  Tls tls;
  // A browser without a certificate of these authorities does not bother its user.
  options.application_protocols = {"http/1.1"};
  DUNLIN_TRY(tls.people,
             net::make_tls_server_context(options, revocation, net::UnverifiedClient::as_without));
  options.application_protocols = {"mqtt"};
  DUNLIN_TRY(tls.devices, net::make_tls_server_context(options, revocation));
  options.application_protocols = {"mqtt", "http/1.1"};
  options.no_client_certificate_for = {"http/1.1"};
  DUNLIN_TRY(tls.shared, net::make_tls_server_context(options, revocation));
  return tls;
}

}  // namespace dunlin::platform
