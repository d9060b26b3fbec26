#pragma once
// The outside of a sealed blob, judged before OpenSSL takes it apart: one recipient, AES-256-GCM with a whole
// nonce and a whole tag, nothing beside. Format: docs/formats/sealed.md.

#include <cstddef>
#include <cstdint>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin::security {

struct SealedHeader {
  enum class Recipient : std::uint8_t {
    key_agreement,  // a key of an elliptic curve (RFC 5753)
    symmetric_key   // a key that both sides have (RFC 5652 section 6.2.3)
  } recipient = Recipient::key_agreement;
  std::size_t content_bytes = 0;
};

/// Errors: malformed, limit_exceeded (kMaxSealedBytes).
Result<SealedHeader> read_sealed_header(ByteView der);

}  // namespace dunlin::security
