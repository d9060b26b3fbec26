#pragma once
// Numbers of variable length, and where they are read from.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace dunlin::store {

/// Small numbers of either sign become small ones without: 0, -1, 1, -2 ... are 0, 1, 2, 3 ...
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1));
}

/// Sums and differences that wrap around, as unsigned numbers do: what one takes away the other one gives
/// back.
constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// Bytes of a number in base 128: 1 to 10.
constexpr unsigned varint_bytes(std::uint64_t value) {
  return (static_cast<unsigned>(std::bit_width(value | 1U)) + 6) / 7;
}

class ByteWriter {
 public:
  void byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  /// Base 128, the lowest seven bits first.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value) | 0x80U);
      value >>= 7U;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void signed_varint(std::int64_t value) { varint(zigzag(value)); }
  void number(double value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  void text(std::string_view value) { bytes_.append(value); }
  /// Behind its length.
  void counted_text(std::string_view value) {
    varint(value.size());
    text(value);
  }

  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  std::size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Once something is missing or wrong, ok() is false and every answer is zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte() {
    if (rest_.empty()) return broken();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t part = byte();
      // The tenth byte holds one bit.
      if (shift == 63 && part > 1) return broken();
      value |= (part & 0x7fU) << shift;
      if (part < 0x80) return value;
    }
    return broken();
  }
  std::int64_t signed_varint() { return unzigzag(varint()); }
  double number() {
    const std::string_view raw = text(sizeof(double));
    double value = 0;
    if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  /// Empty if there are fewer.
  std::string_view text(std::size_t size) {
    if (size > rest_.size()) {
      broken();
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

  /// A text behind its length.
  std::string_view counted_text() { return text(varint()); }

  std::uint8_t broken() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  /// What has not been read.
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace dunlin::store
