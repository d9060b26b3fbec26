#include "security/totp.h"

#include <gtest/gtest.h>

#include <array>

namespace dunlin::security {
namespace {

using std::chrono::seconds;

constexpr std::string_view kSecret = "12345678901234567890";

WallTime at(std::int64_t second) {
  return WallTime{seconds{second}};
}

TEST(Totp, TheVectorsOfRfc6238AppendixB) {
  struct Vector {
    std::int64_t second;
    const char* code;
  };
  constexpr std::array kVectors{Vector{59, "94287082"}, Vector{1'111'111'109, "07081804"},
                                Vector{1'111'111'111, "14050471"}, Vector{1'234'567'890, "89005924"},
                                Vector{2'000'000'000, "69279037"}};
  for (const auto& [second, code] : kVectors)
    EXPECT_EQ(hotp(as_bytes(kSecret), totp_step(at(second)), 8), code) << second;
  // The last one, in the year 2603, is past what WallTime reaches.
  EXPECT_EQ(hotp(as_bytes(kSecret), 20'000'000'000 / 30, 8), "65353130");
}

TEST(Totp, TheVectorsOfRfc4226AppendixD) {
  constexpr std::array kCodes{"755224", "287082", "359152", "969429", "338314",
                              "254676", "287922", "162583", "399871", "520489"};
  for (std::size_t i = 0; i < kCodes.size(); ++i) EXPECT_EQ(hotp(as_bytes(kSecret), i, 6), kCodes[i]);
}

TEST(Totp, OneStepEitherWayAndEachOnce) {
  const ByteView secret = as_bytes(kSecret);
  const WallTime now = at(1'000'000'000);
  const std::uint64_t step = totp_step(now);
  const auto code = [&](std::uint64_t which) { return hotp(secret, which, 6); };
  EXPECT_EQ(match_totp(secret, code(step), now, 0), step);
  EXPECT_EQ(match_totp(secret, code(step - 1), now, 0), step - 1);
  EXPECT_EQ(match_totp(secret, code(step + 1), now, 0), step + 1);
  EXPECT_FALSE(match_totp(secret, code(step - 2), now, 0));
  EXPECT_FALSE(match_totp(secret, code(step + 2), now, 0));
  EXPECT_FALSE(match_totp(secret, code(step), now, step)) << "a code counts once";
  EXPECT_FALSE(match_totp(secret, code(step - 1), now, step)) << "nor one before it";
  EXPECT_EQ(match_totp(secret, code(step + 1), now, step), step + 1);
  for (const char* wrong : {"", "0", "00000000", "abcdef", "-12345"})
    EXPECT_FALSE(match_totp(secret, wrong, now, 0)) << wrong;
  EXPECT_TRUE(match_totp(secret, code(1), at(0), 0)) << "at the beginning of time";
}

TEST(Totp, WhatAnAppReads) {
  // RFC 4648 section 10.
  EXPECT_EQ(to_base32(as_bytes("")), "");
  EXPECT_EQ(to_base32(as_bytes("f")), "MY");
  EXPECT_EQ(to_base32(as_bytes("foob")), "MZXW6YQ");
  EXPECT_EQ(to_base32(as_bytes("foobar")), "MZXW6YTBOI");
  EXPECT_EQ(otpauth_uri("Dunlin plant 1", "ada@x", "MZXW6"),
            "otpauth://totp/Dunlin%20plant%201:ada%40x?secret=MZXW6&issuer=Dunlin%20plant%201&algorithm=SHA1&"
            "digits=6&period=30");
}

}  // namespace
}  // namespace dunlin::security
