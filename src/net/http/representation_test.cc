// Ranges and digests of representations.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "net/http/digest_field.h"
#include "net/http/range.h"

namespace dunlin::net::http {
namespace {

using Outcome = RangeAnswer::Outcome;

std::string told(std::string_view field, std::uint64_t size) {
  const RangeAnswer answer = read_range(field, size);
  if (answer.outcome == Outcome::whole) return "whole";
  if (answer.outcome == Outcome::unsatisfiable) return "416";
  return std::to_string(answer.range.first) + "-" + std::to_string(answer.range.last);
}

TEST(RangeTest, TakesOneRangeOfBytes) {
  EXPECT_EQ(told("bytes=0-0", 100), "0-0");
  EXPECT_EQ(told("bytes=10-19", 100), "10-19");
  EXPECT_EQ(told("bytes=10-", 100), "10-99");
  EXPECT_EQ(told("bytes=90-1000", 100), "90-99");
  EXPECT_EQ(told("bytes=-1", 100), "99-99");
  EXPECT_EQ(told("bytes=-1000", 100), "0-99");
  EXPECT_EQ(told("BYTES= 5-6 ", 100), "5-6") << "range units have no case";
  EXPECT_EQ(told("bytes=5-99999999999999999999999", 100), "5-99");
  EXPECT_EQ(told("bytes=,5-6,", 100), "5-6") << "empty elements of a list are ignored";
}

TEST(RangeTest, SaysWhenThereIsNothingThere) {
  EXPECT_EQ(told("bytes=100-", 100), "416");
  EXPECT_EQ(told("bytes=100-200", 100), "416");
  EXPECT_EQ(told("bytes=-0", 100), "416");
  EXPECT_EQ(told("bytes=99999999999999999999999-", 100), "416");
  EXPECT_EQ(told("bytes=0-", 0), "416");
  EXPECT_EQ(told("bytes=-5", 0), "whole") << "an empty body has no range";
}

TEST(RangeTest, IgnoresWhatItDoesNotKnow) {
  for (const std::string_view field :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5", "bytes=6-5", "bytes=1-2,5-6", "lines=1-2",
        "bytes=1-2-3", "bytes=+1-2", "bytes=1 -2", "bytes = 1-2"}) {
    EXPECT_EQ(told(field, 100), "whole") << field;
  }
}

TEST(RangeTest, CountsOnlyWithTheSameEntity) {
  EXPECT_TRUE(if_range_holds("\"abc\"", "abc"));
  EXPECT_FALSE(if_range_holds("W/\"abc\"", "abc"));
  EXPECT_FALSE(if_range_holds("\"abd\"", "abc"));
  EXPECT_FALSE(if_range_holds("abc", "abc"));
  EXPECT_FALSE(if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", "abc"));
}

TEST(RangeTest, ContentRangesAreReadBack) {
  const auto read = parse_content_range(content_range({10, 19}, 100));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->range, (ByteRange{10, 19}));
  EXPECT_EQ(read->size, 100U);
  for (const std::string_view wrong :
       {"bytes */100", "bytes 5-4/100", "bytes 5-100/100", "bytes 5-6/*", "5-6/100", "bytes 5-6"}) {
    EXPECT_FALSE(parse_content_range(wrong)) << wrong;
  }
  EXPECT_EQ(unsatisfied_range(7), "bytes */7");
}

std::string told(Headers headers) {
  const auto read = read_sha256(headers);
  if (!read) return read.error().message;
  return *read ? to_hex(**read) : "none";
}

// openssl dgst -sha256 -binary <<< of "hello" without a line end, in base64.
constexpr std::string_view kHello = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
constexpr std::string_view kHelloHex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

TEST(DigestFieldTest, ReadsTheNewAndTheOldForm) {
  const std::string hello(kHello);
  EXPECT_EQ(told({{"Repr-Digest", "sha-256=:" + hello + ":"}}), kHelloHex);
  EXPECT_EQ(told({{"content-digest", "sha-512=:AAAA:, sha-256=:" + hello + ":;x=1"}}), kHelloHex);
  EXPECT_EQ(told({{"Digest", "MD5=abc, SHA-256=" + hello}}), kHelloHex);
  EXPECT_EQ(told({{"Repr-Digest", "sha-512=:AAAA:"}}), "none");
  EXPECT_EQ(told({}), "none");
  Sha256Value hash{};
  EXPECT_EQ(told({{"Repr-Digest", repr_digest(hash)}}), std::string(64, '0'));
}

TEST(DigestFieldTest, RefusesWhatItCannotRead) {
  const std::string hello(kHello);
  EXPECT_TRUE(told({{"Repr-Digest", "sha-256=" + hello}}).contains("no SHA-256"));
  EXPECT_TRUE(told({{"Repr-Digest", "sha-256=:AAAA:"}}).contains("no SHA-256"));
  EXPECT_TRUE(told({{"Repr-Digest", "sha-256=:" + hello}}).contains("no SHA-256"));
  EXPECT_TRUE(told({{"Digest", "sha-256=?"}}).contains("no SHA-256"));
  EXPECT_TRUE(told({{"Digest", "sha-256=" + hello}, {"Repr-Digest", repr_digest({})}}).contains("differ"));
}

}  // namespace
}  // namespace dunlin::net::http
