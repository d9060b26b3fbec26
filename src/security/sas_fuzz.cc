// Reads any bytes as a SAS token.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/core/assert.h"
#include "security/limits.h"
#include "security/sas_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::security;
  const auto token = parse_sas_token({reinterpret_cast<const char*>(data), size});
  if (!token) return 0;
  DUNLIN_ASSERT(size <= kMaxSasBytes && token->expires_at > 0 && token->signed_part.size() < size);
  const std::array<std::string, 1> audiences{token->audience};
  const WallTime now = from_unix_milliseconds(1'700'000'000'000);
  if (const auto end = check_sas_token(*token, audiences, now))
    DUNLIN_ASSERT(*end > now && *end <= now + kMaxSasLifetime);
  DUNLIN_ASSERT(!sas_signed_by(*token, as_bytes("a key that no corpus has")));
  return 0;
}
