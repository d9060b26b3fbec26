#pragma once
// What a power cut can leave behind RocksDB's manifest. Private to the room.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace dunlin::store {

/// True for the path of a manifest: RocksDB's list of its tables.
bool is_manifest(std::string_view path);

/// Remembers, durably, that the manifest is synced up to `size` bytes. Errors: io, no_space.
Result<void> save_synced_size(Fs& fs, const std::string& manifest, std::uint64_t size);

/// For a manifest that goes.
void forget_synced_size(Fs& fs, const std::string& manifest);

/// RocksDB takes a torn last write of its manifest for corruption when something of its end has reached the
/// disk, and overlooks some damage before it. Cuts such a write off, but never what was once synced: a record
/// there that fails its checksum is `corrupt`. Errors: corrupt, io.
Result<void> cut_torn_manifest(Fs& fs, const std::string& folder);

/// The end of the last whole record in a file of RocksDB's log format (32 KiB blocks; a record's pieces have
/// a masked CRC-32C, a length and a type).
std::uint64_t end_of_whole_records(std::string_view log);

}  // namespace dunlin::store
