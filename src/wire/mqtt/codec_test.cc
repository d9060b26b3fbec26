// Encoding: the shared PUBLISH header, and what is refused before it reaches the wire.

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/random_packet.h"

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

TEST(MqttPublishHeader, HeaderAndPayloadAreTheWholePacket) {
  int seen = 0;
  for (const ProtocolVersion version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5}) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      test::RandomPackets random(seed);
      const Packet packet = random.next(version, Sender::server);
      const auto* publish = std::get_if<Publish>(&packet);
      if (publish == nullptr) continue;
      ++seen;
      test::Bytes whole(encoded_size(*publish, version));
      ASSERT_TRUE(encode(*publish, version, whole));
      Publish unnumbered = *publish;
      unnumbered.packet_id = 0;
      test::Bytes split(publish_header_size(unnumbered, version));
      const auto header = encode_publish_header(unnumbered, version, split);
      ASSERT_TRUE(header);
      ASSERT_EQ(header->size, split.size());
      ASSERT_EQ(header->packet_id_offset == 0, publish->qos == QoS::at_most_once);
      if (header->packet_id_offset != 0) set_packet_id(split, *header, publish->packet_id);
      split.insert(split.end(), publish->payload.begin(), publish->payload.end());
      ASSERT_EQ(split, whole) << seed;
    }
  }
  EXPECT_GT(seen, 200);
}

template <class P>
void expect_refused(const P& packet, ProtocolVersion version, Errc code) {
  test::Bytes out(200'000);
  const auto length = encode(packet, version, out);
  ASSERT_FALSE(length);
  EXPECT_EQ(length.error().code, code) << length.error().context;
  EXPECT_EQ(encoded_size(packet, version), 0U) << length.error().context;
}

TEST(MqttEncode, RefuseWhatNoPeerWouldTake) {
  constexpr ProtocolVersion kV3 = ProtocolVersion::v3_1_1;
  constexpr ProtocolVersion kV5 = ProtocolVersion::v5;
  const std::string long_text(kMaxTextBytes + 1, 'a');
  const std::array<std::uint8_t, 1> code = {0};
  const std::array<std::string_view, 1> empty_filter = {""};
  for (const ProtocolVersion version : {kV3, kV5}) {
    expect_refused(Ack{}, version, Errc::invalid_argument);
    expect_refused(Publish{}, version, Errc::invalid_argument);
    expect_refused(Publish{.topic = long_text}, version, Errc::limit_exceeded);
    expect_refused(Publish{.topic = "t", .qos = QoS::at_least_once}, version, Errc::invalid_argument);
    expect_refused(Publish{.topic = "t", .dup = true}, version, Errc::invalid_argument);
    expect_refused(Subscribe{.packet_id = 1}, version, Errc::invalid_argument);
    expect_refused(Unsubscribe{.packet_id = 1}, version, Errc::invalid_argument);
    expect_refused(Unsubscribe{1, TopicFilters(empty_filter), {}}, version, Errc::invalid_argument);
    expect_refused(Suback{.packet_id = 1}, version, Errc::invalid_argument);
    expect_refused(Suback{0, code, {}}, version, Errc::invalid_argument);
    expect_refused(Connack{true, ReasonCode::not_authorized, {}}, version, Errc::invalid_argument);
    expect_refused(Connect{.version = version, .will = Will{}}, version, Errc::invalid_argument);
  }
  expect_refused(Auth{}, kV3, Errc::unsupported);
  expect_refused(Auth{.reason = ReasonCode::reauthenticate}, kV5, Errc::invalid_argument);
  expect_refused(Connect{.version = kV3, .password = as_bytes("p")}, kV3, Errc::invalid_argument);
  expect_refused(Connect{.version = kV3, .clean_start = false}, kV3, Errc::invalid_argument);
  Disconnect disconnect;
  disconnect.properties.reason_string = long_text;
  expect_refused(disconnect, kV5, Errc::limit_exceeded);
}

TEST(MqttEncode, V3_LeavesOutReasonsAndProperties) {
  Ack ack{PacketType::pubrec, 7, ReasonCode::not_authorized, {}};
  ack.properties.reason_string = "why";
  std::array<std::uint8_t, 16> out{};
  EXPECT_EQ(encode(ack, ProtocolVersion::v3_1_1, out).value_or(0), 4U);
  Disconnect disconnect{ReasonCode::quota_exceeded, {}};
  EXPECT_EQ(encode(disconnect, ProtocolVersion::v3_1_1, out).value_or(0), 2U);
}

TEST(MqttReasonCode, NamesAndSuccess) {
  EXPECT_EQ(reason_code_name(ReasonCode::quota_exceeded), "quota_exceeded");
  EXPECT_EQ(reason_code_name(static_cast<ReasonCode>(0x7F)), "unknown");
  EXPECT_EQ(packet_type_name(PacketType::unsuback), "UNSUBACK");
  EXPECT_FALSE(is_error(ReasonCode::no_matching_subscribers));
  EXPECT_TRUE(is_error(ReasonCode::unspecified_error));
}

}  // namespace
}  // namespace dunlin::mqtt
