// What must be refused, with which reason and which answer. Named by the clause (MQTT 5.0 numbering unless
// the name says V3).

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/test_bytes.h"

namespace dunlin::mqtt {
namespace {

using test::Bytes;
using test::bytes_of;
using enum ReasonCode;
constexpr ProtocolVersion kV3 = ProtocolVersion::v3_1_1;
constexpr ProtocolVersion kV5 = ProtocolVersion::v5;
constexpr Sender kClient = Sender::client;
constexpr Sender kServer = Sender::server;

void refused(std::string_view text, ProtocolVersion version, Sender sender, ReasonCode reason,
             Answer answer) {
  const Bytes bytes = bytes_of(text);
  const auto packet = decode(bytes, version, sender);
  ASSERT_FALSE(packet) << text;
  EXPECT_EQ(reason_code_name(packet.error().reason), reason_code_name(reason))
      << text << ": " << packet.error().why;
  EXPECT_EQ(packet.error().answer, answer) << text;
  EXPECT_FALSE(packet.error().why.empty()) << text;
}

// Of a client after CONNECT: 5.0 is told why, 3.1.1 is not.
void refused_v5(std::string_view text, ReasonCode reason, Sender sender = kClient) {
  refused(text, kV5, sender, reason, Answer::disconnect);
}
void refused_v3(std::string_view text, Sender sender = kClient) {
  const auto packet = decode(bytes_of(text), kV3, sender);
  ASSERT_FALSE(packet) << text;
  EXPECT_EQ(packet.error().answer, Answer::close) << text;
}
void accepted(std::string_view text, ProtocolVersion version, Sender sender = kClient) {
  const auto packet = decode(bytes_of(text), version, sender);
  EXPECT_TRUE(packet) << text << ": " << (packet ? "" : packet.error().why);
}

void refused_connect(std::string_view text, ReasonCode reason, Answer answer, ProtocolVersion version) {
  const auto connect = decode_connect(bytes_of(text));
  ASSERT_FALSE(connect) << text;
  EXPECT_EQ(reason_code_name(connect.error().reason), reason_code_name(reason))
      << text << ": " << connect.error().why;
  EXPECT_EQ(connect.error().answer, answer) << text;
  if (answer == Answer::connack) {
    EXPECT_EQ(connect.error().version, version) << text;
    std::array<std::uint8_t, 8> out{};
    EXPECT_TRUE(encode(Connack{false, connect.error().reason, {}}, version, out)) << text;
  }
}
void refused_connect_v5(std::string_view text, ReasonCode reason) {
  refused_connect(text, reason, Answer::connack, kV5);
}
void refused_connect_v3(std::string_view text, ReasonCode reason) {
  refused_connect(text, reason, Answer::close, kV3);
}

void frame_refused(std::string_view text, ReasonCode reason, std::size_t max_packet_bytes = kMaxPacketBytes) {
  const FrameResult frame = frame_length(bytes_of(text), max_packet_bytes);
  EXPECT_EQ(frame.status, FrameResult::Status::error) << text;
  EXPECT_EQ(reason_code_name(frame.reason), reason_code_name(reason)) << text;
  EXPECT_FALSE(frame.why.empty()) << text;
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(MqttRefusal, MQTT_1_5_5_1_RemainingLengthIsMinimalAndShort) {
  frame_refused("C0 80 00", malformed_packet);
  frame_refused("C0 80 80 80 00", malformed_packet);
  frame_refused("30 FF FF FF FF", malformed_packet);
  frame_refused("30 FF FF FF FF 01", malformed_packet);
  refused_v5("C0 80 00", malformed_packet);
  EXPECT_EQ(frame_length(bytes_of("30 FF FF FF"), kMaxPacketBytes).status, FrameResult::Status::need_more);
  EXPECT_EQ(frame_length(bytes_of("30 FF FF FF 7F"), kMaxPacketBytes).length, kMaxPacketBytes);
}

TEST(MqttRefusal, MQTT_3_1_2_24_TooLargeIsKnownBeforeTheBody) {
  frame_refused("30 FF FF FF 7F", packet_too_large, 1024);
  frame_refused("30 63", packet_too_large, 100);
  EXPECT_EQ(frame_length(bytes_of("30 62"), 100).status, FrameResult::Status::need_more);
  EXPECT_EQ(frame_length(bytes_of("30 62"), 100).length, 100U);
}

TEST(MqttRefusal, MQTT_2_1_3_1_ReservedFlags) {
  for (unsigned first = 0; first < 256; ++first) {
    const unsigned type = first >> 4;
    const unsigned flags = first & 15;
    const bool two = type == 6 || type == 8 || type == 10;
    const bool good = type == 3 ? (flags & 6) != 6 : type != 0 && flags == (two ? 2U : 0U);
    const Bytes bytes = {static_cast<std::uint8_t>(first), 0};
    const FrameResult frame = frame_length(bytes, kMaxPacketBytes);
    EXPECT_EQ(frame.status == FrameResult::Status::complete, good) << first;
    if (good) continue;
    EXPECT_EQ(frame.reason, malformed_packet) << first;
    EXPECT_EQ(decode(bytes, kV5, kClient).error().reason, malformed_packet) << first;
  }
}

TEST(MqttRefusal, MQTT_3_3_1_4_QosThree) {
  refused_v5("36 [ <t> 0001 [] ]", malformed_packet);
}

TEST(MqttRefusal, MQTT_3_3_1_2_DupWithQosZero) {
  refused_v5("38 [ <t> [] ]", malformed_packet);
  refused_v3("38 [ <t> ]");
}

TEST(MqttRefusal, MQTT_2_2_1_3_PacketIdentifierZero) {
  for (const std::string_view text :
       {"32 [ <t> 0000 [] ]", "34 [ <t> 0000 [] ]", "40 02 0000", "50 02 0000", "62 02 0000", "70 02 0000",
        "82 [ 0000 [] <t> 00 ]", "A2 [ 0000 [] <t> ]"}) {
    refused_v5(text, protocol_error);
  }
  for (const std::string_view text :
       {"32 [ <t> 0000 ]", "40 02 0000", "82 [ 0000 <t> 00 ]", "A2 [ 0000 <t> ]"}) {
    refused_v3(text);
  }
  refused_v5("90 [ 0000 [] 00 ]", protocol_error, kServer);
  refused_v5("B0 [ 0000 [] 00 ]", protocol_error, kServer);
}

TEST(MqttRefusal, MQTT_3_1_0_WrongSide) {
  for (const std::string_view text : {"20 03 00 00 00", "90 [ 0001 [] 00 ]", "B0 [ 0001 [] 00 ]", "D0 00"}) {
    const auto packet = decode(bytes_of(text), kV5, kClient);
    ASSERT_FALSE(packet) << text;
    EXPECT_EQ(packet.error().reason, protocol_error) << text;
  }
  for (const std::string_view text :
       {"10 [ <MQTT> 05 02 0000 [] <c> ]", "82 [ 0001 [] <t> 00 ]", "A2 [ 0001 [] <t> ]", "C0 00"}) {
    refused_v5(text, protocol_error, kServer);
  }
  refused_v3("E0 00", kServer);
  refused_v3("F0 00", kServer);
  refused_v3("F0 00", kClient);
}

TEST(MqttRefusal, MQTT_3_1_2_1_ProtocolName) {
  refused_connect("10 [ <HTTP> 04 02 0000 <c> ]", unsupported_protocol_version, Answer::close, kV3);
  refused_connect("10 [ <mqtt> 05 02 0000 [] <c> ]", unsupported_protocol_version, Answer::close, kV3);
  refused_connect("10 [ <> 04 02 0000 <c> ]", unsupported_protocol_version, Answer::close, kV3);
  refused_connect("10 00", malformed_packet, Answer::close, kV3);
}

TEST(MqttRefusal, MQTT_3_1_2_2_ProtocolVersion) {
  refused_connect("10 [ <MQIsdp> 03 02 0000 <c> ]", unsupported_protocol_version, Answer::connack, kV3);
  refused_connect("10 [ <MQIsdp> 05 02 0000 <c> ]", unsupported_protocol_version, Answer::connack, kV3);
  for (const std::string_view level : {"00", "03", "83", "85", "FF"}) {
    refused_connect("10 [ <MQTT> " + std::string(level) + " 02 0000 <c> ]", unsupported_protocol_version,
                    Answer::connack, kV3);
  }
  refused_connect_v5("10 [ <MQTT> 06 02 0000 [] <c> ]", unsupported_protocol_version);
}

TEST(MqttRefusal, MQTT_3_1_2_3_ReservedConnectFlag) {
  refused_connect_v5("10 [ <MQTT> 05 03 0000 [] <c> ]", malformed_packet);
  refused_connect_v3("10 [ <MQTT> 04 03 0000 <c> ]", malformed_packet);
}

TEST(MqttRefusal, MQTT_3_1_2_11_WillFlags) {
  for (const std::string_view flags : {"0A", "12", "22", "1A", "1E", "2A"}) {
    refused_connect_v5("10 [ <MQTT> 05 " + std::string(flags) + " 0000 [] <c> [] <w> <p> ]",
                       malformed_packet);
    refused_connect_v3("10 [ <MQTT> 04 " + std::string(flags) + " 0000 <c> <w> <p> ]", malformed_packet);
  }
  for (const std::string_view topic : {"<>", "<a/#>", "<+>"}) {
    refused_connect_v5("10 [ <MQTT> 05 06 0000 [] <c> [] " + std::string(topic) + " <p> ]", malformed_packet);
    refused_connect_v3("10 [ <MQTT> 04 06 0000 <c> " + std::string(topic) + " <p> ]", malformed_packet);
  }
}

TEST(MqttRefusal, V3_3_1_2_22_PasswordWithoutUserName) {
  refused_connect_v3("10 [ <MQTT> 04 42 0000 <c> <p> ]", malformed_packet);
}

TEST(MqttRefusal, V3_3_1_3_8_EmptyClientIdentifierKeepsNoSession) {
  refused_connect("10 [ <MQTT> 04 00 0000 <> ]", client_identifier_not_valid, Answer::connack, kV3);
  accepted("10 [ <MQTT> 04 02 0000 <> ]", kV3);
}

TEST(MqttRefusal, MQTT_3_1_3_1_ConnectFieldsMissingOrTooMany) {
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [] ]", malformed_packet);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 ]", malformed_packet);
  refused_connect_v5("10 [ <MQTT> 05 82 0000 [] <c> ]", malformed_packet);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [] <c> 00 ]", malformed_packet);
  refused_connect_v3("10 [ <MQTT> 04 C2 0000 <c> <u> ]", malformed_packet);
  refused_connect_v3("10 [ <MQTT> 04 02 0000 <c> <u> ]", malformed_packet);
}

