#pragma once
// Private keys as OpenSSL's objects. For net and security only.

#include <memory>
#include <string_view>

#include "base/result.h"
#include "keys/device_key.h"

struct evp_pkey_st;

namespace dunlin::keys {

struct FreeEvpKey {
  void operator()(evp_pkey_st* key) const;
};
using EvpKey = std::unique_ptr<evp_pkey_st, FreeEvpKey>;

/// An OpenSSL key whose signatures and key agreements are made by `key`, which it keeps. What the element
/// says when it fails is logged: OpenSSL tells its callers no more than that it failed. Errors: internal,
/// invalid_argument (its public half is no point).
Result<EvpKey> evp_key_of(std::shared_ptr<DeviceKey> key);

/// `text`: PEM without a passphrase, of any kind that OpenSSL knows, or a URI of a key in a token. Only for
/// text that comes from whoever runs the program: a URI makes it load a module. Errors: malformed,
/// limit_exceeded, those of key_in_token().
Result<EvpKey> load_private_key(std::string_view text);

}  // namespace dunlin::keys
