#include "security/enrolment_formats.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/openssl_handle.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kThingUri = "urn:dunlin:thing:";
constexpr int kMinSecurityBits = 112;

void free_certificates(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}
void free_extensions(STACK_OF(X509_EXTENSION) * stack) {
  sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

using Certificate = Handle<X509, X509_free>;
using Request = Handle<X509_REQ, X509_REQ_free>;
using Certificates = Handle<STACK_OF(X509), free_certificates>;
using Bio = Handle<BIO, BIO_free>;

Result<Certificate> decode(ByteView der) {
  if (der.size() > kMaxCertificateBytes) return fail(Errc::limit_exceeded, "the certificate is too large");
  const unsigned char* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!certificate || at != der.data() + der.size()) return fail(Errc::malformed, "not an X.509 certificate");
  return certificate;
}

Result<Certificates> decode_all(std::string_view pem) {
  Certificates stack(sk_X509_new_null());
  if (pem.empty()) return stack;
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  for (const std::string& der : ders) {
    DUNLIN_TRY(Certificate certificate, decode(as_bytes(der)));
    if (sk_X509_push(stack.get(), certificate.get()) > 0) static_cast<void>(certificate.release());
  }
  return stack;
}

Result<std::string> der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int length = i2d_X509(certificate, &bytes);
  if (length <= 0) return fail(Errc::internal, "a certificate could not be written");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

/// The first attribute of that kind, empty if there is none.
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

Result<Request> decode_request(std::string_view text) {
  if (text.size() > kMaxCsrBytes) return fail(Errc::limit_exceeded, "the certificate request is too large");
  Request request;
  if (text.contains("-----BEGIN")) {
    const Bio input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    request.reset(PEM_read_bio_X509_REQ(input.get(), nullptr, nullptr, nullptr));
  } else {
    const unsigned char* at = as_bytes(text).data();
    request.reset(d2i_X509_REQ(nullptr, &at, static_cast<long>(text.size())));
    if (at != as_bytes(text).data() + text.size()) request.reset();
  }
  ERR_clear_error();
  if (!request) return fail(Errc::malformed, "not a certificate request (PKCS#10)");
  return request;
}

Result<std::string> pem_of(X509_REQ* request) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509_REQ(out.get(), request) != 1)
    return fail(Errc::internal, "the certificate request could not be written");
  char* data = nullptr;
  const long length = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(length));
}

Result<std::string> thing_name_of(X509_REQ* request) {
  const Handle<STACK_OF(X509_EXTENSION), free_extensions> extensions(X509_REQ_get_extensions(request));
  ERR_clear_error();
  if (!extensions) return std::string();
  const Handle<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  std::string found;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (!text.starts_with(kThingUri)) continue;
    if (!found.empty()) return fail(Errc::malformed, "the request names two things");
    found = text.substr(kThingUri.size());
    if (!check_thing_name(found))
      return fail(Errc::malformed, "the thing name in the request is not a valid name");
  }
  return found;
}

}  // namespace

Result<Csr> read_csr(std::string_view pem_or_der) {
  DUNLIN_TRY(const Request request, decode_request(pem_or_der));
  Csr csr;
  DUNLIN_TRY(csr.pem, pem_of(request.get()));
  DUNLIN_TRY(const std::string public_key, public_key_of_csr(csr.pem));
  csr.key = sha256_hex(as_bytes(public_key));
  DUNLIN_TRY(csr.common_name, name_part(X509_REQ_get_subject_name(request.get()), NID_commonName));
  DUNLIN_TRY(csr.thing_name, thing_name_of(request.get()));
  return csr;
}

