// Reading what peers send: certificates and chains. Everything here meets hostile bytes.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "base/hex.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/openssl_handle.h"
#include "security/x509.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kThingUri = "urn:dunlin:thing:";

void free_stack(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}

using Certificate = Handle<X509, X509_free>;
using Stack = Handle<STACK_OF(X509), free_stack>;

Result<Certificate> decode(ByteView der) {
  if (der.size() > kMaxCertificateBytes) return fail(Errc::limit_exceeded, "the certificate is too large");
  const unsigned char* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!certificate || at != der.data() + der.size()) return fail(Errc::malformed, "not an X.509 certificate");
  return certificate;
}

Result<WallTime> time_of(const ASN1_TIME* value) {
  std::tm parts{};
  if (value == nullptr || ASN1_TIME_to_tm(value, &parts) != 1)
    return fail(Errc::malformed, "a date of the certificate is broken");
  // Dates reach the year 9999, nanoseconds in 64 bits end in 2262.
  constexpr std::int64_t kFarthest = 9'000'000'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(timegm(&parts), -kFarthest, kFarthest);
  return WallTime{std::chrono::seconds{seconds}};
}

Result<std::string> common_name_of(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return std::string();
  if (X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) {
    return fail(Errc::malformed, "the certificate has two common names");
  }
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (length < 0) return fail(Errc::malformed, "the common name is broken");
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  if (!is_clean_utf8(name)) return fail(Errc::malformed, "the common name is not clean text");
  return name;
}

Result<std::string> thing_name_of(X509* certificate) {
  int critical = -1;
  Handle<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names) {
    if (critical == -1) return std::string();
    return fail(Errc::malformed, "the subject alternative name is broken or there twice");
  }
  std::string found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (!text.starts_with(kThingUri)) continue;
    if (!found.empty()) return fail(Errc::malformed, "the certificate names two things");
    found = text.substr(kThingUri.size());
    if (!check_thing_name(found))
      return fail(Errc::malformed, "the thing name in the certificate is not a valid name");
  }
  return found;
}

Result<std::string> serial_of(X509* certificate) {
  Handle<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number || BN_num_bytes(number.get()) > 20) return fail(Errc::malformed, "the serial number is broken");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return to_hex(bytes);
}

Result<Stack> stack_from_pem(std::string_view pem) {
  Stack stack(sk_X509_new_null());
  if (pem.empty()) return stack;
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  for (const std::string& der : ders) {
    DUNLIN_TRY(Certificate certificate, decode(as_bytes(der)));
    if (sk_X509_push(stack.get(), certificate.get()) > 0) static_cast<void>(certificate.release());
  }
  return stack;
}

}  // namespace

Result<CertificateInfo> parse_certificate(ByteView der) {
  DUNLIN_TRY(const Certificate certificate, decode(der));
  CertificateInfo info;
  info.fingerprint = sha256_hex(der);
  DUNLIN_TRY(info.common_name, common_name_of(certificate.get()));
  DUNLIN_TRY(info.thing_name, thing_name_of(certificate.get()));
  DUNLIN_TRY(info.serial, serial_of(certificate.get()));
  DUNLIN_TRY(info.not_before, time_of(X509_get0_notBefore(certificate.get())));
  DUNLIN_TRY(info.not_after, time_of(X509_get0_notAfter(certificate.get())));
  if (X509_check_ca(certificate.get()) != 0) info.role = CertificateInfo::Role::authority;
  ERR_clear_error();
  return info;
}

Result<std::vector<std::string>> certificates_from_pem(std::string_view pem) {
  if (pem.size() > kMaxPemFileBytes) return fail(Errc::limit_exceeded, "the PEM text is too large");
  Handle<BIO, BIO_free> input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
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
  DUNLIN_TRY(const Certificate certificate, decode(as_bytes(ders.front())));
  const std::string name(host_or_address);
  const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  const bool covered = X509_check_ip_asc(certificate.get(), name.c_str(), 0) == 1 ||
                       X509_check_host(certificate.get(), name.data(), name.size(), flags, nullptr) == 1;
  ERR_clear_error();
  if (!covered) return fail(Errc::not_found, "the certificate does not name " + name);
  return {};
}

Result<void> verify_chain(const ChainCheck& check) {
  DUNLIN_TRY(const Certificate leaf, decode(as_bytes(check.leaf_der)));
  DUNLIN_TRY(const Stack intermediates, stack_from_pem(check.intermediates_pem));
  DUNLIN_TRY(const Stack anchors, stack_from_pem(check.anchors_pem));
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
