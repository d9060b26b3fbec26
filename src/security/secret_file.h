#pragma once
// The program's own secrets in the data folder: keys and what keys are derived from. Where there is a vault,
// they are sealed in it.

#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"

namespace dunlin::security {

class Vault;

/// Reads and writes them. Copied freely; what it names must outlive it. Blocks.
class SecretFiles {
 public:
  /// Without a vault: as they are. Implicit, so that who has only a file system reads and writes plain files.
  SecretFiles(Fs& fs, const Vault* vault = nullptr) : fs_(&fs), vault_(vault) {}  // NOLINT

  Fs& fs() const { return *fs_; }

  /// The whole file. A sealed block at its beginning is opened; what follows it is kept. Errors: those of
  /// read_file(), unavailable (it is sealed, and there is no vault), corrupt (it was changed, or is another
  /// vault's).
  Result<std::string> read(const std::string& path, std::uint64_t limit) const;
  /// Atomically: `secret`, then what need not be secret. Errors: those of write_file_atomically(), internal.
  Result<void> write(const std::string& path, std::string_view secret, std::string_view rest = {}) const;

 private:
  Fs* fs_;
  const Vault* vault_;
};

/// 64 hexadecimal digits, made and durable (mode 0600) where the file is missing. Errors: io, no_space,
/// corrupt (it does not hold what was written there), those of SecretFiles::read().
Result<std::string> load_secret_file(const SecretFiles& files, Rng& rng, const std::string& path);

}  // namespace dunlin::security
