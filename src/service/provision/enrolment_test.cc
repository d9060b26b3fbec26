#include "service/provision/enrolment.h"

#include "base/base64.h"
#include "security/records.h"
#include "service/provision/provision_fixture.h"

namespace dunlin::provision {
namespace {

using store::DocumentKind;
using Outcome = Enrolled::Outcome;

TEST_F(ProvisionTest, ADeviceOfARegisteredAuthorityBecomesAThingInOneWrite) {
  ASSERT_TRUE(register_acme({.type = "machine", .policies = {"device"}}));
  const std::string certificate = acme.device("press-01");
  const int before = repository.writes;
  const auto enrolled = enrol(registration(certificate, "press-01"));
  ASSERT_TRUE(enrolled) << enrolled.error().message;
  EXPECT_EQ(enrolled->outcome, Outcome::created);
  EXPECT_EQ(enrolled->fingerprint, fingerprint_of(certificate));
  EXPECT_EQ(repository.writes, before + 1);
  const auto thing = registry::thing_from_json(repository.at(DocumentKind::thing, "press-01")->body).value();
  EXPECT_EQ(thing.type, "machine");
  EXPECT_EQ(thing.policies, R"(["device"])");
  EXPECT_EQ(thing.attributes.at("model"), "P9");
  EXPECT_EQ(thing.attributes.at("capabilities"), "ota");
  const auto record =
      security::certificate_of(*repository.at(DocumentKind::certificate, fingerprint_of(certificate)))
          .value();
  EXPECT_EQ(record.thing, "press-01");
  EXPECT_EQ(record.authority, fingerprint_of(acme.pem));
  EXPECT_TRUE(audited("enrolment.enrol", "press-01"));
  EXPECT_EQ(metrics.value("dunlin_enrolments_total", {{"way", "registration"}, {"outcome", "created"}}), 1);
}

TEST_F(ProvisionTest, ADeviceBecomesAMemberOfTheGroupsOfItsTemplateInTheSameWrite) {
  ASSERT_TRUE(register_acme({.type = "machine", .groups = {"line-1"}}));
  const std::string certificate = acme.device("press-01");
  const auto refused = enrol(registration(certificate, "press-01"));
  EXPECT_EQ(refused.error().code, Errc::permission_denied);
  EXPECT_NE(refused.error().message.find("there is no group line-1"), std::string::npos);
  EXPECT_EQ(repository.at(DocumentKind::thing, "press-01"), nullptr);
  std::optional<Result<security::GroupRecord>> made;
  attachments.create_group("test", {"line-1", "", 0}, [&](auto done) { made = std::move(done); });
  scheduler.run_for(std::chrono::seconds{1});
  ASSERT_TRUE(made && *made);
  const int before = repository.writes;
  ASSERT_TRUE(enrol(registration(certificate, "press-01")));
  EXPECT_EQ(repository.writes, before + 1);
  EXPECT_EQ(attachments.attached({security::SubjectKind::thing, "press-01"}).groups,
            std::vector<std::string>{"line-1"});
  EXPECT_NE(repository.at(DocumentKind::attachment, "thing:press-01"), nullptr);
}

TEST_F(ProvisionTest, ARepeatedRegistrationChangesNothingOrOnlyWhatTheDeviceSays) {
  ASSERT_TRUE(register_acme());
  const std::string certificate = acme.device("press-01");
  ASSERT_TRUE(enrol(registration(certificate, "press-01")));
  const int before = repository.writes;
  EXPECT_EQ(enrol(registration(certificate, "press-01"))->outcome, Outcome::repeated);
  EXPECT_EQ(repository.writes, before);
  Application updated = registration(certificate, "press-01");
  updated.attributes["firmware_version"] = "1.1";
  EXPECT_EQ(enrol(std::move(updated))->outcome, Outcome::repeated);
  const auto thing = registry::thing_from_json(repository.at(DocumentKind::thing, "press-01")->body).value();
  EXPECT_EQ(thing.attributes.at("firmware_version"), "1.1");
  EXPECT_EQ(count(DocumentKind::thing), 1);
}

TEST_F(ProvisionTest, AFailedWriteLeavesNothing) {
  ASSERT_TRUE(register_acme());
  repository.fail_writes = true;
  EXPECT_EQ(enrol(registration(acme.device("press-01"), "press-01")).error().code, Errc::io);
  EXPECT_FALSE(has_thing("press-01"));
  EXPECT_EQ(count(DocumentKind::certificate), 0);
  repository.fail_writes = false;
  EXPECT_TRUE(enrol(registration(acme.device("press-01"), "press-01")));
}

TEST_F(ProvisionTest, WhatARegistrationIsRefusedFor) {
  ASSERT_TRUE(register_acme());
  ASSERT_TRUE(enrol(registration(acme.device("press-01"), "press-01")));
  const auto refused = [&](Application wanted) { return enrol(std::move(wanted)).error().code; };
  EXPECT_EQ(refused({}), Errc::unauthenticated) << "nothing shown";
  EXPECT_EQ(refused(registration(acme.device("press-01"), "press-01")), Errc::already_exists)
      << "the name is taken by another certificate";
  EXPECT_EQ(refused(registration(acme.device("press-02"), "press-03")), Errc::permission_denied)
      << "another name than the certificate's";
  OtherAuthority stranger(clock);
  EXPECT_EQ(refused(registration(stranger.device("press-04"), "press-04")), Errc::permission_denied);
  EXPECT_EQ(refused(registration(acme.pem, "press-04")), Errc::permission_denied) << "an authority";
  EXPECT_EQ(refused(registration(acme.device("user-x"), "user-x")), Errc::invalid_argument);
  const std::string late = acme.device("press-05");
  pass(std::chrono::days{101});
  EXPECT_EQ(refused(registration(late, "press-05")), Errc::permission_denied) << "expired";
  EXPECT_EQ(count(DocumentKind::thing), 1);
  EXPECT_EQ(count(DocumentKind::certificate), 1);
  EXPECT_TRUE(audited("enrolment.refuse", "registration"));
  EXPECT_TRUE(audited("enrolment.refuse", "denied")) << "the outcome was ok";
}

TEST_F(ProvisionTest, ACertificateOfOursRegistersItsThing) {
  const auto issued = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
  EXPECT_EQ(enrol(registration(issued.certificate_pem, "press-01"))->outcome, Outcome::created);
  // Over MQTT only a registered authority vouches.
  const auto other = pki->issue_device_certificate({.thing_name = "press-02", .csr_pem = {}}).value();
  Application connecting = registration(other.certificate_pem, "press-02");
  connecting.way = Way::just_in_time;
  EXPECT_EQ(enrol(std::move(connecting)).error().code, Errc::permission_denied);
  EXPECT_FALSE(has_thing("press-02"));
}

TEST_F(ProvisionTest, ARevokedCertificateDoesNotComeBack) {
  ASSERT_TRUE(register_acme());
  const std::string certificate = acme.device("press-01");
  ASSERT_TRUE(enrol(registration(certificate, "press-01")));
  ASSERT_TRUE(wait<security::CertificateRecord>([&](auto done) {
    certificates.revoke(executor, "admin", fingerprint_of(certificate),
                        security::RevocationReason::unspecified, std::move(done));
  }));
  EXPECT_EQ(enrol(registration(certificate, "press-01")).error().code, Errc::permission_denied);
}

TEST_F(ProvisionTest, TheTemplateSaysWhoMayCome) {
  ASSERT_TRUE(register_acme({.name = "{o}-{cn}", .allow = {"acme-press-01", "acme-press-02"}, .quota = 1}));
  EXPECT_EQ(enrol(registration(acme.device("press-09"), "acme-press-09")).error().code,
            Errc::permission_denied)
      << "not on the list";
  EXPECT_EQ(enrol(registration(acme.device("press-01"), ""))->thing, "acme-press-01");
  EXPECT_EQ(enrol(registration(acme.device("press-02"), "acme-press-02")).error().code, Errc::quota_exceeded)
      << "the quota";
  EXPECT_EQ(count(DocumentKind::thing), 1);
}

TEST_F(ProvisionTest, AQuotaCountsWhatIsThere) {
  const Grant grant = register_acme({.quota = 2}).value();
  const auto come = [&](const std::string& name) {
    return enrol(registration(acme.device(name), name)).has_value();
  };
  const auto shown = [&] {
    return wait<Grant>([&](auto done) { grants.get(GrantKind::authority, grant.id, std::move(done)); })
        ->enrolled;
  };
  EXPECT_TRUE(come("press-01"));
  EXPECT_TRUE(come("press-02"));
  EXPECT_FALSE(come("press-03"));
  EXPECT_EQ(shown(), 2);
  ASSERT_TRUE(
      wait<void>([&](auto done) { things.remove({kDefaultTenant, "press-01", "admin"}, std::move(done)); }));
  EXPECT_EQ(shown(), 1);
  EXPECT_TRUE(come("press-03")) << "a removed thing gives its place back";
  EXPECT_FALSE(come("press-04"));
  ASSERT_TRUE(wait<registry::Thing>([&](auto done) {
    registry::LifeRequest end;
    end.thing = "press-02";
    end.to = Lifecycle::decommission;
    things.step(std::move(end), std::move(done));
  }));
  EXPECT_TRUE(come("press-04")) << "and so does a decommissioned one";
  EXPECT_EQ(shown(), 2);
  EXPECT_EQ(wait<TenantCount>([&](auto done) { grants.tenant_count(std::move(done)); })->enrolled, 2);
}

TEST_F(ProvisionTest, ThoseWhoComeAtOnceDoNotGoPastTheQuota) {
  ASSERT_TRUE(register_acme({.quota = 3}));
  int in = 0;
  int full = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "press-" + std::to_string(i);
    enrolment.enrol(registration(acme.device(name), name), [&](const Result<Enrolled>& enrolled) {
      ++(enrolled ? in : full);
      if (enrolled) return;
      EXPECT_EQ(enrolled.error().code, Errc::quota_exceeded);
    });
  }
  scheduler.run_ready();
  EXPECT_EQ(in, 3);
  EXPECT_EQ(full, 5);
}

TEST_F(ProvisionTest, AnAuthorityThatNoLongerCountsEndsItsDevices) {
  std::vector<std::string> ended;
  std::string why;
  grants.end_with([&](TenantId, std::vector<std::string> fingerprints, std::string reason) {
    ended = std::move(fingerprints);
    why = std::move(reason);
  });
  const Grant grant = register_acme().value();
  const std::string one = acme.device("press-01");
  ASSERT_TRUE(enrol(registration(one, "press-01")));
  ASSERT_TRUE(enrol(with_code(code(one_use("press-02")), csr()))) << "with a certificate of ours";
  const auto set = [&](Grant::State state) {
    return wait<Grant>([&](auto done) {
      grants.update(
          "admin", GrantKind::authority, grant.id,
          [state](Grant& it) -> Result<void> {
            it.state = state;
            return {};
          },
          std::move(done));
    });
  };
  ASSERT_TRUE(set(Grant::State::enabled));
  EXPECT_TRUE(ended.empty()) << "nothing was taken away";
  ASSERT_TRUE(set(Grant::State::disabled));
  EXPECT_EQ(ended, std::vector{fingerprint_of(one)});
  EXPECT_TRUE(why.ends_with("is disabled")) << why;
  EXPECT_EQ(enrol(registration(one, "press-01")).error().code, Errc::permission_denied)
      << "also over a connection from before";
  ASSERT_TRUE(set(Grant::State::enabled));
  EXPECT_TRUE(enrol(registration(one, "press-01")));
  ended.clear();
  ASSERT_TRUE(wait<void>(
      [&](auto done) { grants.remove("admin", GrantKind::authority, grant.id, std::move(done)); }));
  EXPECT_EQ(ended, std::vector{fingerprint_of(one)});
  EXPECT_TRUE(why.ends_with("was removed")) << why;
}

TEST_F(ProvisionTest, WithoutAutoRegistrationOrDisabledNobodyComes) {
  const Grant grant = register_acme({}, Grant::AutoRegistration::off).value();
  EXPECT_EQ(enrol(registration(acme.device("press-01"), "press-01")).error().code, Errc::permission_denied);
  const auto edit = [](Grant& one) -> Result<void> {
    one.auto_registration = Grant::AutoRegistration::on;
    one.state = Grant::State::disabled;
    return {};
  };
  ASSERT_TRUE(wait<Grant>(
      [&](auto done) { grants.update("admin", GrantKind::authority, grant.id, edit, std::move(done)); }));
  EXPECT_TRUE(authorities.trusted().empty());
  EXPECT_EQ(enrol(registration(acme.device("press-01"), "press-01")).error().code, Errc::permission_denied);
  EXPECT_EQ(count(DocumentKind::thing), 0);
}

TEST_F(ProvisionTest, TheTenantsQuotaHoldsForAll) {
  ASSERT_TRUE(wait<TenantCount>([&](auto done) { grants.set_tenant_quota("admin", 1, std::move(done)); }));
  ASSERT_TRUE(enrol(with_code(code(one_use("press-01")), csr())));
  EXPECT_EQ(enrol(with_code(code(one_use("press-02")), csr())).error().code, Errc::quota_exceeded);
  EXPECT_EQ(wait<TenantCount>([&](auto done) { grants.tenant_count(std::move(done)); })->enrolled, 1);
}

TEST_F(ProvisionTest, ACodeGivesACertificateOnceAndTheSameAgainToTheSameKey) {
  const std::string text = code(one_use("press-01"));
  const std::string request = csr();
  const auto first = enrol(with_code(text, request));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->thing, "press-01");
  EXPECT_TRUE(pki->verify(der_of(first->chain_pem), security::Purpose::client, clock.wall_now()));
  const auto again = enrol(with_code(text, request));
  ASSERT_TRUE(again) << "the answer was lost";
  EXPECT_EQ(again->outcome, Outcome::repeated);
  EXPECT_EQ(again->chain_pem, first->chain_pem);
  EXPECT_EQ(enrol(with_code(text, csr())).error().code, Errc::unauthenticated) << "used up";
  EXPECT_FALSE(repository.mentions(text)) << "only its hash is stored";
}

