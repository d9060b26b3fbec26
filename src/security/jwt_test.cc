#include "security/jwt.h"

#include <gtest/gtest.h>

#include <array>

#include "base/base64.h"
#include "security/limits.h"
#include "security/x509.h"

namespace dunlin::security {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// RFC 7515 appendices A.2 and A.3: the keys as PEM, and what they have signed.
constexpr const char* kRsaKey = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
oQIDAQAB
-----END PUBLIC KEY-----
)";
constexpr const char* kEcKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----
)";
constexpr const char* kPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr const char* kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJ"
    "dbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN"
    "9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXL"
    "IhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr const char* kEcSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

std::string encoded(std::string_view text) {
  return to_base64url(as_bytes(text));
}
/// A token that nobody has signed.
std::string token(std::string_view header, std::string_view claims) {
  return encoded(header) + "." + encoded(claims) + "." + encoded("no signature");
}
constexpr std::string_view kHeader = R"({"alg":"ES256","typ":"JWT"})";
std::string why(std::string_view header, std::string_view claims) {
  const std::string text = token(header, claims);
  const auto jwt = parse_jwt(text);
  return jwt ? "accepted" : jwt.error().message;
}

TEST(Signature, TheVectorsOfRfc7515AppendixA) {
  struct Vector {
    const char* key;
    SignatureAlgorithm algorithm;
    std::string signed_part;
    const char* signature;
  };
  const std::array vectors{Vector{kRsaKey, SignatureAlgorithm::rs256,
                                  std::string("eyJhbGciOiJSUzI1NiJ9.") + kPayload, kRsaSignature},
                           Vector{kEcKey, SignatureAlgorithm::es256,
                                  std::string("eyJhbGciOiJFUzI1NiJ9.") + kPayload, kEcSignature}};
  for (const Vector& vector : vectors) {
    const auto key = read_public_key(vector.key);
    ASSERT_TRUE(key.has_value()) << key.error().message;
    EXPECT_EQ(key->algorithm, vector.algorithm);
    EXPECT_EQ(key->id.size(), 16U);
    auto signature = from_base64url(vector.signature).value();
    EXPECT_TRUE(verify_signature(*key, vector.signed_part, signature));
    EXPECT_FALSE(verify_signature(*key, vector.signed_part + "A", signature));
    PublicKey other = *key;
    other.algorithm =
        key->algorithm == SignatureAlgorithm::rs256 ? SignatureAlgorithm::es256 : SignatureAlgorithm::rs256;
    EXPECT_FALSE(verify_signature(other, vector.signed_part, signature)) << "the key's kind counts";
    for (std::size_t at = 0; at < signature.size(); at += 7) {
      signature[at] ^= 1;
      EXPECT_FALSE(verify_signature(*key, vector.signed_part, signature)) << at;
      signature[at] ^= 1;
    }
    signature.push_back(0);
    EXPECT_FALSE(verify_signature(*key, vector.signed_part, signature));
    EXPECT_FALSE(verify_signature(*key, vector.signed_part, {}));
  }
  EXPECT_FALSE(verify_signature(*read_public_key(kEcKey), "x", std::vector<std::uint8_t>(64, 0)));
}

TEST(Signature, KeysThatAreTakenAndKeysThatAreNot) {
  const std::string made = generate_key_pem().value();
  EXPECT_EQ(read_public_key(public_key_of(made).value())->algorithm, SignatureAlgorithm::es256);
  EXPECT_TRUE(read_public_key(made).error().message.contains("private key"));
  EXPECT_EQ(read_public_key("").error().code, Errc::malformed);
  EXPECT_EQ(read_public_key("rubbish").error().code, Errc::malformed);
  EXPECT_EQ(read_public_key(std::string(kMaxPemFileBytes + 1, ' ')).error().code, Errc::limit_exceeded);
  // RFC 8410 section 10.1: an Ed25519 key, for which there is no algorithm here.
  constexpr const char* kEd25519 =
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PUBLIC KEY-----\n";
  EXPECT_EQ(read_public_key(kEd25519).error().code, Errc::invalid_argument);
}

