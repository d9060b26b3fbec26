// Reading what peers send: certificates and chains. Everything here meets hostile bytes.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "base/hex.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/x509.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

Result<std::string> common_name_of(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0) {
    return fail(Errc::malformed, "the certificate has two common names");
  }
  return name_part(name, NID_commonName);
}

Result<std::string> thing_name_of(X509* certificate) {
  int critical = -1;
  const GeneralNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names && critical != -1)
    return fail(Errc::malformed, "the subject alternative name is broken or there twice");
  return thing_name_among(names.get());
}

std::string key_id(const ASN1_OCTET_STRING* id) {
  if (id == nullptr) return {};
  return to_hex({ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id))});
}

std::string url_of(const GENERAL_NAME* name) {
  if (name == nullptr || name->type != GEN_URI) return {};
  const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
          static_cast<std::size_t>(ASN1_STRING_length(uri))};
}

}  // namespace

Result<CertificateInfo> parse_certificate(ByteView der) {
  DUNLIN_TRY(const Certificate certificate, decode_certificate(der));
  CertificateInfo info;
  info.fingerprint = sha256_hex(der);
  DUNLIN_TRY(info.common_name, common_name_of(X509_get_subject_name(certificate.get())));
  info.issuer_name = common_name_of(X509_get_issuer_name(certificate.get())).value_or("");
  DUNLIN_TRY(info.thing_name, thing_name_of(certificate.get()));
  DUNLIN_TRY(info.serial, serial_text(X509_get0_serialNumber(certificate.get())));
  DUNLIN_TRY(info.not_before, time_of(X509_get0_notBefore(certificate.get())));
  DUNLIN_TRY(info.not_after, time_of(X509_get0_notAfter(certificate.get())));
  info.key_id = key_id(X509_get0_subject_key_id(certificate.get()));
  info.issuer_key_id = key_id(X509_get0_authority_key_id(certificate.get()));
  if (X509_check_ca(certificate.get()) != 0) info.role = CertificateInfo::Role::authority;
  ERR_clear_error();
  return info;
}

Result<std::vector<std::string>> certificates_from_pem(std::string_view pem) {
  if (pem.size() > kMaxPemFileBytes) return fail(Errc::limit_exceeded, "the PEM text is too large");
  const Bio input = reader_of(pem);
  std::vector<std::string> ders;
  while (true) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long length = 0;
    if (PEM_read_bio(input.get(), &name, &header, &data, &length) != 1) break;
    if (std::string_view(name) == PEM_STRING_X509)
      ders.emplace_back(reinterpret_cast<char*>(data), static_cast<std::size_t>(length));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (ders.size() > kMaxChainLength)
      return fail(Errc::limit_exceeded, "the PEM text holds too many certificates");
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (ders.empty() || !at_end) return fail(Errc::malformed, "no certificate in PEM form");
  return ders;
}

Result<void> check_covers(std::string_view certificate_pem, std::string_view host_or_address) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(certificate_pem));
  DUNLIN_TRY(const Certificate certificate, decode_certificate(as_bytes(ders.front())));
  const std::string name(host_or_address);
  const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  const bool covered = X509_check_ip_asc(certificate.get(), name.c_str(), 0) == 1 ||
                       X509_check_host(certificate.get(), name.data(), name.size(), flags, nullptr) == 1;
  ERR_clear_error();
  if (!covered) return fail(Errc::not_found, "the certificate does not name " + name);
  return {};
}

Result<StatusUrls> status_urls_of(std::string_view certificate_pem) {
  DUNLIN_TRY(const Certificate certificate, read_certificate(certificate_pem));
  StatusUrls urls;
  const Handle<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate.get(), NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT_NAME* where = sk_DIST_POINT_value(points.get(), i)->distpoint;
    if (where == nullptr || where->type != 0 || !urls.crl.empty()) continue;
    urls.crl = url_of(sk_GENERAL_NAME_value(where->name.fullname, 0));
  }
  const Handle<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> list(static_cast<AUTHORITY_INFO_ACCESS*>(
      X509_get_ext_d2i(certificate.get(), NID_info_access, nullptr, nullptr)));
  for (int i = 0; list && i < sk_ACCESS_DESCRIPTION_num(list.get()); ++i) {
    const ACCESS_DESCRIPTION* access = sk_ACCESS_DESCRIPTION_value(list.get(), i);
    const int method = OBJ_obj2nid(access->method);
    if (method == NID_ad_OCSP && urls.ocsp.empty()) urls.ocsp = url_of(access->location);
    if (method == NID_ad_ca_issuers && urls.issuer.empty()) urls.issuer = url_of(access->location);
  }
  ERR_clear_error();
  return urls;
}

Result<void> verify_chain(const ChainCheck& check) {
  DUNLIN_TRY(const Certificate leaf, decode_certificate(as_bytes(check.leaf_der)));
  DUNLIN_TRY(const Certificates intermediates, read_certificates(check.intermediates_pem));
  DUNLIN_TRY(const Certificates anchors, read_certificates(check.anchors_pem));
  Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  for (int i = 0; i < sk_X509_num(anchors.get()); ++i)
    X509_STORE_add_cert(store.get(), sk_X509_value(anchors.get(), i));
  Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), intermediates.get()) != 1) {
    return fail(Errc::internal, "the certificate check could not start");
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules,
                             std::chrono::floor<std::chrono::seconds>(check.at).time_since_epoch().count());
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(kMaxChainLength));
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(
      rules, check.purpose == Purpose::client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  // Absent extended key usage means "any" to OpenSSL; here a certificate has to say what it is for.
  const std::uint32_t needed = check.purpose == Purpose::client ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  const int verified = X509_verify_cert(context.get());
  const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  if (verified != 1)
    return fail(Errc::permission_denied, std::string("the certificate is not accepted: ") + reason);
  const bool states_usage = (X509_get_extension_flags(leaf.get()) & EXFLAG_XKUSAGE) != 0;
  if (!states_usage || (X509_get_extended_key_usage(leaf.get()) & needed) == 0) {
    return fail(Errc::permission_denied,
                "the certificate is not accepted: its extended key usage does not name this purpose");
  }
  if (X509_check_ca(leaf.get()) != 0) {
    return fail(Errc::permission_denied, "the certificate is not accepted: an authority is no device");
  }
  return {};
}

}  // namespace dunlin::security
