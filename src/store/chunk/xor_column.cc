#include "store/chunk/xor_column.h"

#include <algorithm>
#include <bit>

namespace dunlin::store {
namespace {

constexpr unsigned kWordBits = 64;
constexpr unsigned kLeadingBits = 5;  // zeros in front of the differing bits: 0 to 31
constexpr unsigned kLengthBits = 6;   // their number less one
constexpr unsigned kMaxLeading = (1U << kLeadingBits) - 1;

/// The highest bit of each number first.
class BitWriter {
 public:
  void put(std::uint64_t bits, unsigned count) {
    for (unsigned left = count; left > 0;) {
      const unsigned taken = std::min(left, 8 - used_);
      const std::uint64_t part = (bits >> (left - taken)) & ((1U << taken) - 1);
      last_ = static_cast<std::uint8_t>(last_ | (part << (8 - used_ - taken)));
      used_ += taken;
      left -= taken;
      if (used_ == 8) flush();
    }
  }
  std::string take() {
    if (used_ > 0) flush();
    return std::move(bytes_);
  }

 private:
  void flush() {
    bytes_.push_back(static_cast<char>(last_));
    last_ = 0;
    used_ = 0;
  }
  std::string bytes_;
  std::uint8_t last_ = 0;
  unsigned used_ = 0;  // bits of last_
};

/// Zeros behind the end; more() says whether one was asked for.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t get(unsigned count) {
    std::uint64_t bits = 0;
    for (unsigned left = count; left > 0;) {
      const auto offset = static_cast<unsigned>(at_ % 8);
      const unsigned taken = std::min(left, 8 - offset);
      const std::uint8_t byte = at_ / 8 < bytes_.size() ? static_cast<std::uint8_t>(bytes_[at_ / 8]) : 0;
      const unsigned part = (static_cast<unsigned>(byte) >> (8 - offset - taken)) & ((1U << taken) - 1);
      bits = (bits << taken) | part;
      at_ += taken;
      left -= taken;
    }
    return bits;
  }
  bool within() const { return at_ <= bytes_.size() * 8; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// Where the differing bits of the last pair were.
struct Window {
  unsigned leading = kWordBits;  // more than any difference has: the first one opens a window
  unsigned trailing = 0;
  unsigned length() const { return kWordBits - leading - trailing; }
};

}  // namespace

void write_shared(ByteWriter& to, std::span<const double> values) {
  BitWriter bits;
  std::uint64_t before = 0;
  Window window;
  for (const double value : values) {
    const auto word = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t difference = word ^ before;
    before = word;
    if (difference == 0) {
      bits.put(0, 1);
      continue;
    }
    const unsigned leading = std::min(static_cast<unsigned>(std::countl_zero(difference)), kMaxLeading);
    const auto trailing = static_cast<unsigned>(std::countr_zero(difference));
    if (leading >= window.leading && trailing >= window.trailing) {
      bits.put(0b10, 2);
    } else {
      window = {leading, trailing};
      bits.put(0b11, 2);
      bits.put(leading, kLeadingBits);
      bits.put(window.length() - 1, kLengthBits);
    }
    bits.put(difference >> window.trailing, window.length());
  }
  const std::string packed = bits.take();
  to.varint(packed.size());
  to.text(packed);
}

std::vector<double> read_shared(ByteReader& from, std::size_t count) {
  const std::uint64_t size = from.varint();
  BitReader bits(from.text(size));
  std::vector<double> values;
  values.reserve(count);
  std::uint64_t word = 0;
  Window window;
  while (values.size() < count && from.ok()) {
    if (bits.get(1) == 1) {
      if (bits.get(1) == 1) {
        window.leading = static_cast<unsigned>(bits.get(kLeadingBits));
        const unsigned length = static_cast<unsigned>(bits.get(kLengthBits)) + 1;
        if (window.leading + length > kWordBits)
          from.broken();
        else
          window.trailing = kWordBits - window.leading - length;
      } else if (window.leading == kWordBits) {
        from.broken();  // no window was opened
      }
      if (from.ok()) word ^= bits.get(window.length()) << window.trailing;
    }
    if (!bits.within()) from.broken();
    if (from.ok()) values.push_back(std::bit_cast<double>(word));
  }
  return values;
}

}  // namespace dunlin::store
