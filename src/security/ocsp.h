#pragma once
// The Online Certificate Status Protocol's messages (RFC 6960), as the answering side has them. Any thread;
// signing takes up to a millisecond: use a worker.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"
#include "security/crl.h"
#include "security/x509.h"

namespace dunlin::security {

/// OCSPResponseStatus (section 4.2.1) but successful: what answers a request that gets no answer.
enum class OcspRefusal : std::uint8_t {
  malformed_request = 1,
  internal_error = 2,
  try_later = 3,
  unauthorized = 6
};
/// The whole response, DER; it is not signed.
std::string ocsp_refusal(OcspRefusal why);

/// Which certificate is asked for (section 4.1.1).
struct OcspCertId {
  std::string der;     // as it was asked, for the answer
  std::string digest;  // SHA1, SHA2-256, SHA2-384 or SHA2-512; empty: one that we do not take
  std::string issuer_name_hash;
  std::string issuer_key_hash;
  std::string serial;  // lower-case hexadecimal
};
struct OcspRequest {
  std::vector<OcspCertId> ids;  // at least one
  std::string nonce;            // RFC 9654; empty: none
};
/// A signature of the requestor is not looked at. Errors: malformed (also: a nonce of 0 or more than 128
/// bytes, a critical extension that is not known), limit_exceeded (kMaxOcspRequestBytes, kMaxOcspIds).
Result<OcspRequest> parse_ocsp_request(ByteView der);

/// By what names requests may call one issuer: the hashes of its subject and of its key.
class OcspIssuer {
 public:
  /// Errors: malformed.
  static Result<OcspIssuer> make(std::string_view certificate_pem);
  bool is_meant_by(const OcspCertId& id) const;

 private:
  struct Names {
    std::string digest;
    std::string name_hash;
    std::string key_hash;
  };
  std::vector<Names> names_;
};

struct OcspStatus {
  std::string cert_id_der;
  enum class State : std::uint8_t { good, revoked, unknown } state = State::unknown;
  WallTime revoked_at{};
  RevocationReason reason = RevocationReason::unspecified;
};
struct OcspAnswer {
  std::vector<OcspStatus> statuses;
  std::string nonce;  // empty: none
  WallTime this_update{};
  WallTime next_update{};
};
/// A successful response, DER, signed by the issuer itself, with its certificate. Errors: malformed,
/// internal.
Result<std::string> sign_ocsp_answer(const OcspAnswer& answer, const Signer& signer);

}  // namespace dunlin::security
