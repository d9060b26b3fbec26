#include "security/sealed.h"

#include <openssl/cms.h>
#include <openssl/err.h>

#include "base/base64.h"
#include "base/rng.h"
#include "keys/evp_key.h"
#include "security/issuer_files.h"
#include "security/limits.h"
#include "security/sealed_header.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

using Cms = Handle<CMS_ContentInfo, CMS_ContentInfo_free>;
using Recipient = SealedHeader::Recipient;

constexpr std::size_t kSecretBytes = 32;
constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL;
// Names the key that both sides have, of which there is one.
constexpr std::string_view kSecretName = "dunlin";
constexpr std::string_view kSealedEnd = "-----END CMS-----";
constexpr std::size_t kLine = 64;  // RFC 7468 section 2

Result<void> check_size(std::string_view content) {
  if (content.size() <= kMaxSealableBytes) return {};
  return fail(Errc::limit_exceeded, "what is sealed may have at most 64 MiB");
}

Result<Cms> begin() {
  Cms cms(CMS_encrypt(nullptr, nullptr, EVP_aes_256_gcm(), kFlags));
  ERR_clear_error();
  if (!cms) return fail(Errc::internal, "nothing can be sealed");
  return cms;
}

Result<std::string> finish(CMS_ContentInfo* cms, std::string_view content) {
  const Bio in = reader_of(content);
  const Bio out(BIO_new(BIO_s_mem()));
  const bool made =
      in && out && CMS_final(cms, in.get(), nullptr, CMS_BINARY) == 1 && i2d_CMS_bio(out.get(), cms) == 1;
  ERR_clear_error();
  if (!made) return fail(Errc::internal, "nothing could be sealed");
  return text_of(out.get());
}

Result<Cms> decode(std::string_view der, Recipient wanted) {
  DUNLIN_TRY(const SealedHeader header, read_sealed_header(as_bytes(der)));
  if (header.recipient != wanted)
    return fail(Errc::malformed, "the blob is sealed for another kind of recipient");
  const Bio in = reader_of(der);
  Cms cms(d2i_CMS_bio(in.get(), nullptr));
  ERR_clear_error();
  if (!cms) return fail(Errc::malformed, "not a sealed blob: CMS AuthEnvelopedData in DER");
  return cms;
}

std::unexpected<Error> closed() {
  ERR_clear_error();
  return fail(Errc::permission_denied, "the blob is sealed for another key, or was changed");
}

Result<std::string> content_of(CMS_ContentInfo* cms) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!out || CMS_decrypt(cms, nullptr, nullptr, nullptr, out.get(), CMS_BINARY) != 1) return closed();
  return text_of(out.get());
}

/// X9.63 with SHA-256 instead of OpenSSL's SHA-1.
bool use_sha256(CMS_RecipientInfo* recipient) {
  if (recipient == nullptr || CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE) return false;
  EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  return context != nullptr && EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
}

}  // namespace

Result<std::string> seal_for_certificate(std::string_view content, std::string_view certificate_pem) {
  DUNLIN_CHECK(check_size(content));
  DUNLIN_TRY(const Certificate certificate, read_certificate(certificate_pem));
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr || EVP_PKEY_is_a(key, "EC") != 1)
    return fail(
        Errc::invalid_argument,
        "the certificate's key is not on an elliptic curve such as P-256: nothing can be sealed for it");
  DUNLIN_CHECK(check_strength(key));
  DUNLIN_TRY(const Cms cms, begin());
  CMS_RecipientInfo* recipient =
      CMS_add1_recipient_cert(cms.get(), certificate.get(), CMS_KEY_PARAM | CMS_USE_KEYID);
  if (!use_sha256(recipient)) {
    ERR_clear_error();
    return fail(Errc::invalid_argument, "nothing can be sealed for the certificate's key");
  }
  return finish(cms.get(), content);
}

Result<std::string> seal_for_key(std::string_view content, std::string_view key_text) {
  DUNLIN_TRY(const std::string public_key, public_key_of(key_text));
  // CMS names its recipients by certificate. This one is for nobody else to see.
  SystemRng rng;
  SystemClock clock;
  const CertificateProfile profile = new_profile(CertificateProfile::Kind::device, "sealed storage",
                                                 std::chrono::hours{24}, clock.wall_now(), rng);
  DUNLIN_TRY(const std::string certificate, sign_certificate(profile, public_key, Signer{key_text, {}}));
  return seal_for_certificate(content, certificate);
}

Result<std::string> open_sealed(std::string_view der, std::shared_ptr<keys::DeviceKey> key) {
  DUNLIN_TRY(const Cms cms, decode(der, Recipient::key_agreement));
  DUNLIN_TRY(const keys::EvpKey evp, keys::evp_key_of(std::move(key)));
  if (CMS_decrypt_set1_pkey_and_peer(cms.get(), evp.get(), nullptr, nullptr) != 1) return closed();
  return content_of(cms.get());
}

Result<std::string> seal_with_secret(std::string_view content, ByteView secret) {
  DUNLIN_CHECK(check_size(content));
  DUNLIN_TRY(const Cms cms, begin());
  // OpenSSL frees what it is given.
  auto* key = static_cast<unsigned char*>(OPENSSL_memdup(secret.data(), secret.size()));
  auto* name = static_cast<unsigned char*>(OPENSSL_memdup(kSecretName.data(), kSecretName.size()));
  if (secret.size() != kSecretBytes ||
      CMS_add0_recipient_key(cms.get(), NID_id_aes256_wrap, key, secret.size(), name, kSecretName.size(),
                             nullptr, nullptr, nullptr) == nullptr) {
    OPENSSL_clear_free(key, secret.size());
    OPENSSL_free(name);
    ERR_clear_error();
    return fail(Errc::internal, "nothing can be sealed with this key");
  }
  return finish(cms.get(), content);
}

Result<std::string> open_with_secret(std::string_view der, ByteView secret) {
  DUNLIN_TRY(const Cms cms, decode(der, Recipient::symmetric_key));
  std::string key(as_text(secret));
  std::string name(kSecretName);
  const int opened = CMS_decrypt_set1_key(cms.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(),
                                          reinterpret_cast<unsigned char*>(name.data()), name.size());
  OPENSSL_cleanse(key.data(), key.size());
  return opened == 1 ? content_of(cms.get()) : closed();
}

std::string sealed_to_pem(std::string_view der) {
  const std::string text = to_base64(as_bytes(der));
  std::string pem = std::string(kSealedBegin) + "\n";
  for (std::size_t at = 0; at < text.size(); at += kLine) pem += text.substr(at, kLine) + "\n";
  return pem + std::string(kSealedEnd) + "\n";
}

Result<SealedText> sealed_from_pem(std::string_view text) {
  const std::size_t end = text.find(kSealedEnd);
  if (!text.starts_with(kSealedBegin) || end == std::string_view::npos)
    return fail(Errc::malformed, "not a sealed text: -----BEGIN CMS-----");
  std::string body;
  for (const char c : text.substr(kSealedBegin.size(), end - kSealedBegin.size())) {
    if (c != '\n' && c != '\r') body += c;
  }
  DUNLIN_TRY(const auto bytes, from_base64(body));
  std::string_view rest = text.substr(end + kSealedEnd.size());
  while (rest.starts_with('\n') || rest.starts_with('\r')) rest.remove_prefix(1);
  return SealedText{std::string(as_text(bytes)), rest};
}

}  // namespace dunlin::security
