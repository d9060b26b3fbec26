// Keys, requests and signatures. EVP interfaces only.
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "security/limits.h"
#include "security/x509.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

Result<Key> read_public_key(std::string_view pem) {
  Key key(PEM_read_bio_PUBKEY(reader_of(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!key) return fail(Errc::malformed, "not a public key in PEM form");
  return key;
}

Result<std::string> public_pem(EVP_PKEY* key) {
  DUNLIN_CHECK(check_strength(key));
  Bio out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(out.get(), key) != 1)
    return fail(Errc::internal, "the public key could not be written");
  return text_of(out.get());
}

bool set_name(X509_NAME* name, int field, const std::string& text) {
  return text.empty() || X509_NAME_add_entry_by_NID(name, field, MBSTRING_UTF8, as_bytes(text).data(),
                                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool set_serial(X509* certificate, const std::array<std::uint8_t, 16>& serial) {
  Handle<BIGNUM, BN_free> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  return number && !BN_is_zero(number.get()) &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

/// `value` is text of our own making, never a name from outside: OpenSSL's little language would interpret
/// it.
bool add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Handle<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

using GeneralName = Handle<GENERAL_NAME, GENERAL_NAME_free>;

/// Null: there is no memory.
GeneralName text_name(int type, const std::string& text) {
  GeneralName name(GENERAL_NAME_new());
  Handle<ASN1_IA5STRING, ASN1_IA5STRING_free> value(ASN1_IA5STRING_new());
  if (!name || !value || ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) != 1)
    return nullptr;
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  return name;
}

bool push_name(GENERAL_NAMES* names, GeneralName name) {
  return name && sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

/// Null: no address.
GeneralName address_name(const std::string& text) {
  GeneralName name(GENERAL_NAME_new());
  ASN1_OCTET_STRING* value = a2i_IPADDRESS(text.c_str());
  if (!name || value == nullptr) return nullptr;
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, value);
  return name;
}

Result<void> add_names(X509* certificate, const CertificateProfile& profile) {
  const GeneralNames names(GENERAL_NAMES_new());
  for (const std::string& dns : profile.dns_names) {
    if (!push_name(names.get(), text_name(GEN_DNS, dns)))
      return fail(Errc::invalid_argument, "not a host name: " + dns);
  }
  for (const std::string& address : profile.addresses) {
    if (!push_name(names.get(), address_name(address)))
      return fail(Errc::invalid_argument, "not an IP address: " + address);
  }
  if (!profile.uri.empty() && !push_name(names.get(), text_name(GEN_URI, profile.uri))) {
    return fail(Errc::invalid_argument, "not a URI: " + profile.uri);
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return {};
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return fail(Errc::internal, "the names could not be written");
  }
  return {};
}

bool add_distribution_point(X509* certificate, const std::string& url) {
  if (url.empty()) return true;
  GeneralNames names(GENERAL_NAMES_new());
  Handle<DIST_POINT_NAME, DIST_POINT_NAME_free> where(DIST_POINT_NAME_new());
  Handle<DIST_POINT, DIST_POINT_free> point(DIST_POINT_new());
  const Handle<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(CRL_DIST_POINTS_new());
  if (!where || !point || !points || !push_name(names.get(), text_name(GEN_URI, url))) return false;
  where->type = 0;  // fullName
  where->name.fullname = names.release();
  point->distpoint = where.release();
  if (sk_DIST_POINT_push(points.get(), point.get()) <= 0) return false;
  static_cast<void>(point.release());
  return X509_add1_ext_i2d(certificate, NID_crl_distribution_points, points.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool push_access(AUTHORITY_INFO_ACCESS* list, int method, const std::string& url) {
  if (url.empty()) return true;
  Handle<ACCESS_DESCRIPTION, ACCESS_DESCRIPTION_free> access(ACCESS_DESCRIPTION_new());
  GeneralName location = text_name(GEN_URI, url);
  if (!access || !location) return false;
  ASN1_OBJECT_free(access->method);
  access->method = OBJ_nid2obj(method);
  GENERAL_NAME_free(access->location);
  access->location = location.release();
  return sk_ACCESS_DESCRIPTION_push(list, access.get()) > 0 && access.release() != nullptr;
}

bool add_status_urls(X509* certificate, const StatusUrls& urls) {
  const Handle<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> list(AUTHORITY_INFO_ACCESS_new());
  if (!add_distribution_point(certificate, urls.crl) || !push_access(list.get(), NID_ad_OCSP, urls.ocsp) ||
      !push_access(list.get(), NID_ad_ca_issuers, urls.issuer))
    return false;
  return sk_ACCESS_DESCRIPTION_num(list.get()) == 0 ||
         X509_add1_ext_i2d(certificate, NID_info_access, list.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

bool add_usage(X509* certificate, X509* issuer, CertificateProfile::Kind kind) {
  using Kind = CertificateProfile::Kind;
  const bool authority = kind == Kind::root || kind == Kind::intermediate;
  const char* constraints = kind == Kind::root           ? "critical,CA:TRUE,pathlen:1"
                            : kind == Kind::intermediate ? "critical,CA:TRUE,pathlen:0"
                                                         : "critical,CA:FALSE";
  // RFC 5753 section 7.1: what is sealed for a device is wrapped by key agreement.
  const bool agrees = kind == Kind::device && EVP_PKEY_is_a(X509_get0_pubkey(certificate), "EC") == 1;
  const char* usage = authority ? "critical,keyCertSign,cRLSign"
                      : agrees  ? "critical,digitalSignature,keyAgreement"
                                : "critical,digitalSignature";
  const bool common = add_extension(certificate, issuer, NID_basic_constraints, constraints) &&
                      add_extension(certificate, issuer, NID_key_usage, usage) &&
                      add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
                      add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
  if (!common || authority) return common;
  return add_extension(certificate, issuer, NID_ext_key_usage,
                       kind == Kind::server ? "serverAuth" : "clientAuth");
}

}  // namespace

Result<std::string> generate_key_pem() {
  Key key(EVP_EC_gen("P-256"));
  Bio out(BIO_new(BIO_s_secmem()));
  if (!key ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail(Errc::internal, "no key could be made");
  }
  return text_of(out.get());
}

Result<void> check_key_belongs(std::string_view key_pem, std::string_view certificate_pem) {
  DUNLIN_TRY(const Key key, read_private_key(key_pem));
  DUNLIN_TRY(const Certificate certificate, read_certificate(certificate_pem));
  DUNLIN_CHECK(check_strength(key.get()));
  const bool belongs = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!belongs) return fail(Errc::invalid_argument, "the key is not the certificate's");
  return {};
}

Result<std::string> make_csr_pem(std::string_view key_pem, std::string_view common_name) {
  DUNLIN_TRY(const Key key, read_private_key(key_pem));
  Handle<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  const bool made =
      request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
      set_name(X509_REQ_get_subject_name(request.get()), NID_commonName, std::string(common_name)) &&
      X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
      X509_REQ_sign(request.get(), key.get(), digest_for(key.get())) > 0;
  Bio out(BIO_new(BIO_s_mem()));
  const bool written = made && PEM_write_bio_X509_REQ(out.get(), request.get()) == 1;
  ERR_clear_error();
  if (!written) return fail(Errc::internal, "the request could not be made");
  return text_of(out.get());
}

Result<std::string> public_key_of_csr(std::string_view csr_pem) {
  if (csr_pem.size() > kMaxCsrBytes)
    return fail(Errc::limit_exceeded, "the certificate request is too large");
  Handle<X509_REQ, X509_REQ_free> request(
      PEM_read_bio_X509_REQ(reader_of(csr_pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!request) return fail(Errc::malformed, "not a certificate request in PEM form");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  ERR_clear_error();
  if (key == nullptr) return fail(Errc::malformed, "the request has no usable public key");
  // Strength first: verifying with a huge RSA key would cost us more than the sender.
  DUNLIN_CHECK(check_strength(key));
  int digest = NID_undef;
  int kind = NID_undef;
  OBJ_find_sigid_algs(X509_REQ_get_signature_nid(request.get()), &digest, &kind);
  if (digest == NID_sha1 || digest == NID_md5)
    return fail(Errc::invalid_argument, "the request is signed with a broken digest");
  const bool possessed = X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!possessed)
    return fail(Errc::permission_denied, "the request's own signature does not hold: no proof of the key");
  return public_pem(key);
}

Result<std::string> public_key_of(std::string_view key_pem) {
  DUNLIN_TRY(const Key key, read_private_key(key_pem));
  return public_pem(key.get());
}

Result<std::string> sign_certificate(const CertificateProfile& profile, std::string_view public_key_pem,
                                     const Signer& signer) {
  DUNLIN_TRY(const Key subject_key, read_public_key(public_key_pem));
  DUNLIN_CHECK(check_strength(subject_key.get()));
  DUNLIN_TRY(const Key signing_key, read_private_key(signer.key_pem));
  Certificate issuer;
  if (!signer.certificate_pem.empty()) {
    DUNLIN_TRY(issuer, read_certificate(signer.certificate_pem));
  }
  Certificate certificate(X509_new());
  X509* issuing = issuer ? issuer.get() : certificate.get();
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const bool filled = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                      set_serial(certificate.get(), profile.serial) &&
                      set_name(subject, NID_organizationName, profile.organisation) &&
                      set_name(subject, NID_commonName, profile.common_name) &&
                      X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuing)) == 1 &&
                      set_time(X509_getm_notBefore(certificate.get()), profile.not_before) &&
                      set_time(X509_getm_notAfter(certificate.get()), profile.not_after) &&
                      X509_set_pubkey(certificate.get(), subject_key.get()) == 1;
  ERR_clear_error();
  if (!filled) return fail(Errc::invalid_argument, "the certificate's fields could not be set");
  DUNLIN_CHECK(add_names(certificate.get(), profile));
  Bio out(BIO_new(BIO_s_mem()));
  const bool written = add_usage(certificate.get(), issuing, profile.kind) &&
                       add_status_urls(certificate.get(), profile.status) &&
                       X509_sign(certificate.get(), signing_key.get(), digest_for(signing_key.get())) > 0 &&
                       PEM_write_bio_X509(out.get(), certificate.get()) == 1;
  ERR_clear_error();
  if (!written) return fail(Errc::internal, "the certificate could not be signed");
  return text_of(out.get());
}

}  // namespace dunlin::security
