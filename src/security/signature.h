#pragma once
// Signatures that things make: which public keys are taken, and whether a signature is theirs. Any thread;
// verifying takes up to half a millisecond.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin::security {

/// RFC 7518 sections 3.3 and 3.4: RSASSA-PKCS1-v1_5, or ECDSA on P-256, each with SHA-256.
enum class SignatureAlgorithm : std::uint8_t { rs256, es256 };
/// "RS256" or "ES256".
std::string_view algorithm_name(SignatureAlgorithm algorithm);

struct PublicKey {
  SignatureAlgorithm algorithm = SignatureAlgorithm::es256;
  std::string pem;  // SubjectPublicKeyInfo
  std::string id;   // 16 hexadecimal digits of its SHA-256: the same key has the same
};

/// From a PEM public key or certificate, whose dates and names do not count. Errors: malformed,
/// limit_exceeded (kMaxPemFileBytes), invalid_argument (neither RSA of 2048 to 8192 bits nor P-256, or a
/// private key).
Result<PublicKey> read_public_key(std::string_view pem);

/// Whether `signature` is the key's over `bytes`. ES256: R and S of 32 bytes each (RFC 7518 section 3.4).
bool verify_signature(const PublicKey& key, std::string_view bytes, ByteView signature);

}  // namespace dunlin::security
