#include "base/slice.h"

#include <cstring>
#include <new>

#include "base/core/assert.h"

namespace dunlin {

Slice::Block* Slice::allocate(std::size_t size) {
  void* memory = ::operator new(sizeof(Block) + size);
  return new (memory) Block{1};
}

void Slice::free_block(Block* block) noexcept {
  ::operator delete(block);
}

Slice Slice::copy_of(ByteView bytes) {
  return concat(bytes, {});
}

Slice Slice::concat(ByteView head, ByteView tail) {
  Slice slice;
  slice.size_ = head.size() + tail.size();
  if (slice.size_ == 0) return slice;
  slice.block_ = allocate(slice.size_);
  std::uint8_t* bytes = bytes_of(slice.block_);
  if (!head.empty()) std::memcpy(bytes, head.data(), head.size());
  if (!tail.empty()) std::memcpy(bytes + head.size(), tail.data(), tail.size());
  slice.data_ = bytes;
  return slice;
}

Slice Slice::of_static(std::string_view text) {
  Slice slice;
  slice.data_ = as_bytes(text).data();
  slice.size_ = text.size();
  return slice;
}

Slice Slice::sub(std::size_t offset, std::size_t length) const {
  DUNLIN_ASSERT(offset <= size_ && length <= size_ - offset);
  Slice part = *this;
  part.data_ += offset;
  part.size_ = length;
  return part;
}

}  // namespace dunlin