TEST(MqttRefusal, MQTT_1_5_4_1_IllFormedText) {
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [] 0002 C080 ]", malformed_packet);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [] 0003 EDA080 ]", malformed_packet);
  refused_connect_v3("10 [ <MQTT> 04 82 0000 <c> 0001 FF ]", malformed_packet);
  refused_connect_v3("10 [ <MQTT> 04 02 0000 0003 61 00 62 ]", malformed_packet);  // [MQTT-1.5.4-2]
  refused_v5("30 [ 0002 61 FF [] ]", malformed_packet);
  refused_v5("30 [ 0001 00 [] ]", malformed_packet);
  refused_v5("30 [ <t> [ 03 0001 FF ] ]", malformed_packet);
  refused_v5("30 [ <t> [ 26 0001 FF <v> ] ]", malformed_packet);
  refused_v5("30 [ <t> [ 26 <k> 0001 FF ] ]", malformed_packet);
  refused_v5("82 [ 0001 [] 0001 FF 00 ]", malformed_packet);
  refused_v3("A2 [ 0001 0003 EDBFBF ]");
}

TEST(MqttRefusal, MQTT_3_1_2_11_PropertyTwice) {
  for (const std::string_view p :
       {"11 00000001", "21 0001", "27 00000001", "22 0001", "19 01", "17 01", "15 <m>"}) {
    const std::string one(p);
    accepted("10 [ <MQTT> 05 02 0000 [ " + one + " ] <c> ]", kV5);
    refused_connect_v5("10 [ <MQTT> 05 02 0000 [ " + one + " " + one + " ] <c> ]", protocol_error);
  }
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 15 <m> 16 <d> 16 <d> ] <c> ]", protocol_error);
  for (const std::string_view p : {"18 00000001", "01 01", "02 00000001", "03 <c>", "08 <r>", "09 <d>"}) {
    const std::string one(p);
    accepted("10 [ <MQTT> 05 06 0000 [] <c> [ " + one + " ] <w> <p> ]", kV5);
    refused_connect_v5("10 [ <MQTT> 05 06 0000 [] <c> [ " + one + " " + one + " ] <w> <p> ]", protocol_error);
  }
}

