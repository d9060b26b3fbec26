// dunlin vault protect, change, unprotect, status, reveal: encryption at rest of a stopped server's keys.

#include "security/vault.h"

#include <cstdio>

#include "apps/commands.h"
#include "apps/configuration.h"
#include "base/rng.h"
#include "keys/secret_source.h"
#include "platform/stores.h"
#include "security/limits.h"
#include "security/secret_file.h"
#include "security/vault_files.h"

namespace dunlin::apps {
namespace {

using security::SecretFileState;
using security::Vault;
using security::VaultLock;

/// `asked`: "new passphrase"; `source`: where it comes from.
Result<VaultLock> lock_of(const std::string& key, const std::string& source, std::string_view asked) {
  if (!key.empty() && !source.empty())
    return fail(Errc::invalid_argument, "keys are opened by a passphrase or by a key, not by both");
  if (!key.empty()) return VaultLock::with_key(key);
  const std::string from = source.empty() ? "prompt" : source;
  DUNLIN_TRY(std::string text, keys::read_secret(from, asked));
  VaultLock lock = VaultLock::with_passphrase(std::move(text));
  if (from != "prompt") return lock;
  DUNLIN_TRY(std::string again, keys::read_secret(from, std::string(asked) + ", once more"));
  const bool same = security::constant_time_equal(again, lock.passphrase.view());
  security::wipe(again);
  if (!same) return fail(Errc::invalid_argument, "the two passphrases differ");
  return lock;
}

Result<std::unique_ptr<Vault>> open(Fs& fs, const VaultCommand& command) {
  if (!Vault::exists(fs, command.data_folder))
    return fail(Errc::not_found, "the keys in " + command.data_folder + " are not protected");
  return Vault::open(fs, command.data_folder,
                     command.passphrase.empty() ? std::string_view("prompt") : command.passphrase);
}

/// Finishes what a crash has cut off, too.
Result<void> protect(Fs& fs, const VaultCommand& command) {
  std::unique_ptr<Vault> vault;
  if (Vault::exists(fs, command.data_folder)) {
    DUNLIN_TRY(vault, open(fs, command));
  } else {
    DUNLIN_TRY(const VaultLock lock, lock_of(command.key, command.passphrase, "passphrase"));
    SystemRng rng;
    DUNLIN_TRY(vault, Vault::make(fs, rng, command.data_folder, lock));
  }
  DUNLIN_TRY(const std::size_t sealed, security::seal_files(fs, command.data_folder, *vault));
  std::printf("encrypted %zu files in %s\n", sealed, command.data_folder.c_str());
  if (command.key.empty())
    std::printf("from now on the server needs the passphrase: vault.passphrase (docs/guide/keys.md)\n");
  return {};
}

Result<void> change(Fs& fs, const VaultCommand& command) {
  DUNLIN_TRY(const auto vault, open(fs, command));
  DUNLIN_TRY(const VaultLock lock, lock_of(command.key, command.new_passphrase, "new passphrase"));
  SystemRng rng;
  DUNLIN_CHECK(vault->change_lock(fs, rng, command.data_folder, lock));
  std::printf("changed what opens the keys in %s\n", command.data_folder.c_str());
  return {};
}

Result<void> unprotect(Fs& fs, const VaultCommand& command) {
  DUNLIN_TRY(const auto vault, open(fs, command));
  DUNLIN_TRY(const std::size_t opened, security::open_files(fs, command.data_folder, *vault));
  std::printf("decrypted %zu files in %s\n", opened, command.data_folder.c_str());
  return {};
}

Result<void> status(Fs& fs, const VaultCommand& command) {
  DUNLIN_TRY(const auto files, security::secret_files(fs, command.data_folder));
  for (const SecretFileState& file : files) {
    const char* kept = file.kept == SecretFileState::Kept::sealed     ? "encrypted"
                       : file.kept == SecretFileState::Kept::in_token ? "in a token"
                                                                      : "in the clear";
    std::printf("%-12s %s\n", kept, file.path.c_str());
  }
  return {};
}

Result<void> reveal(Fs& fs, const VaultCommand& command) {
  DUNLIN_TRY(const auto vault, open(fs, command));
  const security::SecretFiles inside(fs, vault.get());
  DUNLIN_TRY(std::string text,
             inside.read(command.data_folder + "/" + command.file, security::kMaxPemFileBytes));
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  security::wipe(text);
  return written ? Result<void>{} : fail(Errc::io, "cannot write to the standard output");
}

Result<void> run(Fs& fs, const VaultCommand& command) {
  using Action = VaultCommand::Action;
  if (!fs.is_folder(command.data_folder))
    return fail(Errc::not_found, "there is no data folder " + command.data_folder + "; name it with --data");
  if (command.action == Action::status) return status(fs, command);
  if (command.action == Action::reveal) return reveal(fs, command);
  // Nobody else may write keys meanwhile.
  DUNLIN_TRY(const auto lock, platform::lock_data_folder(fs, command.data_folder));
  if (command.action == Action::protect) return protect(fs, command);
  return command.action == Action::change ? change(fs, command) : unprotect(fs, command);
}

}  // namespace

int run_vault(const VaultCommand& command) {
  const auto fs = make_system_fs();
  const auto done = run(*fs, command);
  return done ? 0 : report(done.error());
}

}  // namespace dunlin::apps
