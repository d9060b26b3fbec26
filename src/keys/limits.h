#pragma once

#include <cstddef>

namespace dunlin::keys {

inline constexpr std::size_t kMaxKeyTextBytes = 64 * 1024;  // PEM, or a reference
inline constexpr std::size_t kMaxUriBytes = 1024;
/// What a secret source may hold: a passphrase, a PIN.
inline constexpr std::size_t kMaxSecretBytes = 1024;
inline constexpr std::size_t kMaxSlots = 256;  // of one module that are looked at
/// Modules of one process, and keys of tokens that it has opened; past it the next one is refused.
inline constexpr std::size_t kMaxModules = 8;
inline constexpr std::size_t kMaxTokenKeys = 64;
inline constexpr std::size_t kMaxPointBytes = 1 + 2 * 66;  // an uncompressed point, SEC 1 section 2.3.3

}  // namespace dunlin::keys
