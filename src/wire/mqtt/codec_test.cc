#include <gtest/gtest.h>

#include <array>

#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::mqtt {
namespace {

TEST(MqttPublishHeader, ShareOnePayloadAndPatchTheIdentifier) {
  Publish publish;
  publish.topic = "a/b";
  publish.qos = QoS::at_least_once;
  const std::array<std::uint8_t, 3> payload = {'x', 'y', 'z'};
  publish.payload = payload;
  std::array<std::uint8_t, 64> bytes{};
  const auto header = encode_publish_header(publish, ProtocolVersion::v5, bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, publish_header_size(publish, ProtocolVersion::v5));
  set_packet_id(bytes, *header, 0x1234);
  set_dup(bytes);
  std::copy(payload.begin(), payload.end(), bytes.begin() + static_cast<std::ptrdiff_t>(header->size));
  const ByteView frame(bytes.data(), header->size + payload.size());
  const auto decoded = decode_publish(frame, ProtocolVersion::v5, Sender::server);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->topic, "a/b");
  EXPECT_EQ(decoded->packet_id, 0x1234);
  EXPECT_TRUE(decoded->dup);
  EXPECT_EQ(as_text(decoded->payload), "xyz");
}

TEST(MqttPublishHeader, RefuseWithoutTopicOrRoom) {
  Publish publish;
  std::array<std::uint8_t, 4> bytes{};
  EXPECT_EQ(encode_publish_header(publish, ProtocolVersion::v5, bytes).error().code, Errc::invalid_argument);
  publish.topic = "abc";
  EXPECT_EQ(encode_publish_header(publish, ProtocolVersion::v5, bytes).error().code, Errc::limit_exceeded);
}

}  // namespace
}  // namespace dunlin::mqtt