TEST_F(ProvisionTest, ACodeIsTypedAsPeopleType) {
  std::string text = code(one_use("press-01"));
  for (char& c : text) c = c == '-' ? ' ' : static_cast<char>(std::tolower(c));
  EXPECT_TRUE(enrol(with_code(text, csr())));
}

TEST_F(ProvisionTest, WrongCodesAreSlowedDown) {
  const std::string right = code(one_use("press-01"));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(enrol(with_code("0000-0000-0000-0000", csr())).error().code, Errc::unauthenticated) << i;
  EXPECT_EQ(enrol(with_code(right, csr())).error().code, Errc::quota_exceeded) << "also the right one waits";
  pass(std::chrono::minutes{16});
  EXPECT_TRUE(enrol(with_code(right, csr())));
}

TEST_F(ProvisionTest, ACodeIsForItsNameAndEnds) {
  const std::string text = code(one_use("press-01"));
  EXPECT_EQ(enrol(with_code(text, csr("press-02"))).error().code, Errc::permission_denied);
  EXPECT_EQ(enrol(with_code(text, csr(), "press-02")).error().code, Errc::permission_denied);
  EXPECT_EQ(enrol(with_code(text, "rubbish")).error().code, Errc::malformed);
  Grant brief = one_use("press-03");
  brief.expires_at = unix_milliseconds(clock.wall_now() + std::chrono::hours{1});
  const std::string late = code(brief);
  pass(std::chrono::hours{2});
  EXPECT_EQ(enrol(with_code(late, csr())).error().code, Errc::unauthenticated);
  EXPECT_EQ(count(DocumentKind::thing), 0);
}

