#pragma once
// An immutable, reference-counted run of bytes: a payload is made once and shared by every receiver.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/core/bytes.h"

namespace dunlin {

/// Cheap to copy (one atomic increment), safe to share between threads. The empty slice owns nothing.
class Slice {
 public:
  Slice() = default;
  Slice(const Slice& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(const Slice& other) noexcept { return *this = Slice(other); }
  Slice& operator=(Slice&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_ != nullptr) release();
  }

  /// One allocation that holds a copy of the bytes.
  static Slice copy_of(ByteView bytes);
  static Slice copy_of(std::string_view text) { return copy_of(as_bytes(text)); }
  /// One allocation holding `head` followed by `tail`: a header and body that travel together.
  static Slice concat(ByteView head, ByteView tail);
  /// Somebody else's bytes, which outlive this slice and its copies: for the duration of a call. Nothing is
  /// counted; who wants to keep them takes owned().
  static Slice borrowed(ByteView bytes) {
    Slice slice;
    slice.data_ = bytes.data();
    slice.size_ = bytes.size();
    return slice;
  }
  /// The same bytes in storage of their own or shared with this slice.
  Slice owned() const { return block_ != nullptr ? *this : copy_of(view()); }
  /// Bytes with static storage: nothing is counted or freed.
  static Slice of_static(std::string_view text);

  /// A part that shares the same storage. `offset + length` must lie inside.
  Slice sub(std::size_t offset, std::size_t length) const;

  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_, size_}; }
  std::string_view text() const { return as_text(view()); }
  friend bool operator==(const Slice& a, const Slice& b) { return a.text() == b.text(); }

 private:
  struct Block {
    std::atomic<std::uint32_t> references;
  };
  static Block* allocate(std::size_t size);
  void release() {
    // The only owner need not tell anyone: nobody else can hold a reference to hand on.
    if (block_->references.load(std::memory_order_acquire) != 1 &&
        block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
      return;
    }
    free_block(block_);
  }
  static void free_block(Block* block) noexcept;
  static std::uint8_t* bytes_of(Block* block) { return reinterpret_cast<std::uint8_t*>(block + 1); }

  Block* block_ = nullptr;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace dunlin
