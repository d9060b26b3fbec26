#pragma once
// X.509 (RFC 5280) as plain values: keys, requests and certificates travel as PEM or DER text. No OpenSSL
// type leaves the .cc files. Every function may be called on any thread. Generating and signing take up to a
// millisecond: use a worker.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin::security {

/// What a certificate says, as far as this system asks.
struct CertificateInfo {
  std::string fingerprint;  // SHA-256 over the DER, lower-case hexadecimal
  std::string common_name;  // empty: none
  std::string issuer_name;  // common name of who issued it; empty: none, or two of them
  std::string thing_name;   // from the SAN URI urn:dunlin:thing:NAME; empty: none
  std::string serial;       // lower-case hexadecimal
  // Subject and authority key identifier (RFC 5280 sections 4.2.1.1 and 4.2.1.2), lower-case hexadecimal;
  // empty: none.
  std::string key_id;
  std::string issuer_key_id;
  WallTime not_before{};
  WallTime not_after{};
  enum class Role : std::uint8_t { leaf, authority } role = Role::leaf;
};

/// Where a certificate says that its status can be asked for; empty: not said.
struct StatusUrls {
  std::string crl;     // CRL distribution point (RFC 5280 section 4.2.1.13)
  std::string ocsp;    // authority information access, id-ad-ocsp (section 4.2.2.1)
  std::string issuer;  // the same, id-ad-caIssuers
  bool operator==(const StatusUrls&) const = default;
};

/// Refuses trailing bytes, a NUL inside a name, more than one thing name, a thing name outside
/// check_thing_name, and more than kMaxCertificateBytes. Errors: malformed, limit_exceeded.
Result<CertificateInfo> parse_certificate(ByteView der);

/// The DER of every CERTIFICATE block, in order. Errors: malformed (none, or a broken one), limit_exceeded
/// (over kMaxChainLength).
Result<std::vector<std::string>> certificates_from_pem(std::string_view pem);

/// Whether the certificate (PEM) names this host or IP address in its subject alternative names. Errors:
/// malformed, not_found.
Result<void> check_covers(std::string_view certificate_pem, std::string_view host_or_address);

/// The first of each kind that the certificate (PEM) names. Errors: malformed.
Result<StatusUrls> status_urls_of(std::string_view certificate_pem);

enum class Purpose : std::uint8_t { client, server };

struct ChainCheck {
  std::string_view leaf_der;
  std::string_view intermediates_pem;  // may be empty
  std::string_view anchors_pem;        // what is trusted
  Purpose purpose = Purpose::client;
  WallTime at{};
};
/// Signature, dates, basic constraints, path length, key usage and extended key usage, name constraints, key
/// strength (112 bits). Errors: malformed, permission_denied (the sentence says why).
Result<void> verify_chain(const ChainCheck& check);

// Where a private key is asked for, it is PEM without a passphrase, or the URI of a key in a PKCS#11 token
// (keys/device_key.h). It never comes from a peer.

/// A new P-256 key, PKCS#8 PEM without a passphrase.
Result<std::string> generate_key_pem();
/// Whether the key is of an accepted kind (P-256, P-384, Ed25519, RSA 2048 to 8192) and is the certificate's.
/// Errors: malformed, invalid_argument.
Result<void> check_key_belongs(std::string_view key_pem, std::string_view certificate_pem);
/// A PKCS#10 request (RFC 2986) for the key, as a device or gateway makes it.
Result<std::string> make_csr_pem(std::string_view key_pem, std::string_view common_name);

/// The public key of a request whose self-signature holds (proof of possession), as PEM. Names in the request
/// are ignored. Errors: malformed, limit_exceeded, permission_denied (bad signature), invalid_argument (weak
/// or unknown key kind, SHA-1).
Result<std::string> public_key_of_csr(std::string_view csr_pem);
/// The public half of a private key, as PEM. Errors: malformed, invalid_argument (weak or unknown kind).
Result<std::string> public_key_of(std::string_view key_pem);

/// What to write into a certificate. Names are checked by the caller.
struct CertificateProfile {
  enum class Kind : std::uint8_t { root, intermediate, server, device } kind = Kind::device;
  std::string common_name;
  std::string organisation;  // empty: none
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  // IPv4 or IPv6 text
  std::string uri;                     // empty: none
  StatusUrls status{};
  WallTime not_before{};
  WallTime not_after{};
  std::array<std::uint8_t, 16> serial{};
};

struct Signer {
  std::string_view key_pem;
  std::string_view certificate_pem;  // empty: self-signed with the key of the profile (root only)
};
/// Errors: malformed, invalid_argument, internal.
Result<std::string> sign_certificate(const CertificateProfile& profile, std::string_view public_key_pem,
                                     const Signer& signer);

/// What is to become an intermediate of ours.
struct IntermediateCheck {
  std::string_view certificate_pem;  // its first certificate counts
  std::string_view root_pem;
  std::string_view key_pem;
  WallTime at{};
};
/// Whether devices below it would be accepted: the root is self-signed and has signed it, both are
/// authorities that may sign certificates and (the intermediate) lists, valid for a day at least, path
/// lengths leave room for it, the keys are of an accepted kind, it has a key identifier, and the key is its.
/// Errors: malformed, invalid_argument, permission_denied (the sentence says what is wrong).
Result<CertificateInfo> check_intermediate(const IntermediateCheck& check);

/// The key as PKCS#8 PEM, encrypted with AES-256-CBC by a key of PBKDF2 (HMAC-SHA-256, 600,000 rounds): half
/// a second of CPU, on a worker. Errors: malformed, internal.
Result<std::string> encrypt_private_key(std::string_view key_pem, std::string_view passphrase);
/// The reverse. Errors: malformed, permission_denied (the passphrase).
Result<std::string> decrypt_private_key(std::string_view encrypted_pem, std::string_view passphrase);

}  // namespace dunlin::security
