#include "security/sealed.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "keys/token_fixture.h"
#include "keys/token_uri.h"
#include "security/issuer_files.h"
#include "security/limits.h"
#include "security/sealed_header.h"
#include "security/x509.h"

namespace dunlin::security {
namespace {

using testing::HasSubstr;
using testing::Not;

struct SealedTest : testing::Test {
  /// A certificate for the key, signed by itself: who signed it does not matter here.
  std::string certificate_of(const std::string& of) {
    const auto profile = new_profile(CertificateProfile::Kind::device, "press-01", std::chrono::hours{24},
                                     SystemClock().wall_now(), rng);
    return sign_certificate(profile, public_key_of(of).value(), Signer{of, {}}).value();
  }
  std::shared_ptr<keys::DeviceKey> device(const std::string& text) {
    return keys::open_device_key(text).value();
  }
  /// A file in a folder of this test, for other programs.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder + "/" + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  int openssl(const std::string& arguments) const {
    return std::system(("openssl " + arguments + " > " + folder + "/log 2>&1").c_str());
  }
  SealedTest() { std::filesystem::create_directories(folder); }
  ~SealedTest() override { std::filesystem::remove_all(folder); }

  SystemRng rng;
  std::string folder = std::filesystem::temp_directory_path() / ("dunlin-sealed-" + std::to_string(getpid()));
  std::string key = generate_key_pem().value();
  std::string certificate = certificate_of(key);
  std::string firmware = std::string(
                             "\x7f"
                             "ELF\0\1\2",
                             7) +
                         std::string(5000, 'f');
};

TEST_F(SealedTest, OnlyTheDeviceItIsForOpensIt) {
  const std::string blob = seal_for_certificate(firmware, certificate).value();
  EXPECT_THAT(blob, Not(HasSubstr(std::string(32, 'f'))));
  EXPECT_EQ(open_sealed(blob, device(key)).value(), firmware);
  const auto stranger = open_sealed(blob, device(generate_key_pem().value()));
  EXPECT_EQ(stranger.error().code, Errc::permission_denied);
  EXPECT_NE(blob, seal_for_certificate(firmware, certificate).value()) << "a fresh key each time";
  EXPECT_EQ(open_sealed(seal_for_certificate("", certificate).value(), device(key)).value(), "");
}

TEST_F(SealedTest, EveryChangedByteIsRefused) {
  const std::string blob = seal_for_certificate("firmware of press-01", certificate).value();
  const auto opener = device(key);
  for (std::size_t at = 0; at < blob.size(); ++at) {
    std::string bent = blob;
    bent[at] = static_cast<char>(bent[at] ^ 0x01);
    const auto opened = open_sealed(bent, opener);
    // The recipient's name is a hint, which nothing depends on; everything that is opened is as it was
    // sealed.
    EXPECT_TRUE(!opened || *opened == "firmware of press-01") << at;
  }
  for (std::size_t size = 0; size < blob.size(); ++size)
    EXPECT_FALSE(open_sealed(blob.substr(0, size), opener)) << size;
  EXPECT_FALSE(open_sealed(blob + "x", opener));
}

TEST_F(SealedTest, OpensslOpensWhatWeSeal) {
  for (const char* curve : {"P-256", "P-384"}) {
    ASSERT_EQ(openssl(std::string("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:") + curve + " -out " +
                      folder + "/key.pem"),
              0);
    ASSERT_EQ(openssl("req -x509 -new -key " + folder + "/key.pem -subj /CN=press-01 -days 1 -out " + folder +
                      "/cert.pem"),
              0)
        << read("log");
    write("blob", seal_for_certificate(firmware, read("cert.pem")).value());
    ASSERT_EQ(openssl("cms -decrypt -binary -inform DER -in " + folder + "/blob -inkey " + folder +
                      "/key.pem -recip " + folder + "/cert.pem -out " + folder + "/opened"),
              0)
        << read("log");
    EXPECT_EQ(read("opened"), firmware);
    ASSERT_EQ(openssl("cms -cmsout -print -inform DER -in " + folder + "/blob"), 0);
    for (const char* said :
         {"authEnvelopedData", "aes-256-gcm", "dhSinglePass-stdDH-sha256kdf-scheme", "id-aes256-wrap"})
      EXPECT_THAT(read("log"), HasSubstr(said));
  }
}

TEST_F(SealedTest, WeOpenWhatOpensslSeals) {
  write("key.pem", key);
  write("cert.pem", certificate);
  write("firmware", firmware);
  ASSERT_EQ(openssl("cms -encrypt -binary -aes-256-gcm -in " + folder + "/firmware -outform DER -out " +
                    folder + "/blob -recip " + folder + "/cert.pem -keyopt ecdh_kdf_md:sha256"),
            0)
      << read("log");
  EXPECT_EQ(open_sealed(read("blob"), device(key)).value(), firmware);
  // Without a tag nothing tells that a byte was changed.
  ASSERT_EQ(openssl("cms -encrypt -binary -aes256 -in " + folder + "/firmware -outform DER -out " + folder +
                    "/blob -recip " + folder + "/cert.pem"),
            0);
  EXPECT_EQ(open_sealed(read("blob"), device(key)).error().code, Errc::malformed);
}

TEST_F(SealedTest, AKeyInATokenOpensWhatIsSealedForIt) {
  const auto& token = keys::TestToken::instance();
  const std::string uri = keys::make_key_in_token(token.uri("plant"), "sealed", rng).value();
  const std::string for_it = seal_for_certificate(firmware, certificate_of(uri)).value();
  EXPECT_EQ(open_sealed(for_it, device(uri)).value(), firmware);
  EXPECT_EQ(open_sealed(seal_for_key(firmware, uri).value(), device(uri)).value(), firmware);
  EXPECT_EQ(open_sealed(for_it, device(key)).error().code, Errc::permission_denied);
}

TEST_F(SealedTest, WhatCannotBeSealedForIsRefused) {
  ASSERT_EQ(openssl("req -x509 -newkey rsa:2048 -nodes -keyout " + folder + "/rsa.key -subj /CN=x -out " +
                    folder + "/rsa.pem"),
            0);
  EXPECT_EQ(seal_for_certificate("x", read("rsa.pem")).error().code, Errc::invalid_argument);
  EXPECT_EQ(seal_for_certificate("x", "rubbish").error().code, Errc::malformed);
  EXPECT_EQ(seal_for_certificate(std::string(kMaxSealableBytes + 1, 'x'), certificate).error().code,
            Errc::limit_exceeded);
  EXPECT_EQ(open_sealed(std::string(kMaxSealedBytes + 1, 'x'), device(key)).error().code,
            Errc::limit_exceeded);
}

TEST_F(SealedTest, ASecretOfBothSides) {
  std::array<std::uint8_t, 32> secret{};
  rng.fill(secret);
  const std::string blob = seal_with_secret(firmware, secret).value();
  EXPECT_EQ(open_with_secret(blob, secret).value(), firmware);
  auto other = secret;
  other[0] ^= 1U;
  EXPECT_EQ(open_with_secret(blob, other).error().code, Errc::permission_denied);
  EXPECT_EQ(open_sealed(blob, device(key)).error().code, Errc::malformed) << "another kind of recipient";
  const std::string pem = sealed_to_pem(blob) + "what follows";
  const auto text = sealed_from_pem(pem).value();
  EXPECT_EQ(text.der, blob);
  EXPECT_EQ(text.rest, "what follows");
  EXPECT_FALSE(sealed_from_pem("-----BEGIN CMS-----\nAA"));
  EXPECT_FALSE(sealed_from_pem("x" + pem));
}

// Found by fuzzing: OpenSSL's unwrapping with padding wrote zeros behind what it had allocated.
TEST_F(SealedTest, AKeyWrappedWithPaddingWasWrittenBehindItsEnd) {
  const std::string wrap("\x60\x86\x48\x01\x65\x03\x04\x01\x2d", 9);  // id-aes256-wrap
  const std::array<std::uint8_t, 32> secret{};
  const auto opener = device(key);
  for (std::string blob :
       {seal_for_certificate("x", certificate).value(), seal_with_secret("x", secret).value()}) {
    const std::size_t at = blob.find(wrap);
    ASSERT_NE(at, std::string::npos);
    for (const char other : {'\x05', '\x08', '\x19', '\x1c', '\x30'}) {
      blob[at + wrap.size() - 1] = other;  // 0x30: id-aes256-wrap-pad
      EXPECT_EQ(read_sealed_header(as_bytes(blob)).error().code, Errc::malformed);
      EXPECT_EQ(open_sealed(blob, opener).error().code, Errc::malformed);
      EXPECT_EQ(open_with_secret(blob, secret).error().code, Errc::malformed);
    }
  }
}

TEST_F(SealedTest, TheHeaderSaysForWhomAndHowMuch) {
  const std::string blob = seal_for_certificate(firmware, certificate).value();
  const auto header = read_sealed_header(as_bytes(blob)).value();
  EXPECT_EQ(header.recipient, SealedHeader::Recipient::key_agreement);
  EXPECT_EQ(header.content_bytes, firmware.size());
  EXPECT_FALSE(read_sealed_header({}));
}

}  // namespace
}  // namespace dunlin::security
