#include "store/log_next.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {
namespace {

/// Never written, and so without memory of its own; constants would take a megabyte of the program's file.
/// One write of it changes the file's record on the disk once: commits that go on beside it share the block
/// of that record.
ByteView some_zeros() {
  alignas(kDirectBlock) static std::array<std::uint8_t, kClearedStep> zeros{};
  return zeros;
}

}  // namespace

Result<void> write_zeros(Fs& fs, const std::string& path, std::uint64_t from, std::uint64_t to) {
  from = end_of_block(from);
  to = to / kDirectBlock * kDirectBlock;
  if (from >= to) return {};
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::direct));
  while (from < to) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kClearedStep, to - from));
    DUNLIN_CHECK(file->write_at(from, some_zeros().first(size)));
    from += size;
  }
  return {};
}

void NextSegment::prepare() {
  const std::lock_guard lock(mutex_);
  if (!make()) return;
  const std::uint64_t to = std::min(end_of_block(next_.cleared) + kClearedStep, place_.segment_bytes);
  const bool failed = !write_zeros(fs_, place_.path_of(kNextSegmentName), next_.cleared, to);
  // After an error the segment does without: what is there of the zeros is overwritten like the rest.
  if (!failed) next_.cleared = std::max(next_.cleared, to);
  ready_.store(failed || next_.cleared >= place_.segment_bytes, std::memory_order_relaxed);
}

Result<NextSegment::Taken> NextSegment::take(Position first) {
  const std::lock_guard lock(mutex_);
  DUNLIN_CHECK(make());
  if (auto renamed = fs_.rename(place_.path_of(kNextSegmentName), place_.path_of(segment_name(first)));
      !renamed) {
    return fail(Errc::io, std::move(renamed).error().message);
  }
  ready_.store(false, std::memory_order_relaxed);
  return std::exchange(next_, {});
}

/// Errors: no_space, io.
Result<void> NextSegment::make() {
  if (next_.file) return {};
  return spares_.empty() ? make_new() : take_spare();
}

/// The header, and zeros to the end of its block: also for the link, which tells no position of its own.
Result<void> NextSegment::write_head(File& file) const {
  BlockBuffer block(1);
  std::ranges::copy(encode_segment_header({.salt = place_.salt}), block.bytes().begin());
  DUNLIN_CHECK(file.write_at(0, block.bytes()));
  return file.sync();
}

Result<void> NextSegment::make_new() {
  const std::string path = place_.path_of(kNextSegmentName);
  if (fs_.exists(path)) {
    DUNLIN_CHECK(fs_.remove(path));
  }
  DUNLIN_TRY(auto file, fs_.open(path, OpenMode::direct));
  // Reserving is a service to later writes: where the file system cannot, they meet a full disk themselves.
  if (auto reserved = file->reserve(place_.segment_bytes);
      !reserved && reserved.error().code == Errc::no_space) {
    return std::unexpected(std::move(reserved).error());
  }
  DUNLIN_CHECK(write_head(*file));
  next_ = {std::move(file), kDirectBlock};
  return {};
}

/// What stands behind the head is of earlier positions, which no reader takes for later ones.
Result<void> NextSegment::take_spare() {
  const std::string path = place_.path_of(kNextSegmentName);
  DUNLIN_CHECK(fs_.rename(place_.path_of(spares_.back()), path));
  spares_.pop_back();
  DUNLIN_TRY(auto file, fs_.open(path, OpenMode::direct));
  DUNLIN_CHECK(write_head(*file));
  const std::uint64_t size = file->size().value_or(kDirectBlock);
  next_ = {std::move(file), size};
  return {};
}

Result<void> NextSegment::retire(Position first, std::size_t most) {
  const std::lock_guard lock(mutex_);
  const std::string path = place_.path_of(segment_name(first));
  if (spares_.size() >= most) return fs_.remove(path);
  std::string spare = spare_name(first);
  DUNLIN_CHECK(fs_.rename(path, place_.path_of(spare)));
  spares_.push_back(std::move(spare));
  return {};
}

void NextSegment::drop_spares(std::size_t most) {
  const std::lock_guard lock(mutex_);
  while (spares_.size() > most) {
    // One that stays goes at the next opening.
    static_cast<void>(fs_.remove(place_.path_of(spares_.back())));
    spares_.pop_back();
  }
}

}  // namespace dunlin::store
