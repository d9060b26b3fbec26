#pragma once
// A segment's bytes in whole blocks of the disk, as writing past the kernel's cache wants them.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/fs.h"

namespace dunlin::store {

/// `offset`, or the beginning or end of the block that it is in.
constexpr std::uint64_t begin_of_block(std::uint64_t offset) {
  return offset / kDirectBlock * kDirectBlock;
}
constexpr std::uint64_t end_of_block(std::uint64_t offset) {
  return begin_of_block(offset + kDirectBlock - 1);
}

/// Memory for whole blocks, zeros at first.
class BlockBuffer {
 public:
  explicit BlockBuffer(std::size_t blocks = 0) : blocks_(blocks) {}
  MutableByteView bytes() {
    return {reinterpret_cast<std::uint8_t*>(blocks_.data()), blocks_.size() * kDirectBlock};
  }
  void resize(std::size_t blocks) { blocks_.resize(blocks); }

 private:
  struct alignas(kDirectBlock) Block {
    std::array<std::uint8_t, kDirectBlock> bytes{};
  };
  std::vector<Block> blocks_;
};

/// Writes behind the end of a file that is open with OpenMode::direct. The block in which the end lies is
/// written again with the same bytes in front; behind the new end are zeros to the end of its block. One
/// thread.
class BlockWriter {
 public:
  BlockWriter() = default;
  /// `begun` are the bytes from the beginning of the block of `end` to `end`.
  BlockWriter(std::unique_ptr<File> file, std::uint64_t end, ByteView begun);

  /// The end stays where it is until keep(). Errors: no_space, io.
  Result<void> write(std::initializer_list<ByteView> parts);
  /// What was written last is what the next write comes behind.
  void keep();
  std::uint64_t end() const { return end_; }
  File& file() { return *file_; }

 private:
  Result<void> put(ByteView part);
  Result<void> flush();

  std::unique_ptr<File> file_;
  std::uint64_t end_ = 0;
  std::vector<std::uint8_t> begun_;  // of the block that end_ lies in
  BlockBuffer buffer_;
  std::uint64_t at_ = 0;    // where the buffer begins in the file
  std::size_t filled_ = 0;  // of the buffer
};

}  // namespace dunlin::store
