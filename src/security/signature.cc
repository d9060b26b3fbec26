#include "security/signature.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <optional>
#include <vector>

#include "security/crypto.h"
#include "security/limits.h"
#include "security/openssl_handle.h"

namespace dunlin::security {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free>;

constexpr std::size_t kKeyIdDigits = 16;
constexpr std::size_t kEs256Bytes = 64;

Bio bio_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Key read_key(std::string_view pem) {
  const Bio as_key = bio_of(pem);
  if (Key key{PEM_read_bio_PUBKEY(as_key.get(), nullptr, nullptr, nullptr)}) return key;
  const Bio as_certificate = bio_of(pem);
  const Handle<X509, X509_free> certificate(
      PEM_read_bio_X509(as_certificate.get(), nullptr, nullptr, nullptr));
  return Key(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

std::optional<SignatureAlgorithm> algorithm_of(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1 && bits >= kMinRsaBits && bits <= kMaxRsaBits)
    return SignatureAlgorithm::rs256;
  std::array<char, 32> group{};
  if (EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != SN_X9_62_prime256v1) {
    return {};
  }
  // A curve that is spelled out may be any (CVE-2020-0601).
  int spelled_out = 0;
  EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelled_out);
  return spelled_out == 0 ? std::optional(SignatureAlgorithm::es256) : std::nullopt;
}

/// X.509 has the two numbers in DER, JWS side by side.
std::vector<std::uint8_t> der_of(ByteView pair) {
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(pair.data(), kEs256Bytes / 2, nullptr);
  BIGNUM* s = BN_bin2bn(pair.data() + kEs256Bytes / 2, kEs256Bytes / 2, nullptr);
  if (signature == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  std::vector<std::uint8_t> der(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
  unsigned char* out = der.data();
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

}  // namespace

std::string_view algorithm_name(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::rs256 ? "RS256" : "ES256";
}

Result<PublicKey> read_public_key(std::string_view pem) {
  if (pem.size() > kMaxPemFileBytes) return fail(Errc::limit_exceeded, "the key is too long");
  if (pem.contains("PRIVATE KEY"))
    return fail(Errc::invalid_argument, "this is a private key: keep it, and send its public half");
  const Key key = read_key(pem);
  ERR_clear_error();
  if (!key) return fail(Errc::malformed, "this is no public key and no certificate in PEM");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm)
    return fail(Errc::invalid_argument, "the key must be RSA of 2048 to 8192 bits, or EC on the curve P-256");
  const Bio out(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  const bool written = out != nullptr && PEM_write_bio_PUBKEY(out.get(), key.get()) == 1;
  const long length = written ? BIO_get_mem_data(out.get(), &text) : 0;
  if (length <= 0) return fail(Errc::internal, "the public key cannot be written");
  PublicKey made;
  made.algorithm = *algorithm;
  made.pem.assign(text, static_cast<std::size_t>(length));
  made.id = sha256_hex(as_bytes(made.pem)).substr(0, kKeyIdDigits);
  return made;
}

bool verify_signature(const PublicKey& key, std::string_view bytes, ByteView signature) {
  std::vector<std::uint8_t> der;
  if (key.algorithm == SignatureAlgorithm::es256) {
    if (signature.size() != kEs256Bytes) return false;
    der = der_of(signature);
    signature = der;
  }
  const Key public_key = read_key(key.pem);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool right =
      public_key != nullptr && context != nullptr && algorithm_of(public_key.get()) == key.algorithm &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace dunlin::security
