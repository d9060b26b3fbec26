#include "security/x509_internal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "base/hex.h"
#include "keys/evp_key.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/x509.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kThingUri = "urn:dunlin:thing:";
constexpr int kMaxSerialBytes = 20;  // RFC 5280 section 4.1.2.2

}  // namespace

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(length));
}

Result<Certificate> decode_certificate(ByteView der) {
  if (der.size() > kMaxCertificateBytes) return fail(Errc::limit_exceeded, "the certificate is too large");
  const unsigned char* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!certificate || at != der.data() + der.size()) return fail(Errc::malformed, "not an X.509 certificate");
  return certificate;
}

Result<Certificate> read_certificate(std::string_view pem) {
  Certificate certificate(PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return fail(Errc::malformed, "not a certificate in PEM form");
  return certificate;
}

Result<Certificates> read_certificates(std::string_view pem) {
  Certificates stack(sk_X509_new_null());
  if (pem.empty()) return stack;
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  for (const std::string& der : ders) {
    DUNLIN_TRY(Certificate certificate, decode_certificate(as_bytes(der)));
    if (sk_X509_push(stack.get(), certificate.get()) > 0) static_cast<void>(certificate.release());
  }
  return stack;
}

Result<Key> read_private_key(std::string_view text) {
  DUNLIN_TRY(keys::EvpKey key, keys::load_private_key(text));
  return Key(key.release());
}

Result<void> check_strength(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return {};
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return {};
    return fail(Errc::invalid_argument,
                "an RSA key must have 2048 to 8192 bits, this one has " + std::to_string(bits));
  }
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    char group[64] = {};
    std::size_t length = 0;
    const bool named = EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1;
    const std::string_view curve(group, named ? length : 0);
    // RFC 5480 section 2.1.1 forbids parameters spelled out; OpenSSL would refuse the certificate later
    // (CVE-2020-0601's class).
    int explicit_parameters = 0;
    EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters);
    if (explicit_parameters != 0)
      return fail(Errc::invalid_argument, "an elliptic curve key must name its curve");
    if (curve == "prime256v1" || curve == "secp384r1") return {};
    return fail(Errc::invalid_argument, "an elliptic curve key must be on P-256 or P-384");
  }
  return fail(Errc::invalid_argument, "the key must be P-256, P-384, Ed25519 or RSA of at least 2048 bits");
}

const EVP_MD* digest_for(EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256();
}

Result<std::string> der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int length = i2d_X509(certificate, &bytes);
  if (length <= 0) return fail(Errc::internal, "a certificate could not be written");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

Result<WallTime> time_of(const ASN1_TIME* value) {
  std::tm parts{};
  if (value == nullptr || ASN1_TIME_to_tm(value, &parts) != 1)
    return fail(Errc::malformed, "a date is broken");
  // Dates reach the year 9999, nanoseconds in 64 bits end in 2262.
  constexpr std::int64_t kFarthest = 9'000'000'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(timegm(&parts), -kFarthest, kFarthest);
  return WallTime{std::chrono::seconds{seconds}};
}

bool set_time(ASN1_TIME* field, WallTime time) {
  return ASN1_TIME_set(field, std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()) !=
         nullptr;
}

Result<std::string> serial_text(const ASN1_INTEGER* serial) {
  const Handle<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number || BN_num_bytes(number.get()) > kMaxSerialBytes)
    return fail(Errc::malformed, "the serial number is broken");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return to_hex(bytes);
}

Handle<ASN1_INTEGER, ASN1_INTEGER_free> serial_of_text(const std::string& text) {
  BIGNUM* parsed = nullptr;
  const int digits = BN_hex2bn(&parsed, text.c_str());
  const Handle<BIGNUM, BN_free> number(parsed);
  if (!number || digits != static_cast<int>(text.size())) return nullptr;
  return Handle<ASN1_INTEGER, ASN1_INTEGER_free>(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

Result<std::string> name_part(const X509_NAME* name, int kind) {
  const int index = X509_NAME_get_index_by_NID(name, kind, -1);
  if (index < 0) return std::string();
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  ERR_clear_error();
  if (length < 0) return fail(Errc::malformed, "a part of the subject is broken");
  std::string part(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  if (!is_clean_utf8(part)) return fail(Errc::malformed, "a part of the subject is not clean text");
  return part;
}

Result<std::string> thing_name_among(const GENERAL_NAMES* names) {
  std::string found;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (!text.starts_with(kThingUri)) continue;
    if (!found.empty()) return fail(Errc::malformed, "two things are named");
    found = text.substr(kThingUri.size());
    if (!check_thing_name(found)) return fail(Errc::malformed, "the thing's name is not a valid name");
  }
  return found;
}

}  // namespace dunlin::security
