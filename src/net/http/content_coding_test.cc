// Packed bodies: what comes out, and what is refused.
#include "net/http/content_coding.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/rng.h"

namespace dunlin::net::http {
namespace {

std::string packed(std::string_view plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(plain.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string noise(std::size_t bytes) {
  SeededRng rng(1);
  std::string text(bytes, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

TEST(ContentCoding, UnpacksWhatWasPacked) {
  for (const std::string& plain :
       {std::string(), std::string("m v=1\n"), noise(300'000), std::string(1'000'000, 'a')}) {
    const auto unpacked = gunzip(packed(plain), 1'000'000);
    ASSERT_TRUE(unpacked.has_value());
    EXPECT_TRUE(*unpacked == plain);
  }
  EXPECT_EQ(gunzip(packed("one") + packed("two"), 100).value(), "onetwo");
}

TEST(ContentCoding, ABombIsRefusedBeforeItIsWhole) {
  const std::string bomb = packed(std::string(100'000'000, '\0'));
  EXPECT_LT(bomb.size(), 200'000u);
  EXPECT_EQ(gunzip(bomb, 1'000'000).error().code, Errc::limit_exceeded);
  EXPECT_EQ(gunzip(packed("12345"), 4).error().code, Errc::limit_exceeded);
}

TEST(ContentCoding, DamageIsRefused) {
  const std::string good = packed(noise(10'000));
  for (std::size_t length : {std::size_t{0}, std::size_t{5}, good.size() / 2, good.size() - 1})
    EXPECT_EQ(gunzip(good.substr(0, length), 100'000).error().code, Errc::malformed) << length;
  std::string flipped = good;
  flipped[good.size() - 6] ^= 1;  // of the checksum
  EXPECT_EQ(gunzip(flipped, 100'000).error().code, Errc::malformed);
  EXPECT_EQ(gunzip(good + "tail", 100'000).error().code, Errc::malformed);
  EXPECT_EQ(gunzip("plain text", 100'000).error().code, Errc::malformed);
}

}  // namespace
}  // namespace dunlin::net::http
