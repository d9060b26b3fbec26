#pragma once
// The bytes that a handler has left for later. An idle connection has none and owns no block.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/core/bytes.h"

namespace dunlin::net {

/// A growing block of bytes with room to read into. One thread.
class InputTail {
 public:
  bool empty() const { return block_ == nullptr || block_->empty(); }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size(); }
  ByteView view() const { return block_ == nullptr ? ByteView{} : ByteView{*block_}; }

  /// Replaces what is kept by `bytes`, which may be a part of view(). Nothing kept frees the block.
  void keep(ByteView bytes);
  void append(ByteView bytes);
  void clear() { block_.reset(); }

  /// Grows by `bytes` of unspecified content, to be read into and then cut with shrink_to().
  MutableByteView extend(std::size_t bytes);
  void shrink_to(std::size_t size) { block_->resize(size); }

 private:
  std::unique_ptr<std::vector<std::uint8_t>> block_;
};

}  // namespace dunlin::net
