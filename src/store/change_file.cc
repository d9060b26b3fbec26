#include "store/change_file.h"

#include <algorithm>
#include <utility>

#include "store/encoding.h"
#include "store/log_segment.h"

namespace dunlin::store {
namespace {

constexpr std::uint32_t kSalt = 0x64756E6CU;
constexpr std::uint64_t kSmallestCompaction = 256 * 1024;
constexpr std::uint64_t kGrowthFactor = 4;

/// One group with these records; a link before it if it is the first of the file.
std::vector<std::uint8_t> encode_group(Position first, const std::vector<ByteView>& records) {
  std::vector<std::uint8_t> bytes;
  if (first == 1) bytes = encode_link(kSalt, {});
  const std::size_t header = bytes.size();
  bytes.resize(header + kGroupHeaderBytes);
  Position position = first;
  for (const ByteView record : records) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kRecordHeaderBytes + record.size());
    encode_record(kSalt, position++, 0, record, bytes.data() + at);
  }
  const auto size = static_cast<std::uint32_t>(bytes.size() - header - kGroupHeaderBytes);
  encode_group_header(kSalt, {first, size, static_cast<std::uint32_t>(records.size())},
                      bytes.data() + header);
  return bytes;
}

}  // namespace

ChangeFile::ChangeFile(Fs& fs, std::string folder, std::unique_ptr<File> lock)
    : fs_(fs), folder_(std::move(folder)), path_(folder_ + "/changes"), lock_(std::move(lock)) {}

Result<std::unique_ptr<ChangeFile>> ChangeFile::open(Fs& fs, const std::string& folder,
                                                     const Replay& replay) {
  DUNLIN_CHECK(fs.create_folders(folder));
  DUNLIN_TRY(auto lock, fs.lock(folder + "/lock"));
  std::unique_ptr<ChangeFile> file(
      new ChangeFile(fs, folder, std::move(lock)));  // NOLINT: the constructor is private
  DUNLIN_CHECK(file->load(replay));
  return file;
}

Result<void> ChangeFile::load(const Replay& replay) {
  if (!fs_.exists(path_)) {
    DUNLIN_CHECK(write_file_atomically(fs_, path_, encode_segment_header({.salt = kSalt})));
  }
  DUNLIN_TRY(file_, fs_.open(path_, OpenMode::append));
  DUNLIN_TRY(const auto reader, fs_.open(path_, OpenMode::read));
  auto scan = scan_segment(*reader, kSalt, 1);
  if (!scan) return fail(scan.error().code, path_ + ": " + scan.error().message);
  bytes_ = scan->good_end;
  next_ = scan->last + 1;
  DUNLIN_CHECK(file_->truncate(bytes_));
  DUNLIN_CHECK(file_->sync());
  // A crash of the process may have left the file's name unsynced.
  DUNLIN_CHECK(fs_.sync_folder(folder_));
  return replay_all(*reader, replay);
}

Result<void> ChangeFile::replay_all(const File& file, const Replay& replay) const {
  std::vector<std::uint8_t> header(kSegmentHeaderBytes);
  DUNLIN_TRY(const std::size_t count, file.read_at(0, header));
  header.resize(count);
  DUNLIN_CHECK(decode_segment_header(header));
  FrameReader reader(file, kSalt, bytes_);
  Mark place{1, kSegmentHeaderBytes};
  while (place.offset < bytes_) {
    DUNLIN_TRY(const Frame frame, reader.frame_at(place));
    if (frame.type == Frame::Type::damaged) return fail(Errc::corrupt, path_ + ": changed while it was read");
    if (frame.type == Frame::Type::group) place.position = frame.group.first;
    if (frame.type == Frame::Type::record) {
      DUNLIN_CHECK(replay(frame.record.bytes));
      ++place.position;
    }
    place.offset += frame.size;
  }
  return {};
}

Result<void> ChangeFile::append(ByteView change) {
  if (failed_) return std::unexpected(*failed_);
  const auto bytes = encode_group(next_, {change});
  const Result<void> written = file_->append(bytes);
  const bool full = !written && written.error().code == Errc::no_space;
  const Result<void> result = written ? file_->sync() : written;
  if (result) {
    bytes_ += bytes.size();
    ++next_;
    return {};
  }
  const bool taken_back = file_->truncate(bytes_).has_value();
  if (!full || !taken_back) failed_ = result.error();
  return result;
}

bool ChangeFile::wants_compaction(std::uint64_t live_bytes) const {
  return !failed_ && bytes_ > kSmallestCompaction && bytes_ > kGrowthFactor * live_bytes;
}

Result<void> ChangeFile::compact(const std::vector<std::vector<std::uint8_t>>& changes) {
  if (failed_) return std::unexpected(*failed_);
  std::vector<std::uint8_t> bytes = encode_segment_header({.salt = kSalt});
  if (!changes.empty()) append_bytes(bytes, encode_group(1, {changes.begin(), changes.end()}));
  const std::string temporary = path_ + ".new";
  if (fs_.exists(temporary)) {
    DUNLIN_CHECK(fs_.remove(temporary));
  }
  DUNLIN_TRY(auto file, fs_.open(temporary, OpenMode::append));
  DUNLIN_CHECK(file->append(bytes));
  DUNLIN_CHECK(file->sync());
  // From here on an error leaves unknown which of the two files is there: both hold everything, but neither
  // may grow.
  Result<void> replaced = fs_.rename(temporary, path_);
  if (replaced) replaced = fs_.sync_folder(folder_);
  if (!replaced) {
    failed_ = replaced.error();
    return replaced;
  }
  file_ = std::move(file);
  bytes_ = bytes.size();
  next_ = changes.size() + 1;
  return {};
}

}  // namespace dunlin::store
