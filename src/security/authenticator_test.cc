#include "security/authenticator.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/time_text.h"
#include "security/identity_fixture.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using store::DocumentKind;

constexpr const char* kPassword = "correct horse battery";

TEST_F(IdentityTest, ACertificateMakesItsThing) {
  const auto issued = issue("press-01").value();
  const auto principal = login_as(with_certificate(der_of(issued.certificate_pem), "press-01")).value();
  EXPECT_EQ(principal->kind, PrincipalKind::device);
  EXPECT_EQ(principal->proof, Proof::certificate);
  EXPECT_EQ(principal->name, "press-01");
  EXPECT_EQ(principal->client_id, "press-01");
  EXPECT_EQ(principal->fingerprint(), issued.info.fingerprint);
  EXPECT_EQ(principal->attribute("site"), "plant1");
  EXPECT_TRUE(principal->policies == std::vector<std::string>{"device"});
  const auto gateway = login_as(with_certificate(der_of(issue("gw-1")->certificate_pem))).value();
  EXPECT_EQ(gateway->kind, PrincipalKind::gateway);
  EXPECT_EQ(gateway->policies, std::vector<std::string>{"gateway"});
  EXPECT_TRUE(gateway->client_id.starts_with("gw-1/auto-"));
}

TEST_F(IdentityTest, CertificatesThatMustBeRefused) {
  const auto issued = issue("press-01").value();
  const std::string der = der_of(issued.certificate_pem);
  const auto unregistered = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
  EXPECT_FALSE(login_as(with_certificate(der_of(unregistered.certificate_pem)))) << "not in the register";
  EXPECT_FALSE(login_as(with_certificate(der_of(pki->server_identity().certificate_chain_pem))))
      << "the server's own";
  EXPECT_FALSE(login_as(with_certificate(der_of(pki->root_pem()))));
  EXPECT_FALSE(login_as(with_certificate("rubbish")));
  EXPECT_FALSE(login_as(with_certificate(der + "x")));
  Credentials other_name = with_certificate(der);
  other_name.username = "press-02";
  EXPECT_FALSE(login_as(std::move(other_name)));
  EXPECT_FALSE(login_as(with_certificate(der_of(issue("off-1")->certificate_pem)))) << "disabled";
  const std::string gone = der_of(issue("press-02")->certificate_pem);
  repository.documents.erase({DocumentKind::thing, 1, "press-02"});
  EXPECT_FALSE(login_as(with_certificate(gone))) << "the thing was removed";
  repository.at(DocumentKind::certificate, issued.info.fingerprint)->body = "{";
  EXPECT_FALSE(login_as(with_certificate(der))) << "a broken record is no permission";
}

TEST_F(IdentityTest, ARecordOfAnotherThingDoesNotLendItsName) {
  const auto issued = issue("press-01").value();
  auto record = certificate_of(*repository.at(DocumentKind::certificate, issued.info.fingerprint)).value();
  record.thing = "press-02";
  repository.put(DocumentKind::certificate, issued.info.fingerprint, document_of(record).body);
  EXPECT_FALSE(login_as(with_certificate(der_of(issued.certificate_pem))));
}

TEST_F(IdentityTest, ACertificateEndsAtItsDate) {
  const std::string der = der_of(issue("press-01")->certificate_pem);
  clock.advance_to(Instant{days{30} - seconds{1}});
  EXPECT_TRUE(login_as(with_certificate(der)));
  clock.advance_to(Instant{days{30}});
  EXPECT_FALSE(login_as(with_certificate(der)));
}

TEST_F(IdentityTest, ABadCertificateIsNotRescuedByAPassword) {
  ASSERT_TRUE(create_user("ann", kPassword));
  Credentials both = with_password("ann", kPassword);
  both.certificate_der = "rubbish";
  EXPECT_FALSE(login_as(std::move(both)));
}

