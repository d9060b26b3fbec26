// The small parts: names by pattern, codes, bodies, keys, QR codes.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "security/codes.h"
#include "security/qr.h"
#include "service/provision/grants.h"
#include "service/provision/pattern.h"
#include "service/provision/provision_fixture.h"
#include "service/provision/requests.h"

namespace dunlin::provision {
namespace {

TEST(Pattern, MakesNamesOfWhatTheCertificateSays) {
  const NameFacts facts{.asked = "",
                        .common_name = "press",
                        .thing_name = "",
                        .serial = "0a",
                        .organisation = "acme",
                        .unit = "",
                        .serial_number = ""};
  EXPECT_EQ(name_by("", facts).value(), "press");
  EXPECT_EQ(name_by("{o}.{cn}-{serial}", facts).value(), "acme.press-0a");
  EXPECT_EQ(name_by("{ou}-{cn}", facts).error().code, Errc::permission_denied) << "a part is missing";
  EXPECT_EQ(name_by("{o}-*", facts).error().code, Errc::invalid_argument) << "nothing is asked for";
}

TEST(Pattern, ANameThatIsAskedForMustFit) {
  const auto by = [](std::string_view pattern, const std::string& asked) {
    return name_by(pattern, {.asked = asked, .common_name = "a*b", .organisation = "acme"});
  };
  EXPECT_EQ(by("{o}-*", "acme-7").value(), "acme-7");
  EXPECT_FALSE(by("{o}-*", "acme"));
  EXPECT_FALSE(by("{o}-*", "other-7"));
  EXPECT_EQ(by("a*a", "a").error().code, Errc::permission_denied) << "both ends are of the same character";
  EXPECT_FALSE(by("{cn}", "axb")) << "a star in a certificate is a star, not a joker";
  EXPECT_FALSE(by("*", "a/b")) << "no name";
}

TEST(Pattern, IsCheckedWhenItIsMade) {
  for (const char* good : {"", "*", "{name}", "line-{sn}_*", "{san}"})
    EXPECT_TRUE(check_pattern(good)) << good;
  for (const char* bad : {"{", "{x}", "a*b*", "a/b", "a b", "}"}) EXPECT_FALSE(check_pattern(bad)) << bad;
  EXPECT_FALSE(check_pattern(std::string(kMaxPatternBytes + 1, 'a')));
}

TEST(Codes, AreOfManyBitsAndReadAsWritten) {
  SystemRng rng;
  const auto code = security::make_code(rng);
  EXPECT_EQ(code.view().size(), 19u);
  EXPECT_NE(security::make_code(rng).view(), code.view());
  EXPECT_EQ(security::code_hash("oi10-0000-0000-0000").value(),
            security::code_hash("0 1 1 0 000000000000").value());
  for (const char* bad : {"", "0000", "0000-0000-0000-00000", "0000-0000-0000-000!", "U000-0000-0000-0000"})
    EXPECT_FALSE(security::code_hash(bad)) << bad;
}

TEST(Requests, ARegistrationIsReadStrictly) {
  const std::string good =
      R"({"device_id":"press-01","firmware_version":"1.0","model":"P9","capabilities":["ota","a.b"],"certificate":"x"})";
  const auto read = read_registration(good);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->attributes().at("capabilities"), "ota,a.b");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string body = good;
    body.replace(body.find(from), from.size(), to);
    return read_registration(body);
  };
  EXPECT_EQ(read_registration("[1]").error().code, Errc::malformed);
  EXPECT_EQ(read_registration("{").error().code, Errc::malformed);
  EXPECT_EQ(read_registration(std::string(kMaxBodyBytes + 1, ' ')).error().code, Errc::limit_exceeded);
  EXPECT_NE(with("\"model\"", "\"modell\"").error().message.find("modell"), std::string::npos);
  EXPECT_EQ(with("\"P9\"", "7").error().message, "the field \"model\" must be a text");
  EXPECT_FALSE(with("press-01", "press/01"));
  EXPECT_FALSE(with("press-01", ""));
  EXPECT_FALSE(with("1.0", "1\\u0000"));
  EXPECT_FALSE(with("\"ota\"", "1"));
  EXPECT_FALSE(with("\"ota\"", "\"a,b\""));
  EXPECT_FALSE(with("[\"ota\",\"a.b\"]", "\"ota\""));
}

TEST(Requests, AnEnrolmentIsByOneProof) {
  EXPECT_TRUE(read_enrol_request(R"({"code":"c","csr":"x"})"));
  EXPECT_TRUE(read_enrol_request(R"({"csr":"x"})")) << "by the client certificate";
  EXPECT_TRUE(read_enrol_request(R"({"group":"g","registration_id":"a","expires":1,"signature":"s"})"));
  EXPECT_FALSE(read_enrol_request(R"({"code":"c"})"));
  EXPECT_FALSE(read_enrol_request(
      R"({"code":"c","csr":"x","group":"g","registration_id":"a","expires":1,"signature":"s"})"));
  EXPECT_FALSE(read_enrol_request(R"({"group":"g","registration_id":"a","expires":"1","signature":"s"})"));
}

