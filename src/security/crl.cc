#include "security/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <utility>

#include "security/limits.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

using Crl = Handle<X509_CRL, X509_CRL_free>;
using Integer = Handle<ASN1_INTEGER, ASN1_INTEGER_free>;

constexpr std::array<std::pair<RevocationReason, std::string_view>, 5> kReasons = {
    {{RevocationReason::unspecified, "unspecified"},
     {RevocationReason::key_compromise, "keyCompromise"},
     {RevocationReason::affiliation_changed, "affiliationChanged"},
     {RevocationReason::superseded, "superseded"},
     {RevocationReason::cessation_of_operation, "cessationOfOperation"}}};

bool set_update(X509_CRL* crl, WallTime time, int (*set)(X509_CRL*, const ASN1_TIME*)) {
  const Handle<ASN1_TIME, ASN1_TIME_free> field(ASN1_TIME_new());
  return field && set_time(field.get(), time) && set(crl, field.get()) == 1;
}

bool add_entry(X509_CRL* crl, const RevokedCertificate& revoked) {
  Handle<X509_REVOKED, X509_REVOKED_free> entry(X509_REVOKED_new());
  const Integer serial = serial_of_text(revoked.serial);
  const Handle<ASN1_TIME, ASN1_TIME_free> at(ASN1_TIME_new());
  const bool filled = entry && serial && at && set_time(at.get(), revoked.at) &&
                      X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
                      X509_REVOKED_set_revocationDate(entry.get(), at.get()) == 1;
  if (!filled) return false;
  // Section 5.3.1: the extension should be absent instead of saying "unspecified".
  if (revoked.reason != RevocationReason::unspecified) {
    const Handle<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(ASN1_ENUMERATED_new());
    if (!reason || ASN1_ENUMERATED_set(reason.get(), static_cast<long>(revoked.reason)) != 1 ||
        X509_REVOKED_add1_ext_i2d(entry.get(), NID_crl_reason, reason.get(), 0, X509V3_ADD_DEFAULT) != 1)
      return false;
  }
  return X509_CRL_add0_revoked(crl, entry.get()) == 1 && entry.release() != nullptr;
}

bool add_extensions(X509_CRL* crl, X509* issuer, std::uint64_t number) {
  const Integer value(ASN1_INTEGER_new());
  if (!value || ASN1_INTEGER_set_uint64(value.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return false;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl, 0);
  const Handle<X509_EXTENSION, X509_EXTENSION_free> key_id(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  return key_id && X509_CRL_add_ext(crl, key_id.get(), -1) == 1;
}

Result<std::string> der_of(X509_CRL* crl) {
  unsigned char* bytes = nullptr;
  const int length = i2d_X509_CRL(crl, &bytes);
  if (length <= 0) return fail(Errc::internal, "the revocation list could not be written");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

Result<CrlInfo> info_of(X509_CRL* crl) {
  CrlInfo info;
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  if (next == nullptr)
    return fail(Errc::malformed, "the revocation list does not say when the next one comes");
  DUNLIN_TRY(info.this_update, time_of(X509_CRL_get0_lastUpdate(crl)));
  DUNLIN_TRY(info.next_update, time_of(next));
  const Integer number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  if (!number || ASN1_INTEGER_get_uint64(&info.number, number.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::malformed, "the revocation list has no number");
  }
  const int revoked = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
  info.revoked = revoked < 0 ? 0 : static_cast<std::size_t>(revoked);
  return info;
}

}  // namespace

std::string_view reason_name(RevocationReason reason) {
  return std::ranges::find(kReasons, reason, &std::pair<RevocationReason, std::string_view>::first)->second;
}

std::optional<RevocationReason> reason_of_name(std::string_view name) {
  const auto* const found =
      std::ranges::find(kReasons, name, &std::pair<RevocationReason, std::string_view>::second);
  if (found == kReasons.end()) return std::nullopt;
  return found->first;
}

Result<std::string> sign_crl(const CrlProfile& profile, const Signer& signer) {
  DUNLIN_TRY(const Key key, read_private_key(signer.key_pem));
  DUNLIN_TRY(const Certificate issuer, read_certificate(signer.certificate_pem));
  const Crl crl(X509_CRL_new());
  bool filled = crl && X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.get())) == 1 &&
                set_update(crl.get(), profile.this_update, X509_CRL_set1_lastUpdate) &&
                set_update(crl.get(), profile.next_update, X509_CRL_set1_nextUpdate);
  for (const RevokedCertificate& revoked : profile.revoked) filled = filled && add_entry(crl.get(), revoked);
  const bool is_signed = filled && X509_CRL_sort(crl.get()) == 1 &&
                         add_extensions(crl.get(), issuer.get(), profile.number) &&
                         X509_CRL_sign(crl.get(), key.get(), digest_for(key.get())) > 0;
  ERR_clear_error();
  if (!is_signed) return fail(Errc::internal, "the revocation list could not be signed");
  return der_of(crl.get());
}

Result<CrlInfo> read_crl(ByteView der) {
  const unsigned char* at = der.data();
  const Crl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!crl || at != der.data() + der.size()) return fail(Errc::malformed, "not a revocation list");
  return info_of(crl.get());
}

Result<SignedList> check_crl(std::string_view text, std::string_view issuer_pem) {
  if (text.size() > kMaxPemFileBytes) return fail(Errc::limit_exceeded, "the revocation list is too large");
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const Crl crl(text.contains("-----BEGIN")
                    ? PEM_read_bio_X509_CRL(reader_of(text).get(), nullptr, nullptr, nullptr)
                    : d2i_X509_CRL(nullptr, &at, static_cast<long>(text.size())));
  ERR_clear_error();
  if (!crl) return fail(Errc::malformed, "not a revocation list");
  DUNLIN_TRY(const Certificate issuer, read_certificate(issuer_pem));
  const bool is_its =
      X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), X509_get_subject_name(issuer.get())) == 0 &&
      X509_CRL_verify(crl.get(), X509_get0_pubkey(issuer.get())) == 1;
  ERR_clear_error();
  if (!is_its) return fail(Errc::permission_denied, "another authority has signed the revocation list");
  SignedList list;
  DUNLIN_TRY(list.info, info_of(crl.get()));
  DUNLIN_TRY(list.der, der_of(crl.get()));
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    DUNLIN_TRY(std::string serial,
               serial_text(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
    list.serials.push_back(std::move(serial));
  }
  return list;
}

}  // namespace dunlin::security
