#include "security/accounts.h"

#include <gmock/gmock.h>

#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using store::DocumentKind;

constexpr const char* kPassword = "correct horse battery";

struct AccountsTest : IdentityTest {
  std::string prepare_claim() {
    auto token =
        wait<std::optional<Secret>>([&](auto done) { accounts->prepare_claim(executor, std::move(done)); });
    EXPECT_TRUE(token);
    return *token ? std::string((*token)->view()) : "";
  }
  Result<StartedSession> claim(const std::string& token, const std::string& password = kPassword,
                               const std::string& address = "192.0.2.1") {
    return wait<StartedSession>([&](auto done) {
      accounts->claim(executor, Secret(token), Secret(password), address, std::move(done));
    });
  }
  Result<IssuedToken> api_token(NewApiToken wanted) {
    return wait<IssuedToken>(
        [&](auto done) { accounts->create_api_token(executor, "test", std::move(wanted), std::move(done)); });
  }
  Result<void> logout(std::string_view cookie) {
    return wait<void>(
        [&](auto done) { accounts->logout(executor, Secret(std::string(cookie)), std::move(done)); });
  }
  Result<void> remove_user(const std::string& name) {
    return wait<void>([&](auto done) { accounts->remove_user(executor, "test", name, std::move(done)); });
  }
};

TEST_F(AccountsTest, TheClaimMakesTheFirstUserOnce) {
  const std::string token = prepare_claim();
  EXPECT_EQ(token.size(), 43U);
  EXPECT_FALSE(repository.mentions(token));
  const auto session = claim(token).value();
  EXPECT_EQ(session.user.name, "admin");
  const auto principal = by_cookie(session.cookie.view()).value();
  EXPECT_TRUE(principal->permissions == std::vector<std::string>{"*"});
  EXPECT_EQ(principal->proof, Proof::session);
  EXPECT_EQ(claim(token, "another password").error().code, Errc::unauthenticated) << "used twice";
  EXPECT_TRUE(login("admin", kPassword));
  EXPECT_FALSE(login("admin", "another password"));
  EXPECT_EQ(prepare_claim(), "") << "never after a user exists";
  EXPECT_EQ(repository.at(DocumentKind::setting, "claim"), nullptr);
}

TEST_F(AccountsTest, OfTwoClaimsAtTheSameMomentOneWins) {
  const std::string token = prepare_claim();
  int won = 0;
  int lost = 0;
  for (int i = 0; i < 3; ++i) {
    accounts->claim(executor, Secret(token), Secret("password number " + std::to_string(i)), "192.0.2.1",
                    [&](Result<StartedSession> result) { ++(result ? won : lost); });
  }
  scheduler.run_ready();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(repository.count(DocumentKind::user), 1U);
}

TEST_F(AccountsTest, ClaimsExpireAreReplacedAndAreNotGuessed) {
  const std::string first = prepare_claim();
  const std::string second = prepare_claim();
  EXPECT_FALSE(claim(first)) << "a new start replaces it";
  EXPECT_EQ(claim(second, "short").error().code, Errc::invalid_argument);
  clock.advance_to(Instant{hours{24}});
  EXPECT_FALSE(claim(second)) << "a day later";
  const std::string third = prepare_claim();
  for (unsigned i = 0; i <= kFreeFailures; ++i) EXPECT_FALSE(claim("wrong"));
  EXPECT_EQ(claim(third).error().code, Errc::quota_exceeded);
  EXPECT_TRUE(claim(third, kPassword, "198.51.100.1"));
}

TEST_F(AccountsTest, AUserMadeBeforeTheClaimSpentTheLinkInSilence) {
  const std::string token = prepare_claim();
  EXPECT_EQ(create_user("ann", kPassword)->link, CreatedUser::Link::voided);
  const auto late = claim(token);
  EXPECT_EQ(late.error().code, Errc::unauthenticated);
  EXPECT_THAT(late.error().message, testing::HasSubstr("a user was made on the server before it was used"));
  EXPECT_EQ(repository.count(DocumentKind::user), 1U);
  EXPECT_EQ(create_user("bob", kPassword)->link, CreatedUser::Link::untouched) << "told once";
  const auto guess = claim("wrong");
  EXPECT_THAT(guess.error().message, testing::Not(testing::HasSubstr("a user was made")));
  EXPECT_EQ(prepare_claim(), "");
  EXPECT_THAT(claim(token).error().message, testing::HasSubstr("there is a user already; sign in"))
      << "after a restart nobody knows whose link it was";
}

