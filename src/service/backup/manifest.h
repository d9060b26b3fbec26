#pragma once
// What one backup holds, by name, size and checksum. Format: docs/formats/backup.md.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::backup {

struct BackupFile {
  std::string path;  // relative to the data folder
  std::uint64_t size = 0;
  std::vector<std::string> blocks{};  // SHA-256 of each, in hexadecimal; the last one may be shorter
};

struct Manifest {
  WallTime instant;     // milliseconds
  std::string program;  // the version that took it
  std::vector<BackupFile> files{};

  std::uint64_t bytes() const;
};

/// How many blocks a file of so many bytes has, and how long one of them is.
std::uint64_t block_count(std::uint64_t size);
std::size_t block_size(std::uint64_t file_size, std::uint64_t block);

std::string encode(const Manifest& manifest);
/// Checks the checksum, and that no path leads out of the folder. Errors: corrupt, unsupported (a later
/// version's).
Result<Manifest> decode(std::string_view text);

/// The manifest's file: "2026-11-30T01-02-03.456Z.json".
std::string manifest_name(WallTime instant);
bool is_manifest_name(std::string_view name);

}  // namespace dunlin::backup
