#include "edge/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/virtual_fs.h"
#include "edge/limits.h"

namespace dunlin::edge {
namespace {

using ::testing::HasSubstr;

TEST(TlsFiles, NamesTheKeyAndTheFileThatIsWrong) {
  VirtualFs fs;
  GatewayConfig config;
  EXPECT_EQ(*load_uplink_tls(fs, config), nullptr);
  EXPECT_EQ(*load_listen_tls(fs, config), nullptr);
  config.uplink_endpoint = "platform:8883";
  config.uplink_ca_file = "/ca.pem";
  const auto missing = load_uplink_tls(fs, config);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("uplink.ca_file = \"/ca.pem\""));
  ASSERT_TRUE(write_file_atomically(fs, "/ca.pem", as_bytes(std::string(kMaxPemBytes + 1, 'x'))).has_value());
  EXPECT_EQ(load_uplink_tls(fs, config).error().code, Errc::limit_exceeded);
}

TEST(TlsFiles, RefusesWhatIsNoPem) {
  VirtualFs fs;
  GatewayConfig config;
  config.listen_mqtts = "0.0.0.0:8883";
  config.listen_certificate_file = config.listen_key_file = "/x.pem";
  ASSERT_TRUE(write_file_atomically(fs, "/x.pem", as_bytes(std::string_view("no key"))).has_value());
  EXPECT_EQ(load_listen_tls(fs, config).error().code, Errc::malformed);
}

}  // namespace
}  // namespace dunlin::edge
