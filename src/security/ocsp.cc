#include "security/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <utility>

#include "security/limits.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

using RequestHandle = Handle<OCSP_REQUEST, OCSP_REQUEST_free>;
using CertIdHandle = Handle<OCSP_CERTID, OCSP_CERTID_free>;
using OctetString = Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;

constexpr std::array<int, 4> kDigests = {NID_sha1, NID_sha256, NID_sha384, NID_sha512};

std::string bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

Result<OcspCertId> read_cert_id(OCSP_CERTID* id) {
  ASN1_OCTET_STRING* name = nullptr;
  ASN1_OBJECT* digest = nullptr;
  ASN1_OCTET_STRING* key = nullptr;
  ASN1_INTEGER* serial = nullptr;
  if (OCSP_id_get0_info(&name, &digest, &key, &serial, id) != 1)
    return fail(Errc::malformed, "the request names no certificate");
  OcspCertId read;
  DUNLIN_TRY(read.serial, serial_text(serial));
  const int kind = OBJ_obj2nid(digest);
  for (const int known : kDigests) {
    if (kind == known) read.digest = OBJ_nid2sn(known);
  }
  read.issuer_name_hash = bytes_of(name);
  read.issuer_key_hash = bytes_of(key);
  unsigned char* der = nullptr;
  const int length = i2d_OCSP_CERTID(id, &der);
  if (length <= 0) return fail(Errc::malformed, "the request names no certificate");
  read.der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return read;
}

/// RFC 9654 section 2.1: an OCTET STRING of 1 to 128 bytes; of any other length the request is refused.
Result<std::string> read_nonce(OCSP_REQUEST* request) {
  const int at = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1);
  if (at < 0) return std::string();
  if (OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, at) >= 0)
    return fail(Errc::malformed, "the request has two nonces");
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request, at));
  const unsigned char* in = ASN1_STRING_get0_data(value);
  const unsigned char* const end = in + ASN1_STRING_length(value);
  const OctetString nonce(d2i_ASN1_OCTET_STRING(nullptr, &in, ASN1_STRING_length(value)));
  ERR_clear_error();
  if (!nonce || in != end) return fail(Errc::malformed, "the nonce is broken");
  std::string bytes = bytes_of(nonce.get());
  if (bytes.empty() || bytes.size() > kMaxOcspNonceBytes)
    return fail(Errc::malformed, "a nonce has 1 to 128 bytes");
  return bytes;
}

bool is_known(const X509_EXTENSION* extension) {
  return OBJ_obj2nid(X509_EXTENSION_get_object(const_cast<X509_EXTENSION*>(extension))) ==
         NID_id_pkix_OCSP_Nonce;
}

/// Section 4.1.2: an extension that is critical and not known must not be passed over.
bool has_unknown_critical(OCSP_REQUEST* request) {
  for (int i = 0; i < OCSP_REQUEST_get_ext_count(request); ++i) {
    const X509_EXTENSION* extension = OCSP_REQUEST_get_ext(request, i);
    if (X509_EXTENSION_get_critical(extension) == 1 && !is_known(extension)) return true;
  }
  for (int i = 0; i < OCSP_request_onereq_count(request); ++i) {
    if (OCSP_ONEREQ_get_ext_by_critical(OCSP_request_onereq_get0(request, i), 1, -1) >= 0) return true;
  }
  return false;
}

bool add_status(OCSP_BASICRESP* response, const OcspStatus& status, ASN1_TIME* from, ASN1_TIME* until) {
  const unsigned char* in = as_bytes(status.cert_id_der).data();
  const CertIdHandle id(d2i_OCSP_CERTID(nullptr, &in, static_cast<long>(status.cert_id_der.size())));
  const Handle<ASN1_TIME, ASN1_TIME_free> at(ASN1_GENERALIZEDTIME_new());
  if (!id || !at) return false;
  const bool revoked = status.state == OcspStatus::State::revoked;
  // CRLReason absent: unspecified.
  const int reason =
      revoked && status.reason != RevocationReason::unspecified ? static_cast<int>(status.reason) : -1;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::floor<std::chrono::system_clock::duration>(status.revoked_at));
  if (revoked && ASN1_GENERALIZEDTIME_set(at.get(), seconds) == nullptr) return false;
  const int kind = revoked                                   ? V_OCSP_CERTSTATUS_REVOKED
                   : status.state == OcspStatus::State::good ? V_OCSP_CERTSTATUS_GOOD
                                                             : V_OCSP_CERTSTATUS_UNKNOWN;
  return OCSP_basic_add1_status(response, id.get(), kind, reason, revoked ? at.get() : nullptr, from,
                                until) != nullptr;
}