TEST_F(ProvisionTest, ACodeByPatternDoesNotTakeAThingThatIsThere) {
  Grant many;
  many.uses_left = 5;
  many.rules.name = "line3-*";
  const std::string text = code(many);
  EXPECT_TRUE(enrol(with_code(text, csr("line3-a"))));
  EXPECT_EQ(enrol(with_code(text, csr("line3-a"))).error().code, Errc::already_exists);
  EXPECT_EQ(enrol(with_code(text, csr("line4-a"))).error().code, Errc::permission_denied);
  EXPECT_EQ(enrol(with_code(text, csr())).error().code, Errc::invalid_argument) << "it must say a name";
}

TEST_F(ProvisionTest, TheQueueKeepsADeviceOutUntilItIsApproved) {
  ASSERT_TRUE(register_acme({.approval = Approval::queue}));
  const std::string certificate = acme.device("press-01");
  EXPECT_EQ(enrol(registration(certificate, "press-01"))->outcome, Outcome::waiting);
  EXPECT_EQ(enrol(registration(certificate, "press-01"))->outcome, Outcome::waiting);
  EXPECT_EQ(metrics.value("dunlin_enrolment_waiting"), 1);
  EXPECT_EQ(enrol(registration(acme.device("press-01"), "press-01")).error().code, Errc::conflict)
      << "another key under the same name";
  EXPECT_FALSE(has_thing("press-01"));
  const auto decide = [&](Waiting::State state) {
    return wait<Waiting>([&](auto done) { grants.decide("admin", "press-01", state, std::move(done)); });
  };
  const auto rejected = decide(Waiting::State::rejected);
  ASSERT_TRUE(rejected);
  EXPECT_EQ(rejected->address, "192.0.2.1") << "was the network's key in hexadecimal, which nobody can read";
  EXPECT_EQ(enrol(registration(certificate, "press-01")).error().code, Errc::permission_denied);
  ASSERT_TRUE(decide(Waiting::State::approved));
  EXPECT_EQ(enrol(registration(certificate, "press-01"))->outcome, Outcome::created);
  EXPECT_EQ(metrics.value("dunlin_enrolment_waiting"), 0);
  EXPECT_TRUE(audited("enrolment.approve", "press-01"));
}

