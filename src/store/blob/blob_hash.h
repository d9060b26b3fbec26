#pragma once
// What a blob is known by: the SHA-256 (FIPS 180-4) of its bytes.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin::store {

using BlobHash = std::array<std::uint8_t, 32>;

/// "sha256-" and 64 digits of lower-case hexadecimal.
std::string blob_id(const BlobHash& hash);
/// Errors: invalid_argument (another form; the sentence shows the right one).
Result<BlobHash> parse_blob_id(std::string_view text);

/// The hash of bytes that come in pieces. One thread at a time.
class BlobHasher {
 public:
  BlobHasher();
  ~BlobHasher();
  BlobHasher(const BlobHasher&) = delete;
  BlobHasher& operator=(const BlobHasher&) = delete;

  void update(ByteView bytes);
  /// Of all that came; once.
  BlobHash finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace dunlin::store
