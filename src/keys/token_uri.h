#pragma once
// Names of keys in PKCS#11 tokens, as RFC 7512 writes them:
//   pkcs11:token=plant;object=gateway-7?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pin

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dunlin::keys {

inline constexpr std::string_view kTokenScheme = "pkcs11:";

/// Empty members were not given.
struct TokenUri {
  std::string token;
  std::string serial;
  std::string object;            // the key's label
  std::vector<std::uint8_t> id;  // its CKA_ID
  std::string module_path;
  std::string pin_source;  // as keys::read_secret() takes it
  std::string shown;       // what may be logged: all before the '?'
};

/// Takes the attributes above, and type=private. A PIN in the text (pin-value) is refused, since such a text
/// ends up in logs and backups. Errors: invalid_argument, limit_exceeded; none repeats what stands behind
/// '?'.
Result<TokenUri> parse_token_uri(std::string_view text);

/// The name of a key with this label in the token that `token_uri` names. `label`: letters, digits and '-'.
std::string uri_of_object(std::string_view token_uri, std::string_view label);

}  // namespace dunlin::keys
