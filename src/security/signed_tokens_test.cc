// Signed tokens of things, from CONNECT to the principal.
#include <gmock/gmock.h>

#include "net/http/text.h"
#include "security/identity_fixture.h"
#include "security/signed_token_fixture.h"
#include "security/thing_credentials.h"
#include "security/thing_keys.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using store::DocumentKind;

struct SignedTokenTest : IdentityTest {
  SignedTokenTest() {
    clock.advance_to(Instant{hours{1}});
    options.key_secret = "secret of the data folder";
    start();
  }

  TestSigner signer;
  ThingKeys keys{{repository, clock, rng, "secret of the data folder"}};

  Result<PublicKeyRecord> add(const std::string& thing, const std::string& pem, Duration lifetime = {}) {
    return wait<PublicKeyRecord>([&](auto done) {
      keys.add(executor, "test", {.thing = thing, .pem = pem, .label = "l", .lifetime = lifetime},
               std::move(done));
    });
  }
  Result<ThingKeysRecord> list(const std::string& thing) {
    return wait<ThingKeysRecord>([&](auto done) { keys.get(executor, thing, std::move(done)); });
  }
  Result<void> remove(const std::string& thing, const std::string& key) {
    return wait<void>([&](auto done) { keys.remove(executor, "test", thing, key, std::move(done)); });
  }
  /// The key that was made, as bytes.
  std::string generate(const std::string& thing, SharedKeySlot slot = SharedKeySlot::primary) {
    const auto made = wait<ThingKeys::NewSharedKey>(
        [&](auto done) { keys.make_shared(executor, "test", thing, slot, std::move(done)); });
    return made ? std::string(as_text(from_base64(made->text.view()).value())) : "";
  }
  std::string sas(std::string_view key, const std::string& thing = "press-01", Duration lifetime = hours{1},
                  const std::string& more = "") {
    const std::string resource = "dunlin%2Fdevices%2F" + thing;
    const auto at = std::chrono::duration_cast<seconds>((clock.wall_now() + lifetime).time_since_epoch());
    const std::string expiry = std::to_string(at.count());
    const Digest signature = hmac_sha256(as_bytes(key), as_bytes(resource + "\n" + expiry));
    return "SharedAccessSignature sr=" + resource +
           "&sig=" + net::http::percent_encode(to_base64(signature)) + "&se=" + expiry + more;
  }
  std::string claims(const std::string& more = "", Duration lifetime = hours{1},
                     const std::string& audience = "dunlin") {
    const auto at = [&](Duration offset) {
      return std::to_string(
          std::chrono::duration_cast<seconds>((clock.wall_now() + offset).time_since_epoch()).count());
    };
    return R"({"aud":")" + audience + R"(","iat":)" + at({}) + R"(,"exp":)" + at(lifetime) + more + "}";
  }
  Result<PrincipalRef> show(const std::string& jwt, const std::string& client = "press-01",
                            const std::string& user = "unused") {
    return login_as(with_password(user, jwt, client));
  }
};

TEST_F(SignedTokenTest, AJwtMakesItsThing) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  const auto principal = show(signer.jwt(claims())).value();
  EXPECT_EQ(principal->kind, PrincipalKind::device);
  EXPECT_EQ(principal->proof, Proof::token);
  EXPECT_EQ(principal->name, "press-01");
  EXPECT_EQ(principal->expires_at, unix_milliseconds(clock.wall_now() + hours{1}));
  EXPECT_EQ(principal->attribute("site"), "plant1");
  EXPECT_EQ(show(signer.jwt(claims()), "press-01/2").value()->client_id, "press-01/2");
  EXPECT_EQ(show(signer.jwt(claims()), "", "press-01").value()->name, "press-01");
  EXPECT_EQ(show(signer.jwt(claims(R"(,"sub":"press-01")")), "", "").value()->name, "press-01");
}

