#include "security/vault_files.h"

#include <algorithm>
#include <array>

#include "security/crypto.h"
#include "security/key_keeping.h"
#include "security/limits.h"
#include "security/sealed.h"
#include "security/secret_file.h"

namespace dunlin::security {
namespace {

using Kept = SecretFileState::Kept;

constexpr std::array<std::string_view, 9> kNames{
    "token.secret", "scram.secret",         "provision.secret", "audit.key",      "audit.key.fresh",
    "pki/root.key", "pki/intermediate.key", "pki/server.key",   "pki/request.key"};
constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE";
constexpr std::uint64_t kMaxSecretFileBytes = 4 * kMaxPemFileBytes;
constexpr std::string_view kUnfinished = ".new";  // of write_file_atomically()

Result<std::vector<std::string>> paths_in(Fs& fs, const std::string& folder) {
  std::vector<std::string> paths;
  for (const std::string_view name : kNames) {
    std::string path = folder + "/" + std::string(name);
    if (fs.exists(path)) paths.push_back(std::move(path));
  }
  for (const std::string& place : {folder + "/pki/issuers", folder + "/bridge-secrets"}) {
    if (!fs.is_folder(place)) continue;
    DUNLIN_TRY(const auto names, fs.list(place));
    for (const std::string& name : names) {
      if (!name.ends_with(kUnfinished) && !fs.is_folder(place + "/" + name))
        paths.push_back(place + "/" + name);
    }
  }
  return paths;
}

Result<std::string> text_of_file(Fs& fs, const std::string& path) {
  return read_file(fs, path, kMaxSecretFileBytes);
}

/// A text that a crash left half-way holds a secret all the same.
Result<void> remove_unfinished(Fs& fs, const std::string& path) {
  const std::string unfinished = path + std::string(kUnfinished);
  return fs.exists(unfinished) ? fs.remove(unfinished) : Result<void>{};
}

}  // namespace

Result<std::vector<SecretFileState>> secret_files(Fs& fs, const std::string& folder) {
  DUNLIN_TRY(const auto paths, paths_in(fs, folder));
  std::vector<SecretFileState> files;
  for (const std::string& path : paths) {
    auto read = text_of_file(fs, path);
    // Nothing of ours is as large; a bridge does not take it either.
    if (!read && read.error().code == Errc::limit_exceeded) continue;
    DUNLIN_TRY(std::string text, std::move(read));
    // An authority that a bridge trusts is no secret.
    if (text.starts_with(kCertificate)) continue;
    const Kept kept = text.starts_with(kSealedBegin) ? Kept::sealed
                      : is_in_token(text)            ? Kept::in_token
                                                     : Kept::in_the_clear;
    wipe(text);
    files.push_back({path, kept});
  }
  return files;
}

Result<std::size_t> seal_files(Fs& fs, const std::string& folder, const Vault& vault) {
  const SecretFiles files(fs, &vault);
  DUNLIN_TRY(const auto states, secret_files(fs, folder));
  std::size_t sealed = 0;
  for (const SecretFileState& state : states) {
    DUNLIN_CHECK(remove_unfinished(fs, state.path));
    if (state.kept != Kept::in_the_clear) continue;
    DUNLIN_TRY(std::string text, text_of_file(fs, state.path));
    // Certificates behind a key stay readable.
    const std::size_t end = std::min(text.size(), text.find(kCertificate));
    const std::string_view whole(text);
    const auto written = files.write(state.path, whole.substr(0, end), whole.substr(end));
    wipe(text);
    DUNLIN_CHECK(written);
    ++sealed;
  }
  return sealed;
}

Result<std::size_t> open_files(Fs& fs, const std::string& folder, const Vault& vault) {
  const SecretFiles inside(fs, &vault);
  const SecretFiles outside(fs);
  DUNLIN_TRY(const auto states, secret_files(fs, folder));
  std::size_t opened = 0;
  for (const SecretFileState& state : states) {
    if (state.kept != Kept::sealed) continue;
    DUNLIN_TRY(std::string text, inside.read(state.path, kMaxSecretFileBytes));
    const auto written = outside.write(state.path, text);
    wipe(text);
    DUNLIN_CHECK(written);
    ++opened;
  }
  DUNLIN_CHECK(fs.remove(folder + "/" + std::string(kVaultFile)));
  DUNLIN_CHECK(fs.sync_folder(folder));
  return opened;
}

}  // namespace dunlin::security
