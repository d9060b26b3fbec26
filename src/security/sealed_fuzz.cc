// Opens any bytes as a sealed blob, with a key of an elliptic curve and with a secret.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "security/sealed.h"
#include "security/sealed_header.h"
#include "security/vault.h"

namespace {

// A key of the tests alone.
constexpr std::string_view kKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3yJZZ2ZLsnKTYsBy\n"
    "wlUqerJCGN0uXgaUywMPI08caRWhRANCAASwcAjovmIKJ3HofnqdVFwwra0oPZAB\n"
    "O2xduOlBFT8DbeVwDCksDt07NY2hjR+O7OUrWzkZIuTEByrG/sNi8jCM\n"
    "-----END PRIVATE KEY-----\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::security;
  static const std::shared_ptr<keys::DeviceKey> key = keys::open_device_key(kKey).value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto header = read_sealed_header({data, size});
  if (header) DUNLIN_ASSERT(header->content_bytes < size);
  if (const auto opened = open_sealed(text, key))
    DUNLIN_ASSERT(header && opened->size() == header->content_bytes);
  // The seeds' key is all zeros.
  if (const auto opened = open_with_secret(text, std::array<std::uint8_t, 32>{}))
    DUNLIN_ASSERT(header && opened->size() == header->content_bytes);
  if (const auto block = sealed_from_pem(text)) DUNLIN_ASSERT(block->rest.size() < size);
  if (const auto document = vault_document_of(text)) DUNLIN_ASSERT(!document->sealed.empty() || size > 0);
  return 0;
}