TEST_F(SignedTokenTest, JwtsThatMustBeRefused) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  const TestSigner other;
  const auto refused = [&](const std::string& jwt, const std::string& client = "press-01",
                           const std::string& address = "203.0.113.1") {
    Credentials shown = with_password("unused", jwt, client, address);
    const auto principal = login_as(std::move(shown));
    return principal ? "accepted" : principal.error().message;
  };
  EXPECT_EQ(refused(other.jwt(claims())), "the JWT is not signed by a key of this thing");
  EXPECT_EQ(refused(signer.jwt(claims()), "press-02"), "the JWT is not signed by a key of this thing");
  EXPECT_EQ(refused(signer.jwt(claims()), "nobody"), "the JWT is not signed by a key of this thing");
  EXPECT_TRUE(refused(signer.jwt(claims(R"(,"sub":"press-02")"))).contains("sub"));
  EXPECT_TRUE(refused(signer.jwt(claims(), R"({"alg":"none"})"), "press-01", "203.0.113.2").contains("alg"));
  EXPECT_TRUE(refused(signer.jwt(claims(), R"({"alg":"HS256"})"), "press-01", "203.0.113.3").contains("alg"));
  EXPECT_EQ(refused(signer.jwt(claims(), R"({"alg":"RS256"})"), "press-01", "203.0.113.4"),
            "the JWT is not signed by a key of this thing")
      << "the key is of another kind";
  EXPECT_TRUE(refused(signer.jwt(claims("", hours{1}, "x")), "press-01", "203.0.113.5").contains("aud"));
  EXPECT_TRUE(refused(signer.jwt(claims("", days{2})), "press-01", "203.0.113.6").contains("24 hours"));
  std::string forged = signer.jwt(claims());
  forged.back() = forged.back() == 'A' ? 'Q' : 'A';
  EXPECT_NE(refused(forged, "press-01", "203.0.113.7"), "accepted");
  const std::string old = signer.jwt(claims("", minutes{5}));
  clock.advance_to(Instant{hours{1} + minutes{16}});
  EXPECT_TRUE(refused(old, "press-01", "203.0.113.8").contains("expired"));
}

TEST_F(SignedTokenTest, ATokenThatIsPastItsTimeByTheSkewEndsSoon) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  const std::string jwt = signer.jwt(claims("", minutes{5}));
  const std::int64_t stated = unix_milliseconds(clock.wall_now() + minutes{5});
  clock.advance_to(Instant{hours{1} + minutes{9}});
  EXPECT_EQ(show(jwt).value()->expires_at,
            stated + std::chrono::duration_cast<std::chrono::milliseconds>(kMaxClockSkew).count());
}

TEST_F(SignedTokenTest, FailuresWaitLikeWrongPasswords) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  const TestSigner other;
  for (unsigned i = 0; i <= kFreeFailures; ++i) EXPECT_FALSE(show(other.jwt(claims())));
  EXPECT_EQ(show(signer.jwt(claims())).error().code, Errc::quota_exceeded);
  clock.advance_to(Instant{hours{1} + minutes{1}});
  EXPECT_TRUE(show(signer.jwt(claims())));
}

