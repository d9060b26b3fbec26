#include "wire/cbor/reader.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/core/utf8.h"

namespace dunlin::cbor {
namespace {

constexpr unsigned kOneByte = 24;  // RFC 8949 section 3: where the argument stands
constexpr unsigned kEightBytes = 27;
constexpr unsigned kIndefinite = 31;

}  // namespace

double from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int mantissa = bits & 0x3FF;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value =
        mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

core::Result<std::uint64_t> Reader::read_big_endian(std::size_t bytes) {
  if (rest_.size() < bytes) return core::fail(Errc::malformed, "the CBOR is cut short");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(bytes);
  return value;
}

core::Result<std::uint64_t> Reader::read_argument(unsigned info) {
  if (info < kOneByte) return info;
  if (info > kEightBytes) return core::fail(Errc::malformed, "the CBOR has a reserved length");
  return read_big_endian(std::size_t{1} << (info - kOneByte));
}

core::Result<Item> Reader::next() {
  DUNLIN_TRY(const std::uint64_t head, read_big_endian(1));
  const unsigned info = head & 0x1F;
  Item item;
  switch (head >> 5) {
    case 0:
      item.kind = Kind::unsigned_integer;
      break;
    case 1:
      item.kind = Kind::negative_integer;
      break;
    case 2:
      return read_string(Kind::bytes, info);
    case 3:
      return read_string(Kind::text, info);
    case 4:
      return read_container(Kind::array, info);
    case 5:
      return read_container(Kind::map, info);
    case 6:
      item.kind = Kind::tag;
      break;
    default:
      return read_simple(info);
  }
  DUNLIN_TRY(item.argument, read_argument(info));
  return item;
}

core::Result<Item> Reader::read_string(Kind kind, unsigned info) {
  if (info == kIndefinite)
    return core::fail(Errc::unsupported, "CBOR texts and bytes in pieces are not supported");
  DUNLIN_TRY(const std::uint64_t length, read_argument(info));
  if (length > rest_.size()) return core::fail(Errc::malformed, "the CBOR is cut short");
  Item item;
  item.kind = kind;
  item.argument = length;
  item.content = as_text(rest_.first(length));
  rest_ = rest_.subspan(length);
  if (kind == Kind::text && !is_valid_utf8(item.content))
    return core::fail(Errc::malformed, "a text of the CBOR is not UTF-8");
  return item;
}

core::Result<Item> Reader::read_container(Kind kind, unsigned info) {
  Item item;
  item.kind = kind;
  if (info == kIndefinite) {
    item.length = Item::Length::up_to_stop;
    return item;
  }
  DUNLIN_TRY(item.argument, read_argument(info));
  // Every item has a byte at least, every pair two.
  const std::uint64_t most = kind == Kind::map ? rest_.size() / 2 : rest_.size();
  if (item.argument > most) return core::fail(Errc::malformed, "the CBOR is cut short");
  return item;
}

/// Major type 7 (RFC 8949 section 3.3).
core::Result<Item> Reader::read_simple(unsigned info) {
  Item item;
  switch (info) {
    case 20:
    case 21:
      item.kind = Kind::boolean;
      item.truth = info == 21;
      return item;
    case 22:
      item.kind = Kind::null;
      return item;
    case 23:
      item.kind = Kind::undefined;
      return item;
    case kIndefinite:
      item.kind = Kind::stop;
      return item;
    default:
      break;
  }
  if (info < 25 || info > kEightBytes)
    return core::fail(Errc::unsupported, "the CBOR has a simple value that means nothing here");
  DUNLIN_TRY(const std::uint64_t bits, read_argument(info));
  item.kind = Kind::number;
  if (info == 25) item.number = from_half(static_cast<std::uint16_t>(bits));
  if (info == 26) item.number = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  if (info == kEightBytes) item.number = std::bit_cast<double>(bits);
  return item;
}

}  // namespace dunlin::cbor
