#pragma once
// OpenSSL's objects as this room's .cc files share them. Not for other rooms. Any thread.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"
#include "security/openssl_handle.h"

namespace dunlin::security {

inline void free_certificates(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;
using Certificates = Handle<STACK_OF(X509), free_certificates>;
using GeneralNames = Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using Bio = Handle<BIO, BIO_free>;

/// Reads the text, which must outlive it.
Bio reader_of(std::string_view text);
/// What was written to a memory BIO.
std::string text_of(BIO* bio);

/// The whole of `der`. Errors: malformed, limit_exceeded (kMaxCertificateBytes).
Result<Certificate> decode_certificate(ByteView der);
/// The first certificate of the text. Errors: malformed.
Result<Certificate> read_certificate(std::string_view pem);
/// Every certificate of the text, in order; none of an empty one. Errors: those of certificates_from_pem().
Result<Certificates> read_certificates(std::string_view pem);
/// Of ours, never of a peer: keys::load_private_key(). Errors: malformed, limit_exceeded, those of tokens.
Result<Key> read_private_key(std::string_view text);
/// Whether the key is P-256, P-384, Ed25519 or RSA of 2048 to 8192 bits. Errors: invalid_argument.
Result<void> check_strength(EVP_PKEY* key);
/// SHA-256; null for Ed25519, which hashes by itself.
const EVP_MD* digest_for(EVP_PKEY* key);

/// Errors: internal.
Result<std::string> der_of(X509* certificate);
/// Errors: malformed.
Result<WallTime> time_of(const ASN1_TIME* value);
/// To the second. False: there is no memory.
bool set_time(ASN1_TIME* field, WallTime time);
/// Lower-case hexadecimal, without a sign. Errors: malformed (longer than 20 bytes).
Result<std::string> serial_text(const ASN1_INTEGER* serial);
/// The reverse; null: no hexadecimal number.
Handle<ASN1_INTEGER, ASN1_INTEGER_free> serial_of_text(const std::string& text);
/// The first attribute of that kind as clean text, empty if there is none. Errors: malformed.
Result<std::string> name_part(const X509_NAME* name, int kind);
/// The thing that the URI urn:dunlin:thing:NAME among the names speaks of; empty: none. Errors: malformed
/// (two of them, or no valid name).
Result<std::string> thing_name_among(const GENERAL_NAMES* names);

}  // namespace dunlin::security
