// Certificates that are registered by themselves.
#include <gmock/gmock.h>

#include "base/hex.h"
#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using store::DocumentKind;

struct PinnedTest : IdentityTest {
  /// Of an authority that nobody here knows.
  MemoryFs other_fs;
  std::unique_ptr<Pki> other = Pki::open(other_fs, clock, rng, "other", {}).value();
  std::string pem =
      other->issue_device_certificate({.thing_name = "their-name", .csr_pem = {}})->certificate_pem;
  std::string der = der_of(pem);

  Result<CertificateRecord> pin(const std::string& thing, const std::string& certificate,
                                const std::string& fingerprint = "") {
    return wait<CertificateRecord>([&](auto done) {
      certificates->pin(executor, "test", {thing, certificate, fingerprint}, std::move(done));
    });
  }
  bool is_pinned() { return certificates->is_pinned(as_bytes(der)); }
};

TEST_F(PinnedTest, ACertificateOfAnybodyMakesItsThing) {
  EXPECT_FALSE(is_pinned());
  EXPECT_FALSE(login_as(with_certificate(der)));
  const auto record = pin("press-01", pem).value();
  EXPECT_EQ(record.fingerprint, sha256_hex(as_bytes(der)));
  EXPECT_TRUE(is_pinned());
  const auto principal = login_as(with_certificate(der, "press-01")).value();
  EXPECT_EQ(principal->name, "press-01") << "and not what the certificate says";
  EXPECT_EQ(principal->proof, Proof::certificate);
  EXPECT_EQ(principal->expires_at, record.not_after);
  EXPECT_EQ(pin("press-02", pem).error().code, Errc::already_exists);
  EXPECT_TRUE(repository.mentions("certificate.pin"));
}

TEST_F(PinnedTest, AFingerprintIsEnough) {
  std::string spelled;
  for (const char c : sha256_hex(as_bytes(der))) {
    if (spelled.size() % 3 == 2) spelled += ':';
    spelled += static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  }
  ASSERT_TRUE(pin("press-01", "", spelled)) << spelled;
  EXPECT_TRUE(is_pinned());
  EXPECT_EQ(login_as(with_certificate(der)).value()->name, "press-01");
  clock.advance_to(Instant{days{366}});
  EXPECT_FALSE(login_as(with_certificate(der))) << "its own dates count all the same";
}

TEST_F(PinnedTest, WhatCannotBePinned) {
  EXPECT_EQ(pin("nobody", pem).error().code, Errc::not_found);
  EXPECT_EQ(pin("press-01", "").error().code, Errc::invalid_argument);
  EXPECT_EQ(pin("press-01", pem, sha256_hex(as_bytes(der))).error().code, Errc::invalid_argument);
  EXPECT_EQ(pin("press-01", "", "abcd").error().code, Errc::invalid_argument);
  EXPECT_EQ(pin("press-01", "rubbish").error().code, Errc::malformed);
  EXPECT_EQ(pin("press-01", pem + other->root_pem()).error().code, Errc::invalid_argument);
  clock.advance_to(Instant{days{366}});
  EXPECT_TRUE(pin("press-01", pem).error().message.contains("expired"));
  EXPECT_FALSE(is_pinned());
}

TEST_F(PinnedTest, ARevokedOneIsTakenNoMoreAndAStartRemembersTheOthers) {
  const auto record = pin("press-01", pem).value();
  start();
  EXPECT_FALSE(is_pinned());
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->load(executor, std::move(done)); }));
  EXPECT_TRUE(is_pinned());
  ASSERT_TRUE(wait<CertificateRecord>([&](auto done) {
    certificates->revoke(executor, "test", record.fingerprint, RevocationReason::unspecified,
                         std::move(done));
  }));
  EXPECT_FALSE(is_pinned());
  EXPECT_FALSE(login_as(with_certificate(der)));
  start();
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->load(executor, std::move(done)); }));
  EXPECT_FALSE(is_pinned());
  EXPECT_EQ(pin("press-01", pem).error().code, Errc::already_exists) << "a revoked one does not come back";
}

}  // namespace
}  // namespace dunlin::security