TEST(Jwt, ReadsHeaderAndClaims) {
  const std::string text = token(
      R"({"typ":"JWT","alg":"RS256","kid":"mine"})",
      R"({"aud":["a","b"],"iat":1700000000,"exp":1.7000000015e9,"nbf":1700000000,"sub":"press-01","x":{}})");
  ASSERT_TRUE(looks_like_jwt(text));
  const Jwt jwt = parse_jwt(text).value();
  EXPECT_EQ(jwt.algorithm, SignatureAlgorithm::rs256);
  EXPECT_EQ(jwt.audience, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(jwt.issued_at, 1'700'000'000);
  EXPECT_EQ(jwt.expires_at, 1'700'000'001);
  EXPECT_EQ(jwt.subject, "press-01");
  EXPECT_EQ(as_text(jwt.signature), "no signature");
  EXPECT_EQ(text, std::string(jwt.signed_part) + "." + encoded("no signature"));
}

TEST(Jwt, OnlyTwoAlgorithmsAreKnown) {
  constexpr std::string_view kClaims = R"({"aud":"a","iat":1,"exp":2})";
  EXPECT_EQ(why(kHeader, kClaims), "accepted");
  for (const char* algorithm : {"none", "None", "NONE", "HS256", "HS512", "RS512", "PS256", "ES384", "EdDSA",
                                "es256", "ES256 ", ""}) {
    EXPECT_TRUE(why(R"({"alg":")" + std::string(algorithm) + R"("})", kClaims).contains("\"alg\""))
        << algorithm;
  }
  for (const char* header : {"{}", R"({"alg":null})", R"({"alg":["ES256"]})", "[]", "null", "", "{", "x"})
    EXPECT_NE(why(header, kClaims), "accepted") << header;
  EXPECT_TRUE(why(R"({"alg":"ES256","crit":["exp"]})", kClaims).contains("crit"));
}

TEST(Jwt, ClaimsThatMustBeThere) {
  const auto says = [](std::string_view claims) { return why(kHeader, claims); };
  EXPECT_TRUE(says(R"({"iat":1,"exp":2})").contains("\"aud\" is missing"));
  EXPECT_TRUE(says(R"({"aud":[],"iat":1,"exp":2})").contains("\"aud\" is missing"));
  EXPECT_TRUE(says(R"({"aud":["a",1],"iat":1,"exp":2})").contains("aud"));
  EXPECT_TRUE(says(R"({"aud":"a","exp":2})").contains("\"iat\" is missing"));
  EXPECT_TRUE(says(R"({"aud":"a","iat":1})").contains("\"exp\" is missing"));
  EXPECT_TRUE(says(R"({"aud":"a","iat":1,"exp":"2"})").contains("\"exp\" is no number"));
  for (const char* exp : {"-1", "0", "1e300", "99999999999", "18446744073709551615"})
    EXPECT_TRUE(says(R"({"aud":"a","iat":1,"exp":)" + std::string(exp) + "}").contains("no time")) << exp;
  EXPECT_TRUE(says(R"({"aud":"a","iat":1,"exp":2,"sub":7})").contains("sub"));
  EXPECT_TRUE(says(R"({"aud":"a","iat":1,"exp":2,"sub":""})").contains("sub"));
  EXPECT_NE(says(R"({"aud":"a","iat":1,"exp":2,"x":)" + std::string(9, '[') + std::string(9, ']') + "}"),
            "accepted");
}

TEST(Jwt, FormsThatAreNone) {
  const std::string good = token(kHeader, R"({"aud":"a","iat":1,"exp":2})");
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), good + ".", good + "=", "x" + good,
        good.substr(0, good.rfind('.')), good.substr(0, good.rfind('.') + 1), good + "\n"}) {
    EXPECT_FALSE(parse_jwt(text).has_value()) << text;
  }
  EXPECT_EQ(parse_jwt(std::string(kMaxJwtBytes + 1, 'e')).error().code, Errc::limit_exceeded);
  EXPECT_FALSE(looks_like_jwt("eyJ.a"));
  EXPECT_FALSE(looks_like_jwt("a.b.c"));
  EXPECT_FALSE(looks_like_jwt("dt_0123456789abcdef_x"));
}

TEST(Jwt, TimesAndAudience) {
  const std::array<std::string, 2> ours{"dunlin", "other"};
  const WallTime now{seconds{1'700'000'000}};
  const auto at = [&](Duration time) {
    return std::chrono::duration_cast<seconds>((now + time).time_since_epoch()).count();
  };
  const auto end_of = [&](Duration issued, Duration expires, Duration not_before = -hours{48},
                          const std::string& audience = "other") {
    Jwt jwt;
    jwt.audience = {"elsewhere", audience};
    jwt.issued_at = at(issued);
    jwt.expires_at = at(expires);
    jwt.not_before = at(not_before);
    return check_claims(jwt, ours, now);
  };
  EXPECT_EQ(end_of(-minutes{1}, hours{1}).value(), now + hours{1});
  EXPECT_EQ(end_of(minutes{10}, hours{1}).value(), now + hours{1}) << "a clock that is ahead";
  EXPECT_EQ(end_of(-hours{1}, -minutes{9}).value(), now + minutes{1}) << "a clock that is behind";
  EXPECT_TRUE(end_of(-hours{1}, -minutes{10}).error().message.contains("expired"));
  EXPECT_TRUE(end_of(minutes{10} + seconds{1}, hours{1}).error().message.contains("future"));
  EXPECT_TRUE(
      end_of(-minutes{1}, hours{1}, minutes{10} + seconds{1}).error().message.contains("not valid yet"));
  EXPECT_TRUE(end_of(-minutes{1}, hours{1}, minutes{10}).has_value());
  EXPECT_TRUE(end_of(-hours{1}, hours{23}).has_value());
  EXPECT_TRUE(end_of(-hours{1}, hours{23} + seconds{1}).error().message.contains("24 hours"));
  EXPECT_TRUE(end_of(hours{1}, hours{1}).error().message.contains("before it was issued"));
  EXPECT_TRUE(end_of(-minutes{1}, hours{1}, -hours{48}, "their").error().message.contains("aud"));
}

}  // namespace
}  // namespace dunlin::security