TEST_F(SignedTokenTest, KeysAreFewAndEnd) {
  const std::vector<TestSigner> signers(5);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto added = add("press-01", signers[i].public_pem, i == 0 ? Duration{days{1}} : Duration{0});
    ASSERT_TRUE(added) << i;
    EXPECT_EQ(add("press-01", signers[i].public_pem).error().code, Errc::already_exists);
  }
  EXPECT_EQ(add("press-01", signers[4].public_pem).error().code, Errc::limit_exceeded);
  EXPECT_EQ(add("nobody", signers[4].public_pem).error().code, Errc::not_found);
  EXPECT_EQ(add("press-01", "x").error().code, Errc::malformed);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(show(signers[i].jwt(claims()))) << i;
  clock.advance_to(Instant{hours{13}});
  EXPECT_EQ(show(signers[0].jwt(claims("", hours{20}))).value()->expires_at,
            unix_milliseconds(from_unix_milliseconds(list("press-01")->public_keys[0].expires_at)))
      << "no longer than the key";
  clock.advance_to(Instant{days{2}});
  EXPECT_FALSE(show(signers[0].jwt(claims())));
  ASSERT_TRUE(add("press-01", signers[4].public_pem)) << "one that has expired makes room";
  const auto held = list("press-01").value();
  ASSERT_EQ(held.public_keys.size(), 4U);
  const std::string gone = held.public_keys[0].key.id;
  ASSERT_TRUE(remove("press-01", gone));
  EXPECT_FALSE(show(signers[1].jwt(claims())));
  EXPECT_EQ(remove("press-01", gone).error().code, Errc::not_found);
  EXPECT_TRUE(repository.mentions("key.add") && repository.mentions("key.remove"));
}

TEST_F(SignedTokenTest, AThingTakesItsKeysWithIt) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  repository.put(DocumentKind::thing, "press-01",
                 R"({"type":"machine","state":"enabled","created_at":"2100-01-01T00:00:00Z"})");
  EXPECT_FALSE(show(signer.jwt(claims()))) << "a new thing of the same name";
  ThingCredentials credentials({repository, revocations, clock, rng});
  const auto withdrawal = wait<ThingCredentials::Withdrawal>([&](auto done) {
    credentials.withdraw(executor, "test", "press-01", ThingCredentials::Occasion::removed, std::move(done));
  });
  ASSERT_TRUE(withdrawal);
  EXPECT_TRUE(std::ranges::any_of(withdrawal->changes, [](const store::Change& change) {
    return change.kind == DocumentKind::thing_keys && change.action == store::Change::Action::remove;
  }));
}

TEST_F(SignedTokenTest, ADamagedRecordOrADisabledThingLetsNobodyIn) {
  ASSERT_TRUE(add("press-01", signer.public_pem));
  ASSERT_TRUE(add("off-1", signer.public_pem));
  EXPECT_FALSE(show(signer.jwt(claims()), "off-1"));
  repository.at(DocumentKind::thing_keys, "press-01")->body = "{";
  EXPECT_EQ(show(signer.jwt(claims())).error().code, Errc::corrupt);
}

TEST_F(SignedTokenTest, NoPasswordLooksLikeOne) {
  EXPECT_EQ(create_user("ann", signer.jwt(claims())).error().code, Errc::invalid_argument);
  EXPECT_EQ(create_user("ann", sas("key")).error().code, Errc::invalid_argument);
}

TEST_F(SignedTokenTest, ASasTokenMakesItsThing) {
  const std::string key = generate("press-01");
  ASSERT_EQ(key.size(), 32U);
  EXPECT_FALSE(repository.mentions(to_base64(as_bytes(key)))) << "the database holds no key";
  const auto principal = show(sas(key)).value();
  EXPECT_EQ(principal->name, "press-01");
  EXPECT_EQ(principal->proof, Proof::token);
  EXPECT_EQ(principal->expires_at, unix_milliseconds(clock.wall_now() + hours{1}));
  EXPECT_TRUE(show(sas(key), "", "host/press-01/?api-version=1"));
  EXPECT_TRUE(show(sas(key), "press-01/2"));
  EXPECT_TRUE(show(sas(key, "press-01", hours{1}, "&skn=primary")));
}

