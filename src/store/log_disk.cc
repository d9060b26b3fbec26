#include "store/log_disk.h"

#include <utility>

#include "base/log.h"

namespace dunlin::store {

std::string cursors_path(const std::string& folder) {
  return folder + "/cursors";
}

LogDisk::LogDisk(Fs& fs, Place place, std::unique_ptr<File> lock, std::unique_ptr<File> active,
                 std::uint64_t active_bytes)
    : fs_(fs),
      place_(std::move(place)),
      lock_(std::move(lock)),
      active_(std::move(active)),
      active_bytes_(active_bytes) {}

bool LogDisk::wants_next() const {
  return !next_ && active_bytes_ >= place_.segment_bytes / 4 * 3;
}

Result<void> LogDisk::prepare_next() {
  if (next_) return {};
  const std::string path = place_.folder + "/" + std::string{kNextSegmentName};
  if (fs_.exists(path)) {
    DUNLIN_CHECK(fs_.remove(path));
  }
  DUNLIN_TRY(auto file, fs_.open(path, OpenMode::append));
  // Reserving is a service to later appends: where the file system cannot, they meet a full disk themselves.
  if (auto reserved = file->reserve(place_.segment_bytes);
      !reserved && reserved.error().code == Errc::no_space) {
    return reserved;
  }
  DUNLIN_CHECK(file->append(encode_segment_header({.salt = place_.salt})));
  DUNLIN_CHECK(file->sync());
  next_ = std::move(file);
  return {};
}

LogDisk::Outcome LogDisk::begin_segment(Position first) {
  if (auto prepared = prepare_next(); !prepared) {
    const bool full = prepared.error().code == Errc::no_space;
    return {.result = std::move(prepared), .segment_begun = false, .usable = full};
  }
  const std::string from = place_.folder + "/" + std::string{kNextSegmentName};
  if (auto renamed = fs_.rename(from, place_.folder + "/" + segment_name(first)); !renamed) {
    return {.result = std::move(renamed), .segment_begun = false, .usable = false};
  }
  if (auto synced = fs_.sync_folder(place_.folder); !synced) {
    return {.result = std::move(synced), .segment_begun = true, .usable = false};
  }
  active_ = std::move(next_);
  active_bytes_ = kSegmentHeaderBytes;
  return {.result = {}, .segment_begun = true, .usable = true};
}

LogDisk::Outcome LogDisk::commit(const Commit& commit) {
  Outcome outcome;
  if (commit.new_segment) {
    outcome = begin_segment(*commit.new_segment);
    if (!outcome.result) return outcome;
  }
  std::uint64_t written = commit.bytes.size();
  if (commit.link) {
    const auto link = encode_link(place_.salt, *commit.link);
    written += link.size();
    outcome.result = active_->append(link);
  }
  if (outcome.result) outcome.result = active_->append(commit.bytes);
  const bool full = !outcome.result && outcome.result.error().code == Errc::no_space;
  if (outcome.result) outcome.result = active_->sync();
  if (outcome.result) {
    active_bytes_ += written;
    return outcome;
  }
  // Taken back, so that the next write may try again after a full disk; and so that after a failed sync
  // nobody takes for committed what only the page cache holds.
  const bool taken_back = active_->truncate(active_bytes_).has_value();
  outcome.usable = full && taken_back;
  return outcome;
}

Result<void> LogDisk::save_cursors(ByteView bytes) {
  return write_file_atomically(fs_, cursors_path(place_.folder), bytes);
}

Result<void> LogDisk::remove_segments(const std::vector<Position>& segments) {
  for (const Position first : segments) {
    const auto removed = fs_.remove(place_.folder + "/" + segment_name(first));
    if (!removed && removed.error().code != Errc::not_found) return removed;
  }
  return fs_.sync_folder(place_.folder);
}

}  // namespace dunlin::store
