// Packets byte by byte, named by the clause that rules them (MQTT 5.0 numbering unless the name says V3).

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/test_bytes.h"

namespace dunlin::mqtt {
namespace {

using test::Bytes;
using test::bytes_of;
constexpr ProtocolVersion kV3 = ProtocolVersion::v3_1_1;
constexpr ProtocolVersion kV5 = ProtocolVersion::v5;

// Decodes the bytes, lets the caller look, encodes what was decoded and wants the same bytes.
template <class P, class Check>
void golden(std::string_view text, ProtocolVersion version, Sender sender, Check check) {
  const Bytes bytes = bytes_of(text);
  const FrameResult frame = frame_length(bytes, kMaxPacketBytes);
  ASSERT_EQ(frame.status, FrameResult::Status::complete) << text;
  ASSERT_EQ(frame.length, bytes.size()) << text;
  const auto packet = decode(bytes, version, sender);
  ASSERT_TRUE(packet) << text << ": " << packet.error().why;
  const P* value = std::get_if<P>(&*packet);
  ASSERT_NE(value, nullptr) << text;
  check(*value);
  Bytes out(encoded_size(*value, version));
  const auto length = encode(*value, version, out);
  ASSERT_TRUE(length) << text << ": " << length.error().context;
  EXPECT_EQ(out, bytes) << text;
}

template <class T>
std::vector<T> items(const ListView<T>& list) {
  std::vector<T> all;
  for (const T& item : list) all.push_back(item);
  return all;
}

const std::vector<UserProperty> kTwoUserProperties = {{"k", "v1"}, {"k", "v2"}};

TEST(MqttGolden, MQTT_3_1_2_1_ProtocolNameAndVersion) {
  const Bytes literal = {0x10, 0x10, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 4, 'd', 'e', 'v', '1'};
  EXPECT_EQ(bytes_of("10 [ <MQTT> 04 02 003C <dev1> ]"), literal);
  golden<Connect>("10 [ <MQTT> 04 02 003C <dev1> ]", kV3, Sender::client, [](const Connect& c) {
    EXPECT_EQ(c.version, kV3);
    EXPECT_EQ(c.client_id, "dev1");
    EXPECT_TRUE(c.clean_start);
    EXPECT_EQ(c.keep_alive, 60);
    EXPECT_FALSE(c.will || c.user_name || c.password);
  });
  golden<Connect>("10 [ <MQTT> 05 00 0000 [] <> ]", kV5, Sender::client, [](const Connect& c) {
    EXPECT_EQ(c.version, kV5);
    EXPECT_TRUE(c.client_id.empty());
    EXPECT_FALSE(c.clean_start);
  });
}

TEST(MqttGolden, MQTT_3_1_3_1_PayloadOrder) {
  golden<Connect>("10 [ <MQTT> 04 F6 FFFF <c> <will/t> <bye> <user> <pass> ]", kV3, Sender::client,
                  [](const Connect& c) {
                    ASSERT_TRUE(c.will && c.user_name && c.password);
                    EXPECT_EQ(c.will->topic, "will/t");
                    EXPECT_EQ(as_text(c.will->payload), "bye");
                    EXPECT_EQ(c.will->qos, QoS::exactly_once);
                    EXPECT_TRUE(c.will->retain);
                    EXPECT_EQ(*c.user_name, "user");
                    EXPECT_EQ(as_text(*c.password), "pass");
                    EXPECT_EQ(c.keep_alive, 65'535);
                  });
}

TEST(MqttGolden, V5_3_1_2_9_PasswordWithoutUserName) {
  golden<Connect>("10 [ <MQTT> 05 42 0000 [] <c> <secret> ]", kV5, Sender::client, [](const Connect& c) {
    EXPECT_FALSE(c.user_name);
    EXPECT_EQ(as_text(*c.password), "secret");
  });
}

TEST(MqttGolden, MQTT_3_1_2_11_ConnectProperties) {
  golden<Connect>(
      "10 [ <MQTT> 05 02 000A [ 11 FFFFFFFF 21 0014 27 00010000 22 000A 19 01 17 00 15 <SCRAM> 16 <d> "
      "26 <k> <v1> 26 <k> <v2> ] <c> ]",
      kV5, Sender::client, [](const Connect& c) {
        const ConnectProperties& p = c.properties;
        EXPECT_EQ(p.session_expiry_interval, 0xFFFF'FFFFU);
        EXPECT_EQ(p.receive_maximum, 20);
        EXPECT_EQ(p.maximum_packet_size, 65'536U);
        EXPECT_EQ(p.topic_alias_maximum, 10);
        EXPECT_EQ(p.request_response_information, true);
        EXPECT_EQ(p.request_problem_information, false);
        EXPECT_EQ(p.authentication_method, "SCRAM");
        EXPECT_EQ(as_text(*p.authentication_data), "d");
        EXPECT_EQ(items(p.user), kTwoUserProperties);
      });
}

TEST(MqttGolden, MQTT_3_1_3_2_WillProperties) {
  golden<Connect>(
      "10 [ <MQTT> 05 0E 0000 [] <c> [ 18 00000005 01 01 02 0000003C 03 <text> 08 <r/t> 09 <id> 26 <k> <v1> "
      "26 <k> <v2> ] <w> <bye> ]",
      kV5, Sender::client, [](const Connect& c) {
        ASSERT_TRUE(c.will);
        const WillProperties& p = c.will->properties;
        EXPECT_EQ(p.will_delay_interval, 5U);
        EXPECT_EQ(p.payload_format_indicator, 1);
        EXPECT_EQ(p.message_expiry_interval, 60U);
        EXPECT_EQ(p.content_type, "text");
        EXPECT_EQ(p.response_topic, "r/t");
        EXPECT_EQ(as_text(*p.correlation_data), "id");
        EXPECT_EQ(items(p.user), kTwoUserProperties);
        EXPECT_EQ(c.will->qos, QoS::at_least_once);
        EXPECT_FALSE(c.will->retain);
      });
}

TEST(MqttGolden, V3_3_2_2_3_ConnackReturnCodes) {
  constexpr std::array kReasons = {ReasonCode::success,
                                   ReasonCode::unsupported_protocol_version,
                                   ReasonCode::client_identifier_not_valid,
                                   ReasonCode::server_unavailable,
                                   ReasonCode::bad_user_name_or_password,
                                   ReasonCode::not_authorized};
  for (std::size_t code = 0; code < kReasons.size(); ++code) {
    const std::string text = "20 [ 00 0" + std::to_string(code) + " ]";
    golden<Connack>(text, kV3, Sender::server,
                    [&](const Connack& c) { EXPECT_EQ(c.reason, kReasons[code]); });
  }
  golden<Connack>("20 02 01 00", kV3, Sender::server,
                  [](const Connack& c) { EXPECT_TRUE(c.session_present); });
}

TEST(MqttGolden, V3_3_2_2_3_NearestReturnCode) {
  EXPECT_EQ(connack_return_code(ReasonCode::server_busy), 3);
  EXPECT_EQ(connack_return_code(ReasonCode::banned), 5);
  EXPECT_EQ(connack_return_code(ReasonCode::malformed_packet), std::nullopt);
  std::array<std::uint8_t, 8> out{};
  const auto length = encode(Connack{false, ReasonCode::malformed_packet, {}}, kV3, out);
  ASSERT_FALSE(length);
  EXPECT_EQ(length.error().code, Errc::unsupported);
}

TEST(MqttGolden, MQTT_3_2_2_3_ConnackProperties) {
  golden<Connack>("20 03 00 87 00", kV5, Sender::server,
                  [](const Connack& c) { EXPECT_EQ(c.reason, ReasonCode::not_authorized); });
  golden<Connack>(
      "20 [ 01 00 [ 22 000A 11 0000000A 12 <auto-1> 13 003C 24 01 25 00 27 00001000 28 01 29 00 2A 01 "
      "1A <info> 1C <other> 15 <SCRAM> 16 <d> 1F <why> 26 <k> <v1> 26 <k> <v2> 21 0014 ] ]",
      kV5, Sender::server, [](const Connack& c) {
        const ConnackProperties& p = c.properties;
        EXPECT_TRUE(c.session_present);
        EXPECT_EQ(p.topic_alias_maximum, 10);
        EXPECT_EQ(p.session_expiry_interval, 10U);
        EXPECT_EQ(p.assigned_client_identifier, "auto-1");
        EXPECT_EQ(p.server_keep_alive, 60);
        EXPECT_EQ(p.maximum_qos, 1);
        EXPECT_EQ(p.retain_available, false);
        EXPECT_EQ(p.maximum_packet_size, 4096U);
        EXPECT_EQ(p.wildcard_subscription_available, true);
        EXPECT_EQ(p.subscription_identifier_available, false);
        EXPECT_EQ(p.shared_subscription_available, true);
        EXPECT_EQ(p.response_information, "info");
        EXPECT_EQ(p.server_reference, "other");
        EXPECT_EQ(p.authentication_method, "SCRAM");
        EXPECT_EQ(as_text(*p.authentication_data), "d");
        EXPECT_EQ(p.reason_string, "why");
        EXPECT_EQ(items(p.user), kTwoUserProperties);
        EXPECT_EQ(p.receive_maximum, 20);
      });
}

TEST(MqttGolden, MQTT_3_3_1_PublishFlags) {
  golden<Publish>("30 07 0003 'a/b' 'hi'", kV3, Sender::client, [](const Publish& p) {
    EXPECT_EQ(p.topic, "a/b");
    EXPECT_EQ(as_text(p.payload), "hi");
    EXPECT_EQ(p.qos, QoS::at_most_once);
    EXPECT_FALSE(p.dup || p.retain);
    EXPECT_EQ(p.packet_id, 0);
  });
  golden<Publish>("3B [ <a/b> 1234 ]", kV3, Sender::server, [](const Publish& p) {
    EXPECT_TRUE(p.dup && p.retain);
    EXPECT_EQ(p.qos, QoS::at_least_once);
    EXPECT_EQ(p.packet_id, 0x1234);
    EXPECT_TRUE(p.payload.empty());
  });
  golden<Publish>("34 [ <a/b> FFFF [] 'x' ]", kV5, Sender::client, [](const Publish& p) {
    EXPECT_EQ(p.qos, QoS::exactly_once);
    EXPECT_EQ(p.packet_id, 65'535);
    EXPECT_EQ(as_text(p.payload), "x");
  });
}

TEST(MqttGolden, MQTT_3_3_2_3_PublishProperties) {
  golden<Publish>(
      "32 [ <t> 0001 [ 0B 01 0B FFFFFF7F 01 01 03 <json> 08 <r> 09 <id> 26 <k> <v1> 26 <k> <v2> 02 0000000A "
      "23 0007 ] 'x' ]",
      kV5, Sender::server, [](const Publish& packet) {
        const PublishProperties& p = packet.properties;
        EXPECT_EQ(items(p.subscription_identifiers),
                  (std::vector<std::uint32_t>{1, kMaxVariableByteInteger}));
        EXPECT_EQ(p.payload_format_indicator, 1);
        EXPECT_EQ(p.content_type, "json");
        EXPECT_EQ(p.response_topic, "r");
        EXPECT_EQ(as_text(*p.correlation_data), "id");
        EXPECT_EQ(items(p.user), kTwoUserProperties);
        EXPECT_EQ(p.message_expiry_interval, 10U);
        EXPECT_EQ(p.topic_alias, 7);
      });
}

TEST(MqttGolden, MQTT_3_3_2_3_7_UserPropertiesBetweenOthers) {
  const Bytes bytes =
      bytes_of("30 [ <t> [ 26 <k> <v1> 02 0000000A 0B 05 03 <json> 26 <k> <v2> 09 <id> 0B 06 ] ]");
  const auto packet = decode_publish(bytes, kV5, Sender::server);
  ASSERT_TRUE(packet);
  EXPECT_EQ(items(packet->properties.user), kTwoUserProperties);
  EXPECT_EQ(items(packet->properties.subscription_identifiers), (std::vector<std::uint32_t>{5, 6}));
}

TEST(MqttGolden, MQTT_3_3_2_3_4_TopicAliasWithoutTopic) {
  golden<Publish>("30 [ <> [ 23 0001 ] 'x' ]", kV5, Sender::client, [](const Publish& p) {
    EXPECT_TRUE(p.topic.empty());
    EXPECT_EQ(p.properties.topic_alias, 1);
  });
}

TEST(MqttGolden, MQTT_3_4_to_3_7_Acknowledgements) {
  constexpr std::array<std::pair<std::string_view, PacketType>, 4> kTypes = {{{"40", PacketType::puback},
                                                                              {"50", PacketType::pubrec},
                                                                              {"62", PacketType::pubrel},
                                                                              {"70", PacketType::pubcomp}}};
  for (const auto& [first, type] : kTypes) {
    const auto is_type = [wanted = type](const Ack& ack) {
      EXPECT_EQ(ack.type, wanted);
      EXPECT_EQ(ack.packet_id, 0x0102);
    };
    golden<Ack>(std::string(first) + " 02 0102", kV3, Sender::client, is_type);
    golden<Ack>(std::string(first) + " 02 0102", kV5, Sender::server, is_type);
    const bool release = type == PacketType::pubrel || type == PacketType::pubcomp;
    const std::string code = release ? "92" : "97";
    golden<Ack>(std::string(first) + " 03 0102 " + code, kV5, Sender::client, [&](const Ack& ack) {
      is_type(ack);
      EXPECT_EQ(ack.reason, release ? ReasonCode::packet_identifier_not_found : ReasonCode::quota_exceeded);
    });
    golden<Ack>(std::string(first) + " [ 0102 00 [ 1F <why> 26 <k> <v1> 26 <k> <v2> ] ]", kV5, Sender::client,
                [&](const Ack& ack) {
                  is_type(ack);
                  EXPECT_EQ(ack.properties.reason_string, "why");
                  EXPECT_EQ(items(ack.properties.user), kTwoUserProperties);
                });
  }
}

TEST(MqttGolden, MQTT_3_4_2_1_LongFormOfSuccess) {
  const auto packet = decode(bytes_of("40 04 0001 00 00"), kV5, Sender::client);
  ASSERT_TRUE(packet);
  EXPECT_EQ(std::get<Ack>(*packet).reason, ReasonCode::success);
}

TEST(MqttGolden, MQTT_3_8_3_Subscribe) {
  golden<Subscribe>("82 [ 000A <a/b> 01 <c/#> 02 <+> 00 ]", kV3, Sender::client, [](const Subscribe& s) {
    EXPECT_EQ(s.packet_id, 10);
    const auto list = items(s.subscriptions);
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].filter, "a/b");
    EXPECT_EQ(list[0].qos, QoS::at_least_once);
    EXPECT_EQ(list[1].filter, "c/#");
    EXPECT_EQ(list[1].qos, QoS::exactly_once);
    EXPECT_EQ(list[2].qos, QoS::at_most_once);
  });
}

TEST(MqttGolden, MQTT_3_8_3_1_SubscriptionOptions) {
  golden<Subscribe>(
      "82 [ 0001 [ 0B 8001 26 <k> <v1> 26 <k> <v2> ] <a> 2E <$share/g/a> 19 ]", kV5, Sender::client,
      [](const Subscribe& s) {
        EXPECT_EQ(s.properties.subscription_identifier, 128U);
        EXPECT_EQ(items(s.properties.user), kTwoUserProperties);
        const auto list = items(s.subscriptions);
        ASSERT_EQ(list.size(), 2U);
        EXPECT_EQ(list[0], (Subscription{"a", QoS::exactly_once, true, true, RetainHandling::do_not_send}));
        EXPECT_EQ(list[1], (Subscription{"$share/g/a", QoS::at_least_once, false, true,
                                         RetainHandling::send_if_new_subscription}));
      });
}

TEST(MqttGolden, MQTT_3_9_3_SubackReasonCodes) {
  golden<Suback>("90 06 000A 00 01 02 80", kV3, Sender::server, [](const Suback& s) {
    EXPECT_EQ(Bytes(s.reason_codes.begin(), s.reason_codes.end()), (Bytes{0, 1, 2, 0x80}));
  });
  golden<Suback>("90 [ 0001 [ 1F <why> 26 <k> <v1> 26 <k> <v2> ] 00 01 02 80 83 87 8F 91 97 9E A1 A2 ]", kV5,
                 Sender::server, [](const Suback& s) {
                   EXPECT_EQ(s.reason_codes.size(), 12U);
                   EXPECT_EQ(s.properties.reason_string, "why");
                   EXPECT_EQ(items(s.properties.user), kTwoUserProperties);
                 });
}

TEST(MqttGolden, V3_3_9_3_EveryRefusalIs0x80) {
  const Bytes codes = {0x01, 0x87, 0xA2};
  Bytes out(16);
  const auto length = encode(Suback{1, codes, {}}, kV3, out);
  ASSERT_TRUE(length);
  out.resize(*length);
  EXPECT_EQ(out, bytes_of("90 05 0001 01 80 80"));
}

TEST(MqttGolden, MQTT_3_10_Unsubscribe) {
  golden<Unsubscribe>("A2 [ 000A <a/b> <#> ]", kV3, Sender::client, [](const Unsubscribe& u) {
    EXPECT_EQ(u.packet_id, 10);
    EXPECT_EQ(items(u.filters), (std::vector<std::string_view>{"a/b", "#"}));
  });
  golden<Unsubscribe>("A2 [ 000A [ 26 <k> <v1> 26 <k> <v2> ] <$share/g/#> ]", kV5, Sender::client,
                      [](const Unsubscribe& u) {
                        EXPECT_EQ(items(u.filters), (std::vector<std::string_view>{"$share/g/#"}));
                        EXPECT_EQ(items(u.properties.user), kTwoUserProperties);
                      });
}

TEST(MqttGolden, MQTT_3_11_Unsuback) {
  golden<Unsuback>("B0 02 000A", kV3, Sender::server,
                   [](const Unsuback& u) { EXPECT_TRUE(u.reason_codes.empty()); });
  golden<Unsuback>("B0 [ 000A [ 1F <why> 26 <k> <v1> 26 <k> <v2> ] 00 11 80 83 87 8F 91 ]", kV5,
                   Sender::server, [](const Unsuback& u) {
                     EXPECT_EQ(u.packet_id, 10);
                     EXPECT_EQ(u.reason_codes.size(), 7U);
                     EXPECT_EQ(u.properties.reason_string, "why");
                     EXPECT_EQ(items(u.properties.user), kTwoUserProperties);
                   });
}

TEST(MqttGolden, MQTT_3_12_Ping) {
  for (const ProtocolVersion version : {kV3, kV5}) {
    golden<Pingreq>("C0 00", version, Sender::client, [](const Pingreq&) {});
    golden<Pingresp>("D0 00", version, Sender::server, [](const Pingresp&) {});
  }
}

TEST(MqttGolden, MQTT_3_14_Disconnect) {
  for (const ProtocolVersion version : {kV3, kV5}) {
    golden<Disconnect>("E0 00", version, Sender::client,
                       [](const Disconnect& d) { EXPECT_EQ(d.reason, ReasonCode::normal_disconnection); });
  }
  golden<Disconnect>("E0 01 8E", kV5, Sender::server,
                     [](const Disconnect& d) { EXPECT_EQ(d.reason, ReasonCode::session_taken_over); });
  golden<Disconnect>("E0 [ 04 [ 11 00000000 1F <why> 26 <k> <v1> 26 <k> <v2> ] ]", kV5, Sender::client,
                     [](const Disconnect& d) {
                       EXPECT_EQ(d.reason, ReasonCode::disconnect_with_will_message);
                       EXPECT_EQ(d.properties.session_expiry_interval, 0U);
                       EXPECT_EQ(d.properties.reason_string, "why");
                       EXPECT_EQ(items(d.properties.user), kTwoUserProperties);
                     });
  golden<Disconnect>("E0 [ 9D [ 1C <other> ] ]", kV5, Sender::server,
                     [](const Disconnect& d) { EXPECT_EQ(d.properties.server_reference, "other"); });
}

TEST(MqttGolden, MQTT_3_15_Auth) {
  golden<Auth>("F0 00", kV5, Sender::server, [](const Auth& a) { EXPECT_EQ(a.reason, ReasonCode::success); });
  golden<Auth>("F0 [ 18 [ 15 <SCRAM> 16 <d> 1F <why> 26 <k> <v1> 26 <k> <v2> ] ]", kV5, Sender::client,
               [](const Auth& a) {
                 EXPECT_EQ(a.reason, ReasonCode::continue_authentication);
                 EXPECT_EQ(a.properties.authentication_method, "SCRAM");
                 EXPECT_EQ(as_text(*a.properties.authentication_data), "d");
                 EXPECT_EQ(a.properties.reason_string, "why");
                 EXPECT_EQ(items(a.properties.user), kTwoUserProperties);
               });
}

TEST(MqttGolden, MQTT_1_5_4_3_ByteOrderMarkIsKept) {
  golden<Connect>("10 [ <MQTT> 04 02 0000 0003 EFBBBF ]", kV3, Sender::client,
                  [](const Connect& c) { EXPECT_EQ(c.client_id, "\uFEFF"); });
}

TEST(MqttGolden, MQTT_1_5_5_RemainingLengthSizes) {
  for (const std::size_t payload : {122U, 123U, 16'378U, 16'379U, 2'097'146U, 2'097'147U}) {
    const Bytes body(payload, 'x');
    Publish publish;
    publish.topic = "abc";
    publish.payload = body;
    Bytes out(encoded_size(publish, kV3));
    ASSERT_TRUE(encode(publish, kV3, out));
    const std::size_t remaining = payload + 5;
    EXPECT_EQ(out.size(), 1 + variable_byte_size(remaining) + remaining);
    EXPECT_EQ(frame_length(out, kMaxPacketBytes).length, out.size());
    const auto packet = decode_publish(out, kV3, Sender::client);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload.size(), payload);
  }
}

}  // namespace
}  // namespace dunlin::mqtt