TEST_F(ProvisionTest, AdmittanceTellsWhyADeviceWaits) {
  ASSERT_TRUE(register_acme({.approval = Approval::queue}));
  const auto admitted = wait<void>([&](auto done) {
    enrolment.admit(der_of(acme.device("press-01")), "press-01", "192.0.2.1", std::move(done));
  });
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Errc::permission_denied);
  EXPECT_NE(admitted.error().message.find("approval"), std::string::npos);
}

TEST_F(ProvisionTest, AClaimCertificateMayDoNothingButEnrol) {
  Grant wanted;
  wanted.rules.name = "*";
  wanted.uses_left = 1;
  wanted.expires_at = unix_milliseconds(clock.wall_now() + std::chrono::days{1});
  const auto claim =
      wait<Grants::Claim>([&](auto done) { grants.make_claim("admin", wanted, "", std::move(done)); });
  ASSERT_TRUE(claim) << claim.error().message;
  const std::string pem = claim->issued.certificate_pem;
  const auto known =
      security::certificate_of(*repository.at(DocumentKind::certificate, fingerprint_of(pem))).value();
  EXPECT_EQ(known.use, security::CertificateRecord::Use::claim);
  EXPECT_TRUE(known.thing.empty()) << "it is no device's";
  EXPECT_EQ(enrol(registration(pem, "")).error().code, Errc::permission_denied);
  EXPECT_FALSE(
      wait<void>([&](auto done) { enrolment.admit(der_of(pem), "", "192.0.2.1", std::move(done)); }));
  Application wanted_own;
  wanted_own.way = Way::claim;
  wanted_own.certificate_der = der_of(pem);
  wanted_own.csr = csr("press-01");
  Application second;
  second.certificate_der = der_of(pem);
  second.csr = csr("press-02");
  EXPECT_EQ(enrol(std::move(wanted_own))->thing, "press-01");
  EXPECT_EQ(enrol(std::move(second)).error().code, Errc::permission_denied) << "used up";
  ASSERT_TRUE(wait<void>(
      [&](auto done) { grants.remove("admin", GrantKind::claim, fingerprint_of(pem), std::move(done)); }));
  EXPECT_EQ(enrol(registration(pem, "")).error().code, Errc::permission_denied)
      << "removed, and still a claim";
  EXPECT_TRUE(revocations.is_revoked(fingerprint_of(pem)));
  EXPECT_EQ(count(DocumentKind::thing), 1);
}

