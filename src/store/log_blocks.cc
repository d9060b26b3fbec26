#include "store/log_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {

BlockWriter::BlockWriter(std::unique_ptr<File> file, std::uint64_t end, ByteView begun)
    : file_(std::move(file)), end_(end), begun_(begun.begin(), begun.end()) {}

Result<void> BlockWriter::write(std::initializer_list<ByteView> parts) {
  std::size_t size = begun_.size();
  for (const ByteView part : parts) size += part.size();
  const std::size_t wanted = std::min<std::size_t>(end_of_block(size), kMaxWriteBytes);
  if (buffer_.bytes().size() < wanted) buffer_.resize(wanted / kDirectBlock);
  at_ = begin_of_block(end_);
  filled_ = 0;
  DUNLIN_CHECK(put(begun_));
  for (const ByteView part : parts) DUNLIN_CHECK(put(part));
  return flush();
}

Result<void> BlockWriter::put(ByteView part) {
  while (!part.empty()) {
    const MutableByteView room = buffer_.bytes().subspan(filled_);
    if (room.empty()) {
      DUNLIN_CHECK(file_->write_at(at_, buffer_.bytes()));
      at_ += filled_;
      filled_ = 0;
      continue;
    }
    const std::size_t count = std::min(room.size(), part.size());
    std::memcpy(room.data(), part.data(), count);
    filled_ += count;
    part = part.subspan(count);
  }
  return {};
}

Result<void> BlockWriter::flush() {
  const MutableByteView blocks = buffer_.bytes().first(static_cast<std::size_t>(end_of_block(filled_)));
  std::ranges::fill(blocks.subspan(filled_), std::uint8_t{0});
  return file_->write_at(at_, blocks);
}

void BlockWriter::keep() {
  end_ = at_ + filled_;
  const ByteView last =
      ByteView{buffer_.bytes()}.first(filled_).subspan(static_cast<std::size_t>(begin_of_block(filled_)));
  begun_.assign(last.begin(), last.end());
}

}  // namespace dunlin::store