TEST_F(AccountsTest, OfAClaimAndAUserMadeAtTheSameMomentBothAreKept) {
  const std::string token = prepare_claim();
  std::optional<Result<StartedSession>> claimed;
  std::optional<Result<CreatedUser>> created;
  accounts->claim(executor, Secret(token), Secret(kPassword), "192.0.2.1",
                  [&](Result<StartedSession> result) { claimed = std::move(result); });
  NewUser ann;
  ann.name = "ann";
  ann.password = Secret(kPassword);
  accounts->create_user(executor, "test", std::move(ann),
                        [&](Result<CreatedUser> result) { created = std::move(result); });
  scheduler.run_ready();
  ASSERT_TRUE(claimed && created);
  ASSERT_TRUE(*created) << created->error().message;
  // Whoever wrote first: the link is spent on the admin, or void.
  EXPECT_EQ(claimed->has_value(), (*created)->link == CreatedUser::Link::untouched);
  EXPECT_EQ(repository.count(DocumentKind::user), claimed->has_value() ? 2U : 1U);
  EXPECT_FALSE(claim(token));
}

TEST_F(AccountsTest, SessionsSurviveARestartAndEnd) {
  ASSERT_TRUE(create_user("ann", kPassword));
  const auto session = login("ann", kPassword).value();
  const std::string cookie(session.cookie.view());
  EXPECT_FALSE(repository.mentions(cookie.substr(20)));
  EXPECT_TRUE(by_cookie(cookie));
  start();
  EXPECT_EQ(by_cookie(cookie).value()->name, "ann") << "after a restart";
  EXPECT_FALSE(by_bearer(cookie)) << "a cookie is no token";
  std::string forged = cookie;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(by_cookie(forged));
  EXPECT_TRUE(logout(forged)) << "no error, and no effect:";
  EXPECT_TRUE(by_cookie(cookie));
  EXPECT_TRUE(logout(cookie));
  EXPECT_FALSE(by_cookie(cookie));
  EXPECT_TRUE(logout(cookie));
  EXPECT_TRUE(logout("rubbish"));
}

TEST_F(AccountsTest, SessionsEndWhenIdleOrOld) {
  ASSERT_TRUE(create_user("ann", kPassword));
  const std::string idle(login("ann", kPassword)->cookie.view());
  const std::string used(login("ann", kPassword)->cookie.view());
  for (int i = 0; i < 3; ++i) {
    clock.advance_to(clock.now() + hours{5});
    EXPECT_TRUE(by_cookie(used));
  }
  EXPECT_FALSE(by_cookie(idle)) << "15 hours without use";
  start();
  EXPECT_TRUE(by_cookie(used)) << "the last use was stored";
  Result<PrincipalRef> last = by_cookie(used);
  for (int i = 0; i < 80 && last; ++i) {
    clock.advance_to(clock.now() + hours{10});
    last = by_cookie(used);
  }
  EXPECT_FALSE(last) << "30 days at most, however busy";
  EXPECT_LE(clock.now() - Instant{}, days{31});
}

TEST_F(AccountsTest, AUsersSessionsAreBounded) {
  ASSERT_TRUE(create_user("ann", kPassword));
  const std::string first(login("ann", kPassword)->cookie.view());
  for (std::size_t i = 0; i < kMaxSessionsPerUser + 3; ++i) {
    clock.advance_to(clock.now() + minutes{1});
    ASSERT_TRUE(login("ann", kPassword));
  }
  EXPECT_EQ(repository.count(DocumentKind::token), kMaxSessionsPerUser);
  EXPECT_FALSE(by_cookie(first)) << "the oldest goes";
}

TEST_F(AccountsTest, RemovingAUserEndsSessionsAndTokens) {
  ASSERT_TRUE(create_user("ann", kPassword));
  ASSERT_TRUE(create_user("bob", kPassword));
  const std::string cookie(login("ann", kPassword)->cookie.view());
  const std::string token(api_token({.owner = "ann", .label = "ci", .permissions = {"*"}})->text.view());
  const std::string other(api_token({.owner = "bob", .label = "ci", .permissions = {"*"}})->text.view());
  EXPECT_TRUE(by_bearer(token));
  ASSERT_TRUE(remove_user("ann"));
  EXPECT_FALSE(by_cookie(cookie));
  EXPECT_FALSE(by_bearer(token));
  EXPECT_FALSE(login("ann", kPassword));
  EXPECT_TRUE(by_bearer(other));
  EXPECT_EQ(remove_user("ann").error().code, Errc::not_found);
}

