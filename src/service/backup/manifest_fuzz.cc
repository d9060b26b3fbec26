// Reads any bytes as a manifest, and again behind a right checksum. What is read is written back the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "security/crypto.h"
#include "service/backup/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)backup::decode(text);
  const std::string body(text.substr(0, text.find('\n')));
  const auto read = backup::decode(body + "\nsha256 " + security::sha256_hex(as_bytes(body)) + "\n");
  if (!read) return 0;
  const auto again = backup::decode(backup::encode(*read));
  DUNLIN_ASSERT(again && again->files.size() == read->files.size() && again->bytes() == read->bytes());
  return 0;
}