TEST(MqttRefusal, MQTT_3_3_2_3_PropertyTwice) {
  for (const std::string_view p : {"01 01", "02 00000001", "23 0001", "08 <r>", "09 <d>", "03 <c>"}) {
    const std::string one(p);
    accepted("30 [ <t> [ " + one + " ] ]", kV5);
    refused_v5("30 [ <t> [ " + one + " " + one + " ] ]", protocol_error);
  }
  refused_v5("82 [ 0001 [ 0B 01 0B 02 ] <t> 00 ]", protocol_error);
  refused_v5("40 [ 0001 00 [ 1F <a> 1F <b> ] ]", protocol_error);
  refused_v5("E0 [ 00 [ 11 00000001 11 00000001 ] ]", protocol_error);
}

// Section 2.2.2.2: every identifier in every packet; the table is the specification's table 2-4.
TEST(MqttRefusal, MQTT_2_2_2_2_PropertyOfAnotherPacket) {
  struct PacketRow {
    std::string before;
    std::string after;
    Sender sender;
    std::string allowed;
  };
  const std::vector<PacketRow> packets = {
      {"10 [ <MQTT> 05 02 0000 [ ", " ] <c> ]", kClient, "11 15 17 19 21 22 26 27"},
      {"10 [ <MQTT> 05 06 0000 [] <c> [ ", " ] <w> <p> ]", kClient, "01 02 03 08 09 18 26"},
      {"20 [ 00 00 [ ", " ] ]", kServer, "11 12 13 15 1A 1C 1F 21 22 24 25 26 27 28 29 2A"},
      {"30 [ <t> [ ", " ] ]", kServer, "01 02 03 08 09 0B 23 26"},
      {"40 [ 0001 00 [ ", " ] ]", kClient, "1F 26"},
      {"50 [ 0001 00 [ ", " ] ]", kClient, "1F 26"},
      {"62 [ 0001 00 [ ", " ] ]", kClient, "1F 26"},
      {"70 [ 0001 00 [ ", " ] ]", kClient, "1F 26"},
      {"82 [ 0001 [ ", " ] <t> 00 ]", kClient, "0B 26"},
      {"90 [ 0001 [ ", " ] 00 ]", kServer, "1F 26"},
      {"A2 [ 0001 [ ", " ] <t> ]", kClient, "26"},
      {"B0 [ 0001 [ ", " ] 00 ]", kServer, "1F 26"},
      {"E0 [ 81 [ ", " ] ]", kClient, "11 1F 26"},
      {"E0 [ 81 [ ", " ] ]", kServer, "1C 1F 26"},
      {"F0 [ 18 [ 15 <m> ", " ] ]", kClient, "16 1F 26"},
  };
  const std::vector<std::string> properties = {
      "01 01",   "02 00000001", "03 <c>",  "08 <r>",  "09 <d>",      "0B 01", "11 00000001", "12 <a>",
      "13 0001", "15 <m>",      "16 <d>",  "17 01",   "18 00000001", "19 01", "1A <r>",      "1C <s>",
      "1F <r>",  "21 0001",     "22 0001", "23 0001", "24 01",       "25 01", "26 <k> <v>",  "27 00000001",
      "28 01",   "29 01",       "2A 01",   "00 00",   "04 00",       "2B 01", "7F 01",       "A6 01"};
  for (const PacketRow& packet : packets) {
    for (const std::string& property : properties) {
      const std::string text = packet.before + property + packet.after;
      const bool good = packet.allowed.find(property.substr(0, 2)) != std::string::npos;
      const auto result = decode(bytes_of(text), kV5, packet.sender);
      const bool needs_method =
          property.starts_with("16") && packet.before.find("15 <m>") == std::string::npos;
      EXPECT_EQ(result.has_value(), good && !needs_method) << text << (result ? "" : result.error().why);
      EXPECT_TRUE(result || is_error(result.error().reason)) << text;
    }
  }
  refused_v5("30 [ <t> [ 11 00000001 ] ]", malformed_packet);
  refused_v5("30 [ <t> [ 2B 00 ] ]", malformed_packet);
  refused_v5("30 [ <t> [ 8100 01 ] ]", malformed_packet);
}

