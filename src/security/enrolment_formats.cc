#include "security/enrolment_formats.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>

#include "base/base64.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

constexpr int kMinSecurityBits = 112;

void free_extensions(STACK_OF(X509_EXTENSION) * stack) {
  sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

using Request = Handle<X509_REQ, X509_REQ_free>;

Result<Request> decode_request(std::string_view text) {
  if (text.size() > kMaxCsrBytes) return fail(Errc::limit_exceeded, "the certificate request is too large");
  Request request;
  if (text.contains("-----BEGIN")) {
    request.reset(PEM_read_bio_X509_REQ(reader_of(text).get(), nullptr, nullptr, nullptr));
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
  return text_of(out.get());
}

Result<std::string> thing_name_of(X509_REQ* request) {
  const Handle<STACK_OF(X509_EXTENSION), free_extensions> extensions(X509_REQ_get_extensions(request));
  ERR_clear_error();
  if (!extensions) return std::string();
  const GeneralNames names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  return thing_name_among(names.get());
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
  DUNLIN_TRY(const Certificates chain, read_certificates(chain_pem));
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
  DUNLIN_TRY(const Certificate certificate, decode_certificate(der));
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
  DUNLIN_TRY(const Certificate certificate, decode_certificate(as_bytes(ders.front())));
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
  DUNLIN_TRY(const Certificate leaf, decode_certificate(as_bytes(search.leaf_der)));
  DUNLIN_TRY(const Certificates intermediates, read_certificates(search.intermediates_pem));
  const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  for (const std::string& pem : search.anchors) {
    DUNLIN_TRY(const Certificates anchors, read_certificates(pem));
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
