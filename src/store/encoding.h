#pragma once
// Little-endian numbers in the room's own formats.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"

namespace dunlin::store {

static_assert(std::endian::native == std::endian::little, "the formats are little endian");

template <class Number>
void store_number(std::uint8_t* to, Number value) {
  std::memcpy(to, &value, sizeof value);
}

template <class Number>
Number load_number(const std::uint8_t* from) {
  Number value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Number>
void append_number(std::vector<std::uint8_t>& to, Number value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  store_number(to.data() + at, value);
}

inline void append_bytes(std::vector<std::uint8_t>& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A text behind its length (u32).
inline void append_text(std::vector<std::uint8_t>& to, std::string_view text) {
  append_number(to, static_cast<std::uint32_t>(text.size()));
  append_bytes(to, as_bytes(text));
}

/// Reads numbers and texts in order; once something is missing, ok() is false and every answer is empty.
class Decoder {
 public:
  explicit Decoder(ByteView bytes) : rest_(bytes) {}

  template <class Number>
  Number number() {
    if (rest_.size() < sizeof(Number)) return broken<Number>();
    const Number value = load_number<Number>(rest_.data());
    rest_ = rest_.subspan(sizeof(Number));
    return value;
  }

  std::string text() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) return broken<std::string>();
    std::string value{as_text(rest_.first(size))};
    rest_ = rest_.subspan(size);
    return value;
  }

  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  template <class Value>
  Value broken() {
    ok_ = false;
    rest_ = {};
    return {};
  }

  ByteView rest_;
  bool ok_ = true;
};

}  // namespace dunlin::store
