#pragma once
// Small building blocks for secrets. Any thread.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "base/rng.h"

namespace dunlin::security {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4).
Digest sha256(ByteView bytes);
/// The same in lower-case hexadecimal.
std::string sha256_hex(ByteView bytes);

/// HMAC with SHA-256 (RFC 2104).
Digest hmac_sha256(ByteView key, ByteView bytes);
/// HMAC with SHA-1, for TOTP (RFC 6238) alone: what authenticator apps know.
std::array<std::uint8_t, 20> hmac_sha1(ByteView key, ByteView bytes);
/// PBKDF2 with HMAC-SHA-256 and one block (RFC 8018 section 5.2): Hi() of RFC 5802 section 2.2. Blocks.
Digest pbkdf2_sha256(std::string_view password, ByteView salt, std::uint32_t iterations);

/// Takes the same time whatever the contents; texts of different length are unequal.
bool constant_time_equal(std::string_view a, std::string_view b);

/// Overwrites the bytes in a way the compiler keeps, and empties the text.
void wipe(std::string& text);

/// `bytes` random bytes in the alphabet of base64url without padding (RFC 4648 section 5).
std::string random_text(Rng& rng, std::size_t bytes);

/// A text that is wiped when it goes or moves on. It cannot be copied by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(text_); }

  std::string_view view() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace dunlin::security
