#include "base/core/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace dunlin {
namespace {

// Encodes without any check, so that forbidden code points can be spelled.
std::string encode(std::uint32_t code_point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) return {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8Test, EveryCodePointButTheSurrogatesIsWellFormed) {
  for (std::uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    ASSERT_EQ(is_valid_utf8(encode(code_point)), !surrogate) << code_point;
  }
  for (const std::uint32_t code_point : {0x110000U, 0x13FFFFU, 0x1FFFFFU})
    EXPECT_FALSE(is_valid_utf8(encode(code_point)));
}

TEST(Utf8Test, NonMinimalFormsAreRefused) {
  for (std::uint32_t c = 0; c < 0x80; ++c) {
    EXPECT_FALSE(
        is_valid_utf8(std::string{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))}));
  }
  EXPECT_FALSE(is_valid_utf8("\xE0\x9F\xBF"));
  EXPECT_FALSE(is_valid_utf8("\xF0\x8F\xBF\xBF"));
}

TEST(Utf8Test, ACutSequenceIsRefusedAtEveryLength) {
  for (const std::uint32_t code_point : {0xE9U, 0x20ACU, 0x1F426U}) {
    const std::string whole = "abc" + encode(code_point);
    ASSERT_TRUE(is_valid_utf8(whole));
    for (std::size_t length = 4; length < whole.size(); ++length)
      EXPECT_FALSE(is_valid_utf8(whole.substr(0, length)));
    for (std::size_t length = 4; length < whole.size(); ++length)
      EXPECT_FALSE(is_valid_utf8(whole.substr(0, length) + "z"));
  }
}

TEST(Utf8Test, LoneContinuationAndImpossibleBytesAreRefusedAtEveryPlace) {
  for (const int byte : {0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF}) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text(20, 'a');
      text[place] = static_cast<char>(byte);
      EXPECT_FALSE(is_valid_utf8(text)) << byte << " at " << place;
    }
  }
}

TEST(Utf8Test, MqttTextMayNotHoldNul) {
  EXPECT_TRUE(is_valid_utf8(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_valid_mqtt_utf8(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_valid_mqtt_utf8("\xED\xA0\x80"));
  EXPECT_TRUE(is_valid_mqtt_utf8(""));
  EXPECT_TRUE(
      is_valid_mqtt_utf8("\xEF\xBB\xBF"
                         "demo/plant1"));
}

}  // namespace
}  // namespace dunlin
