#include "fleet/jpeg.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <span>

#include "base/core/assert.h"
#include "fleet/limits.h"

namespace dunlin::fleet {
namespace {

using Block = std::array<float, 64>;
using Quantizers = std::array<std::uint8_t, 64>;  // in zigzag order

// T.81 figure A.6: zigzag position -> place in the block.
constexpr std::array<std::uint8_t, 64> kZigzag{
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// T.81 tables K.1 and K.2, row by row.
constexpr std::array<std::uint8_t, 64> kLuminance{
    16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
    69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99};
constexpr std::array<std::uint8_t, 64> kChrominance{
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

// A Huffman table as DHT carries it: how many codes of each length 1..16, and the symbols in that order.
struct HuffmanSpec {
  std::array<std::uint8_t, 16> counts;
  std::span<const std::uint8_t> symbols;
};

constexpr std::array<std::uint8_t, 12> kDcSymbols{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
// T.81 tables K.5 and K.6.
constexpr std::array<std::uint8_t, 162> kAcLuminance{
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
    0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33,
    0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55,
    0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76,
    0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5,
    0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4,
    0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1,
    0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};
constexpr std::array<std::uint8_t, 162> kAcChrominance{
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
    0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62,
    0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29,
    0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54,
    0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3,
    0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2,
    0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea,
    0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};

// Class and destination as in DHT: DC 0, AC 0 (luminance), DC 1, AC 1 (chrominance). T.81 tables K.3 to K.6.
constexpr std::array<std::uint8_t, 4> kTableIds{0x00, 0x10, 0x01, 0x11};
const std::array<HuffmanSpec, 4> kTables{{
    {{0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0}, kDcSymbols},
    {{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d}, kAcLuminance},
    {{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}, kDcSymbols},
    {{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77}, kAcChrominance},
}};

struct Code {
  std::uint16_t bits = 0;
  std::uint8_t length = 0;
};
using Codes = std::array<Code, 256>;

// T.81 annex C: codes of one length are consecutive.
Codes codes_of(const HuffmanSpec& spec) {
  Codes codes{};
  std::uint16_t next = 0;
  std::size_t at = 0;
  for (std::uint8_t length = 1; length <= 16; ++length) {
    for (int i = 0; i < spec.counts[length - 1]; ++i) codes[spec.symbols[at++]] = {next++, length};
    next = static_cast<std::uint16_t>(next << 1);
  }
  DUNLIN_ASSERT(at == spec.symbols.size());
  return codes;
}

// The usual scaling of the example tables: 50 is the tables themselves.
Quantizers scaled(const std::array<std::uint8_t, 64>& table, int quality) {
  const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  Quantizers made{};
  for (std::size_t i = 0; i < 64; ++i)
    made[i] = static_cast<std::uint8_t>(std::clamp((table[kZigzag[i]] * scale + 50) / 100, 1, 255));
  return made;
}

std::array<Block, 3> block_at(const Picture& picture, int left, int top) {
  std::array<Block, 3> made;
  std::size_t at = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x, ++at) {
      const Color& c =
          picture.at(std::min(left + x, picture.width - 1), std::min(top + y, picture.height - 1));
      const auto r = static_cast<float>(c.red), g = static_cast<float>(c.green),
                 b = static_cast<float>(c.blue);
      // JFIF 1.02, levels shifted to -128..127.
      made[0][at] = 0.299F * r + 0.587F * g + 0.114F * b - 128;
      made[1][at] = -0.168736F * r - 0.331264F * g + 0.5F * b;
      made[2][at] = 0.5F * r - 0.418688F * g - 0.081312F * b;
    }
  }
  return made;
}

// Rows of the orthonormal DCT-II: T.81 A.3.3 as two matrix products.
Block make_cosines() {
  Block made{};
  std::size_t at = 0;
  for (int u = 0; u < 8; ++u) {
    const double norm = u == 0 ? std::sqrt(0.125) : 0.5;
    for (int x = 0; x < 8; ++x)
      made[at++] = static_cast<float>(norm * std::cos((2 * x + 1) * u * std::numbers::pi / 16));
  }
  return made;
}

Block transform(const Block& in) {
  static const Block kCosines = make_cosines();
  Block half{}, out{};
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t u = 0; u < 8; ++u) {
      for (std::size_t x = 0; x < 8; ++x) half[y * 8 + u] += in[y * 8 + x] * kCosines[u * 8 + x];
    }
  }
  for (std::size_t v = 0; v < 8; ++v) {
    for (std::size_t y = 0; y < 8; ++y) {
      for (std::size_t u = 0; u < 8; ++u) out[v * 8 + u] += half[y * 8 + u] * kCosines[v * 8 + y];
    }
  }
  return out;
}

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out) {}

  void u8(int value) { out_.push_back(static_cast<std::uint8_t>(value)); }
  void u16(int value) {
    u8(value >> 8);
    u8(value & 0xff);
  }
  void bytes(std::span<const std::uint8_t> all) { out_.insert(out_.end(), all.begin(), all.end()); }
  void marker(int code) { u16(0xff00 | code); }

  void bits(unsigned value, unsigned length) {
    held_ = (held_ << length) | (value & ((1U << length) - 1));
    count_ += length;
    while (count_ >= 8) {
      count_ -= 8;
      const auto byte = static_cast<std::uint8_t>(held_ >> count_);
      out_.push_back(byte);
      if (byte == 0xff) out_.push_back(0);  // B.1.1.5: keeps data apart from markers
    }
  }
  void code(const Code& code) {
    DUNLIN_ASSERT(code.length > 0);
    bits(code.bits, code.length);
  }
  // F.1.2.1.1: one's complement for negative values.
  void magnitude(int value, unsigned length) {
    bits(static_cast<unsigned>(value < 0 ? value - 1 : value), length);
  }
  void fill_byte() {
    if (count_ > 0) bits(0x7f, 8 - count_);
  }

 private:
  std::vector<std::uint8_t>& out_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
};

