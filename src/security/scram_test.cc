#include "security/scram.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "security/identity_fixture.h"
#include "security/scram_authenticator.h"

namespace dunlin::security {
namespace {

// RFC 7677 section 3.
constexpr std::string_view kFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+"
    "Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

std::string rfc_salt() {
  return std::string(as_text(from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value()));
}

ScramChallenge rfc_challenge() {
  return make_scram_challenge(parse_scram_client_first(kFirst).value(), kServerNonce, rfc_salt(), 4096);
}

TEST(Scram, TheExampleOfRfc7677) {
  const auto first = parse_scram_client_first(kFirst);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->username, "user");
  const ScramChallenge challenge = rfc_challenge();
  EXPECT_EQ(challenge.message, kServerFirst);
  const ScramKeys keys = make_scram_keys("pencil", rfc_salt(), 4096);
  EXPECT_EQ(verify_scram(challenge, kFinal, keys).value(), kServerFinal);
}

TEST(Scram, AWrongProofIsRefused) {
  const ScramKeys other = make_scram_keys("pencils", rfc_salt(), 4096);
  EXPECT_EQ(verify_scram(rfc_challenge(), kFinal, other).error().code, Errc::unauthenticated);
  const ScramKeys keys = make_scram_keys("pencil", rfc_salt(), 4096);
  std::string changed(kFinal);
  changed.replace(changed.find("dHzb"), 4, "dHza");
  EXPECT_EQ(verify_scram(rfc_challenge(), changed, keys).error().code, Errc::unauthenticated);
  std::string nonce(kFinal);
  nonce.replace(nonce.find("k0,p"), 2, "k1");
  EXPECT_EQ(verify_scram(rfc_challenge(), nonce, keys).error().code, Errc::unauthenticated);
  std::string downgraded(kFinal);
  downgraded.replace(0, 6, "c=eSws");  // "y,,"
  EXPECT_EQ(verify_scram(rfc_challenge(), downgraded, keys).error().code, Errc::unauthenticated);
  for (const std::string_view broken :
       {"", "c=biws", "c=biws,r=x,p=", "c=biws,r=x,p=AAAA", "r=x,c=biws,p=AAAA"})
    EXPECT_EQ(verify_scram(rfc_challenge(), broken, keys).error().code, Errc::malformed) << broken;
  EXPECT_EQ(verify_scram(rfc_challenge(), std::string(5000, 'x'), keys).error().code, Errc::limit_exceeded);
}

TEST(Scram, ReadsTheClientsFirstMessage) {
  EXPECT_EQ(parse_scram_client_first("y,,n=user,r=abc").value().gs2_header, "y,,");
  EXPECT_EQ(parse_scram_client_first("n,,n=a=2Cb=3Dc,r=abc").value().username, "a,b=c");
  EXPECT_EQ(parse_scram_client_first("n,a=user,n=user,r=abc").value().gs2_header, "n,a=user,");
  EXPECT_EQ(parse_scram_client_first("n,,n=user,r=abc,x=later").value().nonce, "abc");
  EXPECT_EQ(parse_scram_client_first("p=tls-unique,,n=user,r=abc").error().code, Errc::unsupported);
  EXPECT_EQ(parse_scram_client_first("n,,m=x,n=user,r=abc").error().code, Errc::unsupported);
  EXPECT_EQ(parse_scram_client_first("n,a=admin,n=user,r=abc").error().code, Errc::permission_denied);
  for (const std::string_view broken :
       {"", "n", "n,", "n,,", "x,,n=user,r=abc", "n,,n=,r=abc", "n,,n=user",
        "n,,n=user,r=", "n,,n=a=2cb,r=abc", "n,,n=a=,r=abc", "n,b=user,n=user,r=abc", "n,,r=abc,n=user",
        "n,,n=user,r=a\tb", "n,,n=\xff,r=abc"}) {
    EXPECT_EQ(parse_scram_client_first(broken).error().code, Errc::malformed) << broken;
  }
  EXPECT_EQ(parse_scram_client_first("n,,n=user,r=" + std::string(257, 'a')).error().code, Errc::malformed);
  EXPECT_EQ(parse_scram_client_first("n,,n=" + std::string(3000, 'a')).error().code, Errc::limit_exceeded);
}

TEST(Scram, PasswordsThatSaslprepWouldChangeAreRefused) {
  EXPECT_TRUE(check_scram_password("calm sea at dawn"));
  for (const std::string_view bad :
       {"short", "tab\tin the password", "caf\xc3\xa9 at the corner", "soft\xc2\xad hyphen inside"})
    EXPECT_EQ(check_scram_password(bad).error().code, Errc::invalid_argument) << bad;
}

struct ScramExchanges : IdentityTest {
  std::unique_ptr<ScramAuthenticator> scram;
  std::unique_ptr<ScramCredentials> credentials;