TEST_F(SignedTokenTest, SasTokensThatMustBeRefused) {
  const std::string key = generate("press-01");
  int address = 0;
  const auto refused = [&](const std::string& token, const std::string& client = "press-01") {
    const auto principal =
        login_as(with_password("x", token, client, "203.0.113." + std::to_string(++address)));
    return principal ? "accepted" : principal.error().message;
  };
  EXPECT_TRUE(refused(sas("another key")).contains("not made with a key of this thing"));
  EXPECT_TRUE(refused(sas(key, "press-02"), "press-02").contains("not made with"));
  EXPECT_TRUE(refused(sas(key, "press-02")).contains("another thing"));
  EXPECT_TRUE(refused(sas(key), "press-02").contains("another thing"));
  EXPECT_TRUE(refused(sas(key, "nobody"), "nobody").contains("not made with"));
  EXPECT_TRUE(refused(sas(key, "press-01", hours{1}, "&skn=secondary")).contains("not made with"));
  EXPECT_TRUE(refused(sas(key, "press-01", hours{1}, "&se=1")).contains("each once"));
  EXPECT_TRUE(refused(sas(key, "press-01", days{32})).contains("31 days"));
  EXPECT_TRUE(refused(sas(key, "press-01", -minutes{10})).contains("expired"));
  std::string later = sas(key);
  later.back() = later.back() == '9' ? '8' : '9';
  EXPECT_TRUE(refused(later).contains("not made with")) << "the time is signed";
  std::string elsewhere = sas(key);
  elsewhere.replace(elsewhere.find("dunlin"), 6, "others");
  EXPECT_TRUE(refused(elsewhere).contains("audience"));
  EXPECT_NE(refused("SharedAccessSignature "), "accepted");
  EXPECT_NE(refused("SharedAccessSignature sr=a&sig=b&se=c"), "accepted");
  EXPECT_NE(refused("SharedAccessSignature " + std::string(2000, 'a')), "accepted");
}

TEST_F(SignedTokenTest, OfTwoSymmetricKeysOneIsChangedAtATime) {
  const std::string first = generate("press-01");
  const std::string second = generate("press-01", SharedKeySlot::secondary);
  EXPECT_NE(first, second);
  EXPECT_TRUE(show(sas(first)));
  EXPECT_TRUE(show(sas(second)));
  const std::string newer = generate("press-01");
  EXPECT_FALSE(show(sas(first)));
  EXPECT_TRUE(show(sas(second)));
  EXPECT_TRUE(show(sas(newer)));
  ASSERT_TRUE(remove("press-01", "secondary"));
  EXPECT_EQ(remove("press-01", "secondary").error().code, Errc::not_found);
  EXPECT_FALSE(show(sas(second)));
  EXPECT_EQ(generate("nobody"), "");
  EXPECT_TRUE(repository.mentions("key.generate"));
}

TEST_F(SignedTokenTest, AThingOfAGroupHasTheKeyDerivedFromTheGroups) {
  repository.put(DocumentKind::thing, "press-01",
                 R"({"type":"machine","state":"enabled","attributes":{"enrolled_by":"group:line"}})");
  repository.put(DocumentKind::thing, "press-02",
                 R"({"type":"machine","state":"enabled","attributes":{"enrolled_by":"code:line"}})");
  const std::string key = "the derived key";
  EXPECT_FALSE(show(sas(key))) << "nobody answers for groups";
  std::string asked;
  bool there = true;
  const auto derive = [&](std::string_view thing) { return hmac_sha256(as_bytes("group"), as_bytes(thing)); };
  authenticator->take_group_keys(
      [&](Executor& to, const std::string& group, const std::string& thing, auto done) {
        asked = group;
        to.post([done = std::move(done), key = derive(thing), &there]() mutable {
          done(there ? std::optional(key) : std::nullopt);
        });
      });
  const Digest right = derive("press-01");
  EXPECT_TRUE(show(sas(as_text(right))));
  EXPECT_EQ(asked, "line");
  EXPECT_TRUE(show(sas(as_text(right), "press-01", hours{1}, "&skn=group")));
  EXPECT_FALSE(show(sas(as_text(derive("press-02")), "press-02"), "press-02"))
      << "it did not enrol by a group";
  there = false;
  EXPECT_FALSE(show(sas(as_text(right)))) << "the group is gone";
}

}  // namespace
}  // namespace dunlin::security
