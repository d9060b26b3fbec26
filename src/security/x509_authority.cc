// Intermediates that come from outside, and keys that leave under a passphrase.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509_vfy.h>

#include "security/crypto.h"
#include "security/limits.h"
#include "security/x509.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

Result<void> check_authority(X509* certificate, const std::string& what) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::invalid_argument, what + " " + std::string(why));
  };
  // What it says itself: what OpenSSL infers from less is not enough to found trust on.
  if ((X509_get_extension_flags(certificate) & EXFLAG_CA) == 0)
    return refuse("lacks the basic constraint CA:TRUE");
  if ((X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
    return refuse("lacks the key usage keyCertSign");
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  ERR_clear_error();
  if (key == nullptr) return refuse("has no usable key");
  if (const auto strong = check_strength(key); !strong) return refuse("is weak: " + strong.error().message);
  return {};
}

Result<void> check_root(X509* root) {
  DUNLIN_CHECK(check_authority(root, "the root"));
  // A path length of 0 would forbid the certificates below the intermediate.
  if (X509_get_pathlen(root) == 0)
    return fail(Errc::invalid_argument, "the root has the path length 0: it allows no intermediate");
  const bool self_signed = X509_verify(root, X509_get0_pubkey(root)) == 1;
  ERR_clear_error();
  if (!self_signed)
    return fail(Errc::invalid_argument, "the last certificate is no root: it is not self-signed");
  return {};
}

Result<void> check_signed_by(X509* certificate, X509* root, WallTime at) {
  const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), root) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) != 1)
    return fail(Errc::internal, "the certificate check could not start");
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
  const int verified = X509_verify_cert(context.get());
  const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  if (verified != 1)
    return fail(Errc::permission_denied, std::string("the root has not signed this intermediate: ") + reason);
  return {};
}

using EncryptedKey = Handle<X509_SIG, X509_SIG_free>;
using KeyInfo = Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

/// The rounds of PBKDF2 are what the sender wants; so many are enough for anybody.
bool is_affordable(const X509_SIG* encrypted) {
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(encrypted, &algorithm, nullptr);
  const ASN1_OBJECT* kind = nullptr;
  int type = 0;
  const void* parameters = nullptr;
  X509_ALGOR_get0(&kind, &type, &parameters, algorithm);
  if (OBJ_obj2nid(kind) != NID_pbes2 || type != V_ASN1_SEQUENCE) return false;
  const Handle<PBE2PARAM, PBE2PARAM_free> scheme(static_cast<PBE2PARAM*>(
      ASN1_item_unpack(static_cast<const ASN1_STRING*>(parameters), ASN1_ITEM_rptr(PBE2PARAM))));
  if (!scheme || OBJ_obj2nid(scheme->keyfunc->algorithm) != NID_id_pbkdf2 ||
      scheme->keyfunc->parameter == nullptr || scheme->keyfunc->parameter->type != V_ASN1_SEQUENCE)
    return false;
  const Handle<PBKDF2PARAM, PBKDF2PARAM_free> derivation(static_cast<PBKDF2PARAM*>(
      ASN1_item_unpack(scheme->keyfunc->parameter->value.sequence, ASN1_ITEM_rptr(PBKDF2PARAM))));
  std::uint64_t rounds = 0;
  return derivation && ASN1_INTEGER_get_uint64(&rounds, derivation->iter) == 1 &&
         rounds <= kMaxKeyEncryptionRounds;
}

Result<std::string> pem_of(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(Errc::internal, "the key could not be written");
  return text_of(out.get());
}

}  // namespace

Result<CertificateInfo> check_intermediate(const IntermediateCheck& check) {
  DUNLIN_TRY(const Certificate certificate, read_certificate(check.certificate_pem));
  DUNLIN_TRY(const Certificate root, read_certificate(check.root_pem));
  DUNLIN_CHECK(check_key_belongs(check.key_pem, check.certificate_pem));
  DUNLIN_CHECK(check_authority(certificate.get(), "the intermediate"));
  DUNLIN_CHECK(check_root(root.get()));
  if ((X509_get_key_usage(certificate.get()) & KU_CRL_SIGN) == 0)
    return fail(Errc::invalid_argument, "the intermediate lacks the key usage cRLSign");
  DUNLIN_TRY(const std::string der, der_of(certificate.get()));
  DUNLIN_TRY(CertificateInfo info, parse_certificate(as_bytes(der)));
  // RFC 5280 section 4.2.1.2: an authority has one; our records and addresses are named by it.
  if (info.key_id.empty() || info.key_id.size() > 2 * kMaxKeyId)
    return fail(Errc::invalid_argument, "the intermediate has no subject key identifier, or too long a one");
  if (info.not_after < check.at + kMinIntermediateLife)
    return fail(Errc::invalid_argument, "the intermediate ends within a day, or has ended");
  DUNLIN_CHECK(check_signed_by(certificate.get(), root.get(), check.at));
  return info;
}

Result<std::string> encrypt_private_key(std::string_view key_pem, std::string_view passphrase) {
  DUNLIN_TRY(const Key key, read_private_key(key_pem));
  const KeyInfo info(EVP_PKEY2PKCS8(key.get()));
  const EncryptedKey encrypted(info ? PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase.data(),
                                                    static_cast<int>(passphrase.size()), nullptr, 0,
                                                    kKeyEncryptionRounds, info.get())
                                    : nullptr);
  const Bio out(BIO_new(BIO_s_mem()));
  const bool written = encrypted && out && PEM_write_bio_PKCS8(out.get(), encrypted.get()) == 1;
  ERR_clear_error();
  if (!written) return fail(Errc::internal, "the key could not be encrypted");
  return text_of(out.get());
}

Result<std::string> decrypt_private_key(std::string_view encrypted_pem, std::string_view passphrase) {
  if (encrypted_pem.size() > kMaxPemFileBytes) return fail(Errc::limit_exceeded, "the key is too large");
  const EncryptedKey encrypted(PEM_read_bio_PKCS8(reader_of(encrypted_pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!encrypted) return fail(Errc::malformed, "not an encrypted private key in PEM form");
  if (!is_affordable(encrypted.get()))
    return fail(Errc::malformed,
                "the key is not encrypted by PBES2 with PBKDF2 of at most 10,000,000 rounds");
  const KeyInfo info(PKCS8_decrypt(encrypted.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  const Key key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
  ERR_clear_error();
  if (!key) return fail(Errc::permission_denied, "the passphrase does not open the key");
  return pem_of(key.get());
}

}  // namespace dunlin::security
