#pragma once
// Backups read back: made into a data folder, or checked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"

namespace dunlin::backup {

struct RestoreOptions {
  std::string from;              // a folder of backups
  std::optional<WallTime> at{};  // the newest backup that is not younger; none: the newest
  std::string to;                // a folder that is empty or does not exist
};
struct Restored {
  WallTime instant;
  std::string program;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
/// Every block is checked before it is written. The folder appears under its name when all of it is there and
/// on the disk: before, it is named `to` + ".restoring". Blocks. Errors: conflict (`to` is not empty, or an
/// earlier try was cut off), not_found (no such backup), corrupt (with the file), io, no_space.
Result<Restored> restore(Fs& fs, const RestoreOptions& options);

struct Verified {
  std::uint64_t backups = 0;           // all
  std::uint64_t blocks = 0;            // different ones
  std::uint64_t bytes = 0;             // of them
  std::vector<std::string> damages{};  // sentences; at most kMaxToldDamages
  std::uint64_t damaged = 0;           // how many there are
};
/// Reads every block that a backup needs and computes its checksum. Blocks. Errors: not_found, io.
Result<Verified> verify(Fs& fs, const std::string& folder);

}  // namespace dunlin::backup
