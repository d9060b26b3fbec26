#include "net/address_blocks.h"

#include <gmock/gmock.h>

namespace dunlin::net {
namespace {

using std::chrono::seconds;

constexpr Instant kStart{seconds{1000}};

class AddressBlocksTest : public testing::Test {
 protected:
  bool is_blocked(const std::string& host, Instant now = kStart) const {
    return blocks_.is_blocked({host, 1234}, now);
  }
  AddressBlocks blocks_;
};

TEST_F(AddressBlocksTest, BlocksOneAddressForItsTime) {
  EXPECT_FALSE(is_blocked("192.0.2.7"));
  ASSERT_TRUE(blocks_.block("192.0.2.7", seconds{60}, kStart));
  EXPECT_TRUE(is_blocked("192.0.2.7"));
  EXPECT_TRUE(is_blocked("::ffff:192.0.2.7"));
  EXPECT_FALSE(is_blocked("192.0.2.8"));
  EXPECT_FALSE(is_blocked("unix:uid=1000"));
  EXPECT_TRUE(is_blocked("192.0.2.7", kStart + seconds{59}));
  EXPECT_FALSE(is_blocked("192.0.2.7", kStart + seconds{60}));
  ASSERT_TRUE(blocks_.block("192.0.2.7", seconds{600}, kStart));
  EXPECT_TRUE(is_blocked("192.0.2.7", kStart + seconds{60})) << "the new end counts";
  ASSERT_EQ(blocks_.list(kStart).size(), 1U);
  EXPECT_EQ(blocks_.list(kStart)[0].left, seconds{600});
  EXPECT_TRUE(blocks_.unblock("192.0.2.7"));
  EXPECT_FALSE(blocks_.unblock("192.0.2.7"));
  EXPECT_FALSE(is_blocked("192.0.2.7"));
}

TEST_F(AddressBlocksTest, AnIpv6AddressStandsForItsNetwork) {
  ASSERT_TRUE(blocks_.block("2001:db8:0:1::/64", seconds{60}, kStart));
  EXPECT_TRUE(is_blocked("2001:db8:0:1::99"));
  EXPECT_FALSE(is_blocked("2001:db8:0:2::99"));
  EXPECT_TRUE(blocks_.unblock("2001:db8:0:1:a:b:c:d"));
}

TEST_F(AddressBlocksTest, RefusesWhatIsNoneAndThisMachine) {
  for (const char* address : {"", "press-01", "192.0.2", "192.0.2.0/24", "127.0.0.1", "::1", "127.9.9.9",
                              "::ffff:127.0.0.1", "unix:uid=0", "localhost"}) {
    const auto blocked = blocks_.block(address, seconds{60}, kStart);
    ASSERT_FALSE(blocked) << address;
    EXPECT_EQ(blocked.error().code, Errc::invalid_argument) << address;
  }
}

TEST_F(AddressBlocksTest, IsBoundedAndMakesRoomForItself) {
  for (std::size_t i = 0; i < kMaxAddressBlocks; ++i) {
    const std::string address = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    ASSERT_TRUE(blocks_.block(address, seconds{60}, kStart));
  }
  EXPECT_EQ(blocks_.block("192.0.2.7", seconds{60}, kStart).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(blocks_.block("10.0.0.0", seconds{90}, kStart)) << "it is there";
  EXPECT_TRUE(blocks_.block("192.0.2.7", seconds{60}, kStart + seconds{61}));
  EXPECT_EQ(blocks_.list(kStart + seconds{61}).size(), 2U);
}

}  // namespace
}  // namespace dunlin::net
