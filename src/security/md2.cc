#include "security/md2.h"

#include <algorithm>

namespace dunlin::security {
namespace {

constexpr std::size_t kBlock = 16;
constexpr int kRounds = 18;

// RFC 1319 section 3.2: a permutation of the bytes, made of the digits of pi.
constexpr std::array<std::uint8_t, 256> kPi{
    41,  46,  67,  201, 162, 216, 124, 1,   61,  54,  84,  161, 236, 240, 6,   19,  98,  167, 5,   243,
    192, 199, 115, 140, 152, 147, 43,  217, 188, 76,  130, 202, 30,  155, 87,  60,  253, 212, 224, 22,
    103, 66,  111, 24,  138, 23,  229, 18,  190, 78,  196, 214, 218, 158, 222, 73,  160, 251, 245, 142,
    187, 47,  238, 122, 169, 104, 121, 145, 21,  178, 7,   63,  148, 194, 16,  137, 11,  34,  95,  33,
    128, 127, 93,  154, 90,  144, 50,  39,  53,  62,  204, 231, 191, 247, 151, 3,   255, 25,  48,  179,
    72,  165, 181, 209, 215, 94,  146, 42,  172, 86,  170, 198, 79,  184, 56,  210, 150, 164, 125, 182,
    118, 252, 107, 226, 156, 116, 4,   241, 69,  157, 112, 89,  100, 113, 135, 32,  134, 91,  207, 101,
    230, 45,  168, 2,   27,  96,  37,  173, 174, 176, 185, 246, 28,  70,  97,  105, 52,  64,  126, 15,
    85,  71,  163, 35,  221, 81,  175, 58,  195, 92,  249, 206, 186, 197, 234, 38,  44,  83,  13,  110,
    133, 40,  132, 9,   211, 223, 205, 244, 65,  129, 77,  82,  106, 220, 55,  200, 108, 193, 171, 250,
    36,  225, 123, 8,   12,  189, 177, 74,  120, 136, 149, 139, 227, 99,  232, 109, 233, 203, 213, 254,
    59,  0,   29,  57,  242, 239, 183, 14,  102, 88,  208, 228, 166, 119, 114, 248, 235, 117, 75,  10,
    49,  68,  80,  180, 143, 237, 31,  26,  219, 153, 141, 51,  159, 17,  131, 20};

class Md2 {
 public:
  /// 3.2 and 3.4.
  void take(const std::array<std::uint8_t, kBlock>& block) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      checksum_[i] ^= kPi[block[i] ^ last_];
      last_ = checksum_[i];
    }
    mix(block);
  }
  std::array<std::uint8_t, kBlock> finish() {
    mix(checksum_);
    std::array<std::uint8_t, kBlock> made{};
    std::copy_n(state_.begin(), kBlock, made.begin());
    return made;
  }

 private:
  void mix(const std::array<std::uint8_t, kBlock>& block) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      state_[kBlock + i] = block[i];
      state_[2 * kBlock + i] = static_cast<std::uint8_t>(block[i] ^ state_[i]);
    }
    unsigned carry = 0;
    for (unsigned round = 0; round < kRounds; ++round) {
      for (std::uint8_t& byte : state_) carry = byte ^= kPi[carry];
      carry = (carry + round) % 256;
    }
  }

  std::array<std::uint8_t, kBlock> checksum_{};
  std::array<std::uint8_t, 3 * kBlock> state_{};
  std::uint8_t last_ = 0;
};

}  // namespace

std::array<std::uint8_t, 16> md2(ByteView bytes) {
  Md2 hash;
  std::array<std::uint8_t, kBlock> block{};
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) {
    std::ranges::copy(bytes.first(kBlock), block.begin());
    hash.take(block);
  }
  // 3.1: filled up with as many bytes as are missing, each of that value.
  block.fill(static_cast<std::uint8_t>(kBlock - bytes.size()));
  std::ranges::copy(bytes, block.begin());
  hash.take(block);
  return hash.finish();
}

}  // namespace dunlin::security
