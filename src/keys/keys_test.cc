#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <thread>

#include "base/rng.h"
#include "keys/evp_key.h"
#include "keys/limits.h"
#include "keys/openssl_parts.h"
#include "keys/token.h"
#include "keys/token_fixture.h"
#include "keys/token_uri.h"

namespace dunlin::keys {
namespace {

using testing::HasSubstr;
using testing::Not;
using Bytes = std::vector<std::uint8_t>;

std::string new_pem(const char* curve) {
  const EvpKey key(EVP_EC_gen(curve));
  const Handle<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

std::string public_pem(const EvpKey& key) {
  const Handle<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(out.get(), key.get());
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

/// As TLS and certificates sign: through OpenSSL's digest of a message.
Bytes sign(const EvpKey& key, std::string_view message, const EVP_MD* digest) {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  Bytes signature(256);
  std::size_t length = signature.size();
  const bool made =
      EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &length, as_bytes(message).data(), message.size()) == 1;
  ERR_clear_error();
  signature.resize(made ? length : 0);
  return signature;
}

/// By OpenSSL's own code, with the public half alone.
bool holds(const std::string& public_key, std::string_view message, const Bytes& signature,
           const EVP_MD* digest) {
  const Handle<BIO, BIO_free> in(BIO_new_mem_buf(public_key.data(), static_cast<int>(public_key.size())));
  const EvpKey key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                     as_bytes(message).data(), message.size()) == 1;
  ERR_clear_error();
  return good;
}

/// An element that counts what it is asked, and can break.
class CountingKey final : public DeviceKey {
 public:
  explicit CountingKey(std::shared_ptr<DeviceKey> inner) : inner_(std::move(inner)) {}
  Curve curve() const override { return inner_->curve(); }
  const Bytes& public_point() const override { return inner_->public_point(); }
  Result<Bytes> sign(ByteView digest) override {
    ++signed_;
    if (broken) return fail(Errc::unavailable, "the element is gone");
    return inner_->sign(digest);
  }
  Result<Bytes> agree(ByteView point) override {
    ++agreed_;
    if (broken) return fail(Errc::unavailable, "the element is gone");
    return inner_->agree(point);
  }
  bool broken = false;
  int signed_ = 0;
  int agreed_ = 0;