Handle<ASN1_TIME, ASN1_TIME_free> generalized(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return Handle<ASN1_TIME, ASN1_TIME_free>(ASN1_GENERALIZEDTIME_set(nullptr, seconds));
}

}  // namespace

std::string ocsp_refusal(OcspRefusal why) {
  // SEQUENCE { ENUMERATED }
  return {'\x30', '\x03', '\x0a', '\x01', static_cast<char>(why)};
}

Result<OcspRequest> parse_ocsp_request(ByteView der) {
  if (der.size() > kMaxOcspRequestBytes) return fail(Errc::limit_exceeded, "the OCSP request is too large");
  const unsigned char* at = der.data();
  const RequestHandle request(d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!request || at != der.data() + der.size()) return fail(Errc::malformed, "not an OCSP request");
  const int count = OCSP_request_onereq_count(request.get());
  if (count < 1) return fail(Errc::malformed, "the request names no certificate");
  if (static_cast<std::size_t>(count) > kMaxOcspIds)
    return fail(Errc::limit_exceeded, "the request names too many certificates");
  if (has_unknown_critical(request.get()))
    return fail(Errc::malformed, "the request has a critical extension that is not known here");
  OcspRequest read;
  DUNLIN_TRY(read.nonce, read_nonce(request.get()));
  for (int i = 0; i < count; ++i) {
    DUNLIN_TRY(OcspCertId id, read_cert_id(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), i))));
    read.ids.push_back(std::move(id));
  }
  return read;
}

Result<OcspIssuer> OcspIssuer::make(std::string_view certificate_pem) {
  DUNLIN_TRY(const Certificate certificate, read_certificate(certificate_pem));
  OcspIssuer issuer;
  for (const int kind : kDigests) {
    const EVP_MD* digest = EVP_get_digestbynid(kind);
    std::array<unsigned char, EVP_MAX_MD_SIZE> name{};
    std::array<unsigned char, EVP_MAX_MD_SIZE> key{};
    unsigned int name_length = 0;
    unsigned int key_length = 0;
    if (X509_NAME_digest(X509_get_subject_name(certificate.get()), digest, name.data(), &name_length) != 1 ||
        X509_pubkey_digest(certificate.get(), digest, key.data(), &key_length) != 1)
      return fail(Errc::internal, "the issuer's names could not be hashed");
    issuer.names_.push_back({OBJ_nid2sn(kind), std::string(name.begin(), name.begin() + name_length),
                             std::string(key.begin(), key.begin() + key_length)});
  }
  return issuer;
}

bool OcspIssuer::is_meant_by(const OcspCertId& id) const {
  for (const Names& names : names_) {
    if (names.digest == id.digest)
      return names.name_hash == id.issuer_name_hash && names.key_hash == id.issuer_key_hash;
  }
  return false;
}

Result<std::string> sign_ocsp_answer(const OcspAnswer& answer, const Signer& signer) {
  DUNLIN_TRY(const Key key, read_private_key(signer.key_pem));
  DUNLIN_TRY(const Certificate issuer, read_certificate(signer.certificate_pem));
  const Handle<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
  const auto from = generalized(answer.this_update);
  const auto until = generalized(answer.next_update);
  bool filled = basic && from && until;
  for (const OcspStatus& status : answer.statuses)
    filled = filled && add_status(basic.get(), status, from.get(), until.get());
  if (!answer.nonce.empty()) {
    std::string nonce = answer.nonce;
    filled = filled && OCSP_basic_add1_nonce(basic.get(), reinterpret_cast<unsigned char*>(nonce.data()),
                                             static_cast<int>(nonce.size())) == 1;
  }
  const bool is_signed = filled && OCSP_basic_sign(basic.get(), issuer.get(), key.get(),
                                                   digest_for(key.get()), nullptr, OCSP_RESPID_KEY) == 1;
  const Handle<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
      is_signed ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()) : nullptr);
  unsigned char* bytes = nullptr;
  const int length = response ? i2d_OCSP_RESPONSE(response.get(), &bytes) : -1;
  ERR_clear_error();
  if (length <= 0) return fail(Errc::internal, "the OCSP answer could not be signed");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace dunlin::security
