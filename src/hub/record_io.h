#pragma once
// Little-endian fields and length-prefixed texts of the hub's stored forms.

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/core/assert.h"
#include "base/core/bytes.h"

namespace dunlin::hub {

/// Fills memory of exactly the size that was reckoned beforehand: what every message is written with.
class RecordFiller {
 public:
  explicit RecordFiller(std::span<std::uint8_t> room) : room_(room) {}
  void u8(std::uint8_t value) { *take(1) = value; }
  template <class T>
  void number(T value) {
    std::uint8_t* to = take(sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    std::uint8_t* to = take(value.size());
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
  }
  bool is_full() const { return room_.empty(); }

 private:
  std::uint8_t* take(std::size_t size) {
    DUNLIN_ASSERT(size <= room_.size());
    std::uint8_t* at = room_.data();
    room_ = room_.subspan(size);
    return at;
  }
  std::span<std::uint8_t> room_;
};

/// Appends to a vector that the caller owns and that outlives it.
class RecordWriter {
 public:
  explicit RecordWriter(std::vector<std::uint8_t>& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(value); }
  template <class T>
  void number(T value) {
    RecordFiller(grow(sizeof(T))).number(value);
  }
  void text(std::string_view value) { RecordFiller(grow(sizeof(std::uint32_t) + value.size())).text(value); }
  /// Room for that many bytes; valid until the next call.
  std::span<std::uint8_t> grow(std::size_t size) {
    const std::size_t at = out_.size();
    out_.resize(at + size);
    return std::span(out_).subspan(at);
  }

 private:
  std::vector<std::uint8_t>& out_;
};

/// Reads what RecordWriter wrote; after the first error every further read gives zeros and ok() is false.
class RecordReader {
 public:
  explicit RecordReader(ByteView bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - at_; }
  std::size_t offset() const { return at_; }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  template <class T>
  T number() {
    if (!take(sizeof(T))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= std::uint64_t{bytes_[at_ - sizeof(T) + i]} << (8 * i);
    return static_cast<T>(value);
  }
  struct Span {
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  Span span() {
    const auto size = number<std::uint32_t>();
    if (!take(size)) return {};
    return {at_ - size, size};
  }
  std::string_view text() {
    const Span part = span();
    return as_text(bytes_.subspan(part.offset, part.size));
  }

 private:
  bool take(std::size_t count) {
    if (!ok_ || count > left()) {
      ok_ = false;
      return false;
    }
    at_ += count;
    return true;
  }
  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace dunlin::hub
