#pragma once
// What enrolment reads and writes beside x509.h: requests with their names (RFC 2986), certificates without a
// signature around them (RFC 2315, RFC 5652), and certificates of authorities that others run. Every function
// may be called on any thread.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"
#include "security/x509.h"

namespace dunlin::security {

/// A certificate request whose self-signature holds. The names are what the sender would like, no more.
struct Csr {
  std::string pem;
  std::string
      key;  // SHA-256 of the public key, lower-case hexadecimal: the same for each request of that key
  std::string common_name;  // empty: none
  std::string thing_name;   // from a SAN URI urn:dunlin:thing:NAME; empty: none
};
/// PEM or DER. Errors: as public_key_of_csr(), malformed (a broken or doubled name).
Result<Csr> read_csr(std::string_view pem_or_der);

/// DER as PEM text. What the bytes are is not looked at.
std::string certificate_pem(ByteView der);

/// A degenerate PKCS#7 SignedData, DER, of the certificates in the PEM text (RFC 7030 section 4.1.3). Errors:
/// malformed.
Result<std::string> certs_only(std::string_view chain_pem);

/// The parts of a certificate that a name may be made of; empty where it has none.
struct SubjectFields {
  std::string common_name;
  std::string organisation;
  std::string unit;
  std::string serial_number;  // the attribute of the subject
};
/// The first of each kind. Errors: malformed, limit_exceeded.
Result<SubjectFields> read_subject(ByteView der);

/// Exactly one certificate, of an authority, valid at `now`, with a key of at least 112 bits of security.
/// Errors: malformed, invalid_argument (the sentence says what is missing).
Result<CertificateInfo> read_authority(std::string_view pem, WallTime now);

struct ChainSearch {
  std::string_view leaf_der;
  std::string_view intermediates_pem;       // of the peer, may be empty
  const std::vector<std::string>& anchors;  // PEM, roots or issuing authorities, each trusted by itself
  WallTime at{};
};
/// The fingerprints of the authorities above a client's certificate, its issuer first, up to an anchor:
/// signatures, dates, constraints, key strength hold, and its usage where it states one. More lenient than
/// verify_chain(): certificates of others need not have our extensions. Errors: malformed, permission_denied
/// (the sentence says why).
Result<std::vector<std::string>> find_chain(const ChainSearch& search);

}  // namespace dunlin::security
