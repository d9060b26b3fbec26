#pragma once
// Encryption at rest of the server's own keys. DIR/vault.json holds a data key of 256 random bits that is
// sealed under a passphrase or for a key in a PKCS#11 token; every secret file is sealed with the data key.
// So another passphrase changes one file, at once. Format: docs/formats/vault.md.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "security/crypto.h"

namespace dunlin::security {

inline constexpr std::string_view kVaultFile = "vault.json";

/// What opens a vault.
struct VaultLock {
  Secret passphrase;  // kMinPasswordBytes to kMaxPasswordBytes; empty: the key
  std::string key{};  // "pkcs11:..." URI, or PEM text; empty: the passphrase
  static VaultLock with_passphrase(std::string text);
  static VaultLock with_key(std::string text);
};

/// Does not change once it is open. Any thread.
class Vault {
 public:
  /// Whether there is one in the data folder.
  static bool exists(Fs& fs, const std::string& folder);
  /// `passphrase_source`: as keys::read_secret() takes it; may be empty where a key opens it. Blocks for some
  /// 0.3 s. Errors: permission_denied (wrong passphrase), invalid_argument (none is configured), corrupt,
  /// those of keys::read_secret() and of tokens.
  static Result<std::unique_ptr<Vault>> open(Fs& fs, const std::string& folder,
                                             std::string_view passphrase_source);
  /// The same with a passphrase that is at hand.
  static Result<std::unique_ptr<Vault>> open_with(Fs& fs, const std::string& folder,
                                                  std::string_view passphrase);
  /// A new one, durable on return. Errors: already_exists, invalid_argument, io, no_space, those of tokens.
  static Result<std::unique_ptr<Vault>> make(Fs& fs, Rng& rng, const std::string& folder,
                                             const VaultLock& lock);

  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;
  ~Vault();

  /// Another passphrase or key from now on; the data key and all files stay. Errors: those of make().
  Result<void> change_lock(Fs& fs, Rng& rng, const std::string& folder, const VaultLock& lock) const;

  /// A sealed block in PEM. Errors: limit_exceeded, internal.
  Result<std::string> seal(std::string_view secret) const;
  /// The reverse of the block at the beginning of `text`; what follows is kept. Errors: corrupt.
  Result<std::string> open(std::string_view text) const;

 private:
  using DataKey = std::array<std::uint8_t, 32>;
  explicit Vault(const DataKey& key) : key_(key) {}
  static Result<std::unique_ptr<Vault>> from_data_key(const std::string& text, const std::string& path);

  DataKey key_;
};

/// What DIR/vault.json says. Any bytes may be asked about. Errors: malformed.
struct VaultDocument {
  enum class Kind : std::uint8_t { passphrase, key } kind = Kind::passphrase;
  std::uint64_t n = 0;  // scrypt's, as all that follow
  std::uint64_t r = 0;
  std::uint64_t p = 0;
  std::string salt;    // bytes
  std::string key;     // URI
  std::string sealed;  // the data key, DER
};
Result<VaultDocument> vault_document_of(std::string_view json);

}  // namespace dunlin::security
