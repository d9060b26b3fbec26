#include "security/enrolment_formats.h"

#include "base/base64.h"
#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using store::DocumentKind;

std::string signed_by(const std::string& issuer_key, const std::string& issuer_pem,
                      CertificateProfile::Kind kind, const std::string& name, const std::string& key,
                      WallTime now, std::uint8_t serial) {
  CertificateProfile profile;
  profile.kind = kind;
  profile.common_name = name;
  profile.organisation = "acme";
  profile.not_before = now - hours{1};
  profile.not_after = now + days{10};
  profile.serial = {1, serial};
  return sign_certificate(profile, public_key_of(key).value(), {issuer_key, issuer_pem}).value();
}

TEST(Csr, TellsItsKeyAndNamesInBothForms) {
  const std::string key = generate_key_pem().value();
  const std::string pem = make_csr_pem(key, "press-01").value();
  const Csr csr = read_csr(pem).value();
  EXPECT_EQ(csr.common_name, "press-01");
  EXPECT_EQ(csr.key.size(), 64u);
  std::string body = pem.substr(pem.find('\n') + 1);
  body = body.substr(0, body.find("-----END"));
  std::erase(body, '\n');
  const auto der = from_base64(body).value();
  EXPECT_EQ(read_csr(as_text(der))->key, csr.key);
  EXPECT_EQ(read_csr(make_csr_pem(key, "").value())->key, csr.key) << "the key, not the request";
  EXPECT_EQ(read_csr(std::string(as_text(der)) + "x").error().code, Errc::malformed);
  EXPECT_EQ(read_csr("").error().code, Errc::malformed);
  EXPECT_EQ(read_csr(std::string(20'000, 'x')).error().code, Errc::limit_exceeded);
  std::string flipped(as_text(der));
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  EXPECT_EQ(read_csr(flipped).error().code, Errc::permission_denied) << "no proof of possession";
}

TEST_F(IdentityTest, ChainsToAuthoritiesOfOthers) {
  using Kind = CertificateProfile::Kind;
  const WallTime now = clock.wall_now();
  const std::string root_key = generate_key_pem().value();
  const std::string root = signed_by(root_key, "", Kind::root, "Acme", root_key, now, 1);
  const std::string middle_key = generate_key_pem().value();
  const std::string middle = signed_by(root_key, root, Kind::intermediate, "Acme 2", middle_key, now, 2);
  const std::string leaf =
      signed_by(middle_key, middle, Kind::device, "press-01", generate_key_pem().value(), now, 3);
  const auto chain = [&](const std::string& between, const std::vector<std::string>& anchors, WallTime at) {
    return find_chain({.leaf_der = der_of(leaf), .intermediates_pem = between, .anchors = anchors, .at = at});
  };
  const std::string middle_print = sha256_hex(as_bytes(der_of(middle)));
  EXPECT_EQ(chain("", {middle}, now)->front(), middle_print) << "an issuing authority alone";
  EXPECT_EQ(chain(middle, {root}, now)->front(), middle_print);
  EXPECT_FALSE(chain("", {root}, now)) << "a link is missing";
  EXPECT_FALSE(chain("", {pki->root_pem()}, now));
  EXPECT_FALSE(chain("", {}, now));
  EXPECT_FALSE(chain("", {middle}, now + days{11}));
  EXPECT_FALSE(
      find_chain({.leaf_der = der_of(middle), .intermediates_pem = "", .anchors = {root}, .at = now}))
      << "an authority is no device";
  EXPECT_EQ(read_authority(root, now)->common_name, "Acme");
  EXPECT_FALSE(read_authority(leaf, now));
  EXPECT_FALSE(read_authority(root + middle, now));
  EXPECT_FALSE(read_authority(root, now + days{11}));
  EXPECT_EQ(read_subject(as_bytes(der_of(leaf)))->organisation, "acme");
}

TEST_F(IdentityTest, CertificatesWithoutASignatureAround) {
  const std::string bag = certs_only(pki->client_ca_pem()).value();
  const auto authorities = certificates_from_pem(pki->client_ca_pem()).value();
  for (const std::string& der : authorities) EXPECT_TRUE(bag.contains(der));
  EXPECT_FALSE(certs_only("rubbish"));
  const std::string der = der_of(pki->root_pem());
  EXPECT_EQ(der_of(certificate_pem(as_bytes(der))), der);
}

TEST_F(IdentityTest, ANewcomerIsAskedForOnceAndThenKnown) {
  int asked = 0;
  const auto unregistered = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
  const std::string der = der_of(unregistered.certificate_pem);
  Result<void> verdict = fail(Errc::permission_denied, "the device waits");
  authenticator->admit_newcomers(
      [&](Executor&, const std::string& shown, const std::string& name, const std::string&, auto done) {
        ++asked;
        EXPECT_EQ(shown, der);
        EXPECT_EQ(name, "press-01");
        if (verdict) {
          const auto record =
              make_record(unregistered.info, unregistered.certificate_pem, "press-01", clock.wall_now());
          auto document = document_of(record);
          document.version = 1;
          repository.documents[{DocumentKind::certificate, 1, record.fingerprint}] = document;
        }
        done(verdict);
      });
  const auto refused = login_as(with_certificate(der, "press-01/2"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the device waits");
  verdict = {};
  EXPECT_EQ(login_as(with_certificate(der, "press-01/2")).value()->name, "press-01");
  EXPECT_TRUE(login_as(with_certificate(der, "press-01/2")));
  EXPECT_EQ(asked, 2);
}

TEST_F(IdentityTest, ARegisteredAuthoritysCertificateSpeaksForTheThingOfItsRecord) {
  using Kind = CertificateProfile::Kind;
  const std::string key = generate_key_pem().value();
  const std::string root = signed_by(key, "", Kind::root, "Acme", key, clock.wall_now(), 1);
  const std::string leaf =
      signed_by(key, root, Kind::device, "anything", generate_key_pem().value(), clock.wall_now(), 2);
  auto record =
      make_record(parse_certificate(as_bytes(der_of(leaf))).value(), leaf, "press-01", clock.wall_now());
  const auto store = [&] {
    repository.documents[{DocumentKind::certificate, 1, record.fingerprint}] = document_of(record);
  };
  store();
  EXPECT_FALSE(login_as(with_certificate(der_of(leaf)))) << "nobody vouches for it";
  record.authority = sha256_hex(as_bytes(der_of(root)));
  store();
  EXPECT_EQ(login_as(with_certificate(der_of(leaf))).value()->name, "press-01");
  record.retires_at = unix_milliseconds(clock.wall_now() + seconds{10});
  store();
  EXPECT_TRUE(login_as(with_certificate(der_of(leaf))));
  clock.advance_to(clock.now() + seconds{11});
  EXPECT_FALSE(login_as(with_certificate(der_of(leaf)))) << "renewed, and the overlap is over";
}

}  // namespace
}  // namespace dunlin::security
