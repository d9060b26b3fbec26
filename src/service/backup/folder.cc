#include "service/backup/folder.h"

#include <algorithm>

#include "security/crypto.h"
#include "service/backup/limits.h"

namespace dunlin::backup {
namespace {

constexpr std::string_view kMarkerName = "dunlin-backups";
constexpr std::string_view kMarker = "format 1\n";
constexpr std::size_t kPrefixDigits = 2;  // of a block's hash: the folder it is in

Result<void> check_marker(Fs& fs, const std::string& path) {
  auto marker = read_file(fs, path + "/" + std::string(kMarkerName), 64);
  if (!marker && marker.error().code == Errc::not_found)
    return fail(Errc::not_found, path + " is no folder of backups");
  if (!marker) return std::unexpected(marker.error());
  if (*marker != kMarker)
    return fail(Errc::unsupported, path + ": the backups there have a format of a later version");
  return {};
}

/// A folder that is new, or empty.
Result<void> make(Fs& fs, const std::string& path) {
  DUNLIN_CHECK(fs.create_folders(path));
  DUNLIN_TRY(const auto names, fs.list(path));
  const bool is_empty = std::ranges::all_of(
      names, [](const std::string& name) { return name.starts_with(kMarkerName) || name == "lost+found"; });
  if (!is_empty) {
    return fail(
        Errc::conflict,
        path + " holds something else than backups; name an empty folder, or one that does not exist");
  }
  return write_file_atomically(fs, path + "/" + std::string(kMarkerName), as_bytes(kMarker));
}

}  // namespace

Result<BackupFolder> BackupFolder::open_for_writing(Fs& fs, const std::string& path) {
  auto known = check_marker(fs, path);
  if (!known && known.error().code != Errc::not_found) return std::unexpected(known.error());
  if (!known) DUNLIN_CHECK(make(fs, path));
  auto lock = fs.lock(path + "/lock");
  if (!lock && lock.error().code == Errc::conflict)
    return fail(Errc::conflict, "another backup into " + path + " is under way");
  if (!lock) return std::unexpected(lock.error());
  BackupFolder folder(fs, path, *std::move(lock));
  DUNLIN_CHECK(fs.create_folders(folder.manifests_path()));
  DUNLIN_CHECK(fs.create_folders(path + "/blocks"));
  return folder;
}

Result<BackupFolder> BackupFolder::open_for_reading(Fs& fs, const std::string& path) {
  DUNLIN_CHECK(check_marker(fs, path));
  return BackupFolder(fs, path, nullptr);
}

std::string BackupFolder::block_path(std::string_view hash) const {
  return path_ + "/blocks/" + std::string(hash.substr(0, kPrefixDigits)) + "/" + std::string(hash);
}

Result<std::vector<StoredBackup>> BackupFolder::backups() const {
  std::vector<StoredBackup> found;
  if (!fs_->is_folder(manifests_path())) return found;
  DUNLIN_TRY(const auto names, fs_->list(manifests_path()));
  for (const std::string& name : names) {
    if (!is_manifest_name(name)) continue;
    const auto text = read_file(*fs_, manifests_path() + "/" + name, kMaxManifestBytes);
    found.push_back({name, text ? decode(*text) : std::unexpected(text.error())});
  }
  std::ranges::stable_sort(found, [](const StoredBackup& a, const StoredBackup& b) {
    if (!a.manifest || !b.manifest) return a.manifest.has_value() && !b.manifest.has_value();
    return a.manifest->instant < b.manifest->instant;
  });
  return found;
}

Result<BackupFolder::Put> BackupFolder::put_block(ByteView bytes) {
  Put put{security::sha256_hex(bytes)};
  const std::string path = block_path(put.hash);
  if (has_block(put.hash, bytes.size())) return put;
  DUNLIN_CHECK(fs_->create_folders(parent_folder(path)));
  if (auto written = write_file_atomically(*fs_, path, bytes); !written) {
    (void)fs_->remove(path + ".new");
    return std::unexpected(std::move(written).error());
  }
  put.what = Put::What::written;
  return put;
}

Result<std::string> BackupFolder::read_block(const std::string& hash, std::size_t size) const {
  auto bytes = read_file(*fs_, block_path(hash), kBlockBytes);
  const bool is_wrong = bytes && (bytes->size() != size || security::sha256_hex(as_bytes(*bytes)) != hash);
  if (!bytes && bytes.error().code == Errc::not_found)
    return fail(Errc::corrupt, "block " + hash + " is missing");
  if (is_wrong || (!bytes && bytes.error().code == Errc::limit_exceeded))
    return fail(Errc::corrupt, "block " + hash + " is damaged");
  return bytes;
}

bool BackupFolder::has_block(const std::string& hash, std::size_t size) const {
  const auto file = fs_->open(block_path(hash), OpenMode::read);
  return file && (*file)->size().value_or(0) == size;
}

void BackupFolder::remove_block(const std::string& hash) {
  // One that stays goes with the next prune().
  (void)fs_->remove(block_path(hash));
}

Result<void> BackupFolder::put_manifest(const Manifest& manifest) {
  const std::string path = manifests_path() + "/" + manifest_name(manifest.instant);
  if (fs_->exists(path)) return fail(Errc::conflict, "there is a backup of the same instant already");
  auto written = write_file_atomically(*fs_, path, as_bytes(encode(manifest)));
  if (!written) (void)fs_->remove(path + ".new");
  return written;
}

Result<void> BackupFolder::remove_blocks_but(const std::set<std::string>& needed) {
  DUNLIN_TRY(const auto folders, fs_->list(path_ + "/blocks"));
  for (const std::string& folder : folders) {
    const std::string inside = path_ + "/blocks/" + folder;
    DUNLIN_TRY(const auto names, fs_->list(inside));
    for (const std::string& name : names) {
      if (!needed.contains(name)) DUNLIN_CHECK(fs_->remove(inside + "/" + name));
    }
  }
  return {};
}

Result<void> BackupFolder::remove_unfinished_manifests() {
  DUNLIN_TRY(const auto names, fs_->list(manifests_path()));
  for (const std::string& name : names) {
    if (!is_manifest_name(name)) DUNLIN_CHECK(fs_->remove(manifests_path() + "/" + name));
  }
  return {};
}

Result<std::size_t> BackupFolder::prune(std::size_t most) {
  DUNLIN_TRY(const auto all, backups());
  DUNLIN_CHECK(remove_unfinished_manifests());
  std::vector<const StoredBackup*> whole;
  for (const StoredBackup& backup : all) {
    if (backup.manifest) whole.push_back(&backup);
  }
  const std::size_t surplus = whole.size() > most ? whole.size() - most : 0;
  for (std::size_t i = 0; i < surplus; ++i)
    DUNLIN_CHECK(fs_->remove(manifests_path() + "/" + whole[i]->name));
  if (surplus > 0) DUNLIN_CHECK(fs_->sync_folder(manifests_path()));
  // What a damaged manifest needs nobody knows.
  if (whole.size() != all.size()) return surplus;
  std::set<std::string> needed;
  for (std::size_t i = surplus; i < whole.size(); ++i) {
    for (const BackupFile& file : whole[i]->manifest->files)
      needed.insert(file.blocks.begin(), file.blocks.end());
  }
  DUNLIN_CHECK(remove_blocks_but(needed));
  return surplus;
}

}  // namespace dunlin::backup
