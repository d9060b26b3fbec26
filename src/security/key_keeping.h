#pragma once
// How the authority's private keys are made and kept.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/rng.h"

namespace dunlin::security {

class Vault;

struct KeyKeeping {
  const Vault* vault = nullptr;  // seals the files of keys; null: they are not encrypted
  std::string token{};           // URI of the PKCS#11 token in which new keys are made; empty: in files
};

/// Whether the text of a key's file names a key in a token, rather than being it.
bool is_in_token(std::string_view key_text);

/// A new P-256 key, for a file: PEM, or the URI of a key in the token whose label begins with "dunlin-" and
/// `what`. Blocks. Errors: internal, those of keys::make_key_in_token().
Result<std::string> make_key(const KeyKeeping& keeping, std::string_view what, Rng& rng);

}  // namespace dunlin::security
