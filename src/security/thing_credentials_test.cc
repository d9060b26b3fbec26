#include "security/thing_credentials.h"

#include "base/time_text.h"
#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;

struct ThingCredentialsTest : IdentityTest {
  ThingCredentials credentials{{repository, revocations, clock, rng}};

  ThingCredentialsTest() { clock.advance_to(Instant{std::chrono::hours{1}}); }

  /// As service/registry writes it: the thing's removal and the withdrawal are one write.
  Result<void> remove_thing(const std::string& name) {
    auto withdrawal = wait<ThingCredentials::Withdrawal>([&](auto done) {
      credentials.withdraw(executor, "ann", name, ThingCredentials::Occasion::removed, std::move(done));
    });
    EXPECT_TRUE(withdrawal);
    withdrawal->changes.push_back(remove_change(DocumentKind::thing, kDefaultTenant, name));
    return wait<void>([&](auto done) {
      repository.write(
          executor, std::move(withdrawal->changes),
          [stored = std::move(withdrawal->stored), done = std::move(done)](auto written) mutable {
            if (!written) return done(std::unexpected(written.error()));
            stored();
            done({});
          });
    });
  }
  /// As removals were before: the thing alone.
  void remove_only_the_thing(const std::string& name) {
    repository.documents.erase({DocumentKind::thing, 1, name});
  }
  Result<std::size_t> sweep() {
    return wait<std::size_t>([&](auto done) { credentials.sweep(executor, std::move(done)); });
  }
  std::size_t tokens_of(const std::string& thing) {
    return wait<std::vector<TokenRecord>>(
               [&](auto done) { accounts->list_tokens(executor, TokenType::device, thing, std::move(done)); })
        ->size();
  }
  CertificateRecord certificate(const std::string& fingerprint) {
    return certificate_of(*repository.at(DocumentKind::certificate, fingerprint)).value();
  }
};

TEST_F(ThingCredentialsTest, ARemovedThingLeftItsTokensAndCertificatesBehind) {
  const std::string token = device_token("press-01");
  const auto issued = issue("press-01").value();
  const auto other = issue("press-02").value();
  ASSERT_NE(device_token("press-02"), "");
  repository.fail_writes = true;
  EXPECT_FALSE(remove_thing("press-01"));
  repository.fail_writes = false;
  EXPECT_EQ(tokens_of("press-01"), 1U) << "not stored, not removed";
  EXPECT_TRUE(login_as(with_certificate(der_of(issued.certificate_pem))));
  const int writes = repository.writes;
  ASSERT_TRUE(remove_thing("press-01"));
  EXPECT_EQ(repository.writes, writes + 1) << "no crash can part the thing from its credentials";
  EXPECT_EQ(tokens_of("press-01"), 0U);
  const CertificateRecord gone = certificate(issued.info.fingerprint);
  EXPECT_EQ(gone.state, CertificateRecord::State::revoked);
  EXPECT_EQ(gone.reason, kThingRemoved);
  EXPECT_NE(gone.revoked_at, 0);
  EXPECT_TRUE(revocations.is_revoked(issued.info.fingerprint)) << "at once";
  EXPECT_EQ(certificate(other.info.fingerprint).state, CertificateRecord::State::active);
  EXPECT_EQ(tokens_of("press-02"), 1U);
  repository.put(DocumentKind::thing, "press-01", thing_body("machine"));
  EXPECT_FALSE(login_as(with_certificate(der_of(issued.certificate_pem)))) << "nor for its successor";
  EXPECT_FALSE(login_as(with_password("press-01", token)));
}

TEST_F(ThingCredentialsTest, ARemovalIsAuditedWithAllThatWentWithIt) {
  device_token("press-01");
  ASSERT_TRUE(issue("press-01"));
  const std::size_t before = repository.count(DocumentKind::audit);
  ASSERT_TRUE(remove_thing("press-01"));
  EXPECT_EQ(repository.count(DocumentKind::audit) - before, 3U) << "thing, token, certificate";
}

TEST_F(ThingCredentialsTest, WhatEarlierRemovalsLeftIsTakenOutAtTheNextStart) {
  const auto left = issue("press-01").value();
  device_token("press-01");
  const auto kept = issue("press-02").value();
  device_token("press-02");
  remove_only_the_thing("press-01");
  EXPECT_EQ(sweep().value(), 2U);
  EXPECT_EQ(certificate(left.info.fingerprint).reason, kThingRemoved);
  EXPECT_TRUE(revocations.is_revoked(left.info.fingerprint));
  EXPECT_EQ(tokens_of("press-01"), 0U);
  EXPECT_EQ(certificate(kept.info.fingerprint).state, CertificateRecord::State::active);
  EXPECT_EQ(tokens_of("press-02"), 1U);
  const int writes = repository.writes;
  EXPECT_EQ(sweep().value(), 0U);
  EXPECT_EQ(repository.writes, writes) << "repeating it changes nothing";
}

TEST_F(ThingCredentialsTest, ANewThingOfTheNameDoesNotHideWhatTheOldOneLeft) {
  const auto left = issue("press-01").value();
  device_token("press-01");
  clock.advance_to(clock.now() + std::chrono::hours{1});
  const std::string body = thing_body("machine");
  repository.put(
      DocumentKind::thing, "press-01",
      body.substr(0, body.size() - 1) + R"(,"created_at":")" + format_rfc3339(clock.wall_now()) + "\"}");
  const auto own = issue("press-01").value();
  const std::string token = device_token("press-01");
  EXPECT_EQ(sweep().value(), 2U);
  EXPECT_EQ(certificate(left.info.fingerprint).state, CertificateRecord::State::revoked);
  EXPECT_TRUE(login_as(with_certificate(der_of(own.certificate_pem))));
  EXPECT_TRUE(login_as(with_password("press-01", token)));
}

TEST_F(ThingCredentialsTest, TheSweepReadsManyPagesAndSparesUsersAndWhatItCannotRead) {
  ASSERT_TRUE(create_user("ann", "correct horse battery"));
  const std::string cookie(login("ann", "correct horse battery")->cookie.view());
  constexpr int kMany = 1203;  // more than two pages
  for (int i = 0; i < kMany; ++i) {
    TokenRecord token =
        make_token(TokenType::device, "gone-" + std::to_string(i % 7), clock.wall_now(), rng).record;
    store::Document document = document_of(token);
    document.version = 1;
    repository.documents[{DocumentKind::token, 1, token.id}] = document;
  }
  repository.put(DocumentKind::token, "damaged", "{");
  device_token("press-02");
  repository.put(DocumentKind::thing, "press-02", "damaged");
  EXPECT_EQ(sweep().value(), static_cast<std::size_t>(kMany));
  EXPECT_TRUE(by_cookie(cookie));
  EXPECT_NE(repository.at(DocumentKind::token, "damaged"), nullptr);
  EXPECT_EQ(tokens_of("press-02"), 1U) << "its thing is there, if unreadable";
}

TEST_F(ThingCredentialsTest, ASweepThatCannotWriteSaysSoAndTheNextOneDoesIt) {
  device_token("press-01");
  remove_only_the_thing("press-01");
  repository.fail_writes = true;
  EXPECT_EQ(sweep().error().code, Errc::io);
  repository.fail_writes = false;
  EXPECT_EQ(sweep().value(), 1U);
}

}  // namespace
}  // namespace dunlin::security