TEST(Requests, EstBodiesAndBasicCredentials) {
  EXPECT_EQ(read_est_body("aGVs\r\nbG8=\n").value(), "hello");
  EXPECT_FALSE(read_est_body(""));
  EXPECT_FALSE(read_est_body("aGVs*"));
  const auto basic = read_basic("basic cHJlc3M6YTpi");
  ASSERT_TRUE(basic);
  EXPECT_EQ(basic->name, "press");
  EXPECT_EQ(basic->password.view(), "a:b");
  for (const char* bad : {"", "Basic ", "Bearer cHJlc3M6YTpi", "Basic cHJlc3M="})
    EXPECT_FALSE(read_basic(bad));
}

TEST(GroupKeys, AreDerivedAsAzureDerivesThem) {
  // From the documentation of Azure DPS: base64(HMAC-SHA256(base64-decoded group key, registration id)).
  security::Digest key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(device_key(key, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"),
            security::hmac_sha256(key, as_bytes(std::string_view("sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"))));
  EXPECT_NE(group_key("secret", "a", "1"), group_key("secret", "a", "2"))
      << "a group made anew has a new key";
}

TEST(Qr, IsAnImageAndText) {
  const std::string svg = security::qr_svg("ABCD-EFGH-JKMN-PQRS").value();
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
  EXPECT_GT(security::qr_text("ABCD-EFGH-JKMN-PQRS").value().size(), 300u);
  EXPECT_FALSE(security::qr_svg(std::string(5000, 'x')));
}

TEST_F(ProvisionTest, AnAuthorityMustProveThatItHoldsItsKey) {
  const auto attempt = [&](const std::string& pem, const std::string& proof) {
    return wait<Grant>(
        [&](auto done) { grants.register_authority("admin", {pem, proof, {}}, std::move(done)); });
  };
  const auto code_text = [&] {
    return std::string(wait<Grants::RegistrationCode>([&](auto done) {
                         grants.make_registration_code("admin", std::move(done));
                       })->text.view());
  };
  EXPECT_FALSE(attempt(acme.pem, acme.device("press-01"))) << "no code";
  EXPECT_FALSE(attempt(acme.pem, acme.device("0000-0000-0000-0000"))) << "a code nobody has made";
  OtherAuthority other(clock);
  EXPECT_FALSE(attempt(acme.pem, other.device(code_text()))) << "signed by another";
  const std::string leaf = acme.device("x");
  EXPECT_FALSE(attempt(leaf, leaf)) << "no authority";
  EXPECT_FALSE(attempt(pki->root_pem(), acme.device(code_text()))) << "ours";
  const std::string code = code_text();
  EXPECT_TRUE(attempt(acme.pem, acme.device(code)));
  EXPECT_FALSE(attempt(other.pem, other.device(code))) << "a code is spent";
  EXPECT_EQ(attempt(acme.pem, acme.device(code_text())).error().code, Errc::already_exists);
  const std::string late = code_text();
  pass(kRegistrationCodeLifetime + std::chrono::seconds{1});
  EXPECT_FALSE(attempt(other.pem, other.device(late))) << "expired";
  EXPECT_EQ(authorities.trusted(), std::vector<std::string>{acme.pem});
}

TEST_F(ProvisionTest, AuthoritiesAreThereAgainAfterARestart) {
  ASSERT_TRUE(register_acme());
  Authorities later;
  Enrolment again{{executor, repository, things, *pki, certificates, attachments, penalties, later, clock,
                   rng, metrics, ""}};
  Grants loaded{again, later};
  ASSERT_TRUE(wait<void>([&](auto done) { loaded.load(std::move(done)); }));
  EXPECT_EQ(later.trusted(), std::vector<std::string>{acme.pem});
}

TEST_F(ProvisionTest, TheListenersAreToldWhenWhatTheyTrustChanges) {
  int told = 0;
  authorities.on_change([&] { ++told; });
  const Grant grant = register_acme().value();
  EXPECT_EQ(told, 1);
  const auto edit = [&](auto change) {
    return wait<Grant>(
        [&](auto done) { grants.update("admin", GrantKind::authority, grant.id, change, std::move(done)); });
  };
  ASSERT_TRUE(edit([](Grant& one) -> Result<void> {
    one.label = "a label";
    return {};
  }));
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(edit([](Grant& one) -> Result<void> {
    one.state = Grant::State::disabled;
    return {};
  }));
  EXPECT_EQ(told, 2);
  ASSERT_TRUE(wait<void>(
      [&](auto done) { grants.remove("admin", GrantKind::authority, grant.id, std::move(done)); }));
  EXPECT_EQ(authorities.size(), 0u);
}

}  // namespace
}  // namespace dunlin::provision