TEST(MqttRefusal, MQTT_2_2_2_1_PropertyLength) {
  refused_v5("30 [ <t> ]", malformed_packet);                // none
  refused_v5("30 [ <t> 05 01 01 ]", malformed_packet);       // past the packet
  refused_v5("30 [ <t> 01 01 ]", malformed_packet);          // ends inside a property
  refused_v5("30 [ <t> 03 02 0000 00 ]", malformed_packet);  // the same
  refused_v5("30 [ <t> 80 00 ]", malformed_packet);          // not minimal
  refused_v5("30 [ <t> 80 80 80 80 01 ]", malformed_packet);
  refused_v5("40 [ 0001 00 05 ]", malformed_packet);
}

TEST(MqttRefusal, MQTT_3_1_2_11_PropertyValues) {
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 21 0000 ] <c> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 27 00000000 ] <c> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 19 02 ] <c> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 17 02 ] <c> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 02 0000 [ 16 <d> ] <c> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 06 0000 [] <c> [ 08 <a/#> ] <w> <p> ]", protocol_error);
  refused_connect_v5("10 [ <MQTT> 05 06 0000 [] <c> [ 01 02 ] <w> <p> ]", protocol_error);
  for (const std::string_view p :
       {"21 0000", "27 00000000", "24 02", "25 02", "28 02", "29 FF", "2A 02", "16 <d>"}) {
    refused("20 [ 00 00 [ " + std::string(p) + " ] ]", kV5, kServer, protocol_error, Answer::close);
  }
}

