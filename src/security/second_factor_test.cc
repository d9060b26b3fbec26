#include "security/second_factor.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/base64.h"
#include "security/identity_fixture.h"
#include "security/totp.h"

namespace dunlin::security {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using store::DocumentKind;

constexpr const char* kPassword = "correct horse battery";

struct SecondFactorTest : IdentityTest {
  SecondFactorTest() {
    clock.advance_to(Instant{hours{1}});
    EXPECT_TRUE(create_user("ann", kPassword));
  }

  Result<SecondFactors::Enrolment> enrol(const std::string& user = "ann") {
    return wait<SecondFactors::Enrolment>(
        [&](auto done) { second_factors->enrol(executor, "test", user, std::move(done)); });
  }
  Result<Secret> confirm(const std::string& code, const std::string& user = "ann") {
    return wait<Secret>(
        [&](auto done) { second_factors->confirm(executor, "test", user, code, std::move(done)); });
  }
  /// What an app shows that has read the secret.
  std::string code(Duration ahead = {}) const {
    std::vector<std::uint8_t> bytes;
    std::uint32_t pool = 0;
    int bits = 0;
    for (const char c : secret) {
      pool = pool << 5 | static_cast<std::uint32_t>(c >= 'A' ? c - 'A' : c - '2' + 26);
      bits += 5;
      if (bits >= 8) bytes.push_back(static_cast<std::uint8_t>(pool >> (bits -= 8)));
    }
    return hotp(bytes, totp_step(clock.wall_now() + ahead), 6);
  }
  /// Enrols and confirms; the recovery codes.
  std::vector<std::string> enable() {
    secret = std::string(enrol()->secret.view());
    std::istringstream lines{std::string(confirm(code())->view())};
    std::vector<std::string> codes;
    for (std::string one; std::getline(lines, one);) codes.push_back(one);
    later(minutes{1});
    return codes;
  }
  void later(Duration time) { clock.advance_to(clock.now() + time); }
  bool enters(const std::string& shown) {
    const auto started = sign_in("ann", kPassword, shown);
    return started && *started;
  }
  std::string why(const std::string& shown) {
    const auto started = sign_in("ann", kPassword, shown);
    return started ? "entered" : started.error().message;
  }

  std::string secret;
};

TEST_F(SecondFactorTest, CountsFromItsConfirmationOn) {
  EXPECT_TRUE(enters(""));
  const auto begun = enrol().value();
  secret = std::string(begun.secret.view());
  EXPECT_EQ(secret.size(), 32U);
  EXPECT_TRUE(begun.uri.view().contains("secret=" + secret));
  EXPECT_FALSE(repository.mentions(secret)) << "the database holds no secret";
  EXPECT_TRUE(enters("")) << "nobody is locked out by a QR code that was never read";
  EXPECT_EQ(confirm("000000").error().code, Errc::unauthenticated);
  EXPECT_TRUE(confirm(code()));
  EXPECT_EQ(confirm(code()).error().code, Errc::already_exists);
  EXPECT_EQ(enrol().error().code, Errc::already_exists);
  const auto asked = sign_in("ann", kPassword);
  ASSERT_TRUE(asked.has_value());
  EXPECT_FALSE(asked->has_value()) << "the password is right, and a code is needed";
  EXPECT_FALSE(sign_in("ann", "wrong password here", code()));
  later(minutes{1});
  EXPECT_TRUE(enters(code()));
  EXPECT_EQ(enrol("nobody").error().code, Errc::not_found);
}

TEST_F(SecondFactorTest, ACodeCountsOnce) {
  enable();
  const std::string shown = code();
  EXPECT_TRUE(enters(shown));
  EXPECT_TRUE(why(shown).contains("used before"));
  EXPECT_FALSE(enters(code(-seconds{30}))) << "nor one of a step before it";
  EXPECT_TRUE(enters(code(seconds{30}))) << "a clock that is ahead";
  later(minutes{2});
  EXPECT_TRUE(enters(code(-seconds{30}))) << "a clock that is behind";
  EXPECT_FALSE(enters(code(seconds{60})));
}

TEST_F(SecondFactorTest, OfTwoSignInsWithOneCodeAtTheSameMomentOneWins) {
  enable();
  int entered = 0;
  int refused = 0;
  for (int i = 0; i < 2; ++i) {
    accounts->login(executor, {"ann", Secret(kPassword), code(), "192.0.2.1"}, [&](auto started) {
      ++(started && *started ? entered : refused);
      EXPECT_TRUE(started || started.error().code == Errc::unauthenticated);
    });
  }
  scheduler.run_until([&] { return entered + refused == 2; }, seconds{10});
  EXPECT_EQ(entered, 1);
  EXPECT_EQ(refused, 1);
}

TEST_F(SecondFactorTest, RecoveryCodesCountOnceEach) {
  const auto codes = enable();
  ASSERT_EQ(codes.size(), kRecoveryCodes);
  for (const std::string& one : codes) EXPECT_FALSE(repository.mentions(one));
  EXPECT_TRUE(enters(codes[3]));
  EXPECT_FALSE(enters(codes[3]));
  EXPECT_TRUE(enters(codes[4]));
  EXPECT_TRUE(repository.mentions("8 are left"));
  EXPECT_FALSE(enters("0000-0000-0000-0000"));
}

TEST_F(SecondFactorTest, WrongCodesWaitWhateverTheAddress) {
  enable();
  for (unsigned i = 0; i <= kFreeFailures; ++i)
    EXPECT_FALSE(sign_in("ann", kPassword, "123456", "203.0.113." + std::to_string(i)));
  EXPECT_EQ(sign_in("ann", kPassword, code(), "198.51.100.1").error().code, Errc::quota_exceeded);
  later(minutes{1});
  EXPECT_TRUE(enters(code()));
  EXPECT_FALSE(enters(std::string(kMaxSecondFactorCode + 1, '1')));
}

TEST_F(SecondFactorTest, APasswordAloneOpensNoOtherDoor) {
  EXPECT_TRUE(login_as(with_password("ann", kPassword, "user-ann")));
  enable();
  const auto refused = login_as(with_password("ann", kPassword, "user-ann"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.contains("API token"));
  repository.at(DocumentKind::second_factor, "ann")->body = "{";
  EXPECT_EQ(login_as(with_password("ann", kPassword, "user-ann")).error().code, Errc::corrupt);
  EXPECT_EQ(sign_in("ann", kPassword, code()).error().code, Errc::corrupt);
}

TEST_F(SecondFactorTest, GoesByRemovalAndWithItsUser) {
  enable();
  const auto remove = [&] {
    return wait<void>([&](auto done) { second_factors->remove(executor, "test", "ann", std::move(done)); });
  };
  EXPECT_TRUE(remove());
  EXPECT_EQ(remove().error().code, Errc::not_found);
  EXPECT_TRUE(enters(""));
  enable();
  ASSERT_TRUE(
      wait<void>([&](auto done) { accounts->remove_user(executor, "test", "ann", std::move(done)); }));
  EXPECT_EQ(repository.count(DocumentKind::second_factor), 0U);
  for (const char* action : {"totp.enrol", "totp.confirm", "totp.remove"})
    EXPECT_TRUE(repository.mentions(action)) << action;
}

}  // namespace
}  // namespace dunlin::security
