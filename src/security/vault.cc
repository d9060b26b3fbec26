#include "security/vault.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "keys/device_key.h"
#include "keys/secret_source.h"
#include "keys/token_uri.h"
#include "security/limits.h"
#include "security/sealed.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

constexpr std::size_t kSaltBytes = 16;

std::string path_in(const std::string& folder) {
  return folder + "/" + std::string(kVaultFile);
}

std::unexpected<Error> broken() {
  return fail(Errc::malformed, "not a vault of version 1");
}

Result<std::string> text_in(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_string()) return broken();
  return std::string(found->get_string());
}

Result<std::uint64_t> number_in(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_int64() || found->get_int64() < 0) return broken();
  return static_cast<std::uint64_t>(found->get_int64());
}

/// What OpenSSL allows (RFC 7914 section 2), and what anybody can afford.
Result<void> check_cost(const VaultDocument& document) {
  const bool power_of_two = document.n > 1 && (document.n & (document.n - 1)) == 0;
  const bool affordable = document.n <= kMaxScryptN && document.r >= 1 && document.r <= kMaxScryptR &&
                          document.p >= 1 && document.p <= kMaxScryptP &&
                          128 * document.n * document.r <= kMaxScryptMemory;
  return power_of_two && affordable ? Result<void>{} : broken();
}

Result<Digest> stretch(std::string_view passphrase, const VaultDocument& cost) {
  Digest key{};
  const std::uint64_t memory = 2 * kMaxScryptMemory;
  const int made = EVP_PBE_scrypt(passphrase.data(), passphrase.size(), as_bytes(cost.salt).data(),
                                  cost.salt.size(), cost.n, cost.r, cost.p, memory, key.data(), key.size());
  ERR_clear_error();
  if (made != 1) return fail(Errc::internal, "there is no memory for scrypt");
  return key;
}

Result<std::string> sealed_under(const VaultLock& lock, const VaultDocument& cost, std::string_view content) {
  if (!lock.key.empty()) return seal_for_key(content, lock.key);
  DUNLIN_TRY(Digest key, stretch(lock.passphrase.view(), cost));
  auto sealed = seal_with_secret(content, key);
  OPENSSL_cleanse(key.data(), key.size());
  return sealed;
}

Result<void> check_lock(const VaultLock& lock) {
  const std::size_t size = lock.passphrase.view().size();
  if (!lock.key.empty()) {
    // A key file in the clear beside what it opens would protect nothing: use it as a passphrase.
    if (lock.key.starts_with(keys::kTokenScheme)) return {};
    return fail(Errc::invalid_argument, "a vault is opened by a passphrase or by a key in a PKCS#11 token");
  }
  if (size >= kMinPasswordBytes && size <= kMaxPasswordBytes) return {};
  return fail(Errc::invalid_argument, "a passphrase has 12 to 1024 bytes");
}

Result<std::string> document_text(Rng& rng, const VaultLock& lock, std::string_view content) {
  DUNLIN_CHECK(check_lock(lock));
  std::array<std::uint8_t, kSaltBytes> salt{};
  rng.fill(salt);
  VaultDocument cost;
  cost.n = kScryptN;
  cost.r = kScryptR;
  cost.p = kScryptP;
  cost.salt = std::string(as_text(salt));
  DUNLIN_TRY(const std::string sealed, sealed_under(lock, cost, content));
  json::object document{{"version", 1}, {"opened_by", lock.key.empty() ? "passphrase" : "key"}};
  if (lock.key.empty()) {
    document["scrypt"] = json::object{{"n", cost.n}, {"r", cost.r}, {"p", cost.p}, {"salt", to_hex(salt)}};
  } else {
    document["key"] = lock.key;
  }
  document["sealed"] = to_base64(as_bytes(sealed));
  return json::serialize(document) + "\n";
}

Result<VaultDocument> read_document(Fs& fs, const std::string& folder) {
  DUNLIN_TRY(const std::string text, read_file(fs, path_in(folder), kMaxVaultBytes));
  auto document = vault_document_of(text);
  if (!document) return fail(Errc::corrupt, path_in(folder) + ": " + document.error().message);
  return document;
}

Result<std::string> open_with_passphrase(const VaultDocument& document, std::string_view passphrase,
                                         const std::string& path) {
  DUNLIN_TRY(Digest key, stretch(passphrase, document));
  auto opened = open_with_secret(document.sealed, key);
  OPENSSL_cleanse(key.data(), key.size());
  if (!opened && opened.error().code == Errc::permission_denied)
    return fail(Errc::permission_denied, "the passphrase does not open " + path);
  return opened;
}

}  // namespace

VaultLock VaultLock::with_passphrase(std::string text) {
  return {.passphrase = Secret(std::move(text))};
}

VaultLock VaultLock::with_key(std::string text) {
  return {.passphrase = Secret(), .key = std::move(text)};
}