std::string certificate_pem(ByteView der) {
  constexpr std::size_t kLine = 64;
  const std::string text = to_base64(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < text.size(); at += kLine) pem += text.substr(at, kLine) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

Result<std::string> certs_only(std::string_view chain_pem) {
  DUNLIN_TRY(const Certificates chain, decode_all(chain_pem));
  const Handle<PKCS7, PKCS7_free> bag(PKCS7_new());
  bool filled = bag && PKCS7_set_type(bag.get(), NID_pkcs7_signed) == 1 &&
                PKCS7_content_new(bag.get(), NID_pkcs7_data) == 1 && PKCS7_set_detached(bag.get(), 1) == 1;
  for (int i = 0; filled && i < sk_X509_num(chain.get()); ++i)
    filled = PKCS7_add_certificate(bag.get(), sk_X509_value(chain.get(), i)) == 1;
  unsigned char* bytes = nullptr;
  const int length = filled ? i2d_PKCS7(bag.get(), &bytes) : -1;
  ERR_clear_error();
  if (length <= 0) return fail(Errc::internal, "the certificates could not be written as PKCS#7");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

Result<SubjectFields> read_subject(ByteView der) {
  DUNLIN_TRY(const Certificate certificate, decode(der));
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  SubjectFields fields;
  DUNLIN_TRY(fields.common_name, name_part(subject, NID_commonName));
  DUNLIN_TRY(fields.organisation, name_part(subject, NID_organizationName));
  DUNLIN_TRY(fields.unit, name_part(subject, NID_organizationalUnitName));
  DUNLIN_TRY(fields.serial_number, name_part(subject, NID_serialNumber));
  return fields;
}

Result<CertificateInfo> read_authority(std::string_view pem, WallTime now) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  if (ders.size() != 1) return fail(Errc::invalid_argument, "send one certificate: that of the authority");
  DUNLIN_TRY(const CertificateInfo info, parse_certificate(as_bytes(ders.front())));
  DUNLIN_TRY(const Certificate certificate, decode(as_bytes(ders.front())));
  // 1: basic constraints say CA:TRUE. What OpenSSL infers from less is not enough to found trust on.
  if (X509_check_ca(certificate.get()) != 1)
    return fail(Errc::invalid_argument,
                "the certificate is no authority's: it lacks the basic constraint CA:TRUE");
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  const bool strong = key != nullptr && EVP_PKEY_get_security_bits(key) >= kMinSecurityBits;
  ERR_clear_error();
  if (!strong) return fail(Errc::invalid_argument, "the authority's key is too weak");
  if (now < info.not_before || now >= info.not_after)
    return fail(Errc::invalid_argument, "the authority's certificate is out of date");
  return info;
}

Result<std::vector<std::string>> find_chain(const ChainSearch& search) {
  DUNLIN_TRY(const Certificate leaf, decode(as_bytes(search.leaf_der)));
  DUNLIN_TRY(const Certificates intermediates, decode_all(search.intermediates_pem));
  const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  for (const std::string& pem : search.anchors) {
    DUNLIN_TRY(const Certificates anchors, decode_all(pem));
    for (int i = 0; i < sk_X509_num(anchors.get()); ++i)
      X509_STORE_add_cert(store.get(), sk_X509_value(anchors.get(), i));
  }
  const Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), intermediates.get()) != 1)
    return fail(Errc::internal, "the certificate check could not start");
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules,
                             std::chrono::floor<std::chrono::seconds>(search.at).time_since_epoch().count());
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(kMaxChainLength));
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
  const int verified = X509_verify_cert(context.get());
  const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  if (verified != 1)
    return fail(Errc::permission_denied, std::string("the certificate is not accepted: ") + reason);
  if (X509_check_ca(leaf.get()) != 0)
    return fail(Errc::permission_denied, "the certificate is not accepted: an authority is no device");
  std::vector<std::string> above;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 1; i < sk_X509_num(chain); ++i) {
    DUNLIN_TRY(const std::string der, der_of(sk_X509_value(chain, i)));
    above.push_back(sha256_hex(as_bytes(der)));
  }
  return above;
}

}  // namespace dunlin::security
