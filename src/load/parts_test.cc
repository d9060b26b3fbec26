// The parts that need no server: the sequence check, stamps, options, addresses.
#include <gmock/gmock.h>
#include <unistd.h>

#include "load/limits.h"
#include "load/options.h"
#include "load/process_usage.h"
#include "load/quick_publish.h"
#include "load/report.h"
#include "load/sequence_check.h"
#include "load/stamp.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::load {
namespace {

using testing::HasSubstr;

TEST(SequenceCheck, CountsNothingInOrder) {
  SequenceCheck check;
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(check.take(i), SequenceCheck::Arrival::in_turn);
  EXPECT_EQ(check.lost(10), 0U);
  EXPECT_EQ(check.doubled(), 0U);
  EXPECT_EQ(check.reordered(), 0U);
}

TEST(SequenceCheck, TellsLostFromReorderedAndDoubled) {
  SequenceCheck check;
  for (const std::uint64_t number : {0U, 1U, 4U, 3U, 4U, 0U, 6U}) check.take(number);
  EXPECT_EQ(check.reordered(), 1U);  // 3
  EXPECT_EQ(check.doubled(), 2U);    // 4 and 0
  EXPECT_EQ(check.lost(9), 4U);      // 2, 5, 7 and 8
}

TEST(SequenceCheck, FillsAGapFromItsMiddle) {
  SequenceCheck check;
  check.take(10);
  EXPECT_EQ(check.lost(11), 10U);
  for (const std::uint64_t number : {5U, 0U, 9U})
    EXPECT_EQ(check.take(number), SequenceCheck::Arrival::out_of_turn);
  EXPECT_EQ(check.take(5), SequenceCheck::Arrival::doubled);
  EXPECT_EQ(check.lost(11), 7U);
  for (const std::uint64_t number : {1U, 2U, 3U, 4U, 6U, 7U, 8U}) check.take(number);
  EXPECT_EQ(check.lost(11), 0U);
  EXPECT_EQ(check.reordered(), 10U);
}

TEST(SequenceCheck, GivesUpTheOldestGapPastItsLimit) {
  SequenceCheck check;
  for (std::uint64_t i = 0; i < kMaxGaps + 1; ++i) check.take(2 * i + 1);  // 0, 2, 4 ... are missing
  EXPECT_EQ(check.lost(2 * kMaxGaps + 2), kMaxGaps + 1);
  EXPECT_EQ(check.take(0), SequenceCheck::Arrival::doubled);  // no longer known
  EXPECT_EQ(check.take(2), SequenceCheck::Arrival::out_of_turn);
  EXPECT_EQ(check.lost(2 * kMaxGaps + 2), kMaxGaps);
}

TEST(Stamp, SurvivesItsBytes) {
  std::array<std::uint8_t, kStampBytes> bytes{};
  write_stamp({0x0102, 0xFFFE, 0xFEDCBA987654, kMaxDuration + Duration{1}}, bytes.data());
  const Stamp stamp = read_stamp(bytes);
  EXPECT_EQ(stamp.run, 0x0102);
  EXPECT_EQ(stamp.publisher, 0xFFFE);
  EXPECT_EQ(stamp.number, 0xFEDCBA987654U);
  EXPECT_EQ(stamp.moment, kMaxDuration + Duration{1});
}

TEST(QuickPublish, AgreesWithTheDecoder) {
  const std::vector<std::uint8_t> payload(300, 0xAB);
  for (const auto version : {mqtt::ProtocolVersion::v3_1_1, mqtt::ProtocolVersion::v5}) {
    for (int qos = 0; qos <= 2; ++qos) {
      mqtt::Publish publish{.topic = "a/b", .payload = payload};
      publish.qos = static_cast<mqtt::QoS>(qos);
      if (qos > 0) publish.packet_id = 0x1234;
      if (version == mqtt::ProtocolVersion::v5) publish.properties.content_type = "text";
      std::vector<std::uint8_t> frame(mqtt::encoded_size(publish, version));
      ASSERT_TRUE(mqtt::encode(publish, version, frame).has_value());
      const auto quick = quick_publish(frame, version);
      ASSERT_TRUE(quick.has_value());
      EXPECT_EQ(quick->qos, publish.qos);
      EXPECT_EQ(quick->packet_id, publish.packet_id);
      EXPECT_TRUE(std::ranges::equal(quick->payload, payload));
    }
  }
}

TEST(QuickPublish, LeavesWhatIsCutToTheDecoder) {
  const std::vector<std::uint8_t> frame{0x32, 5, 0, 3, 'a', '/', 'b'};  // the identifier is missing
  EXPECT_FALSE(quick_publish(frame, mqtt::ProtocolVersion::v5).has_value());
  EXPECT_FALSE(quick_publish(ByteView(frame).first(2), mqtt::ProtocolVersion::v5).has_value());
  const std::vector<std::uint8_t> qos3{0x36, 7, 0, 3, 'a', '/', 'b', 0, 1};
  EXPECT_FALSE(quick_publish(qos3, mqtt::ProtocolVersion::v3_1_1).has_value());
}

TEST(LoadOptions, BoundWhatIsUnderWay) {
  LoadOptions options;
  options.mode = LoadMode::fan_in;
  options.publishers = 100;
  options.subscribers = 1;
  EXPECT_EQ(checked(options)->window, 200U);
  options.qos = mqtt::QoS::at_least_once;
  EXPECT_EQ(checked(options)->window, 100U);
  options.payload_bytes = kMaxPayloadBytes;
  EXPECT_EQ(checked(options).error().code, Errc::invalid_argument);  // 100 of them
  options.publishers = 4;
  EXPECT_EQ(checked(options)->window, 4U);
}

TEST(LoadOptions, RefuseWhatIsPastALimit) {
  const auto refusal = [](auto change) {
    LoadOptions options;
    change(options);
    const auto result = checked(options);
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_EQ(refusal([](LoadOptions&) {}), "taken");
  EXPECT_THAT(refusal([](LoadOptions& o) { o.payload_bytes = 15; }), HasSubstr("16 to"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.publishers = 0; }), HasSubstr("subscriber"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.publishers = kMaxConnections; }), HasSubstr("connections"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.connecting = kMaxConnecting + 1; }), HasSubstr("at once"));
  EXPECT_THAT(refusal([](LoadOptions& o) {
                o.mode = LoadMode::fan_in;
                o.publishers = o.subscribers = 2000;
              }),
              HasSubstr("times"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.window = kMaxWindow + 1; }), HasSubstr("window"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.batch = 0; }), HasSubstr("batch"));
  EXPECT_THAT(refusal([](LoadOptions& o) {
                o.window = 5;
                o.batch = 6;
              }),
              HasSubstr("fit into the window"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.rate = kMaxRate * 2; }), HasSubstr("rate"));
  EXPECT_THAT(refusal([](LoadOptions& o) {
                o.mode = LoadMode::churn;
                o.rate = 1;
              }),
              HasSubstr("no meaning in the mode churn"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.duration = kMaxDuration * 2; }), HasSubstr("24 hours"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.retained_messages = kMaxRetained + 1; }), HasSubstr("retained"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.topic_prefix = "a/#"; }), HasSubstr("topic name"));
  EXPECT_THAT(refusal([](LoadOptions& o) { o.server.transport = Transport::tls; }), HasSubstr("CA file"));
}

