#include "service/backup/restore.h"

#include <algorithm>
#include <set>

#include "base/time_text.h"
#include "service/backup/folder.h"
#include "service/backup/limits.h"

namespace dunlin::backup {
namespace {

/// The newest one that is not younger than asked for. A damaged manifest is an error only where it may be the
/// one: better none than another than was meant.
Result<Manifest> chosen(const BackupFolder& folder, const std::optional<WallTime>& at) {
  DUNLIN_TRY(auto all, folder.backups());
  if (all.empty()) return fail(Errc::not_found, folder.path() + " holds no backup");
  const std::string wanted = at ? manifest_name(*at) : std::string(1, '~');
  const StoredBackup* best = nullptr;
  for (const StoredBackup& backup : all) {
    if (!backup.manifest && backup.name > wanted) continue;
    if (backup.manifest && at && backup.manifest->instant > *at) continue;
    if (best == nullptr || backup.name > best->name) best = &backup;
  }
  if (best == nullptr) {
    const auto& first = all.front().manifest;
    return fail(Errc::not_found,
                "there is no backup of that time or before" +
                    (first ? "; the oldest is of " + format_rfc3339(first->instant) : std::string()));
  }
  if (best->manifest) return *best->manifest;
  return fail(Errc::corrupt,
              best->name + ": " + best->manifest.error().message + "; name an older backup with --at");
}

Result<void> restore_file(Fs& fs, const BackupFolder& folder, const BackupFile& file,
                          const std::string& path) {
  DUNLIN_CHECK(fs.create_folders(parent_folder(path)));
  DUNLIN_TRY(const auto to, fs.open(path, OpenMode::create_new));
  for (std::uint64_t i = 0; i < file.blocks.size(); ++i) {
    auto block = folder.read_block(file.blocks[i], block_size(file.size, i));
    if (!block) return fail(block.error().code, file.path + ": " + block.error().message);
    DUNLIN_CHECK(to->write_at(i * kBlockBytes, as_bytes(*block)));
  }
  return to->sync();
}

Result<void> restore_files(Fs& fs, const BackupFolder& folder, const Manifest& manifest,
                           const std::string& to) {
  DUNLIN_CHECK(fs.create_folders(to));
  std::set<std::string> folders{to};
  for (const BackupFile& file : manifest.files) {
    const std::string path = to + "/" + file.path;
    DUNLIN_CHECK(restore_file(fs, folder, file, path));
    folders.insert(parent_folder(path));
  }
  for (const std::string& each : folders) DUNLIN_CHECK(fs.sync_folder(each));
  return {};
}

Result<void> check_target(Fs& fs, const std::string& to, const std::string& unfinished) {
  if (fs.exists(to)) {
    const auto names = fs.list(to);
    if (!names || !names->empty())
      return fail(Errc::conflict, to + " is not empty; name a folder that is empty or does not exist");
  }
  if (!fs.exists(unfinished)) return {};
  return fail(Errc::conflict, unfinished + " is what a restore that was cut off has left; remove it first");
}

}  // namespace

Result<Restored> restore(Fs& fs, const RestoreOptions& options) {
  std::string to = options.to;
  while (to.size() > 1 && to.ends_with('/')) to.pop_back();
  const std::string unfinished = to + ".restoring";
  DUNLIN_CHECK(check_target(fs, to, unfinished));
  DUNLIN_TRY(const BackupFolder folder, BackupFolder::open_for_reading(fs, options.from));
  DUNLIN_TRY(const Manifest manifest, chosen(folder, options.at));
  auto done = restore_files(fs, folder, manifest, unfinished);
  if (done && fs.exists(to)) done = fs.remove(to);  // it is empty
  if (done) done = fs.rename(unfinished, to);
  if (!done) {
    (void)fs.remove_all(unfinished);
    return std::unexpected(std::move(done).error());
  }
  DUNLIN_CHECK(fs.sync_folder(parent_folder(to)));
  return Restored{manifest.instant, manifest.program, manifest.files.size(), manifest.bytes()};
}

Result<Verified> verify(Fs& fs, const std::string& path) {
  DUNLIN_TRY(const BackupFolder folder, BackupFolder::open_for_reading(fs, path));
  DUNLIN_TRY(const auto all, folder.backups());
  Verified verified;
  verified.backups = all.size();
  const auto tell = [&verified](std::string damage) {
    ++verified.damaged;
    if (verified.damages.size() < kMaxToldDamages) verified.damages.push_back(std::move(damage));
  };
  std::set<std::string> good;
  for (const StoredBackup& backup : all) {
    if (!backup.manifest) {
      tell(backup.name + ": " + backup.manifest.error().message);
      continue;
    }
    for (const BackupFile& file : backup.manifest->files) {
      for (std::uint64_t i = 0; i < file.blocks.size(); ++i) {
        if (good.contains(file.blocks[i])) continue;
        const auto block = folder.read_block(file.blocks[i], block_size(file.size, i));
        if (!block) {
          tell(backup.name + ": " + file.path + ": " + block.error().message);
          continue;
        }
        good.insert(file.blocks[i]);
        ++verified.blocks;
        verified.bytes += block->size();
      }
    }
  }
  return verified;
}

}  // namespace dunlin::backup