TEST_F(IdentityTest, ClientIdsBelongToTheirPrincipal) {
  const std::string der = der_of(issue("press-01")->certificate_pem);
  for (const char* good : {"press-01", "press-01/a", "press-01/session/2"}) {
    EXPECT_EQ(login_as(with_certificate(der, good)).value()->client_id, good);
  }
  for (const char* bad : {"press-02", "press-010", "press-01-x", "press-01/", "user-1", "#", "+", "$SYS",
                          "PRESS-01", "press-01 "}) {
    const auto principal = login_as(with_certificate(der, bad));
    ASSERT_FALSE(principal) << bad;
    EXPECT_EQ(principal.error().code, Errc::permission_denied) << bad;
  }
  EXPECT_EQ(login_as(with_certificate(der, std::string("press-01/a\0b", 12))).error().code, Errc::malformed);
  EXPECT_EQ(login_as(with_certificate(der, "press-01/\xff")).error().code, Errc::malformed);
  EXPECT_EQ(login_as(with_certificate(der, "press-01/\n")).error().code, Errc::malformed);
  EXPECT_EQ(login_as(with_certificate(der, "press-01/" + std::string(kMaxClientId, 'a'))).error().code,
            Errc::limit_exceeded);
  ASSERT_TRUE(create_user("ann", kPassword));
  EXPECT_TRUE(login_as(with_password("ann", kPassword, "user-7")));
  EXPECT_FALSE(login_as(with_password("ann", kPassword, "press-01")))
      << "a user cannot take over a device's session";
  EXPECT_TRUE(login_as(with_password("ann", kPassword)).value()->client_id.starts_with("user-auto-"));
  EXPECT_FALSE(check_thing_name("user-7"));
}

TEST_F(IdentityTest, ADeviceTokenWorksForItsThingOnly) {
  const std::string token = device_token("press-01");
  ASSERT_TRUE(token.starts_with("dt_"));
  EXPECT_FALSE(repository.mentions(token.substr(20))) << "only a hash is stored";
  const auto principal = login_as(with_password("press-01", token, "press-01")).value();
  EXPECT_EQ(principal->kind, PrincipalKind::device);
  EXPECT_EQ(principal->proof, Proof::token);
  EXPECT_FALSE(login_as(with_password("press-02", token, "press-02")));
  EXPECT_FALSE(login_as(with_password("", token, "")));
  EXPECT_FALSE(by_bearer(token)) << "a device's token opens no API";
  EXPECT_FALSE(by_cookie(token));
  for (std::size_t at = 0; at < token.size(); at += 3) {
    std::string bad = token;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(login_as(with_password("press-01", bad, "press-01", "198.51.100." + std::to_string(at))))
        << at;
  }
  for (const std::string& bad :
       {token.substr(0, token.size() - 1), token + "x", std::string("dt_"), std::string("dt__")}) {
    EXPECT_FALSE(login_as(with_password("press-01", bad, "press-01", "203.0.113.9")));
  }
}

TEST_F(IdentityTest, ADisabledOrRemovedThingsTokenIsRefused) {
  const std::string token = device_token("press-01");
  repository.put(DocumentKind::thing, "press-01", thing_body("machine", "disabled"));
  EXPECT_FALSE(login_as(with_password("press-01", token)));
  repository.put(DocumentKind::thing, "press-01", thing_body("machine", "nonsense"));
  EXPECT_FALSE(login_as(with_password("press-01", token))) << "an unreadable state is not 'enabled'";
  repository.documents.erase({DocumentKind::thing, 1, "press-01"});
  EXPECT_FALSE(login_as(with_password("press-01", token)));
}

TEST_F(IdentityTest, ARecreatedThingDoesNotInheritTheOldOnesCredentials) {
  const std::string token = device_token("press-01");
  const std::string der = der_of(issue("press-01")->certificate_pem);
  clock.advance_to(clock.now() + std::chrono::seconds{1});
  const std::string body =
      R"({"type":"machine","state":"enabled","created_at":")" + format_rfc3339(clock.wall_now()) + "\"}";
  repository.put(DocumentKind::thing, "press-01", body);
  EXPECT_FALSE(login_as(with_password("press-01", token)));
  EXPECT_FALSE(login_as(with_certificate(der)));
  EXPECT_TRUE(login_as(with_password("press-01", device_token("press-01"), "press-01", "198.51.100.7")));
  EXPECT_TRUE(login_as(with_certificate(der_of(issue("press-01")->certificate_pem))));
}

TEST_F(IdentityTest, PasswordsAreCheckedAndNotTold) {
  ASSERT_TRUE(create_user("ann", kPassword, {"things:read"}));
  EXPECT_FALSE(repository.mentions(kPassword));
  EXPECT_TRUE(repository.mentions("$argon2id$v=19$m=64,t=1,p=1$"));
  const auto principal = login_as(with_password("ann", kPassword)).value();
  EXPECT_EQ(principal->kind, PrincipalKind::user);
  EXPECT_TRUE(principal->permissions == std::vector<std::string>{"things:read"});
  const auto wrong = login_as(with_password("ann", "wrong"));
  const auto unknown = login_as(with_password("bob", "wrong"));
  const auto empty = login_as(with_password("ann", ""));
  ASSERT_FALSE(wrong || unknown || empty);
  EXPECT_EQ(wrong.error().message, unknown.error().message) << "no hint which of the two was wrong";
  EXPECT_EQ(wrong.error().code, Errc::unauthenticated);
  EXPECT_EQ(login_as(with_password(std::string(300, 'a'), "x")).error().code, Errc::limit_exceeded);
  EXPECT_EQ(login_as(with_password("ann", std::string(kMaxSecretBytes + 1, 'a'))).error().code,
            Errc::limit_exceeded);
}