TEST(MqttRefusal, MQTT_3_3_2_PublishValues) {
  refused_v5("30 [ <t> [ 23 0000 ] ]", topic_alias_invalid);  // [MQTT-3.3.2-8]
  refused_v5("30 [ <t> [ 01 02 ] ]", protocol_error);         // section 3.3.2.3.2
  refused_v5("30 [ <t> [ 08 <a/+> ] ]", protocol_error);      // [MQTT-3.3.2-14]
  refused_v5("30 [ <t> [ 08 <> ] ]", protocol_error);
  refused_v5("30 [ <> [] ]", protocol_error);       // section 3.3.2.1
  refused_v5("30 [ <a/#> [] ]", malformed_packet);  // [MQTT-3.3.2-2]
  refused_v5("30 [ <+> [] ]", malformed_packet);
  refused_v5("30 [ <t> [ 0B 01 ] ]", protocol_error);  // [MQTT-3.3.4-6]
  refused_v5("30 [ <t> [ 0B 00 ] ]", protocol_error, kServer);
  refused_v5("30 [ <t> [ 0B 8000 ] ]", malformed_packet, kServer);
  refused_v3("30 [ <> ]");
  refused_v3("30 [ <a/#> ]");
  refused_v3("30 00");
  refused_v3("32 [ <t> 00 ]");
}

