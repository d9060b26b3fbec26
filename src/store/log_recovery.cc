// Opening the journal: which segments there are, whether they belong together, and where the last write was
// torn.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/encoding.h"
#include "store/file_log.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

constexpr std::uint64_t kMaxCursorsFileBytes = 2ULL * 1024 * 1024 * 1024;

Error at_file(const Error& error, const std::string& path) {
  return {error.code, path + ": " + error.message};
}

std::uint32_t make_salt(WallTime now) {
  std::vector<std::uint8_t> bytes;
  append_number(bytes, unix_nanoseconds(now));
  return crc32c(0x64756E6CU, bytes);
}

struct SegmentHead {
  SegmentHeader header;
  std::optional<Link> link;
  std::uint64_t bytes = 0;
};

Result<SegmentHead> read_head(Fs& fs, const std::string& path) {
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  SegmentHead head;
  DUNLIN_TRY(head.bytes, file->size());
  std::vector<std::uint8_t> bytes(kSegmentHeaderBytes + kLinkBytes);
  DUNLIN_TRY(const std::size_t count, file->read_at(0, bytes));
  bytes.resize(count);
  auto header = decode_segment_header(bytes);
  if (!header) return std::unexpected(at_file(header.error(), path));
  head.header = *header;
  const Frame frame = parse_frame(head.header.salt, 0, ByteView{bytes}.subspan(kSegmentHeaderBytes));
  if (frame.type == Frame::Type::link) head.link = frame.link;
  return head;
}

Result<LogCursors::Decoded> load_cursors(Fs& fs, const std::string& folder) {
  const std::string path = cursors_path(folder);
  if (!fs.exists(path)) return LogCursors::Decoded{};
  DUNLIN_TRY(const std::string text, read_file(fs, path, kMaxCursorsFileBytes));
  auto decoded = LogCursors::decode(as_bytes(text));
  if (!decoded) return std::unexpected(at_file(decoded.error(), path));
  return decoded;
}

/// The first positions of the segments, in order. Finishes what a crash left half done: removals, the next
/// segment and spare ones.
Result<std::vector<Position>> tidy_folder(Fs& fs, const std::string& folder, Position kept_from) {
  DUNLIN_TRY(const auto names, fs.list(folder));
  std::vector<Position> firsts;
  for (const std::string& name : names) {
    if (const auto first = parse_segment_name(name)) firsts.push_back(*first);
    if (name == kNextSegmentName || is_spare_name(name)) {
      DUNLIN_CHECK(fs.remove(folder + "/" + name));
    }
  }
  std::ranges::sort(firsts);
  while (!firsts.empty() && firsts.front() < kept_from) {
    DUNLIN_CHECK(fs.remove(folder + "/" + segment_name(firsts.front())));
    firsts.erase(firsts.begin());
  }
  DUNLIN_CHECK(fs.sync_folder(folder));
  return firsts;
}

Result<void> make_first_segment(Fs& fs, const std::string& folder, std::uint32_t salt, Position first) {
  LogDisk disk(fs, {.folder = folder, .salt = salt, .segment_bytes = 0}, nullptr, {});
  return disk.begin_segment(first).result;
}

/// Without a link of the next segment, which tells the end: behind it may be what the file held before.
Result<void> find_end(Fs& fs, const std::string& folder, std::uint32_t salt, LogSegment& segment) {
  const std::string path = folder + "/" + segment_name(segment.first);
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  auto scan = scan_segment(*file, salt, segment.first);
  if (!scan) return std::unexpected(at_file(scan.error(), path));
  segment.bytes = scan->good_end;
  return {};
}

