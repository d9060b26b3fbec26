#include "security/checksum.h"

#include <gtest/gtest.h>

namespace dunlin::security {
namespace {

std::string checksum(std::string_view name, std::string_view text) {
  return checksum_hex(*checksum_by_name(name), as_bytes(text));
}

TEST(ChecksumTest, Md2IsThatOfTheSuiteOfRfc1319) {
  EXPECT_EQ(checksum("md2", ""), "8350e5a3e24c153df2275c9f80692773");
  EXPECT_EQ(checksum("md2", "a"), "32ec01ec4a6dac72c0ab96fb34c0b5d1");
  EXPECT_EQ(checksum("md2", "abc"), "da853b0d3f88d99b30283a69e6ded6bb");
  EXPECT_EQ(checksum("md2", "message digest"), "ab4f496bfb2a530b219ff33031fe06b0");
  EXPECT_EQ(checksum("md2", "abcdefghijklmnopqrstuvwxyz"), "4e8ddff3650292ab5a4108c3aa47940b");
  EXPECT_EQ(checksum("md2", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "da33def2a42df13975352846c30338cd");
  EXPECT_EQ(
      checksum("md2", "12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
      "d5976f79d83d3a0dc9806c3c66f3efd8");
}

// RFC 1321 appendix A.5; FIPS 180-2 and its change notice.
TEST(ChecksumTest, TheOthersAreThoseOfTheirStandards) {
  EXPECT_EQ(checksum("md5", "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(checksum("sha1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(checksum("sha224", "abc"), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  EXPECT_EQ(checksum("sha256", "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      checksum("sha384", "abc"),
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(checksum("sha512", "abc"),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(ChecksumTest, OtherNamesAreNone) {
  for (const std::string_view name : {"", "MD5", "md4", "sha-256", "sha2560"})
    EXPECT_FALSE(checksum_by_name(name)) << name;
}

}  // namespace
}  // namespace dunlin::security