TEST(ServerAddress, IsReadAndWritten) {
  for (const char* text : {"mqtt://127.0.0.1:1883", "mqtts://broker.example:9999", "ws://127.0.0.1:8080/mqtt",
                           "wss://[::1]:8443/other"}) {
    const auto address = parse_server_address(text);
    ASSERT_TRUE(address.has_value()) << address.error().message;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(to_string(*parse_server_address("mqtts://host")), "mqtts://host:8883");
  EXPECT_EQ(to_string(*parse_server_address("ws://[::1]")), "ws://[::1]:8080/mqtt");
}

TEST(ServerAddress, RefusesTheRest) {
  for (const char* text :
       {"", "127.0.0.1:1883", "http://host", "mqtt://host/mqtt", "mqtt://:1883", "mqtt://host:x"})
    EXPECT_FALSE(parse_server_address(text).has_value()) << text;
}

TEST(LoadModes, HaveNames) {
  for (const char* name : {"pairs", "fan-out", "fan-in", "shared", "idle", "churn", "retained"})
    EXPECT_EQ(load_mode_name(parse_load_mode(name).value()), name);
  EXPECT_THAT(parse_load_mode("fan").error().message, HasSubstr("fan-out"));
}

TEST(LoadReport, KnowsWhatIsAFault) {
  LoadOptions options;
  const auto faultless = [&options](auto change) {
    LoadReport report;
    change(report);
    return report.faultless(options);
  };
  const auto doubled = [](LoadReport& r) { r.doubled = 1; };
  EXPECT_TRUE(faultless([](LoadReport&) {}));
  EXPECT_FALSE(faultless([](LoadReport& r) { r.lost = 1; }));
  EXPECT_FALSE(faultless([](LoadReport& r) { r.reordered = 1; }));
  EXPECT_FALSE(faultless([](LoadReport& r) { r.failed_connections = 1; }));
  options.qos = mqtt::QoS::at_least_once;
  EXPECT_TRUE(faultless(doubled));
  options.qos = mqtt::QoS::exactly_once;
  EXPECT_FALSE(faultless(doubled));
}

TEST(ProcessUsage, RefusesAProcessThatIsNotThere) {
  const auto fs = make_system_fs();
  EXPECT_GT(process_usage(*fs, {::getpid()})->resident_bytes, 0U);
  EXPECT_EQ(process_usage(*fs, {0}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace dunlin::load
