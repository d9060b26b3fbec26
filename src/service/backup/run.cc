#include "service/backup/run.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <numeric>

#include "service/backup/limits.h"

namespace dunlin::backup {
namespace {

bool is_inside(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// A path as from the root, in one spelling, without a slash at its end.
std::string whole_path(const std::string& path) {
  std::string whole = std::filesystem::absolute(path).lexically_normal().string();
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

/// What is overwritten in its place comes first, since that takes memory while it waits; tables of the keyed
/// store never are.
int rank_of(std::string_view path) {
  if (path.starts_with("keyed/")) return 2;
  return path.starts_with("journal/") || path.starts_with("samples/") ? 1 : 0;
}

/// The blobs of the newest backup, by path. A blob's name is the hash of its bytes: one of the same name and
/// size need not be read again.
std::map<std::string, BackupFile> blobs_of_newest(const BackupFolder& folder) {
  std::map<std::string, BackupFile> blobs;
  auto all = folder.backups();
  if (!all) return blobs;
  while (!all->empty() && !all->back().manifest) all->pop_back();
  if (all->empty()) return blobs;
  for (BackupFile& file : all->back().manifest->files)
    if (is_inside(file.path, "blobs")) blobs.emplace(file.path, std::move(file));
  return blobs;
}

}  // namespace

bool is_kept(std::string_view path) {
  constexpr std::array<std::string_view, 6> kOfTheProcess = {
      "lock", "server.json", "admin.token", "keyed/LOCK", "records.sqlite.lock", "backup.json"};
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const bool is_of_log = path.starts_with("journal/") || path.starts_with("samples/");
  if (is_of_log && (name == "lock" || name == "next.segment" || name.ends_with(".spare"))) return false;
  if (is_inside(path, "blobs/incoming")) return false;
  return std::ranges::find(kOfTheProcess, path) == kOfTheProcess.end() && !is_inside(path, "tour-gateway");
}

Result<std::unique_ptr<BackupRun>> BackupRun::begin(SnapshotFs& source, Fs& fs, const Clock& clock,
                                                    RunOptions options) {
  const std::string data = whole_path(options.data_folder);
  const std::string to = whole_path(options.to);
  if (is_inside(to, data) || is_inside(data, to))
    return fail(Errc::invalid_argument, "the folder of backups must be beside the data folder, not in it");
  DUNLIN_TRY(BackupFolder folder, BackupFolder::open_for_writing(fs, options.to));
  std::unique_ptr<BackupRun> run(new BackupRun(std::move(folder), std::move(options)));  // NOLINT: private
  const auto& left_out = run->options_.leave_out;
  const Instant began = clock.now();
  auto snapshot = source.take(run->options_.data_folder, [&](std::string_view path) {
    return is_kept(path) && std::ranges::find(left_out, path) == left_out.end();
  });
  if (!snapshot) return std::unexpected(std::move(snapshot).error());
  run->pause_ = clock.now() - began;
  run->snapshot_ = *std::move(snapshot);
  run->manifest_.instant = from_unix_milliseconds(unix_milliseconds(clock.wall_now()));
  run->plan();
  return run;
}

BackupRun::~BackupRun() {
  if (state_ == State::finished) return;
  for (const std::string& hash : written_) folder_.remove_block(hash);
}

/// Whether all blocks of a file of the newest backup are there, and it has this size.
bool BackupRun::is_there(const BackupFile& file, std::uint64_t size) const {
  if (file.size != size) return false;
  for (std::uint64_t i = 0; i < file.blocks.size(); ++i)
    if (!folder_.has_block(file.blocks[i], block_size(size, i))) return false;
  return true;
}

void BackupRun::plan() {
  const auto known = blobs_of_newest(folder_);
  manifest_.program = options_.program;
  for (const FolderSnapshot::Entry& entry : snapshot_->files()) {
    BackupFile& file = manifest_.files.emplace_back(BackupFile{entry.path, entry.size});
    progress_->bytes += entry.size;
    const auto before = known.find(entry.path);
    if (before == known.end() || !is_there(before->second, entry.size)) continue;
    file.blocks = before->second.blocks;
    progress_->bytes_done += entry.size;
  }
  progress_->files = manifest_.files.size();
  order_.resize(manifest_.files.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::stable_sort(order_, {},
                           [this](std::size_t file) { return rank_of(manifest_.files[file].path); });
}

Result<void> BackupRun::copy_block() {
  const std::size_t index = order_[at_];
  BackupFile& file = manifest_.files[index];
  if (file.blocks.size() == block_count(file.size)) {
    snapshot_->release(index);
    ++at_;
    return {};
  }
  const std::uint64_t number = file.blocks.size();
  block_.resize(block_size(file.size, number));
  DUNLIN_TRY(const std::size_t count, snapshot_->read_at(index, number * kBlockBytes, block_));
  if (count != block_.size()) return fail(Errc::io, file.path + " is shorter than it was");
  DUNLIN_TRY(BackupFolder::Put put, folder_.put_block(block_));
  if (put.what == BackupFolder::Put::What::written) {
    written_.push_back(put.hash);
    progress_->bytes_written += block_.size();
  }
  progress_->bytes_done += block_.size();
  file.blocks.push_back(std::move(put.hash));
  return {};
}

Result<void> BackupRun::finish() {
  snapshot_.reset();
  std::ranges::sort(manifest_.files, {}, &BackupFile::path);
  DUNLIN_CHECK(folder_.put_manifest(manifest_));
  state_ = State::finished;
  // The backup is one, whatever becomes of older ones.
  if (auto pruned = folder_.prune(options_.keep); !pruned) {
    return fail(pruned.error().code,
                "the backup was taken, but older ones could not be removed: " + pruned.error().message);
  }
  return {};
}

Result<BackupRun::Next> BackupRun::step() {
  if (state_ == State::finished) return Next::done;
  const bool more = at_ < order_.size();
  DUNLIN_CHECK(more ? copy_block() : finish());
  return more ? Next::more : Next::done;
}

}  // namespace dunlin::backup
