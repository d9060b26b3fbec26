#include <gtest/gtest.h>

#include "net/connection.h"

namespace dunlin::net {
namespace {

TEST(ParseEndpoint, TakesAddressesAndNames) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:1883"), (Endpoint{"127.0.0.1", 1883}));
  EXPECT_EQ(parse_endpoint("[::1]:1883"), (Endpoint{"::1", 1883}));
  EXPECT_EQ(parse_endpoint("platform.example:0"), (Endpoint{"platform.example", 0}));
}

TEST(ParseEndpoint, RefusesTheRest) {
  for (const char* text :
       {"", ":1", "host", "host:", "host:x", "host:65536", "host:-1", "::1:1883", "[]:1"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace dunlin::net