TEST_F(IdentityTest, AStoredPasswordThatIsBrokenIsNoLogin) {
  ASSERT_TRUE(create_user("ann", kPassword));
  for (const char* stored :
       {"", "plain", "$argon2id$", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=64,t=999,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA"}) {
    auto user = user_of(*repository.at(DocumentKind::user, "ann")).value();
    user.password = stored;
    repository.put(DocumentKind::user, "ann", document_of(user).body);
    EXPECT_FALSE(verify_password(stored, kPassword)) << stored;
    EXPECT_FALSE(login_as(
        with_password("ann", kPassword, "", "192.0.2." + std::to_string(std::string(stored).size()))))
        << stored;
  }
}

TEST_F(IdentityTest, FailuresCostTimeThatDoubles) {
  ASSERT_TRUE(create_user("ann", kPassword));
  for (unsigned i = 0; i <= kFreeFailures; ++i) {
    EXPECT_EQ(login_as(with_password("ann", "wrong")).error().code, Errc::unauthenticated);
  }
  EXPECT_EQ(login_as(with_password("ann", kPassword)).error().code, Errc::quota_exceeded)
      << "now even the right one waits";
  EXPECT_EQ(login_as(with_password("ann", kPassword, "", "198.51.100.7")).error().code, Errc::quota_exceeded)
      << "the user waits";
  EXPECT_EQ(login_as(with_password("bob", "x", "", "192.0.2.1:99")).error().code, Errc::quota_exceeded)
      << "the address waits";
  EXPECT_EQ(authenticator->counts().penalised, 3U);
  clock.advance_to(clock.now() + seconds{1});
  EXPECT_EQ(login_as(with_password("ann", "wrong")).error().code, Errc::unauthenticated);
  clock.advance_to(clock.now() + seconds{1});
  EXPECT_EQ(login_as(with_password("ann", kPassword)).error().code, Errc::quota_exceeded)
      << "two seconds now";
  clock.advance_to(clock.now() + seconds{1});
  EXPECT_TRUE(login_as(with_password("ann", kPassword)));
}

TEST(PenaltyTest, CapsAndForgetsAndStaysBounded) {
  VirtualClock clock;
  PenaltyTable table(clock);
  for (int i = 0; i < 100; ++i) table.failed("a", kMaxUserPenalty);
  EXPECT_EQ(table.wait({"a"}), kMaxUserPenalty);
  EXPECT_EQ(table.wait({"b"}), Duration{0});
  for (std::size_t i = 0; i < 3 * kMaxPenaltyEntries; ++i)
    table.failed("x" + std::to_string(i), kMaxUserPenalty);
  EXPECT_LE(table.size(), kMaxPenaltyEntries);
  EXPECT_EQ(table.wait({"a"}), kMaxUserPenalty) << "a flood of new names does not push out the worst";
  clock.advance_to(Instant{hours{2}});
  table.failed("a", kMaxUserPenalty);
  EXPECT_LE(table.wait({"a"}), Duration{0}) << "an hour later it begins anew";
  table.succeeded("a");
  EXPECT_LE(table.wait({"a"}), Duration{0});
}

TEST(PenaltyTest, AddressesAreCountedByNetwork) {
  EXPECT_EQ(network_of("192.0.2.1"), network_of("192.0.2.1:77"));
  EXPECT_NE(network_of("192.0.2.1"), network_of("192.0.2.2"));
  EXPECT_EQ(network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"));
  EXPECT_EQ(network_of("2001:db8::1"), network_of("[2001:db8::ffff]:80"));
  EXPECT_NE(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
  EXPECT_EQ(network_of("not an address"), "not an address");
  EXPECT_EQ(network_of(std::string(10'000, 'x')).size(), 64U);
  for (const char* loopback :
       {"127.0.0.1", "127.8.9.1:5", "::1", "[::1]:99", "::ffff:127.0.0.1", "unix:uid=1000"})
    EXPECT_TRUE(is_loopback(loopback)) << loopback;
  for (const char* other :
       {"", "10.0.0.1", "128.0.0.1", "::2", "localhost", "1270.0.0.1", "::", "[", "127.0.0.1.example"}) {
    EXPECT_FALSE(is_loopback(other)) << other;
  }
}

TEST_F(IdentityTest, AtMostAFewPasswordsAreHashedAtOnce) {
  ASSERT_TRUE(create_user("ann", kPassword));
  int answered = 0;
  int overloaded = 0;
  const int asked = static_cast<int>(kPasswordJobsAtOnce + kPasswordJobsWaiting) + 10;
  for (int i = 0; i < asked; ++i) {
    Credentials one = with_password("ann", kPassword, "", "10.0.0." + std::to_string(i));
    authenticator->authenticate(executor, std::move(one), [&](Result<PrincipalRef> result) {
      ++answered;
      if (!result && result.error().code == Errc::unavailable) ++overloaded;
    });
  }
  scheduler.run_ready();
  EXPECT_EQ(answered, asked);
  EXPECT_EQ(overloaded, 10);
  EXPECT_EQ(authenticator->counts().overloaded, 10U);
}

TEST(PasswordGateTest, RunsAtMostTwoAtOnceOnRealThreads) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> finished{0};
  struct Pool final : WorkerPool {
    std::mutex mutex;
    std::vector<std::jthread> threads;
    void run(Task work) override {
      const std::lock_guard lock(mutex);
      threads.emplace_back([work = std::move(work)]() mutable { work(); });
    }
  } pool;
  PasswordGate gate(pool);
  SystemRng rng;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(gate.submit([&] {
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      EXPECT_TRUE(hash_password("0123456789", rng, {.memory_kib = 64, .passes = 1}));
      --running;
      ++finished;
    }));
  }
  while (finished < 20) std::this_thread::yield();
  std::vector<std::jthread> threads;
  {
    const std::lock_guard lock(pool.mutex);  // the last one may have ended before it is in the list
    threads.swap(pool.threads);
  }
  threads.clear();  // the gate hears of the end of each behind the count
  EXPECT_LE(most, 2);
}

TEST_F(IdentityTest, AnonymousOnlyWhereItIsSwitchedOnAndOnLoopback) {
  const auto nobody = [&](Listener listener, const std::string& address, const std::string& client) {
    Credentials credentials;
    credentials.protocol = "mqtt";
    credentials.client_id = client;
    credentials.address = address;
    credentials.listener = listener;
    return login_as(std::move(credentials));
  };
  EXPECT_FALSE(nobody(Listener::loopback, "127.0.0.1", "bench")) << "off by default";
  options.anonymous = Anonymous::on_loopback;
  start();
  EXPECT_FALSE(nobody(Listener::network, "127.0.0.1", "bench")) << "the listener must be on loopback";
  EXPECT_FALSE(nobody(Listener::loopback, "192.0.2.1", "bench")) << "and the peer";
  const auto principal = nobody(Listener::loopback, "127.0.0.1:9", "bench").value();
  EXPECT_EQ(principal->kind, PrincipalKind::anonymous);
  EXPECT_TRUE(principal->policies == std::vector<std::string>{"anonymous"});
  EXPECT_TRUE(principal->permissions.empty());
  EXPECT_EQ(principal->client_id, "bench");
  EXPECT_FALSE(nobody(Listener::loopback, "127.0.0.1", "press-01")) << "a thing's client id";
  EXPECT_FALSE(nobody(Listener::loopback, "127.0.0.1", "press-01/2"));
  Credentials bad = with_password("ann", "wrong password", "", "127.0.0.1");
  bad.listener = Listener::loopback;
  EXPECT_FALSE(login_as(std::move(bad))) << "a wrong credential does not become anonymous";
}

TEST_F(IdentityTest, TheLocalAdministratorsTokenWorksOnLoopbackOnly) {
  EXPECT_FALSE(by_bearer("at_local_x", "127.0.0.1")) << "before it is made";
  ASSERT_TRUE(authenticator->write_local_admin_token(fs, "data"));
  const std::string token = fs.files["data/admin.token"];
  const auto principal = by_bearer(token, "127.0.0.1:4711").value();
  EXPECT_EQ(principal->kind, PrincipalKind::service);
  EXPECT_TRUE(principal->permissions == std::vector<std::string>{"*"});
  EXPECT_FALSE(by_bearer(token, "192.0.2.1"));
  EXPECT_FALSE(by_bearer(token + "x", "127.0.0.1"));
  EXPECT_FALSE(login_as(with_password("local-admin", token, "", "127.0.0.1"))) << "not over MQTT";
  ASSERT_TRUE(authenticator->write_local_admin_token(fs, "data"));
  EXPECT_FALSE(by_bearer(token, "127.0.0.1")) << "made anew at each start";
}

}  // namespace
}  // namespace dunlin::security