  ScramExchanges() {
    restart();
    credentials =
        std::make_unique<ScramCredentials>(ScramCredentials::Parts{repository, workers, clock, rng});
    NewUser user{
        .name = "anna", .password = Secret("another long one"), .permissions = {}, .policies = {"user"}};
    EXPECT_TRUE(get<CreatedUser>(
        [&](auto done) { accounts->create_user(executor, "test", std::move(user), std::move(done)); }));
  }
  void restart() {
    scram = std::make_unique<ScramAuthenticator>(ScramAuthenticator::Parts{
        repository, *authenticator, rng, ScramAuthenticator::load_secret(fs, rng, "data").value()});
  }
  template <class T, class Ask>
  Result<T> get(Ask ask) {
    return wait<T>(std::move(ask));
  }
  Result<ScramCredentials::Set> set(ScramRecord::Owner owner, const std::string& name,
                                    const std::string& password) {
    return get<ScramCredentials::Set>([&](auto done) {
      credentials->set(executor, "test", owner, name, Secret(password), std::move(done));
    });
  }
  Result<std::unique_ptr<ScramExchange>> begin(const std::string& name, Credentials shown = {}) {
    if (shown.address.empty()) shown.address = "192.0.2.1:4000";
    shown.protocol = "mqtt";
    return get<std::unique_ptr<ScramExchange>>([&](auto done) {
      scram->begin(executor, std::move(shown), "n,,n=" + name + ",r=clientnonce", std::move(done));
    });
  }
  /// What an honest client answers.
  static std::string final_message(const ScramExchange& exchange, const std::string& password) {
    const std::string& server = exchange.challenge.message;
    const auto part = [&](std::string_view key) {
      const std::size_t at = server.find(key) + key.size();
      return server.substr(at, server.find(',', at) - at);
    };
    const std::string salt(as_text(from_base64(part(",s=")).value()));
    const Digest salted =
        pbkdf2_sha256(password, as_bytes(salt), static_cast<std::uint32_t>(std::stoul(part(",i="))));
    const Digest client_key = hmac_sha256(salted, as_bytes(std::string_view("Client Key")));
    const std::string bare = "c=biws,r=" + exchange.challenge.nonce;
    const std::string text = exchange.challenge.client_first_bare + "," + server + "," + bare;
    Digest proof = hmac_sha256(sha256(client_key), as_bytes(text));
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
    return bare + ",p=" + to_base64(proof);
  }
  Result<ScramAuthenticator::Success> prove(std::unique_ptr<ScramExchange> exchange,
                                            const std::string& password) {
    const std::string message = final_message(*exchange, password);
    return get<ScramAuthenticator::Success>(
        [&](auto done) { scram->finish(executor, std::move(exchange), message, std::move(done)); });
  }
  Result<ScramAuthenticator::Success> attempt(const std::string& name, const std::string& password) {
    auto exchange = begin(name);
    if (!exchange) return std::unexpected(exchange.error());
    return prove(*std::move(exchange), password);
  }
};

constexpr auto kUser = ScramRecord::Owner::user;
constexpr auto kThing = ScramRecord::Owner::thing;

TEST_F(ScramExchanges, AUserAndAThingProveTheirPasswords) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  ASSERT_TRUE(set(kThing, "press-01", "steel and oil 17"));
  EXPECT_FALSE(repository.mentions("calm sea")) << "the password is not stored";
  const auto user = attempt("anna", "calm sea at dawn");
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(user->principal->kind, PrincipalKind::user);
  EXPECT_EQ(user->principal->name, "anna");
  EXPECT_TRUE(user->message.starts_with("v="));
  const auto thing = attempt("press-01", "steel and oil 17");
  ASSERT_TRUE(thing) << thing.error().message;
  EXPECT_EQ(thing->principal->kind, PrincipalKind::device);
}

TEST_F(ScramExchanges, APasswordIsMadeWhereNoneIsGiven) {
  const auto made = set(kThing, "press-01", "");
  ASSERT_TRUE(made);
  EXPECT_GE(made->password.view().size(), 24U);
  EXPECT_TRUE(attempt("press-01", std::string(made->password.view())));
}

