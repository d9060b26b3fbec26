#pragma once
// Certificate revocation lists of our own (RFC 5280 section 5): what goes into one, and its signature. Any
// thread; signing takes a millisecond and more for long lists: use a worker.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"
#include "security/x509.h"

namespace dunlin::security {

/// CRLReason (section 5.3.1), those that we give. certificateHold and removeFromCRL are not among them: a
/// revocation here is for good.
enum class RevocationReason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5
};

/// The name in ASN.1 ("keyCompromise" ...) as people state it.
std::string_view reason_name(RevocationReason reason);
inline constexpr const char* kReasonsTaken =
    "\"reason\" must be keyCompromise, affiliationChanged, superseded, cessationOfOperation or unspecified";
/// nullopt: none of these.
std::optional<RevocationReason> reason_of_name(std::string_view name);

struct RevokedCertificate {
  std::string serial;  // hexadecimal
  WallTime at{};
  RevocationReason reason = RevocationReason::unspecified;
};

struct CrlProfile {
  std::uint64_t number = 0;  // section 5.2.3: grows with every list of an issuer
  WallTime this_update{};
  WallTime next_update{};
  std::vector<RevokedCertificate> revoked;
};

/// A version 2 list, DER, with its number and the issuer's key identifier. Errors: malformed, internal.
Result<std::string> sign_crl(const CrlProfile& profile, const Signer& signer);

struct CrlInfo {
  std::uint64_t number = 0;
  WallTime this_update{};
  WallTime next_update{};
  std::size_t revoked = 0;
};
/// What a list of ours says. Its signature is not looked at. Errors: malformed.
Result<CrlInfo> read_crl(ByteView der);

/// A list with what is on it.
struct SignedList {
  std::string der;
  CrlInfo info;
  std::vector<std::string> serials;  // hexadecimal, as CertificateInfo has them
};
/// A list (DER, or PEM) that this authority has signed. Errors: malformed, limit_exceeded (kMaxPemFileBytes),
/// permission_denied (another one's).
Result<SignedList> check_crl(std::string_view text, std::string_view issuer_pem);

}  // namespace dunlin::security