unsigned category(int value) {
  return static_cast<unsigned>(std::bit_width(static_cast<unsigned>(value < 0 ? -value : value)));
}

// F.1.2: the difference to the last DC value, then runs of zeros. Returns the block's DC value.
int write_block(Writer& writer, const Block& samples, const Quantizers& quantizers, int last_dc,
                const Codes& dc, const Codes& ac) {
  const Block coefficients = transform(samples);
  std::array<int, 64> levels{};
  for (std::size_t i = 0; i < 64; ++i)
    levels[i] = static_cast<int>(std::lround(coefficients[kZigzag[i]] / static_cast<float>(quantizers[i])));
  const int difference = levels[0] - last_dc;
  writer.code(dc[category(difference)]);
  writer.magnitude(difference, category(difference));
  unsigned zeros = 0;
  for (std::size_t i = 1; i < 64; ++i) {
    const int level = std::clamp(levels[i], -1023, 1023);
    if (level == 0) {
      ++zeros;
      continue;
    }
    for (; zeros > 15; zeros -= 16) writer.code(ac[0xf0]);
    writer.code(ac[zeros << 4 | category(level)]);
    writer.magnitude(level, category(level));
    zeros = 0;
  }
  if (zeros > 0) writer.code(ac[0]);
  return levels[0];
}

void write_header(Writer& writer, const Picture& picture, std::span<const Quantizers, 2> quantizers) {
  constexpr std::array<std::uint8_t, 14> kJfif{'J', 'F', 'I', 'F', 0, 1, 2, 0, 0, 1, 0, 1, 0, 0};
  writer.marker(0xd8);
  writer.marker(0xe0);
  writer.u16(2 + static_cast<int>(kJfif.size()));
  writer.bytes(kJfif);
  for (int i = 0; i < 2; ++i) {
    writer.marker(0xdb);
    writer.u16(2 + 65);
    writer.u8(i);
    writer.bytes(quantizers[static_cast<std::size_t>(i)]);
  }
  writer.marker(0xc0);
  writer.u16(8 + 3 * 3);
  writer.u8(8);
  writer.u16(picture.height);
  writer.u16(picture.width);
  writer.u8(3);
  for (int component = 1; component <= 3; ++component) {
    writer.u8(component);
    writer.u8(0x11);
    writer.u8(component == 1 ? 0 : 1);
  }
  for (std::size_t i = 0; i < kTables.size(); ++i) {
    writer.marker(0xc4);
    writer.u16(2 + 1 + 16 + static_cast<int>(kTables[i].symbols.size()));
    writer.u8(kTableIds[i]);
    writer.bytes(kTables[i].counts);
    writer.bytes(kTables[i].symbols);
  }
  writer.marker(0xda);
  writer.u16(6 + 2 * 3);
  writer.u8(3);
  for (int component = 1; component <= 3; ++component) {
    writer.u8(component);
    writer.u8(component == 1 ? 0x00 : 0x11);
  }
  writer.u8(0);
  writer.u8(63);
  writer.u8(0);
}

}  // namespace

std::vector<std::uint8_t> encode_jpeg(const Picture& picture, int quality) {
  DUNLIN_ASSERT(picture.width >= 1 && picture.width <= kMaxPictureSide);
  DUNLIN_ASSERT(picture.height >= 1 && picture.height <= kMaxPictureSide);
  DUNLIN_ASSERT(quality >= 1 && quality <= 100);
  static const std::array<Codes, 4> kCodes{codes_of(kTables[0]), codes_of(kTables[1]), codes_of(kTables[2]),
                                           codes_of(kTables[3])};
  const std::array<Quantizers, 2> quantizers{scaled(kLuminance, quality), scaled(kChrominance, quality)};
  std::vector<std::uint8_t> out;
  out.reserve(picture.pixels.size() / 4 + 1024);
  Writer writer(out);
  write_header(writer, picture, quantizers);
  std::array<int, 3> last_dc{};
  for (int top = 0; top < picture.height; top += 8) {
    for (int left = 0; left < picture.width; left += 8) {
      const std::array<Block, 3> blocks = block_at(picture, left, top);
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t set = c == 0 ? 0 : 1;
        last_dc[c] =
            write_block(writer, blocks[c], quantizers[set], last_dc[c], kCodes[2 * set], kCodes[2 * set + 1]);
      }
    }
  }
  writer.fill_byte();
  writer.marker(0xd9);
  return out;
}

}  // namespace dunlin::fleet