TEST(MqttRefusal, MQTT_3_8_3_Subscribe) {
  refused_v5("82 [ 0001 [] ]", protocol_error);           // [MQTT-3.8.3-2]
  refused_v5("82 [ 0001 [] <t> 40 ]", malformed_packet);  // [MQTT-3.8.3-5]
  refused_v5("82 [ 0001 [] <t> 80 ]", malformed_packet);
  refused_v5("82 [ 0001 [] <t> 03 ]", protocol_error);  // section 3.8.3.1
  refused_v5("82 [ 0001 [] <t> 30 ]", protocol_error);
  refused_v5("82 [ 0001 [] <$share/g/t> 04 ]", protocol_error);  // [MQTT-3.8.3-4]
  refused_v5("82 [ 0001 [ 0B 00 ] <t> 00 ]", protocol_error);    // section 3.8.2.1.2
  refused_v5("82 [ 0001 [] <t> ]", malformed_packet);
  refused_v5("82 [ 0001 [] <> 00 ]", malformed_packet);            // [MQTT-4.7.3-1]
  refused_v5("82 [ 0001 [] <a> 00 <a#> 00 ]", malformed_packet);   // [MQTT-4.7.1-1]
  refused_v5("82 [ 0001 [] <$share/g> 00 ]", malformed_packet);    // [MQTT-4.8.2-2]
  refused_v5("82 [ 0001 [] <$share/+/a> 00 ]", malformed_packet);  // [MQTT-4.8.2-1]
  refused_v3("82 [ 0001 ]");
  refused_v3("82 [ 0001 <t> 04 ]");
  refused_v3("82 [ 0001 <t> 03 ]");
  refused_v3("82 [ 0001 <t> ]");
  refused_v3("82 [ 0001 <a/#/b> 00 ]");
}

TEST(MqttRefusal, MQTT_3_10_3_Unsubscribe) {
  refused_v5("A2 [ 0001 [] ]", protocol_error);  // [MQTT-3.10.3-2]
  refused_v5("A2 [ 0001 [] <> ]", malformed_packet);
  refused_v5("A2 [ 0001 [] <a> 00 ]", malformed_packet);
  refused_v3("A2 [ 0001 ]");
  refused_v3("A2 [ 0001 <a+> ]");
}

TEST(MqttRefusal, MQTT_3_2_2_Connack) {
  refused("20 03 02 00 00", kV5, kServer, malformed_packet, Answer::close);  // [MQTT-3.2.2-1]
  refused("20 03 01 87 00", kV5, kServer, protocol_error, Answer::close);    // [MQTT-3.2.2-6]
  refused("20 03 00 93 00", kV5, kServer, protocol_error, Answer::close);    // [MQTT-3.2.2-8]
  refused("20 02 00 00", kV5, kServer, malformed_packet, Answer::close);
  refused_v3("20 02 00 06", kServer);
  refused_v3("20 02 01 05", kServer);
  refused_v3("20 03 00 00 00", kServer);
}

TEST(MqttRefusal, MQTT_2_4_ReasonCodeOfAnotherPacket) {
  refused_v5("40 03 0001 92", protocol_error);  // [MQTT-3.4.2-1]
  refused_v5("62 03 0001 10", protocol_error);  // [MQTT-3.6.2-1]
  refused_v5("40 03 0001 7E", protocol_error);
  refused_v5("90 [ 0001 [] 03 ]", protocol_error, kServer);  // [MQTT-3.9.3-2]
  refused_v5("90 [ 0001 [] ]", protocol_error, kServer);
  refused_v5("B0 [ 0001 [] 01 ]", protocol_error, kServer);     // [MQTT-3.11.3-2]
  refused_v5("E0 01 8E", protocol_error);                       // only a server's
  refused_v5("E0 01 04", protocol_error, kServer);              // only a client's
  refused_v5("F0 [ 19 [ 15 <m> ] ]", protocol_error, kServer);  // section 3.15.2.1
  refused_v5("F0 [ 00 [ 15 <m> ] ]", protocol_error);
  refused_v3("90 [ 0001 03 ]", kServer);
}

