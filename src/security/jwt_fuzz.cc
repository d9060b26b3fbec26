// Reads any bytes as a JWT and as the public key that it should be signed by.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "security/jwt.h"
#include "security/limits.h"

namespace {

constexpr std::string_view kKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::security;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = read_public_key(text)) DUNLIN_ASSERT(read_public_key(key->pem)->id == key->id);
  const auto jwt = parse_jwt(text);
  if (!jwt) return 0;
  DUNLIN_ASSERT(size <= kMaxJwtBytes && !jwt->audience.empty());
  DUNLIN_ASSERT(jwt->signed_part.size() < size && !jwt->signature.empty());
  const std::array<std::string, 1> audiences{jwt->audience.front()};
  const WallTime now = from_unix_milliseconds(jwt->issued_at * 1000);
  if (const auto end = check_claims(*jwt, audiences, now)) {
    DUNLIN_ASSERT(*end > now && *end <= now + kMaxJwtLifetime + kMaxClockSkew);
  }
  // Nobody signs with the fuzzer's key but the one whose vector it is.
  PublicKey key = *read_public_key(kKey);
  key.algorithm = jwt->algorithm;
  DUNLIN_ASSERT(!verify_signature(key, jwt->signed_part, jwt->signature));
  return 0;
}
