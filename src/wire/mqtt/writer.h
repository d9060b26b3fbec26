#pragma once
// Room-internal: what encoding writes to. Without a buffer it only counts. The first failure stays.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "wire/mqtt/limits.h"

namespace dunlin::mqtt {

constexpr std::size_t variable_byte_size(std::size_t value) {
  if (value < 128) return 1;
  if (value < 16'384) return 2;
  return value < 2'097'152 ? 3 : 4;
}

class Writer {
 public:
  Writer() = default;  // counts
  explicit Writer(MutableByteView out) : out_(out), counting_(false) {}

  std::size_t size() const { return size_; }
  bool counting() const { return counting_; }
  /// Counts what need not be looked at again. Only while counting.
  void skip(std::size_t bytes) { size_ += bytes; }
  bool failed() const { return !error_.context.empty(); }
  const core::Error& error() const { return error_; }
  void fail(Errc code, std::string_view context) {
    if (!failed()) error_ = {code, context};
  }

  void bytes(ByteView bytes) {
    if (!counting_) {
      if (out_.size() - size_ < bytes.size())
        return fail(Errc::limit_exceeded, "buffer is too small for the packet");
      if (!bytes.empty()) std::memcpy(out_.data() + size_, bytes.data(), bytes.size());
    }
    size_ += bytes.size();
  }
  void u8(unsigned value) {
    const std::uint8_t byte = static_cast<std::uint8_t>(value);
    bytes({&byte, 1});
  }
  void u16(unsigned value) {
    const std::uint8_t two[] = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    bytes(two);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value & 0xFFFF);
  }
  void variable_byte_integer(std::size_t value) {
    if (value > kMaxVariableByteInteger)
      return fail(Errc::limit_exceeded, "number is too large for the packet");
    for (; value >= 128; value >>= 7) u8((value & 0x7F) | 0x80);
    u8(static_cast<unsigned>(value));
  }
  void binary(ByteView value) {
    if (value.size() > kMaxTextBytes) return fail(Errc::limit_exceeded, "field is longer than 65535 bytes");
    u16(static_cast<unsigned>(value.size()));
    bytes(value);
  }
  void text(std::string_view value) { binary(as_bytes(value)); }

 private:
  MutableByteView out_;
  bool counting_ = true;
  std::size_t size_ = 0;
  core::Error error_;
};

}  // namespace dunlin::mqtt