Result<VaultDocument> vault_document_of(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 3;
  const json::value value =
      text.size() > kMaxVaultBytes ? json::value() : json::parse(text, error, {}, options);
  if (error || !value.is_object()) return broken();
  const json::object& object = value.get_object();
  VaultDocument document;
  DUNLIN_TRY(const std::uint64_t version, number_in(object, "version"));
  DUNLIN_TRY(const std::string kind, text_in(object, "opened_by"));
  DUNLIN_TRY(const std::string sealed, text_in(object, "sealed"));
  DUNLIN_TRY(const auto der, from_base64(sealed));
  document.sealed = std::string(as_text(der));
  if (version != 1 || (kind != "passphrase" && kind != "key")) return broken();
  if (kind == "key") {
    document.kind = VaultDocument::Kind::key;
    DUNLIN_TRY(document.key, text_in(object, "key"));
    return document;
  }
  const json::value* scrypt = object.if_contains("scrypt");
  if (scrypt == nullptr || !scrypt->is_object()) return broken();
  DUNLIN_TRY(document.n, number_in(scrypt->get_object(), "n"));
  DUNLIN_TRY(document.r, number_in(scrypt->get_object(), "r"));
  DUNLIN_TRY(document.p, number_in(scrypt->get_object(), "p"));
  DUNLIN_TRY(const std::string salt, text_in(scrypt->get_object(), "salt"));
  DUNLIN_TRY(const auto bytes, from_hex(salt));
  if (bytes.size() != kSaltBytes) return broken();
  document.salt = std::string(as_text(bytes));
  DUNLIN_CHECK(check_cost(document));
  return document;
}

bool Vault::exists(Fs& fs, const std::string& folder) {
  return fs.exists(path_in(folder));
}

Result<std::unique_ptr<Vault>> Vault::from_data_key(const std::string& text, const std::string& path) {
  DataKey key{};
  if (text.size() != key.size()) return fail(Errc::corrupt, path + " holds no data key");
  std::ranges::copy(as_bytes(text), key.begin());
  // The constructor is private: make_unique cannot reach it.
  std::unique_ptr<Vault> vault(new Vault(key));  // NOLINT
  OPENSSL_cleanse(key.data(), key.size());
  return vault;
}

Result<std::unique_ptr<Vault>> Vault::open(Fs& fs, const std::string& folder,
                                           std::string_view passphrase_source) {
  const std::string path = path_in(folder);
  DUNLIN_TRY(const VaultDocument document, read_document(fs, folder));
  if (document.kind == VaultDocument::Kind::key) {
    DUNLIN_TRY(auto key, keys::key_in_token(document.key));
    DUNLIN_TRY(std::string data_key, open_sealed(document.sealed, std::move(key)));
    auto vault = from_data_key(data_key, path);
    wipe(data_key);
    return vault;
  }
  if (passphrase_source.empty())
    return fail(Errc::invalid_argument,
                "the keys in " + folder +
                    " are under a passphrase: say where it is, e.g. --set "
                    "vault.passphrase=file:/etc/dunlin/passphrase (or env:NAME, credential:NAME, prompt)");
  DUNLIN_TRY(std::string passphrase,
             keys::read_secret(passphrase_source, "passphrase of the keys in " + folder));
  auto vault = open_with(fs, folder, passphrase);
  wipe(passphrase);
  return vault;
}

Result<std::unique_ptr<Vault>> Vault::open_with(Fs& fs, const std::string& folder,
                                                std::string_view passphrase) {
  DUNLIN_TRY(const VaultDocument document, read_document(fs, folder));
  if (document.kind == VaultDocument::Kind::key)
    return fail(Errc::invalid_argument, path_in(folder) + " is opened by a key, not by a passphrase");
  DUNLIN_TRY(std::string data_key, open_with_passphrase(document, passphrase, path_in(folder)));
  auto vault = from_data_key(data_key, path_in(folder));
  wipe(data_key);
  return vault;
}

Result<std::unique_ptr<Vault>> Vault::make(Fs& fs, Rng& rng, const std::string& folder,
                                           const VaultLock& lock) {
  if (exists(fs, folder))
    return fail(Errc::already_exists, "the keys in " + folder + " are protected already");
  DataKey key{};
  rng.fill(key);
  std::unique_ptr<Vault> vault(new Vault(key));  // NOLINT: as above
  OPENSSL_cleanse(key.data(), key.size());
  DUNLIN_CHECK(vault->change_lock(fs, rng, folder, lock));
  return vault;
}

Vault::~Vault() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

Result<void> Vault::change_lock(Fs& fs, Rng& rng, const std::string& folder, const VaultLock& lock) const {
  DUNLIN_TRY(const std::string text, document_text(rng, lock, as_text(key_)));
  return write_file_atomically(fs, path_in(folder), as_bytes(text));
}

Result<std::string> Vault::seal(std::string_view secret) const {
  DUNLIN_TRY(const std::string der, seal_with_secret(secret, key_));
  return sealed_to_pem(der);
}

Result<std::string> Vault::open(std::string_view text) const {
  DUNLIN_TRY(const SealedText block, sealed_from_pem(text));
  auto opened = open_with_secret(block.der, key_);
  if (!opened) return fail(Errc::corrupt, "it was changed, or is sealed in another vault");
  *opened += block.rest;
  return opened;
}

}  // namespace dunlin::security