TEST_F(ProvisionTest, AGroupsDerivedKeyGivesATokenAndAgain) {
  Grant wanted;
  wanted.id = "line3";
  wanted.rules.name = "*";
  const auto group =
      wait<Grant>([&](auto done) { grants.make_group("admin", wanted, std::move(done)); }).value();
  const auto ask = [&](const std::string& id, const std::string& key_of, std::int64_t seconds) {
    Application application;
    application.way = Way::group;
    GroupProof proof{"line3", id, unix_milliseconds(clock.wall_now()) / 1000 + seconds, ""};
    const auto key = device_key(grants.key_of(group), key_of);
    proof.signature = to_base64(security::hmac_sha256(key, as_bytes(group_message(proof, ""))));
    application.group = proof;
    return enrol(std::move(application));
  };
  const auto first = ask("press-01", "press-01", 60);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->token.view().starts_with("dt_"));
  EXPECT_EQ(count(DocumentKind::token), 1);
  const auto again = ask("press-01", "press-01", 60);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_NE(again->token.view(), first->token.view());
  EXPECT_EQ(count(DocumentKind::token), 1) << "the former token goes";
  EXPECT_EQ(ask("press-02", "press-01", 60).error().code, Errc::unauthenticated) << "another device's key";
  EXPECT_EQ(ask("press-02", "press-02", -1).error().code, Errc::unauthenticated) << "expired";
  EXPECT_EQ(ask("press-02", "press-02", 7200).error().code, Errc::unauthenticated) << "good for too long";
  EXPECT_EQ(count(DocumentKind::thing), 1);
}