 private:
  std::shared_ptr<DeviceKey> inner_;
};

TEST(DeviceKey, OpensslSignsThroughTheInterfaceOnBothCurves) {
  for (const char* curve : {"P-256", "P-384"}) {
    const auto counting = std::make_shared<CountingKey>(key_in_memory(new_pem(curve)).value());
    const EvpKey key = evp_key_of(counting).value();
    const std::string half = public_pem(key);
    // A digest longer than the curve is cut, as FIPS 186-4 section 6.4 has it.
    for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
      const Bytes signature = sign(key, "a message", digest);
      EXPECT_TRUE(holds(half, "a message", signature, digest)) << curve;
      EXPECT_FALSE(holds(half, "another", signature, digest)) << curve;
    }
    EXPECT_EQ(counting->signed_, 3);
    EXPECT_EQ(counting->agreed_, 0);
  }
}

TEST(DeviceKey, AnElementThatFailsMakesNoSignature) {
  const auto counting = std::make_shared<CountingKey>(key_in_memory(new_pem("P-256")).value());
  const EvpKey key = evp_key_of(counting).value();
  counting->broken = true;
  EXPECT_TRUE(sign(key, "a message", EVP_sha256()).empty());
  counting->broken = false;
  EXPECT_TRUE(holds(public_pem(key), "a message", sign(key, "a message", EVP_sha256()), EVP_sha256()));
}

TEST(DeviceKey, AgreesWithTheOtherSide) {
  for (const char* curve : {"P-256", "P-384"}) {
    const auto ours = key_in_memory(new_pem(curve)).value();
    const auto theirs = key_in_memory(new_pem(curve)).value();
    const Bytes secret = ours->agree(theirs->public_point()).value();
    EXPECT_EQ(secret, theirs->agree(ours->public_point()).value());
    EXPECT_EQ(secret.size(), field_bytes(ours->curve()));
    Bytes bent = theirs->public_point();
    bent.back() ^= 1U;
    EXPECT_EQ(ours->agree(bent).error().code, Errc::invalid_argument) << "a point beside the curve";
  }
}

TEST(DeviceKey, OtherKindsOfKeysAreRefused) {
  EXPECT_EQ(key_in_memory("rubbish").error().code, Errc::malformed);
  EXPECT_EQ(key_in_memory("").error().code, Errc::malformed);
  EXPECT_EQ(key_in_memory(new_pem("P-521")).error().code, Errc::invalid_argument);
  EXPECT_EQ(load_private_key(std::string(kMaxKeyTextBytes + 1, ' ')).error().code, Errc::limit_exceeded);
}

class TokenTest : public testing::Test {
 protected:
  /// A new key in the token, by its URI.
  std::string make(const std::string& label) {
    return make_key_in_token(token.uri("plant"), label, rng).value();
  }
  /// What another program says of it.
  std::string shown_by_pkcs11_tool(const std::string& arguments) {
    const std::string out = token.folder() + "/tool";
    const std::string command = std::string("pkcs11-tool --module ") + kSoftHsm +
                                " --token-label plant --pin " + kTestPin + " " + arguments + " > " + out +
                                " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::ifstream in(out);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  TestToken& token = TestToken::instance();
  SystemRng rng;
};

TEST_F(TokenTest, AKeyOfATokenSignsAndAgrees) {
  const std::string uri = make("signs");
  const auto key = key_in_token(uri).value();
  const EvpKey evp = load_private_key(uri + "\n-----BEGIN CERTIFICATE-----\n").value();
  const Bytes signature = sign(evp, "a message", EVP_sha256());
  EXPECT_TRUE(holds(public_pem(evp), "a message", signature, EVP_sha256()));
  EXPECT_FALSE(holds(public_pem(evp), "another", signature, EVP_sha256()));
  const auto other = key_in_memory(new_pem("P-256")).value();
  EXPECT_EQ(key->agree(other->public_point()).value(), other->agree(key->public_point()).value());
  EXPECT_FALSE(key->agree(Bytes(65, 4))) << "not a point";
}

TEST_F(TokenTest, TheTokenGivesTheKeyOutToNobody) {
  const std::string uri = make("stays");
  const std::string shown = shown_by_pkcs11_tool("--list-objects --type privkey --label stays");
  EXPECT_THAT(shown, HasSubstr("never extractable"));
  EXPECT_THAT(shown, HasSubstr("sensitive"));
  const auto session =
      TokenSession::open(parse_token_uri(uri).value(), TokenSession::For::using_keys).value();
  const auto found = session->find(CKO_PRIVATE_KEY, "stays", {}).value();
  Bytes value(256);
  CK_ATTRIBUTE wanted{CKA_VALUE, value.data(), value.size()};
  EXPECT_EQ(session->calls().C_GetAttributeValue(session->session(), found.at(0), &wanted, 1),
            CKR_ATTRIBUTE_SENSITIVE);
  EXPECT_EQ(value, Bytes(256));
}

TEST_F(TokenTest, ManyThreadsSignWithOneKey) {
  const EvpKey key = load_private_key(make("shared")).value();
  const std::string half = public_pem(key);
  std::array<int, 4> good{};
  std::vector<std::thread> threads;
  for (int& count : good) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i)
        count +=
            holds(half, std::to_string(i), sign(key, std::to_string(i), EVP_sha256()), EVP_sha256()) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, testing::Each(25));
}

