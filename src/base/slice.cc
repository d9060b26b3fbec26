#include "base/slice.h"

#include <cstring>
#include <new>
#include <utility>

#include "base/core/assert.h"

namespace dunlin {

Slice::Block* Slice::allocate(std::size_t size) {
  void* memory = ::operator new(sizeof(Block) + size);
  return new (memory) Block{1};
}

Slice::Slice(const Slice& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
  if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
}

Slice::Slice(Slice&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Slice& Slice::operator=(Slice other) noexcept {
  std::swap(block_, other.block_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Slice::~Slice() {
  if (block_ == nullptr) return;
  if (block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  ::operator delete(block_);
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
