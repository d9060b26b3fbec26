// The authorities change: rotation, an intermediate that is signed elsewhere, a root that goes offline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/rng.h"
#include "base/virtual_fs.h"
#include "security/authority_changes.h"
#include "security/identity_fixture.h"
#include "security/pki.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using testing::HasSubstr;

constexpr std::string_view kPassphrase = "a long walk by the sea";

struct PkiChangesTest : testing::Test {
  MemoryFs fs;
  VirtualClock clock;
  SystemRng rng;
  std::unique_ptr<Pki> pki = open();

  std::unique_ptr<Pki> open() {
    auto opened = Pki::open(fs, clock, rng, "data", {});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  static std::string der_of(const std::string& pem) { return certificates_from_pem(pem).value().front(); }
  IssuedCertificate issue(const std::string& thing = "press-01") {
    return pki->issue_device_certificate({.thing_name = thing, .csr_pem = {}}).value();
  }
  bool accepts(const IssuedCertificate& issued) const {
    return pki->verify(der_of(issued.certificate_pem), Purpose::client, clock.wall_now()).has_value();
  }
  bool server_is_right() const {
    const auto chain = certificates_from_pem(pki->server_identity().certificate_chain_pem).value();
    return pki->verify(chain.front(), Purpose::server, clock.wall_now()).has_value() &&
           chain[1] == der_of(pki->issuing_pem());
  }

  /// A root of somebody else's, which signs requests.
  struct Elsewhere {
    std::string key_pem = generate_key_pem().value();
    std::string pem;
  };
  CertificateProfile profile(CertificateProfile::Kind kind, Duration lifetime = days{900}) {
    CertificateProfile made = new_profile(kind, "Elsewhere", lifetime, clock.wall_now(), rng);
    made.organisation = "Elsewhere";
    return made;
  }
  Elsewhere elsewhere() {
    Elsewhere root;
    root.pem = sign_certificate(profile(CertificateProfile::Kind::root), public_key_of(root.key_pem).value(),
                                {root.key_pem, {}})
                   .value();
    return root;
  }
  std::string sign(const std::string& request, const Elsewhere& root,
                   CertificateProfile::Kind kind = CertificateProfile::Kind::intermediate,
                   Duration lifetime = days{900}) {
    return sign_certificate(profile(kind, lifetime), public_key_of_csr(request).value(),
                            {root.key_pem, root.pem})
        .value();
  }
  Elsewhere own_root() { return {fs.files["data/pki/root.key"], pki->root_pem()}; }
};

TEST_F(PkiChangesTest, ANewIntermediateIssuesAndTheOneBeforeStaysTrusted) {
  const auto old = issue();
  const IssuerStatus first = pki->issuers().front();
  clock.advance_to(Instant{days{1}});
  const IssuerStatus second = pki->rotate().value();
  EXPECT_EQ(second.use, IssuerStatus::Use::issuing);
  EXPECT_NE(second.id, first.id);
  EXPECT_NE(second.info.common_name, first.info.common_name);
  const auto fresh = issue();
  EXPECT_EQ(fresh.info.issuer_key_id, second.id);
  EXPECT_TRUE(accepts(old));
  EXPECT_TRUE(accepts(fresh));
  EXPECT_FALSE(server_is_right()) << "until it is renewed";
  EXPECT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  EXPECT_TRUE(server_is_right());
  pki = open();
  EXPECT_EQ(pki->issuers().front().id, second.id);
  EXPECT_TRUE(accepts(old));
  EXPECT_TRUE(accepts(fresh));
  EXPECT_EQ(pki->use_issuer(first.id).value().id, first.id);
  EXPECT_EQ(issue().info.issuer_key_id, first.id);
  EXPECT_EQ(pki->use_issuer("abcd").error().code, Errc::not_found);
}

TEST_F(PkiChangesTest, AForgottenIntermediateIsTrustedNoMore) {
  const auto old = issue();
  const std::string first = pki->issuers().front().id;
  EXPECT_EQ(pki->forget_issuer(first).error().code, Errc::conflict) << "it issues";
  ASSERT_TRUE(pki->rotate());
  const auto fresh = issue();
  ASSERT_TRUE(pki->forget_issuer(first));
  EXPECT_FALSE(accepts(old));
  EXPECT_TRUE(accepts(fresh));
  EXPECT_FALSE(fs.files.contains("data/pki/intermediate.key"));
  EXPECT_EQ(pki->forget_issuer(first).error().code, Errc::not_found);
  EXPECT_EQ(pki->sign_crl(first, {}).error().code, Errc::not_found);
  pki = open();
  EXPECT_EQ(pki->issuers().size(), 1U);
  EXPECT_TRUE(accepts(fresh));
  EXPECT_FALSE(accepts(old));
}

TEST_F(PkiChangesTest, ThereIsALimitOfIntermediates) {
  for (std::size_t i = 1; i < kMaxIssuers; ++i) ASSERT_TRUE(pki->rotate());
  EXPECT_EQ(pki->rotate().error().code, Errc::limit_exceeded);
  ASSERT_TRUE(pki->forget_issuer(pki->issuers().back().id));
  EXPECT_TRUE(pki->rotate());
  EXPECT_TRUE(certificates_from_pem(pki->client_ca_pem())) << "still no more than a chain may hold";
}

TEST_F(PkiChangesTest, ARequestIsSignedElsewhereAndImported) {
  const auto old = issue();
  const std::string request = pki->request_intermediate().value();
  pki = open();
  EXPECT_EQ(public_key_of_csr(pki->request_intermediate().value()).value(),
            public_key_of_csr(request).value())
      << "the same key until it is imported";
  const std::string signed_pem = sign(request, own_root());
  const IssuerStatus imported = pki->import_intermediate(signed_pem, Pki::Import::issues).value();
  EXPECT_EQ(imported.use, IssuerStatus::Use::issuing);
  EXPECT_EQ(issue().info.issuer_key_id, imported.id);
  EXPECT_TRUE(accepts(old));
  EXPECT_EQ(pki->import_intermediate(signed_pem, Pki::Import::issues).error().code, Errc::not_found);
  pki = open();
  EXPECT_EQ(pki->issuers().front().id, imported.id);
  EXPECT_TRUE(server_is_right());
}

TEST_F(PkiChangesTest, WhatIsNoIntermediateOfOursIsRefusedAndTheRequestStays) {
  const std::string request = pki->request_intermediate().value();
  const auto refused = [&](const std::string& pem, Errc code, const std::string& why) {
    const auto imported = pki->import_intermediate(pem, Pki::Import::issues);
    ASSERT_FALSE(imported) << why;
    EXPECT_EQ(imported.error().code, code) << imported.error().message;
    EXPECT_THAT(imported.error().message, HasSubstr(why));
  };
  refused("", Errc::malformed, "PEM");
  refused(pki->root_pem(), Errc::invalid_argument, "key is not the certificate's");
  refused(issue().certificate_pem, Errc::invalid_argument, "key is not the certificate's");
  refused(sign(request, own_root(), CertificateProfile::Kind::device), Errc::invalid_argument, "CA:TRUE");
  refused(sign(request, elsewhere()), Errc::permission_denied, "root has not signed");
  refused(sign(request, own_root(), CertificateProfile::Kind::intermediate, std::chrono::hours{20}),
          Errc::invalid_argument, "within a day");
  const Elsewhere other = elsewhere();
  refused(sign(request, own_root()) + other.pem, Errc::permission_denied, "root has not signed");
  refused(sign(request, other) + other.pem + pki->root_pem(), Errc::invalid_argument, "at most its root's");
  // Below an authority whose path length leaves no room.
  const Elsewhere narrow{fs.files["data/pki/intermediate.key"], pki->issuing_pem()};
  refused(sign(request, narrow) + narrow.pem, Errc::invalid_argument, "path length 0");
  EXPECT_EQ(pki->issuers().size(), 1U);
  EXPECT_TRUE(pki->import_intermediate(sign(request, own_root()), Pki::Import::issues));
}

TEST_F(PkiChangesTest, AnotherRootTakesOver) {
  const auto old = issue();
  const std::string old_root = pki->root_pem();
  const Elsewhere root = elsewhere();
  const std::string chain = sign(pki->request_intermediate().value(), root) + root.pem;
  const IssuerStatus second = pki->import_intermediate(chain, Pki::Import::is_trusted).value();
  EXPECT_EQ(second.use, IssuerStatus::Use::trusted);
  EXPECT_EQ(certificates_from_pem(pki->root_pem()).value().size(), 2U) << "devices are given both";
  EXPECT_EQ(der_of(pki->root_pem()), der_of(old_root)) << "the one above what issues first";
  EXPECT_NE(issue().info.issuer_key_id, second.id);
  ASSERT_TRUE(pki->use_issuer(second.id));
  EXPECT_EQ(der_of(pki->root_pem()), der_of(root.pem));
  EXPECT_TRUE(accepts(old));
  EXPECT_TRUE(accepts(issue()));
  const std::string first = pki->issuers().back().id;
  EXPECT_EQ(pki->forget_issuer(first).error().code, Errc::conflict) << "its root's key is here";
  const std::string exported = pki->export_root_key(kPassphrase).value();
  ASSERT_TRUE(pki->remove_root_key(exported, kPassphrase));
  ASSERT_TRUE(pki->forget_issuer(first));
  EXPECT_EQ(der_of(fs.files["data/pki/root.pem"]), der_of(root.pem));
  pki = open();
  EXPECT_EQ(certificates_from_pem(pki->root_pem()).value().size(), 1U);
  EXPECT_FALSE(accepts(old));
  EXPECT_TRUE(accepts(issue()));
}

TEST_F(PkiChangesTest, TheRootsKeyLeavesUnderAPassphraseOnly) {
  for (const std::string& bad : {std::string(), std::string("short"), std::string(1025, 'a')})
    EXPECT_EQ(pki->export_root_key(bad).error().code, Errc::invalid_argument);
  const std::string exported = pki->export_root_key(kPassphrase).value();
  EXPECT_THAT(exported, HasSubstr("ENCRYPTED PRIVATE KEY"));
  EXPECT_EQ(pki->remove_root_key(exported, "another passphrase").error().code, Errc::permission_denied);
  EXPECT_EQ(pki->remove_root_key("no key", kPassphrase).error().code, Errc::malformed);
  const std::string other = encrypt_private_key(generate_key_pem().value(), kPassphrase).value();
  EXPECT_EQ(pki->remove_root_key(other, kPassphrase).error().code, Errc::permission_denied);
  EXPECT_FALSE(pki->root_is_offline());
  ASSERT_TRUE(pki->remove_root_key(exported, kPassphrase));
  EXPECT_TRUE(pki->root_is_offline());
  EXPECT_EQ(pki->export_root_key(kPassphrase).error().code, Errc::unavailable);
  EXPECT_EQ(pki->remove_root_key(exported, kPassphrase).error().code, Errc::unavailable);
  EXPECT_EQ(pki->rotate().error().code, Errc::unavailable);
  pki = open();
  EXPECT_TRUE(accepts(issue()));
  EXPECT_TRUE(check_key_belongs(decrypt_private_key(exported, kPassphrase).value(), pki->root_pem()));
}

TEST_F(PkiChangesTest, TheRootsListIsThereFromTheStartAndNamesRevokedIntermediates) {
  const RootStatus at_first = pki->roots().front();
  EXPECT_EQ(at_first.key, RootStatus::Key::here);
  EXPECT_EQ(at_first.state, RootListState::current);
  ASSERT_NE(at_first.list, nullptr);
  EXPECT_EQ(at_first.list->info.revoked, 0U);
  EXPECT_EQ(at_first.list->info.next_update - at_first.list->info.this_update, kRootListLifetime);
  const IssuerStatus stolen = pki->issuers().front();
  ASSERT_TRUE(pki->rotate());
  clock.advance_to(Instant{days{1}});
  ASSERT_TRUE(pki->forget_issuer(stolen.id, RevocationReason::key_compromise));
  for (int start = 0; start < 2; ++start) {
    const RootStatus now = pki->roots().front();
    EXPECT_EQ(now.state, RootListState::current);
    EXPECT_GT(now.list->info.number, at_first.list->info.number);
    EXPECT_EQ(now.list->serials, std::vector{stolen.info.serial});
    ASSERT_EQ(now.revoked.size(), 1U);
    EXPECT_EQ(now.revoked.front().issuer, stolen.id);
    EXPECT_EQ(now.revoked.front().reason, RevocationReason::key_compromise);
    EXPECT_TRUE(check_crl(pki->root_list(now.id)->der, pki->root_pem()));
    pki = open();
  }
  EXPECT_EQ(pki->root_list("abcd"), nullptr);
  EXPECT_EQ(pki->issuer_pem(at_first.id), pki->root_pem());
}

TEST_F(PkiChangesTest, TheRootsListIsMadeAnewBeforeItEnds) {
  const std::uint64_t first = pki->roots().front().list->info.number;
  EXPECT_EQ(pki->renew_root_list_if_due().value(), Renewal::not_due);
  clock.advance_to(Instant{days{15}});
  EXPECT_EQ(pki->renew_root_list_if_due().value(), Renewal::not_due);
  clock.advance_to(Instant{days{17}});
  EXPECT_EQ(pki->renew_root_list_if_due().value(), Renewal::renewed);
  const std::uint64_t second = pki->roots().front().list->info.number;
  EXPECT_GT(second, first);
  clock.advance_to(Instant{days{100}});
  EXPECT_EQ(pki->roots().front().state, RootListState::expired);
  pki = open();
  EXPECT_EQ(pki->roots().front().state, RootListState::current) << "a start makes it anew";
  fs.files["data/pki/crl/" + pki->roots().front().id + ".crl"] = "rubbish";
  pki = open();
  EXPECT_EQ(pki->roots().front().state, RootListState::current);
  EXPECT_GT(pki->roots().front().list->info.number, second) << "its number grows all the same";
}

TEST_F(PkiChangesTest, TheListOfAnOfflineRootIsSignedElsewhere) {
  const Elsewhere root = own_root();
  const auto signed_list = [&](std::uint64_t number, const std::vector<std::string>& serials,
                               Duration lifetime = days{90}) {
    CrlProfile profile{.number = number,
                       .this_update = clock.wall_now(),
                       .next_update = clock.wall_now() + lifetime,
                       .revoked = {}};
    for (const std::string& serial : serials) profile.revoked.push_back({serial, clock.wall_now()});
    return sign_crl(profile, {root.key_pem, root.pem}).value();
  };
  const auto state = [&] { return pki->roots().front().state; };
  const auto import = [&](const std::string& list) {
    const auto imported = pki->import_root_list(list);
    return imported ? std::optional<Errc>() : imported.error().code;
  };
  const IssuerStatus stolen = pki->issuers().front();
  const IssuerStatus next = pki->rotate().value();
  EXPECT_EQ(import(signed_list(1, {})), Errc::conflict) << "the key is here";
  const std::string exported = pki->export_root_key(kPassphrase).value();
  ASSERT_TRUE(pki->remove_root_key(exported, kPassphrase));
  const RootStatus offline = pki->roots().front();
  EXPECT_EQ(offline.key, RootStatus::Key::offline);
  EXPECT_EQ(offline.list->info.next_update - offline.list->info.this_update, kLastRootListLifetime);
  ASSERT_TRUE(pki->forget_issuer(stolen.id, RevocationReason::key_compromise));
  EXPECT_EQ(state(), RootListState::outdated);
  pki = open();
  EXPECT_EQ(state(), RootListState::outdated) << "also after a restart";
  EXPECT_EQ(pki->renew_root_list_if_due().value(), Renewal::not_due);
  EXPECT_THAT(openssl_index(pki->roots().front().revoked), HasSubstr(",keyCompromise\t"));

  const std::uint64_t number = offline.list->info.number + 1;
  EXPECT_EQ(import("rubbish"), Errc::malformed);
  EXPECT_EQ(import(signed_list(number, {})), Errc::invalid_argument) << "it lacks the intermediate";
  EXPECT_EQ(import(signed_list(number - 1, {stolen.info.serial})), Errc::conflict) << "an older number";
  EXPECT_EQ(import(signed_list(number, {stolen.info.serial, next.info.serial})), Errc::conflict)
      << "what is trusted here is forgotten first";
  const Elsewhere other = elsewhere();
  const CrlProfile by_other{.number = number,
                            .this_update = clock.wall_now(),
                            .next_update = clock.wall_now() + days{9},
                            .revoked = {}};
  EXPECT_EQ(import(sign_crl(by_other, {other.key_pem, other.pem}).value()), Errc::permission_denied);
  const std::string late = signed_list(number, {stolen.info.serial}, days{20});
  clock.advance_to(clock.now() + days{21});
  EXPECT_EQ(import(late), Errc::invalid_argument) << "it has ended";
  EXPECT_EQ(import(signed_list(number, {stolen.info.serial})), std::nullopt);
  EXPECT_EQ(state(), RootListState::current);
  clock.advance_to(clock.now() + days{80});
  EXPECT_EQ(state(), RootListState::ends_soon);
  clock.advance_to(clock.now() + days{10});
  EXPECT_EQ(state(), RootListState::expired);
}

TEST_F(PkiChangesTest, APowerCutAtAnyCallOfAChangeLeavesAStateThatWorks) {
  SeededRng chance(11);
  const Elsewhere root = elsewhere();
  using Change = std::function<bool(Pki&)>;
  const std::vector<Change> changes = {
      [](Pki& at) { return at.rotate() && at.renew_server_certificate_if_due(); },
      [](Pki& at) { return at.rotate() && at.forget_issuer(at.issuers().back().id); },
      [](Pki& at) {
        return at.rotate() && at.forget_issuer(at.issuers().back().id, RevocationReason::key_compromise);
      },
      [&](Pki& at) {
        const auto request = at.request_intermediate();
        if (!request) return false;
        return at.import_intermediate(sign(*request, root) + root.pem, Pki::Import::issues).has_value();
      }};
  for (std::size_t which = 0; which < changes.size(); ++which) {
    std::uint64_t before = 0;
    std::uint64_t calls = 0;
    {
      VirtualFs disk;
      auto opened = Pki::open(disk, clock, rng, "data", {}).value();
      before = disk.counts().changes;
      ASSERT_TRUE(changes[which](*opened)) << which;
      calls = disk.counts().changes;
    }
    ASSERT_GT(calls, before + 5);
    for (std::uint64_t point = 1; point <= calls - before; ++point) {
      VirtualFs disk;
      auto opened = Pki::open(disk, clock, rng, "data", {}).value();
      const std::string first = opened->issuing_pem();
      disk.stop_at_call(point);
      EXPECT_FALSE(changes[which](*opened)) << which << " at " << point;
      disk.cut_power(chance);
      auto again = Pki::open(disk, clock, rng, "data", {});
      ASSERT_TRUE(again) << which << " at " << point << ": " << again.error().message;
      pki = std::move(*again);
      EXPECT_TRUE(server_is_right()) << which << " at " << point;
      EXPECT_TRUE(accepts(issue())) << which << " at " << point;
      EXPECT_TRUE(pki->request_intermediate()) << which << " at " << point;
    }
  }
}

struct AuthorityChangesTest : IdentityTest {
  AuthorityChanges changes{{executor, workers, repository, *pki, *certificates, clock}};
  int adopted = 0;
  AuthorityChangesTest() {
    changes.on_change([this]() -> Result<void> {
      ++adopted;
      return {};
    });
  }
  Result<IssuerStatus> rotate(const std::string& to = "") {
    return wait<IssuerStatus>([&](auto done) { changes.rotate("ann", to, std::move(done)); });
  }
  Result<AuthorityChanges::Forgotten> forget(const std::string& issuer,
                                             AuthorityChanges::Remaining remaining) {
    return wait<AuthorityChanges::Forgotten>(
        [&](auto done) { changes.forget("ann", {issuer, remaining}, std::move(done)); });
  }
};

TEST_F(AuthorityChangesTest, ARotationIsRecordedFirstAndReachesTheListeners) {
  const std::string before = pki->server_identity().info.fingerprint;
  repository.fail_writes = true;
  EXPECT_FALSE(rotate());
  EXPECT_EQ(pki->issuers().size(), 1U) << "no change without its record";
  repository.fail_writes = false;
  const auto rotated = rotate();
  ASSERT_TRUE(rotated);
  EXPECT_TRUE(repository.mentions("ca.rotate"));
  EXPECT_EQ(adopted, 1);
  EXPECT_NE(pki->server_identity().info.fingerprint, before);
  EXPECT_EQ(pki->server_identity().info.issuer_key_id, rotated->id);
  EXPECT_EQ(rotate("abcd").error().code, Errc::not_found);
  EXPECT_TRUE(repository.mentions("\"failed\""));
}

TEST_F(AuthorityChangesTest, AnIntermediateInUseIsForgottenWithWhatUsesItOrNotAtAll) {
  using Remaining = AuthorityChanges::Remaining;
  const std::string first = pki->issuers().front().id;
  const auto one = issue("press-01").value();
  const auto two = issue("press-02").value();
  ASSERT_TRUE(rotate());
  const auto fresh = issue("press-01").value();
  const auto refused = forget(first, Remaining::must_be_none);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("2 certificates"));
  const auto forgotten = forget(first, Remaining::are_revoked);
  ASSERT_TRUE(forgotten);
  EXPECT_EQ(forgotten->revoked.size(), 2U);
  for (const auto& gone : {one, two}) {
    EXPECT_TRUE(revocations.is_revoked(gone.info.fingerprint));
    EXPECT_FALSE(login_as(with_certificate(der_of(gone.certificate_pem))));
  }
  EXPECT_TRUE(login_as(with_certificate(der_of(fresh.certificate_pem))));
  EXPECT_EQ(adopted, 2) << "the listeners trust it no more";
  EXPECT_TRUE(repository.mentions("ca.forget"));
  EXPECT_EQ(forget(first, Remaining::are_revoked).error().code, Errc::not_found);
}

TEST_F(AuthorityChangesTest, CertificatesThatHaveEndedAreInNobodysWay) {
  const std::string first = pki->issuers().front().id;
  ASSERT_TRUE(issue("press-01"));  // for 30 days
  ASSERT_TRUE(rotate());
  scheduler.run_for(days{31});
  EXPECT_TRUE(forget(first, AuthorityChanges::Remaining::must_be_none));
}

}  // namespace
}  // namespace dunlin::security