TEST_F(ScramExchanges, WhatFailsLooksTheSame) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  const auto wrong = attempt("anna", "calm sea at dusk");
  const auto unknown = attempt("nobody", "calm sea at dawn");
  ASSERT_FALSE(wrong);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(wrong.error().code, Errc::unauthenticated);
  EXPECT_EQ(wrong.error().message, unknown.error().message);
  const auto shape = [](const std::string& message) {
    return std::pair(message.find(",s="), message.substr(message.find(",i=")));
  };
  const std::string known = begin("anna").value()->challenge.message;
  const std::string fake = begin("nobody").value()->challenge.message;
  EXPECT_EQ(shape(known), shape(fake));
  EXPECT_EQ(known.size(), fake.size());
}

TEST_F(ScramExchanges, TheSaltOfAnUnknownUserStays) {
  const auto salt = [](const std::string& message) { return message.substr(message.find(",s=")); };
  const std::string once = salt(begin("nobody").value()->challenge.message);
  restart();
  EXPECT_EQ(salt(begin("nobody").value()->challenge.message), once);
  EXPECT_NE(salt(begin("somebody").value()->challenge.message), once);
}

TEST_F(ScramExchanges, FailuresAreMadeToWaitAlsoWhenBegunTogether) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  std::vector<std::unique_ptr<ScramExchange>> begun;
  for (unsigned i = 0; i < kFreeFailures + 5; ++i) begun.push_back(begin("anna").value());
  std::vector<Errc> codes;
  for (auto& exchange : begun) codes.push_back(prove(std::move(exchange), "wrong password").error().code);
  for (unsigned i = 0; i <= kFreeFailures; ++i) EXPECT_EQ(codes[i], Errc::unauthenticated) << i;
  EXPECT_EQ(codes.back(), Errc::quota_exceeded);
  EXPECT_EQ(begin("anna").error().code, Errc::quota_exceeded);
  scheduler.run_for(kMaxAddressPenalty);
  EXPECT_TRUE(attempt("anna", "calm sea at dawn"));
}

TEST_F(ScramExchanges, CredentialsGoWithTheirOwner) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  ASSERT_TRUE(
      get<void>([&](auto done) { accounts->remove_user(executor, "test", "anna", std::move(done)); }));
  EXPECT_EQ(repository.count(store::DocumentKind::scram), 0U);
  EXPECT_EQ(set(kUser, "anna", "calm sea at dawn").error().code, Errc::not_found);
  ASSERT_TRUE(set(kThing, "off-1", "calm sea at dawn"));
  EXPECT_EQ(attempt("off-1", "calm sea at dawn").error().code, Errc::unauthenticated) << "it is disabled";
}

TEST_F(ScramExchanges, SetListAndRemove) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  ASSERT_TRUE(set(kUser, "anna", "calm sea at noon")) << "replaced";
  EXPECT_FALSE(attempt("anna", "calm sea at dawn"));
  EXPECT_TRUE(attempt("anna", "calm sea at noon"));
  EXPECT_EQ(set(kUser, "anna", "short").error().code, Errc::invalid_argument);
  repository.put(store::DocumentKind::thing, "anna", thing_body("machine"));
  EXPECT_EQ(set(kThing, "anna", "calm sea at dawn").error().code, Errc::already_exists);
  const auto listed =
      get<std::vector<ScramRecord>>([&](auto done) { credentials->list(executor, "", 10, std::move(done)); });
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().name, "anna");
  const auto remove = [&] {
    return get<ScramRecord>(
        [&](auto done) { credentials->remove(executor, "test", "user:anna", std::move(done)); });
  };
  EXPECT_TRUE(remove());
  EXPECT_EQ(remove().error().code, Errc::not_found);
  EXPECT_FALSE(attempt("anna", "calm sea at noon"));
}

TEST_F(ScramExchanges, OtherCredentialsMustNotContradict) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  Credentials shown;
  shown.username = "bert";
  EXPECT_EQ(begin("anna", std::move(shown)).error().code, Errc::unauthenticated);
  shown = {};
  shown.username = "anna";
  EXPECT_TRUE(begin("anna", std::move(shown)));
  shown = {};
  shown.certificate_der = "der";
  EXPECT_EQ(begin("anna", std::move(shown)).error().code, Errc::unauthenticated);
}

TEST_F(ScramExchanges, ABrokenRecordDeniesItself) {
  ASSERT_TRUE(set(kUser, "anna", "calm sea at dawn"));
  repository.put(store::DocumentKind::scram, "user:anna", R"({"salt":"AAAA","iterations":1})");
  EXPECT_EQ(begin("anna").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace dunlin::security