TEST(MqttRefusal, MQTT_3_14_2_2_DisconnectProperties) {
  refused_v5("E0 [ 81 [ 11 00000001 ] ]", protocol_error, kServer);  // [MQTT-3.14.2-2]
  refused_v5("E0 [ 81 [ 1C <s> ] ]", protocol_error);
  refused_v3("E0 01 00");
}

TEST(MqttRefusal, MQTT_3_15_2_2_AuthMethodIsRequired) {
  refused_v5("F0 [ 18 [] ]", protocol_error);
  refused_v5("F0 01 18", malformed_packet);
  refused_v5("F0 00", protocol_error);  // stands for success, which only a server says
}

TEST(MqttRefusal, MQTT_4_13_TrailingBytes) {
  for (const std::string_view text : {"C0 01 00", "E0 [ 00 [] 00 ]", "40 [ 0001 00 [] 00 ]"}) {
    refused_v5(text, malformed_packet);
  }
  for (const std::string_view text : {"C0 01 00", "40 03 0001 00", "62 04 0001 00 00"}) refused_v3(text);
  refused_v3("B0 03 0001 00", kServer);
  refused_v3("D0 01 00", kServer);
}

TEST(MqttRefusal, FrameOfAnotherLength) {
  refused_v5("C0 00 00", malformed_packet);
  refused_v5("C0", malformed_packet);
  refused_v5("", malformed_packet);
  EXPECT_FALSE(decode_publish(bytes_of("C0 00"), kV5, kClient));
  EXPECT_FALSE(decode_publish(bytes_of("30 [ <t> [] ] 00"), kV5, kClient));
  EXPECT_FALSE(decode_connect(bytes_of("C0 00")));
}

TEST(MqttLimits, TopicLevels) {
  const std::string most = repeated("/", kMaxTopicLevels - 1);
  accepted("30 [ <" + most + "> [] ]", kV5);
  refused_v5("30 [ <" + most + "/> [] ]", topic_name_invalid);
  refused_v5("82 [ 0001 [] <" + most + "/> 00 ]", topic_filter_invalid);
  refused_v5("A2 [ 0001 [] <" + most + "/> ]", topic_filter_invalid);
  refused_connect_v5("10 [ <MQTT> 05 06 0000 [] <c> [] <" + most + "/> <p> ]", topic_name_invalid);
}

TEST(MqttLimits, UserProperties) {
  const std::string most = repeated("26 <k> <v> ", kMaxUserProperties);
  accepted("30 [ <t> [ " + most + " ] ]", kV5);
  refused_v5("30 [ <t> [ " + most + " 26 <k> <v> ] ]", quota_exceeded);
  const std::vector<UserProperty> many(kMaxUserProperties + 1, {"k", "v"});
  Publish publish;
  publish.topic = "t";
  publish.properties.user = UserProperties(many);
  Bytes out(4096);
  EXPECT_EQ(encode(publish, kV5, out).error().code, Errc::limit_exceeded);
}

TEST(MqttLimits, SubscriptionIdentifiers) {
  const std::string most = repeated("0B 01 ", kMaxSubscriptionIdentifiers);
  accepted("30 [ <t> [ " + most + " ] ]", kV5, kServer);
  refused_v5("30 [ <t> [ " + most + " 0B 01 ] ]", quota_exceeded, kServer);
}

TEST(MqttLimits, FiltersPerPacket) {
  const std::string most = repeated("<t> 01 ", kMaxFiltersPerPacket);
  accepted("82 [ 0001 [] " + most + " ]", kV5);
  refused_v5("82 [ 0001 [] " + most + " <t> 01 ]", quota_exceeded);
  const std::string filters = repeated("<t> ", kMaxFiltersPerPacket);
  accepted("A2 [ 0001 [] " + filters + " ]", kV5);
  refused_v5("A2 [ 0001 [] " + filters + " <t> ]", quota_exceeded);
  refused_v5("90 [ 0001 [] " + repeated("00", kMaxFiltersPerPacket + 1) + " ]", quota_exceeded, kServer);
}

}  // namespace
}  // namespace dunlin::mqtt