TEST_F(AccountsTest, ATokenNeverGivesMoreThanItsOwnerHasNow) {
  ASSERT_TRUE(create_user("ann", kPassword, {"things:*", "rules:read"}));
  EXPECT_EQ(api_token({.owner = "ann", .label = "", .permissions = {"*"}}).error().code,
            Errc::permission_denied);
  EXPECT_EQ(api_token({.owner = "ann", .label = "", .permissions = {"rules:write"}}).error().code,
            Errc::permission_denied);
  EXPECT_EQ(api_token({.owner = "ann", .label = "", .permissions = {}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(api_token({.owner = "ann", .label = "", .permissions = {"Things Read"}}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(api_token({.owner = "bob", .label = "", .permissions = {"*"}}).error().code, Errc::not_found);
  const std::string token(
      api_token(
          {.owner = "ann", .label = "", .permissions = {"things:read", "rules:read"}, .lifetime = hours{1}})
          ->text.view());
  EXPECT_EQ(by_bearer(token).value()->permissions, (std::vector<std::string>{"things:read", "rules:read"}));
  auto user = user_of(*repository.at(DocumentKind::user, "ann")).value();
  user.permissions = {"things:read"};
  repository.put(DocumentKind::user, "ann", document_of(user).body);
  EXPECT_EQ(by_bearer(token).value()->permissions, std::vector<std::string>{"things:read"});
  user.state = UserRecord::State::disabled;
  repository.put(DocumentKind::user, "ann", document_of(user).body);
  EXPECT_FALSE(by_bearer(token));
  user.state = UserRecord::State::enabled;
  repository.put(DocumentKind::user, "ann", document_of(user).body);
  clock.advance_to(Instant{hours{1}});
  EXPECT_FALSE(by_bearer(token)) << "expired";
}

TEST_F(AccountsTest, AnApiTokenWorksOverMqttForItsOwner) {
  ASSERT_TRUE(create_user("ann", kPassword));
  const std::string token(api_token({.owner = "ann", .label = "", .permissions = {"*"}})->text.view());
  EXPECT_EQ(login_as(with_password("ann", token, "user-1")).value()->kind, PrincipalKind::user);
  EXPECT_FALSE(login_as(with_password("bob", token, "user-1")));
  EXPECT_FALSE(login_as(with_password("ann", token, "press-01"))) << "not with a thing's client id";
}

TEST_F(AccountsTest, TokensAreCountedListedAndRemoved) {
  for (std::size_t i = 0; i < kMaxTokensPerOwner; ++i) EXPECT_NE(device_token("press-01"), "");
  const auto over = wait<IssuedToken>(
      [&](auto done) { accounts->create_device_token(executor, "test", "press-01", "", std::move(done)); });
  EXPECT_EQ(over.error().code, Errc::limit_exceeded);
  const auto unknown = wait<IssuedToken>(
      [&](auto done) { accounts->create_device_token(executor, "test", "nope", "", std::move(done)); });
  EXPECT_EQ(unknown.error().code, Errc::not_found);
  const std::string token = device_token("press-02");
  const auto list = wait<std::vector<TokenRecord>>(
      [&](auto done) { accounts->list_tokens(executor, TokenType::device, "press-02", std::move(done)); });
  ASSERT_EQ(list->size(), 1U);
  EXPECT_TRUE(login_as(with_password("press-02", token)));
  const auto remove = [&](const std::string& id) {
    return wait<TokenRecord>(
        [&](auto done) { accounts->remove_token(executor, "test", id, std::move(done)); });
  };
  EXPECT_EQ(remove(list->front().id)->owner, "press-02");
  EXPECT_FALSE(login_as(with_password("press-02", token)));
  EXPECT_EQ(remove(list->front().id).error().code, Errc::not_found);
}

TEST_F(AccountsTest, BadUsersAreRefused) {
  EXPECT_EQ(create_user("a b", kPassword).error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("", kPassword).error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", "short").error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", std::string(kMaxPasswordBytes + 1, 'a')).error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", "dt_looks_like_a_token").error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", "0123456789\xff").error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", kPassword, {"bad permission"}).error().code, Errc::invalid_argument);
  EXPECT_TRUE(create_user("ann", kPassword));
  EXPECT_EQ(create_user("ann", kPassword).error().code, Errc::already_exists);
  const auto users = wait<std::vector<UserRecord>>(
      [&](auto done) { accounts->list_users(executor, "", 10, std::move(done)); });
  EXPECT_EQ(users->size(), 1U);
}

TEST_F(AccountsTest, AChangeThatIsNotStoredDidNotHappen) {
  ASSERT_TRUE(create_user("ann", kPassword));
  repository.fail_writes = true;
  EXPECT_FALSE(login("ann", kPassword));
  EXPECT_EQ(device_token("press-01"), "");
  EXPECT_FALSE(create_user("bob", kPassword));
  EXPECT_FALSE(issue("press-01"));
  EXPECT_EQ(repository.count(DocumentKind::certificate), 0U);
}

TEST_F(AccountsTest, EveryChangeLeavesAnAuditRecord) {
  const std::size_t before = repository.count(DocumentKind::audit);
  ASSERT_TRUE(create_user("ann", kPassword));
  device_token("press-01");
  const std::string fingerprint = issue("press-01")->info.fingerprint;
  ASSERT_TRUE(wait<CertificateRecord>([&](auto done) {
    certificates->revoke(executor, "ann", fingerprint, RevocationReason::unspecified, std::move(done));
  }));
  ASSERT_TRUE(remove_user("ann"));
  EXPECT_EQ(repository.count(DocumentKind::audit) - before, 5U);
}

TEST_F(AccountsTest, WhoSignsInOrTriesToIsTold) {
  std::vector<std::string> told;
  authenticator->on_sign_in([&](const Authenticator::SignIn& event) {
    told.push_back(event.name + " " + (event.outcome == AuditOutcome::ok ? "ok" : "failed") + " " +
                   event.address + " " + event.detail);
  });
  const std::string token = prepare_claim();
  EXPECT_FALSE(claim("wrong"));
  const auto session = claim(token).value();
  EXPECT_FALSE(login("admin", "not the password"));
  ASSERT_TRUE(login("admin", kPassword));
  EXPECT_FALSE(login_as(with_password("admin", "not this", "user-1")));
  ASSERT_TRUE(login_as(with_password("admin", kPassword, "user-1")));
  EXPECT_FALSE(login_as(with_password("press-01", "dt_0000000000000000_x")));
  EXPECT_THAT(told, testing::ElementsAre(
                        "admin failed 192.0.2.1 the link is not valid", testing::StartsWith("admin failed "),
                        testing::StartsWith("admin failed "), "admin ok 192.0.2.1:5000 by MQTT"))
      << "successes on the web are in the write that makes the session, things are no people";
  ASSERT_TRUE(logout(session.cookie.view()));
  for (const char* action : {"session.claim", "session.login", "session.logout"})
    EXPECT_TRUE(repository.mentions("\"action\":\"" + std::string(action) + "\"")) << action;
}

TEST_F(AccountsTest, RevocationIsOneWriteAndCountsAtOnce) {
  const auto issued = issue("press-01").value();
  const std::string der = der_of(issued.certificate_pem);
  const auto revoke = [&](const std::string& fingerprint) {
    return wait<CertificateRecord>([&](auto done) {
      certificates->revoke(executor, "ann", fingerprint, RevocationReason::unspecified, std::move(done));
    });
  };
  ASSERT_TRUE(login_as(with_certificate(der)));
  repository.fail_writes = true;
  EXPECT_FALSE(revoke(issued.info.fingerprint));
  EXPECT_TRUE(login_as(with_certificate(der))) << "not stored, not revoked";
  repository.fail_writes = false;
  const int writes = repository.writes;
  EXPECT_EQ(revoke(issued.info.fingerprint).value().thing, "press-01");
  EXPECT_EQ(repository.writes, writes + 1);
  EXPECT_FALSE(login_as(with_certificate(der)));
  EXPECT_TRUE(revocations.is_revoked(issued.info.fingerprint));
  EXPECT_TRUE(revoke(issued.info.fingerprint)) << "twice is no error";
  EXPECT_EQ(revoke("nope").error().code, Errc::not_found);
  RevocationIndex fresh;
  CertificateRegister reloaded({repository, workers, *pki, fresh, clock, rng});
  ASSERT_TRUE(wait<void>([&](auto done) { reloaded.load(executor, std::move(done)); }));
  EXPECT_TRUE(fresh.is_revoked(issued.info.fingerprint)) << "after a restart";
  EXPECT_EQ(fresh.size(), 1U);
  EXPECT_TRUE(login_as(with_certificate(der_of(issue("press-01")->certificate_pem)))) << "a new one works";
}

TEST_F(AccountsTest, TokensAskedForAtOnceWereMoreThanTheLimit) {
  std::size_t made = 0;
  std::size_t refused = 0;
  const auto ask = [&](const std::string& thing) {
    accounts->create_device_token(executor, "test", thing, "", [&](Result<IssuedToken> token) {
      EXPECT_TRUE(token || token.error().code == Errc::limit_exceeded) << token.error().message;
      ++(token ? made : refused);
    });
  };
  for (std::size_t i = 0; i < kMaxTokensPerOwner + 5; ++i) ask("press-01");
  ask("press-02");
  scheduler.run_ready();
  EXPECT_EQ(made, kMaxTokensPerOwner + 1) << "and one of another thing";
  EXPECT_EQ(refused, 5U);
}

TEST_F(AccountsTest, CertificatesAskedForAtOnceWereMoreThanTheLimit) {
  std::size_t made = 0;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kMaxCertificatesPerThing + 1; ++i) {
    certificates->issue(
        executor, "test", {.thing_name = "press-01", .csr_pem = {}, .lifetime = std::chrono::days{30}},
        [&](Result<IssuedCertificate> issued) {
          EXPECT_TRUE(issued || issued.error().code == Errc::quota_exceeded) << issued.error().message;
          ++(issued ? made : refused);
        });
  }
  scheduler.run_ready();
  EXPECT_EQ(made, kMaxCertificatesPerThing);
  EXPECT_EQ(refused, 1U);
}

TEST_F(AccountsTest, CertificatesAreCountedAndListed) {
  EXPECT_EQ(issue("nope").error().code, Errc::not_found);
  for (std::size_t i = 0; i < kMaxCertificatesPerThing; ++i) ASSERT_TRUE(issue("press-01"));
  EXPECT_EQ(issue("press-01").error().code, Errc::quota_exceeded);
  ASSERT_TRUE(issue("press-02"));
  const auto list = [&](const std::string& thing, std::size_t limit) {
    return wait<std::vector<CertificateRecord>>(
        [&](auto done) { certificates->list(executor, thing, "", limit, std::move(done)); });
  };
  EXPECT_EQ(list("press-01", 100)->size(), kMaxCertificatesPerThing);
  EXPECT_EQ(list("", 5)->size(), 5U);
  EXPECT_FALSE(repository.mentions("PRIVATE KEY")) << "a device's key is not kept";
}

TEST_F(AccountsTest, PoliciesAreStoredAndReachTheEngine) {
  PolicyEngine engine;
  PolicyRegister policies(repository, engine, clock);
  const auto load = [&] { return wait<void>([&](auto done) { policies.load(executor, std::move(done)); }); };
  const auto put = [&](const std::string& name, const std::string& json,
                       std::optional<std::uint64_t> version = {}) {
    return wait<StoredPolicy>(
        [&](auto done) { policies.put(executor, "ann", {name, json, 0}, version, std::move(done)); });
  };
  const auto remove = [&](const std::string& name) {
    return wait<void>([&](auto done) { policies.remove(executor, "ann", name, std::move(done)); });
  };
  repository.put(DocumentKind::policy, "quarantine", R"({"statements":[]})");
  ASSERT_TRUE(load());
  EXPECT_EQ(repository.at(DocumentKind::policy, "quarantine")->body, R"({"statements":[]})")
      << "what an operator has made stays";
  EXPECT_EQ(repository.count(DocumentKind::policy), 8U) << "the defaults and the bounds of the stages";
  Principal principal;
  principal.policies = {"p"};
  const std::string allow =
      R"({"statements":[{"effect":"allow","actions":["mqtt:publish"],"resources":["topic/a"]}]})";
  EXPECT_EQ(put("p", allow, 0)->version, 1U);
  EXPECT_TRUE(engine.authorize(principal, Action::publish, "a").allowed());
  EXPECT_EQ(put("p", allow, 0).error().code, Errc::conflict);
  EXPECT_EQ(put("p", "{").error().code, Errc::malformed);
  EXPECT_EQ(put("p/q", allow).error().code, Errc::invalid_argument);
  EXPECT_TRUE(engine.authorize(principal, Action::publish, "a").allowed());
  repository.fail_writes = true;
  EXPECT_FALSE(remove("p"));
  EXPECT_TRUE(engine.authorize(principal, Action::publish, "a").allowed());
  repository.fail_writes = false;
  EXPECT_TRUE(remove("p"));
  EXPECT_FALSE(engine.authorize(principal, Action::publish, "a").allowed());
  EXPECT_EQ(remove("p").error().code, Errc::not_found);
  ASSERT_TRUE(remove("anonymous"));
  ASSERT_TRUE(load());
  EXPECT_EQ(repository.count(DocumentKind::policy), 7U) << "a default that was deleted stays deleted";
  repository.put(DocumentKind::policy, "p", "damaged");
  ASSERT_TRUE(load());
  EXPECT_EQ(engine.authorize(principal, Action::publish, "a").reason, Reason::broken_policy);
}

}  // namespace
}  // namespace dunlin::security
