#pragma once
// Blobs that only the holder of one key can open, and that tell when a byte was changed: CMS
// AuthEnvelopedData (RFC 5083) with AES-256-GCM under a fresh key for each blob, which is wrapped to the
// recipient. Format: docs/formats/sealed.md. Any thread; a blob is in memory as a whole.

#include <memory>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "base/result.h"
#include "keys/device_key.h"

namespace dunlin::security {

/// For whoever holds the key of the certificate (its first one; P-256 or P-384): ephemeral-static ECDH, X9.63
/// key derivation with SHA-256, AES-256 key wrap (RFC 5753). DER. The dates of the certificate, and who
/// signed it, are the caller's matter. Errors: malformed, invalid_argument (another kind of key),
/// limit_exceeded (kMaxSealableBytes), internal.
Result<std::string> seal_for_certificate(std::string_view content, std::string_view certificate_pem);
/// The same for a key of ours (PEM or a URI): what a device keeps for itself.
Result<std::string> seal_for_key(std::string_view content, std::string_view key_text);
/// Errors: malformed, limit_exceeded, permission_denied (sealed for another key, or changed: cryptography
/// does not tell which), unavailable (the key does not answer).
Result<std::string> open_sealed(std::string_view der, std::shared_ptr<keys::DeviceKey> key);

/// For whoever has the same 32 bytes (AES-256 key wrap, RFC 3394).
Result<std::string> seal_with_secret(std::string_view content, ByteView secret);
Result<std::string> open_with_secret(std::string_view der, ByteView secret);

/// A sealed blob as text: "-----BEGIN CMS-----".
inline constexpr std::string_view kSealedBegin = "-----BEGIN CMS-----";
std::string sealed_to_pem(std::string_view der);
/// The first block of the text, and what follows it. Errors: malformed.
struct SealedText {
  std::string der;
  std::string_view rest;
};
Result<SealedText> sealed_from_pem(std::string_view text);

}  // namespace dunlin::security
