#pragma once
// Little-endian fields and length-prefixed texts of the hub's stored forms.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"

namespace dunlin::hub {

/// Appends to a vector that the caller owns and that outlives it.
class RecordWriter {
 public:
  explicit RecordWriter(std::vector<std::uint8_t>& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(value); }
  template <class T>
  void number(T value) {
    std::uint8_t bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
    out_.insert(out_.end(), bytes, bytes + sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    const ByteView bytes = as_bytes(value);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
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