TEST_F(TokenTest, WhatIsNotThereIsSaid) {
  const std::string uri = token.uri("plant");
  EXPECT_EQ(key_in_token(uri_of_object(uri, "nobody")).error().code, Errc::not_found);
  EXPECT_EQ(key_in_token(uri_of_object(token.uri("elsewhere"), "x")).error().code, Errc::not_found);
  EXPECT_EQ(key_in_token(uri).error().code, Errc::invalid_argument) << "a token, not a key";
  EXPECT_EQ(key_in_token("pkcs11:token=plant;object=x?module-path=/nowhere.so").error().code,
            Errc::not_found);
  const auto no_pin = key_in_token(std::string("pkcs11:token=plant;object=x?module-path=") + kSoftHsm);
  EXPECT_THAT(no_pin.error().message, HasSubstr("pin-source"));
  make("twice");
  EXPECT_EQ(make_key_in_token(uri, "twice", rng).error().code, Errc::already_exists);
}

TEST_F(TokenTest, AWrongPinIsTriedOnceOnly) {
  token.write("wrong-pin", "not-the-pin\n");
  const std::string uri = uri_of_object(token.uri("locks", "wrong-pin"), "x");
  const auto first = key_in_token(uri);
  EXPECT_EQ(first.error().code, Errc::permission_denied);
  EXPECT_THAT(first.error().message, Not(HasSubstr("not-the-pin")));
  EXPECT_THAT(key_in_token(uri).error().message, HasSubstr("not tried again"));
}

TEST(TokenUri, IsReadAsRfc7512HasIt) {
  const auto uri = parse_token_uri(
      "pkcs11:token=My%20token;serial=00ff;object=gate%3Bway;id=%01%ff;type=private"
      "?module-path=/usr/lib/x.so&pin-source=file:/etc/pin");
  ASSERT_TRUE(uri) << uri.error().message;
  EXPECT_EQ(uri->token, "My token");
  EXPECT_EQ(uri->serial, "00ff");
  EXPECT_EQ(uri->object, "gate;way");
  EXPECT_EQ(uri->id, (Bytes{0x01, 0xff}));
  EXPECT_EQ(uri->module_path, "/usr/lib/x.so");
  EXPECT_EQ(uri->pin_source, "file:/etc/pin");
  EXPECT_THAT(uri->shown, Not(HasSubstr("?")));
  EXPECT_EQ(uri_of_object("pkcs11:token=a?module-path=/m", "b-1"),
            "pkcs11:token=a;object=b-1;type=private?module-path=/m");
}

TEST(TokenUri, WhatWouldBeUnsafeOrNotUnderstoodIsRefused) {
  for (const char* text :
       {"", "pkcs11:", "pkcs11:token=a", "http://x", "pkcs11:token=a?module-path=relative.so",
        "pkcs11:object=a?module-path=/m", "pkcs11:token=a?module-path=/m&pin-value=1234",
        "pkcs11:token=a?module-name=m", "pkcs11:token=a;strange=b?module-path=/m",
        "pkcs11:token=a;slot-id=3?module-path=/m", "pkcs11:token=a;manufacturer=b?module-path=/m",
        "pkcs11:token=a;type=cert?module-path=/m", "pkcs11:token=a b?module-path=/m",
        "pkcs11:token=%zz?module-path=/m", "pkcs11:token=a?module-path=/m&pin-source=1234",
        "pkcs11:token=a?module-path=/m&pin-source=|cat%20/etc/pin"}) {
    EXPECT_FALSE(parse_token_uri(text)) << text;
  }
  EXPECT_EQ(parse_token_uri("pkcs11:" + std::string(kMaxUriBytes, 'a')).error().code, Errc::limit_exceeded);
  const auto pin = parse_token_uri("pkcs11:token=a?module-path=/m&pin-value=1234");
  EXPECT_THAT(pin.error().message, Not(HasSubstr("1234")));
}

// Found by fuzzing: a PIN behind a path that holds a '?' was no PIN to the library, and the URI was taken.
TEST(TokenUri, APinBehindAnotherQuestionMarkWasTaken) {
  const auto uri = parse_token_uri("pkcs11:token=p;module-path=/?pin-value=1234&x=/m");
  ASSERT_FALSE(uri);
  EXPECT_THAT(uri.error().message, ::testing::HasSubstr("holds a PIN"));
  EXPECT_THAT(uri.error().message, ::testing::Not(::testing::HasSubstr("1234")));
}

}  // namespace
}  // namespace dunlin::keys
