#pragma once
// Sealing and opening the files that belong into a vault, one after the other, each atomically: a crash in
// between leaves some sealed and some not, which every reader bears. With nobody else in the data folder.

#include <cstddef>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "security/vault.h"

namespace dunlin::security {

struct SecretFileState {
  std::string path;
  enum class Kept : std::uint8_t { in_the_clear, sealed, in_token } kept = Kept::in_the_clear;
};
/// The secret files of a data folder that are there. Errors: io.
Result<std::vector<SecretFileState>> secret_files(Fs& fs, const std::string& folder);

/// Seals those that are in the clear; how many. Errors: io, no_space, internal.
Result<std::size_t> seal_files(Fs& fs, const std::string& folder, const Vault& vault);

/// Opens those that are sealed, then removes the vault; how many. Errors: io, no_space, corrupt.
Result<std::size_t> open_files(Fs& fs, const std::string& folder, const Vault& vault);

}  // namespace dunlin::security
