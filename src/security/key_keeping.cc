#include "security/key_keeping.h"

#include <array>
#include <cstdint>

#include "base/hex.h"
#include "keys/device_key.h"
#include "keys/token_uri.h"
#include "security/x509.h"

namespace dunlin::security {

bool is_in_token(std::string_view key_text) {
  return key_text.starts_with(keys::kTokenScheme);
}

Result<std::string> make_key(const KeyKeeping& keeping, std::string_view what, Rng& rng) {
  if (keeping.token.empty()) return generate_key_pem();
  // Other installations may use the same token.
  std::array<std::uint8_t, 6> number{};
  rng.fill(number);
  const std::string label = "dunlin-" + std::string(what) + "-" + to_hex(number);
  DUNLIN_TRY(std::string uri, keys::make_key_in_token(keeping.token, label, rng));
  return uri + "\n";
}

}  // namespace dunlin::security