TEST_F(ProvisionTest, ARenewedCertificateOverlapsWithTheOldOne) {
  const auto first = enrol(with_code(code(one_use("press-01")), csr())).value();
  Application renewal;
  renewal.way = Way::est;
  renewal.applicants = Application::Applicants::known;
  renewal.certificate_der = der_of(first.chain_pem);
  renewal.csr = csr("press-01");
  const auto second = enrol(std::move(renewal));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->outcome, Outcome::renewed);
  const auto usable = [&](const std::string& fingerprint) {
    const auto record = security::certificate_of(*repository.at(DocumentKind::certificate, fingerprint));
    return security::is_usable(*record, unix_milliseconds(clock.wall_now()));
  };
  EXPECT_TRUE(usable(first.fingerprint) && usable(second->fingerprint));
  pass(kRenewalOverlap + std::chrono::seconds{1});
  EXPECT_FALSE(usable(first.fingerprint));
  EXPECT_TRUE(usable(second->fingerprint));
  Application other;
  other.certificate_der = der_of(second->chain_pem);
  other.csr = csr("press-02");
  EXPECT_EQ(enrol(std::move(other)).error().code, Errc::permission_denied) << "another name";
}

TEST_F(ProvisionTest, ARenewedCertificateLostThePoliciesOfTheOneBefore) {
  using security::SubjectKind;
  constexpr std::string_view kLab =
      R"({"statements":[{"effect":"allow","actions":["mqtt:publish"],"resources":["topic/lab/#"]}]})";
  ASSERT_TRUE(wait<security::StoredPolicy>([&](auto done) {
    policies.put(executor, "test", {"lab", std::string(kLab), 0}, std::nullopt, std::move(done));
  }));
  const auto first = enrol(with_code(code(one_use("press-01")), csr())).value();
  const security::Subject former{SubjectKind::certificate, first.fingerprint};
  ASSERT_TRUE(wait<security::Attached>(
      [&](auto done) { attachments.attach("test", former, "lab", std::move(done)); }));
  Application renewal;
  renewal.applicants = Application::Applicants::known;
  renewal.certificate_der = der_of(first.chain_pem);
  renewal.csr = csr("press-01");
  const auto second = enrol(std::move(renewal)).value();
  const security::Subject heir{SubjectKind::certificate, second.fingerprint};
  EXPECT_EQ(attachments.attached(heir).policies, std::vector<std::string>{"lab"});
  EXPECT_EQ(attachments.attached(former).policies, std::vector<std::string>{"lab"});
  ASSERT_TRUE(wait<security::Attached>(
      [&](auto done) { attachments.detach("test", former, "lab", std::move(done)); }));
  EXPECT_EQ(attachments.attached(heir).policies, std::vector<std::string>{"lab"}) << "each has its own";
  ASSERT_TRUE(wait<security::Attached>([&](auto done) {
    attachments.detach("test", heir, "lab", std::move(done));
  })) << "it is stored, too";
}

TEST_F(ProvisionTest, RefusalsOfStrangersAreWrittenDownOnlySoOften) {
  OtherAuthority stranger(clock);
  const std::string certificate = stranger.device("x");
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(enrol(registration(certificate, "x")));
  const auto written = count(DocumentKind::audit);
  EXPECT_LE(written, 61u);
  EXPECT_GE(written, 30u);
  EXPECT_EQ(metrics.value("dunlin_enrolment_refusals_unwritten_total") + static_cast<double>(written), 200);
}

TEST_F(ProvisionTest, TooManyAtOnceAreTurnedAway) {
  std::size_t unavailable = 0;
  for (std::size_t i = 0; i < kMaxEnrolments + 5; ++i) {
    enrolment.enrol({}, [&](const Result<Enrolled>& result) {
      unavailable += result.error().code == Errc::unavailable ? 1 : 0;
    });
  }
  scheduler.run_ready();
  EXPECT_EQ(unavailable, 5u);
}

}  // namespace
}  // namespace dunlin::provision
