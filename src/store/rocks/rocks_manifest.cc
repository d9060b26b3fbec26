#include "store/rocks/rocks_manifest.h"

#include <optional>
#include <vector>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/encoding.h"

namespace dunlin::store {
namespace {

constexpr std::string_view kPrefix = "MANIFEST-";
constexpr std::string_view kSyncedEnding = ".synced";
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
enum class Piece : std::uint8_t { zero, full, first, middle, last };

std::string synced_path(const std::string& manifest) {
  return manifest + std::string{kSyncedEnding};
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// RocksDB stores checksums turned and shifted, so that a checksum of checksums is no trouble.
std::uint32_t unmasked(std::uint32_t masked) {
  const std::uint32_t turned = masked - 0xA282EAD8U;
  return (turned >> 17) | (turned << 15);
}

std::optional<std::uint64_t> load_synced_size(Fs& fs, const std::string& manifest) {
  const auto text = read_file(fs, synced_path(manifest), 64);
  if (!text || text->size() != 12) return std::nullopt;
  const ByteView bytes = as_bytes(*text);
  if (load_number<std::uint32_t>(bytes.data() + 8) != crc32c(0, bytes.first(8))) return std::nullopt;
  return load_number<std::uint64_t>(bytes.data());
}

}  // namespace

bool is_manifest(std::string_view path) {
  const std::string_view name = name_of(path);
  return name.starts_with(kPrefix) && !name.ends_with(kSyncedEnding);
}

Result<void> save_synced_size(Fs& fs, const std::string& manifest, std::uint64_t size) {
  std::vector<std::uint8_t> bytes;
  append_number(bytes, size);
  append_number(bytes, crc32c(0, bytes));
  return write_file_atomically(fs, synced_path(manifest), bytes);
}

void forget_synced_size(Fs& fs, const std::string& manifest) {
  // One that is left over does no harm: manifests' numbers are never used again.
  static_cast<void>(fs.remove(synced_path(manifest)));
}

std::uint64_t end_of_whole_records(std::string_view log) {
  const ByteView bytes = as_bytes(log);
  std::size_t at = 0;
  std::size_t whole = 0;
  bool inside = false;
  while (true) {
    const std::size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeaderBytes) at += left_in_block;
    if (at + kHeaderBytes > bytes.size()) return whole;
    const std::size_t length = load_number<std::uint16_t>(bytes.data() + at + 4);
    const auto piece = static_cast<Piece>(bytes[at + 6]);
    const std::size_t end = at + kHeaderBytes + length;
    if (end > bytes.size() || at % kBlockBytes + kHeaderBytes + length > kBlockBytes) return whole;
    const std::uint32_t expected = unmasked(load_number<std::uint32_t>(bytes.data() + at));
    if (crc32c(0, bytes.subspan(at + 6, 1 + length)) != expected) return whole;
    const bool begins = piece == Piece::full || piece == Piece::first;
    const bool continues = piece == Piece::middle || piece == Piece::last;
    if ((!begins && !continues) || begins == inside) return whole;
    inside = piece == Piece::first || piece == Piece::middle;
    at = end;
    if (!inside) whole = at;
  }
}

Result<void> cut_torn_manifest(Fs& fs, const std::string& folder) {
  const auto current = read_file(fs, folder + "/CURRENT", 1024);
  if (!current) return {};  // a new database, or one whose trouble RocksDB will tell
  const std::string manifest = folder + "/" + current->substr(0, current->find('\n'));
  if (!is_manifest(manifest) || !fs.exists(manifest)) return {};
  constexpr std::uint64_t kMaxManifestBytes = 1024ULL * 1024 * 1024;
  DUNLIN_TRY(const std::string bytes, read_file(fs, manifest, kMaxManifestBytes));
  const std::uint64_t end = end_of_whole_records(bytes);
  // It was saved before CURRENT named the manifest: without it, something else is wrong.
  const auto synced = load_synced_size(fs, manifest);
  if (end == bytes.size() || !synced) return {};
  if (end < *synced) return fail(Errc::corrupt, manifest + ": damaged at offset " + std::to_string(end));
  log::warning("store/rocks", "a torn last write of the manifest was cut off",
               {{"file", manifest}, {"offset", end}, {"bytes", bytes.size() - end}});
  DUNLIN_TRY(const auto file, fs.open(manifest, OpenMode::read_write));
  DUNLIN_CHECK(file->truncate(end));
  return file->sync();
}

}  // namespace dunlin::store
