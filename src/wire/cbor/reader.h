#pragma once
// Reads CBOR (RFC 8949) item by item, without a heap: what nests is for the caller to follow.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/bytes.h"
#include "base/core/result.h"

namespace dunlin::cbor {

enum class Kind : std::uint8_t {
  unsigned_integer,  // `argument`
  negative_integer,  // -1 - `argument`
  bytes,
  text,   // UTF-8
  array,  // the next `argument` items, or up to `stop`
  map,    // the next `argument` pairs, or pairs up to `stop`
  tag,    // `argument`, of the next item
  boolean,
  null,
  undefined,
  number,  // floating point of any width
  stop     // the end of an array or map whose length was not told
};

/// One head with what belongs to it; views point into the input.
struct Item {
  Kind kind = Kind::undefined;
  std::uint64_t argument = 0;
  enum class Length : std::uint8_t { known, up_to_stop } length = Length::known;
  bool truth = false;
  double number = 0;
  std::string_view content;  // of bytes and text
};

/// One pass over the input, which must outlive it. One thread.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  /// Errors: malformed (cut short, a reserved form, text that is not UTF-8); unsupported (a text or bytes in
  /// pieces, simple values other than false, true, null and undefined).
  core::Result<Item> next();
  bool at_end() const { return rest_.empty(); }
  /// The bytes that were not read so far. No item is shorter than a byte: no more items than these are left.
  std::size_t left() const { return rest_.size(); }

 private:
  core::Result<std::uint64_t> read_argument(unsigned info);
  core::Result<std::uint64_t> read_big_endian(std::size_t bytes);
  core::Result<Item> read_string(Kind kind, unsigned info);
  core::Result<Item> read_container(Kind kind, unsigned info);
  core::Result<Item> read_simple(unsigned info);

  ByteView rest_;
};

/// The value of a half-precision number (RFC 8949 appendix D).
double from_half(std::uint16_t bits);

}  // namespace dunlin::cbor