/// Reads the heads of all segments and checks that none is missing or cut between the first and the last.
Result<void> check_chain(Fs& fs, const std::string& folder, const std::vector<Position>& firsts,
                         RecoveredLog& log) {
  for (const Position first : firsts) {
    const std::string path = folder + "/" + segment_name(first);
    DUNLIN_TRY(const SegmentHead head, read_head(fs, path));
    if (log.segments.empty()) log.salt = head.header.salt;
    if (head.header.salt != log.salt) return fail(Errc::corrupt, path + ": belongs to another journal");
    const bool is_last = first == firsts.back();
    if (!head.link && !is_last) return fail(Errc::corrupt, path + ": damaged at offset 32");
    if (head.link && !log.segments.empty()) {
      LogSegment& previous = log.segments.back();
      const std::string previous_path = folder + "/" + segment_name(previous.first);
      if (head.link->previous_first != previous.first) {
        return fail(Errc::corrupt, folder + "/" + segment_name(head.link->previous_first) + ": is missing");
      }
      if (head.link->previous_bytes > previous.bytes) {
        return fail(Errc::corrupt, previous_path + ": cut at offset " + std::to_string(previous.bytes));
      }
      previous.bytes = head.link->previous_bytes;
    }
    if (!head.link && !log.segments.empty()) {
      DUNLIN_CHECK(find_end(fs, folder, log.salt, log.segments.back()));
    }
    log.segments.push_back({.first = first, .bytes = head.bytes, .marks = {}});
  }
  return {};
}

/// Finds the end of what was committed, cuts off what was torn and opens the segment for appending.
Result<void> recover_active(Fs& fs, const LogOptions& options, RecoveredLog& log) {
  LogSegment& active = log.segments.back();
  const std::string path = options.folder + "/" + segment_name(active.first);
  DUNLIN_TRY(auto written, fs.open(path, OpenMode::direct));
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  auto scan = scan_segment(*file, log.salt, active.first);
  if (!scan) return std::unexpected(at_file(scan.error(), path));
  if (scan->good_end < active.bytes) {
    if (scan->ends_torn) {
      log::warning("store", "journal: a torn last write was cut off",
                   {{"file", path}, {"offset", scan->good_end}, {"bytes", active.bytes - scan->good_end}});
    }
    // What a segment held in an earlier use goes with it.
    DUNLIN_CHECK(written->truncate(scan->good_end));
  }
  // A killed process may have left whole groups that were never synced.
  DUNLIN_CHECK(written->sync());
  active.bytes = scan->good_end;
  active.marks = std::move(scan->marks);
  log.committed = scan->last;
  // A service only: see NextSegment::make_new().
  static_cast<void>(written->reserve(options.segment_bytes));
  const std::uint64_t block = begin_of_block(active.bytes);
  std::vector<std::uint8_t> begun(static_cast<std::size_t>(active.bytes - block));
  DUNLIN_TRY(const std::size_t count, file->read_at(block, begun));
  if (count != begun.size()) return fail(Errc::io, path + ": is shorter than it was a moment before");
  log.active = BlockWriter(std::move(written), active.bytes, begun);
  return {};
}

Result<RecoveredLog> recover(LogEnvironment& environment, const LogOptions& options) {
  Fs& fs = environment.fs;
  RecoveredLog log;
  DUNLIN_CHECK(fs.create_folders(options.folder));
  DUNLIN_TRY(log.lock, fs.lock(options.folder + "/lock"));
  DUNLIN_TRY(auto saved, load_cursors(fs, options.folder));
  log.cursors = std::move(saved.cursors);
  DUNLIN_TRY(auto firsts, tidy_folder(fs, options.folder, saved.kept_from));
  if (firsts.empty()) {
    if (saved.kept_from > 0)
      return fail(Errc::corrupt, options.folder + ": the journal's segments are missing");
    DUNLIN_CHECK(make_first_segment(fs, options.folder, make_salt(environment.executor.wall_now()), 1));
    firsts.push_back(1);
  }
  DUNLIN_CHECK(check_chain(fs, options.folder, firsts, log));
  DUNLIN_CHECK(recover_active(fs, options, log));
  log.next = std::max(log.committed, log.cursors.greatest()) + 1;
  return log;
}

}  // namespace

Result<std::unique_ptr<Log>> open_log(LogEnvironment environment, LogOptions options) {
  options.max_record_bytes = std::min(options.max_record_bytes, kMaxRecordBytes);
  options.max_uncommitted_bytes = std::min<std::size_t>(options.max_uncommitted_bytes, kMaxRecordBytes);
  DUNLIN_TRY(RecoveredLog recovered, recover(environment, options));
  return std::make_unique<FileLog>(environment, std::move(options), std::move(recovered));
}

}  // namespace dunlin::store
