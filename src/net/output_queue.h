#pragma once
// What a connection has still to send: large slices by reference, small ones copied together.

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/slice.h"
#include "net/limits.h"

namespace dunlin::net {

struct OutputBlock {
  std::array<std::uint8_t, kOutputBlockBytes> bytes;
};

class OutputPool;

/// A first-in, first-out queue of bytes. One thread.
class OutputQueue {
 public:
  void push(Slice slice, OutputPool& pool);
  void push(ByteView bytes, OutputPool& pool);
  /// Fills `out` with the first pieces; returns how many.
  std::size_t gather(std::span<iovec> out) const;
  /// Drops `bytes` from the front.
  void consume(std::size_t bytes, OutputPool& pool);
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear(OutputPool& pool);
  /// Pieces the queue has room for without allocating.
  std::size_t capacity() const { return pieces_.capacity(); }

 private:
  struct Piece {
    Slice slice;  // used if there is no block
    std::unique_ptr<OutputBlock> block;
    std::uint32_t begin = 0;  // within the block
    std::uint32_t end = 0;

    ByteView view() const;
    void skip(std::size_t bytes);
  };
  void copy_in(ByteView bytes, OutputPool& pool);

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

/// Spare blocks and queues of one reactor, so that steady traffic does not allocate. One thread.
class OutputPool {
 public:
  std::unique_ptr<OutputBlock> take_block();
  void give_back(std::unique_ptr<OutputBlock> block);
  std::unique_ptr<OutputQueue> take_queue();
  void give_back(std::unique_ptr<OutputQueue> queue);

 private:
  std::vector<std::unique_ptr<OutputBlock>> blocks_;
  std::vector<std::unique_ptr<OutputQueue>> queues_;
};

}  // namespace dunlin::net
