#pragma once
// Everything the identity tests need around an Authenticator, in virtual time.

#include <gtest/gtest.h>

#include <memory>

#include "base/rng.h"
#include "base/virtual_executor.h"
#include "security/accounts.h"
#include "security/authenticator.h"
#include "security/certificates.h"
#include "security/fake_repository.h"
#include "security/memory_fs.h"
#include "security/policies.h"
#include "security/wait_for.h"

namespace dunlin::security {

/// A stored thing as service/registry writes it.
inline std::string thing_body(const std::string& type, const std::string& state = "enabled") {
  return R"({"name":"x","type":")" + type + R"(","gateway":"","attributes":{"site":"plant1"},"state":")" +
         state + R"("})";
}

struct IdentityTest : testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  SystemRng rng;
  MemoryFs fs;
  FakeRepository repository;
  RevocationIndex revocations;
  AuthenticatorOptions options{.password_cost = {.memory_kib = 64, .passes = 1}};
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<SecondFactors> second_factors;
  std::unique_ptr<Accounts> accounts;
  std::unique_ptr<Pki> pki;
  std::unique_ptr<CertificateRegister> certificates;

  IdentityTest() {
    pki = Pki::open(fs, clock, rng, "data", {}).value();
    start();
    repository.put(store::DocumentKind::thing, "press-01", thing_body("machine"));
    repository.put(store::DocumentKind::thing, "press-02", thing_body("machine"));
    repository.put(store::DocumentKind::thing, "gw-1", thing_body("gateway"));
    repository.put(store::DocumentKind::thing, "off-1", thing_body("machine", "disabled"));
  }

  /// As after a restart: what was only in memory is gone.
  void start() {
    accounts.reset();
    authenticator = std::make_unique<Authenticator>(
        Authenticator::Parts{repository, workers, clock, rng, revocations}, options);
    second_factors = std::make_unique<SecondFactors>(
        SecondFactors::Parts{repository, clock, rng, authenticator->penalties(), "secret", "Dunlin"});
    accounts = std::make_unique<Accounts>(repository, *authenticator, *second_factors, clock, rng);
    certificates = std::make_unique<CertificateRegister>(
        CertificateRegister::Parts{repository, workers, *pki, revocations, clock, rng});
  }

  template <class T, class Ask>
  Result<T> wait(Ask ask) {
    return wait_for<T>(scheduler, std::move(ask));
  }

  Result<PrincipalRef> login_as(Credentials credentials) {
    return wait<PrincipalRef>(
        [&](auto done) { authenticator->authenticate(executor, std::move(credentials), std::move(done)); });
  }
  static Credentials with_password(const std::string& user, const std::string& password,
                                   const std::string& client = "",
                                   const std::string& address = "192.0.2.1:5000") {
    Credentials credentials;
    credentials.protocol = "mqtt";
    credentials.client_id = client;
    credentials.username = user;
    credentials.password = Secret(password);
    credentials.address = address;
    return credentials;
  }
  static Credentials with_certificate(const std::string& der, const std::string& client = "") {
    Credentials credentials;
    credentials.protocol = "mqtt";
    credentials.client_id = client;
    credentials.certificate_der = der;
    credentials.address = "192.0.2.1";
    return credentials;
  }
  std::string device_token(const std::string& thing) {
    auto token = wait<IssuedToken>(
        [&](auto done) { accounts->create_device_token(executor, "test", thing, "", std::move(done)); });
    return token ? std::string(token->text.view()) : "";
  }
  Result<CreatedUser> create_user(const std::string& name, const std::string& password,
                                  std::vector<std::string> permissions = {"*"}) {
    NewUser user;
    user.name = name;
    user.password = Secret(password);
    user.permissions = std::move(permissions);
    return wait<CreatedUser>(
        [&](auto done) { accounts->create_user(executor, "test", std::move(user), std::move(done)); });
  }
  Result<std::optional<StartedSession>> sign_in(const std::string& name, const std::string& password,
                                                const std::string& code = "",
                                                const std::string& address = "192.0.2.1") {
    return wait<std::optional<StartedSession>>([&](auto done) {
      accounts->login(executor, {name, Secret(password), code, address}, std::move(done));
    });
  }
  /// Of somebody without a second factor.
  Result<StartedSession> login(const std::string& name, const std::string& password,
                               const std::string& address = "192.0.2.1") {
    auto started = sign_in(name, password, "", address);
    if (!started) return std::unexpected(started.error());
    if (!*started) return fail(Errc::unauthenticated, "a code is needed");
    return **std::move(started);
  }
  Result<PrincipalRef> by_cookie(std::string_view cookie) {
    return wait<PrincipalRef>([&](auto done) {
      authenticator->authenticate_session(executor, Secret(std::string(cookie)), "192.0.2.1",
                                          std::move(done));
    });
  }
  Result<PrincipalRef> by_bearer(std::string_view token, const std::string& address = "192.0.2.1") {
    return wait<PrincipalRef>([&](auto done) {
      authenticator->authenticate_bearer(executor, Secret(std::string(token)), address, std::move(done));
    });
  }
  Result<IssuedCertificate> issue(const std::string& thing) {
    return wait<IssuedCertificate>([&](auto done) {
      certificates->issue(executor, "test",
                          {.thing_name = thing, .csr_pem = {}, .lifetime = std::chrono::days{30}},
                          std::move(done));
    });
  }
  static std::string der_of(const std::string& pem) { return certificates_from_pem(pem).value().front(); }
};

}  // namespace dunlin::security
