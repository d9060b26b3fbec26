#include "store/log_disk.h"

#include <algorithm>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {

std::string cursors_path(const std::string& folder) {
  return folder + "/cursors";
}

LogDisk::LogDisk(Fs& fs, LogPlace place, std::unique_ptr<File> lock, Active active)
    : fs_(fs),
      place_(std::move(place)),
      lock_(std::move(lock)),
      active_(std::move(active)),
      next_(fs_, place_) {}

bool LogDisk::wants_clearing() const {
  return cleared_ < place_.segment_bytes && active_.writer.end() + kClearedAhead / 2 > cleared_;
}

void LogDisk::clear_ahead() {
  const std::uint64_t end = active_.writer.end();
  const std::uint64_t to = std::min(end_of_block(end) + kClearedAhead, place_.segment_bytes);
  const std::string path = place_.path_of(segment_name(active_.first));
  if (write_zeros(fs_, path, std::max(end, cleared_), to) && active_.writer.file().sync()) {
    cleared_ = std::max(cleared_, to);
    return;
  }
  // Only a service: what is there of it goes back, and this segment's commits do without.
  static_cast<void>(active_.writer.file().truncate(end));
  cleared_ = place_.segment_bytes;
}

LogDisk::Outcome LogDisk::begin_segment(Position first) {
  auto next = next_.take(first);
  if (!next) {
    const bool full = next.error().code == Errc::no_space;
    return {.result = std::unexpected(std::move(next).error()), .segment_begun = false, .usable = full};
  }
  if (auto synced = fs_.sync_folder(place_.folder); !synced) {
    return {.result = std::move(synced), .segment_begun = true, .usable = false};
  }
  const auto header = encode_segment_header({.salt = place_.salt});
  active_ = {first, BlockWriter(std::move(next->file), header.size(), header)};
  cleared_ = next->cleared;
  ++begun_;
  return {.result = {}, .segment_begun = true, .usable = true};
}

LogDisk::Outcome LogDisk::commit(const Commit& commit) {
  Outcome outcome;
  if (commit.new_segment) {
    outcome = begin_segment(*commit.new_segment);
    if (!outcome.result) return outcome;
  }
  std::vector<std::uint8_t> link;
  if (commit.link) link = encode_link(place_.salt, *commit.link);
  BlockWriter& writer = active_.writer;
  outcome.result = writer.write({link, commit.bytes});
  const bool full = !outcome.result && outcome.result.error().code == Errc::no_space;
  if (full) next_.drop_spares(0);
  if (outcome.result) outcome.result = writer.file().sync();
  if (outcome.result) {
    writer.keep();
    return outcome;
  }
  // Taken back, so that the next write may try again after a full disk; and so that after a failed sync
  // nobody takes for committed what was never known to be. On the disk, too: a group that was refused must
  // not be there after a power cut.
  const bool taken_back =
      writer.file().truncate(writer.end()).has_value() && writer.file().sync().has_value();
  cleared_ = writer.end();
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
  next_.drop_spares(wanted);
  for (const Position first : segments) {
    auto gone = next_.retire(first, wanted);
    if (!gone && gone.error().code != Errc::not_found) return gone;
  }
  return fs_.sync_folder(place_.folder);
}

}  // namespace dunlin::store
