#include "store/log_disk.h"

#include <algorithm>
#include <utility>

#include "store/limits.h"

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

bool LogDisk::wants_clearing() const {
  return usual_commit_ <= kLargestClearingCommit && cleared_ < place_.segment_bytes &&
         active_bytes_ + kClearedAhead / 2 > cleared_;
}

void LogDisk::upkeep() {
  if (wants_next()) static_cast<void>(prepare_next());
  if (wants_clearing()) clear_ahead();
}

void LogDisk::clear_ahead() {
  const std::uint64_t from = std::max(active_bytes_, cleared_);
  const std::uint64_t to = std::min(active_bytes_ + kClearedAhead, place_.segment_bytes);
  if (from >= to) return;
  const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(to - from));
  if (active_->write_at(from, zeros) && active_->sync()) {
    cleared_ = to;
    return;
  }
  // Only a service: what is there of it goes back, and this segment's commits do without.
  static_cast<void>(active_->truncate(active_bytes_));
  cleared_ = place_.segment_bytes;
}

/// Errors: no_space, io.
Result<void> LogDisk::prepare_next() {
  if (next_) return {};
  auto file = spares_.empty() ? make_next() : take_spare();
  if (!file) return std::unexpected(std::move(file).error());
  next_ = *std::move(file);
  return {};
}

Result<std::unique_ptr<File>> LogDisk::make_next() {
  const std::string path = path_of(kNextSegmentName);
  if (fs_.exists(path)) {
    DUNLIN_CHECK(fs_.remove(path));
  }
  DUNLIN_TRY(auto file, fs_.open(path, OpenMode::read_write));
  // Reserving is a service to later writes: where the file system cannot, they meet a full disk themselves.
  if (auto reserved = file->reserve(place_.segment_bytes);
      !reserved && reserved.error().code == Errc::no_space) {
    return std::unexpected(std::move(reserved).error());
  }
  DUNLIN_CHECK(file->write_at(0, encode_segment_header({.salt = place_.salt})));
  DUNLIN_CHECK(file->sync());
  return file;
}

/// What stands behind the header is of earlier positions, which no reader takes for later ones; but for the
/// link, which is overwritten.
Result<std::unique_ptr<File>> LogDisk::take_spare() {
  const std::string path = path_of(kNextSegmentName);
  DUNLIN_CHECK(fs_.rename(path_of(spares_.back()), path));
  spares_.pop_back();
  DUNLIN_TRY(auto file, fs_.open(path, OpenMode::read_write));
  std::vector<std::uint8_t> head = encode_segment_header({.salt = place_.salt});
  head.resize(kSegmentHeaderBytes + kLinkBytes);
  DUNLIN_CHECK(file->write_at(0, head));
  DUNLIN_CHECK(file->sync());
  return file;
}

LogDisk::Outcome LogDisk::begin_segment(Position first) {
  if (auto prepared = prepare_next(); !prepared) {
    const bool full = prepared.error().code == Errc::no_space;
    return {.result = std::move(prepared), .segment_begun = false, .usable = full};
  }
  if (auto renamed = fs_.rename(path_of(kNextSegmentName), path_of(segment_name(first))); !renamed) {
    return {.result = std::move(renamed), .segment_begun = false, .usable = false};
  }
  if (auto synced = fs_.sync_folder(place_.folder); !synced) {
    return {.result = std::move(synced), .segment_begun = true, .usable = false};
  }
  active_ = std::move(next_);
  active_bytes_ = kSegmentHeaderBytes;
  cleared_ = active_->size().value_or(active_bytes_);
  ++begun_;
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
    outcome.result = active_->write_at(active_bytes_, link);
  }
  if (outcome.result)
    outcome.result = active_->write_at(active_bytes_ + written - commit.bytes.size(), commit.bytes);
  const bool full = !outcome.result && outcome.result.error().code == Errc::no_space;
  if (full) drop_spares(0);
  if (outcome.result) outcome.result = active_->sync();
  if (outcome.result) {
    active_bytes_ += written;
    // One that is much larger than others says nothing of the next ones.
    usual_commit_ += (std::min(static_cast<double>(written), 4 * kLargestClearingCommit) - usual_commit_) / 8;
    return outcome;
  }
  // Taken back, so that the next write may try again after a full disk; and so that after a failed sync
  // nobody takes for committed what only the page cache holds. On the disk, too: a group that was refused
  // must not be there after a power cut.
  const bool taken_back = active_->truncate(active_bytes_).has_value() && active_->sync().has_value();
  cleared_ = active_bytes_;
  outcome.usable = full && taken_back;
  // no_space says that the group is not there, which nobody knows any more.
  if (!outcome.usable && outcome.result.error().code == Errc::no_space)
    outcome.result = fail(Errc::io, "the disk is full, and may hold what it has refused");
  return outcome;
}

Result<void> LogDisk::save_cursors(ByteView bytes) {
  return write_file_atomically(fs_, cursors_path(place_.folder), bytes);
}

Result<void> LogDisk::remove_segments(const std::vector<Position>& segments) {
  const std::size_t wanted = std::min(std::max<std::size_t>(begun_, 1), kMaxSpareSegments);
  begun_ = 0;
  drop_spares(wanted);
  for (const Position first : segments) {
    auto gone = spares_.size() < wanted ? retire(first) : fs_.remove(path_of(segment_name(first)));
    if (!gone && gone.error().code != Errc::not_found) return gone;
  }
  return fs_.sync_folder(place_.folder);
}

Result<void> LogDisk::retire(Position first) {
  std::string spare = spare_name(first);
  DUNLIN_CHECK(fs_.rename(path_of(segment_name(first)), path_of(spare)));
  spares_.push_back(std::move(spare));
  return {};
}

void LogDisk::drop_spares(std::size_t most) {
  while (spares_.size() > most) {
    // One that stays goes at the next opening.
    static_cast<void>(fs_.remove(path_of(spares_.back())));
    spares_.pop_back();
  }
}

}  // namespace dunlin::store
