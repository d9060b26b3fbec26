#pragma once
// The limits of this room; the README repeats them as a table.

#include <cstddef>
#include <cstdint>

namespace dunlin::backup {

/// What a file is cut into; blocks of equal content are stored once.
inline constexpr std::size_t kBlockBytes = 1024UL * 1024;
/// Files of one backup, bytes of a path in it, bytes of a manifest.
inline constexpr std::size_t kMaxFiles = 1'000'000;
inline constexpr std::size_t kMaxPathBytes = 4096;
inline constexpr std::size_t kMaxManifestBytes = 256UL * 1024 * 1024;
/// Backups that one folder keeps.
inline constexpr std::size_t kMaxKept = 1000;
inline constexpr std::size_t kDefaultKept = 7;
/// Damages that a verification tells one by one; further ones are counted.
inline constexpr std::size_t kMaxToldDamages = 100;

}  // namespace dunlin::backup
