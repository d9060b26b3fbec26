#pragma once
// Everything the enrolment tests need, in virtual time: our authority, one of somebody else, devices with
// keys.

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/rng.h"
#include "base/virtual_executor.h"
#include "security/fake_repository.h"
#include "security/memory_fs.h"
#include "service/provision/grants.h"

namespace dunlin::provision {

/// An authority of somebody else, and the certificates it signs.
struct OtherAuthority {
  std::string key_pem = security::generate_key_pem().value();
  std::string pem;
  std::uint8_t next_serial = 1;

  explicit OtherAuthority(const Clock& clock) : clock_(clock) {
    pem = sign(security::CertificateProfile::Kind::root, "Acme CA", key_pem, {});
  }
  /// A device's leaf certificate with that common name, PEM.
  std::string device(const std::string& common_name) {
    return sign(security::CertificateProfile::Kind::device, common_name, security::generate_key_pem().value(),
                pem);
  }

 private:
  std::string sign(security::CertificateProfile::Kind kind, const std::string& common_name,
                   const std::string& subject_key, const std::string& issuer_pem) {
    security::CertificateProfile profile;
    profile.kind = kind;
    profile.common_name = common_name;
    profile.organisation = "acme";
    profile.not_before = clock_.wall_now() - std::chrono::hours{1};
    profile.not_after = clock_.wall_now() + std::chrono::days{100};
    profile.serial = {0x11, next_serial++};
    return security::sign_certificate(profile, security::public_key_of(subject_key).value(),
                                      {key_pem, issuer_pem})
        .value();
  }
  const Clock& clock_;
};

struct ProvisionTest : testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  SystemRng rng;
  security::MemoryFs fs;
  security::FakeRepository repository;
  security::RevocationIndex revocations;
  security::PenaltyTable penalties{clock};
  metrics::Registry metrics;
  std::unique_ptr<security::Pki> pki = security::Pki::open(fs, clock, rng, "data", {}).value();
  security::CertificateRegister certificates{{repository, workers, *pki, revocations, clock, rng}};
  registry::Registry things{executor, repository, metrics, {}};
  Authorities authorities;
  security::PolicyEngine engine;
  security::PolicyRegister policies{repository, engine, clock};
  security::AttachmentRegister attachments{{executor, repository, engine, policies, clock}};
  Enrolment enrolment{{executor, repository, things, *pki, certificates, attachments, penalties, authorities,
                       clock, rng, metrics, std::string(64, 'a')}};
  Grants grants{enrolment, authorities};
  OtherAuthority acme{clock};

  /// Calls `ask` with a completion and runs until it has been called.
  template <class T, class Ask>
  Result<T> wait(Ask ask) {
    std::optional<Result<T>> answer;
    ask([&answer](Result<T> result) {
      EXPECT_FALSE(answer) << "completed twice";
      answer = std::move(result);
    });
    scheduler.run_ready();
    EXPECT_TRUE(answer) << "never completed";
    return answer ? std::move(*answer) : Result<T>(fail(Errc::internal, "never completed"));
  }
  void pass(Duration time) { clock.advance_to(clock.now() + time); }
  Result<Enrolled> enrol(Application wanted) {
    wanted.address = "192.0.2.1";
    return wait<Enrolled>([&](auto done) { enrolment.enrol(std::move(wanted), std::move(done)); });
  }
  static std::string der_of(const std::string& pem) {
    return security::certificates_from_pem(pem).value().front();
  }
  static std::string fingerprint_of(const std::string& pem) {
    return security::sha256_hex(as_bytes(der_of(pem)));
  }
  static std::string csr(const std::string& name = "") {
    return security::make_csr_pem(security::generate_key_pem().value(), name).value();
  }
  static Application registration(const std::string& certificate_pem, const std::string& name) {
    Application wanted;
    wanted.certificate_der = der_of(certificate_pem);
    wanted.asked = name;
    wanted.attributes = {{"model", "P9"}, {"firmware_version", "1.0"}, {"capabilities", "ota"}};
    return wanted;
  }
  static Application with_code(std::string_view code, const std::string& request,
                               const std::string& name = "") {
    Application wanted;
    wanted.way = Way::code;
    wanted.code = security::Secret(std::string(code));
    wanted.csr = request;
    wanted.asked = name;
    return wanted;
  }
  std::string code(Grant wanted) {
    if (wanted.rules.name.empty()) wanted.rules.name = "*";
    auto made =
        wait<Grants::Code>([&](auto done) { grants.make_code("admin", std::move(wanted), std::move(done)); });
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::string(made->text.view()) : "";
  }
  static Grant one_use(const std::string& thing = "") {
    Grant grant;
    grant.thing = thing;
    grant.uses_left = 1;
    return grant;
  }
  Result<Grant> register_acme(Template rules = {},
                              Grant::AutoRegistration automatic = Grant::AutoRegistration::on) {
    auto proof = wait<Grants::RegistrationCode>(
        [&](auto done) { grants.make_registration_code("admin", std::move(done)); });
    Grant grant;
    grant.rules = std::move(rules);
    grant.auto_registration = automatic;
    Grants::NewAuthority wanted{acme.pem, acme.device(std::string(proof->text.view())), grant};
    return wait<Grant>(
        [&](auto done) { grants.register_authority("admin", std::move(wanted), std::move(done)); });
  }
  bool has_thing(const std::string& name) {
    return repository.at(store::DocumentKind::thing, name) != nullptr;
  }
  std::size_t count(store::DocumentKind kind) const { return repository.count(kind); }
  /// Whether an audit record of that action holds the text.
  bool audited(std::string_view action, std::string_view text) const {
    for (const auto& [key, document] : repository.documents) {
      const bool fits = std::get<0>(key) == store::DocumentKind::audit && document.body.contains(action);
      if (fits && document.body.contains(text)) return true;
    }
    return false;
  }
};

}  // namespace dunlin::provision
