#include "service/forward/aggregator.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "service/forward/limits.h"
#include "service/forward/number_text.h"
#include "service/forward/stamp.h"
#include "service/forward/upstream.h"

namespace dunlin::forward {
namespace {

constexpr std::string_view kTopic = "demo/plant1/machine/press-01/temperature";

hub::Message reading(std::string_view payload, std::int64_t at_ms, std::string_view topic = kTopic) {
  hub::Message message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(payload);
  message.received_at = from_unix_milliseconds(at_ms);
  return message;
}

Aggregator make(AggregateRule rule) {
  rule.filter = "demo/#";
  EXPECT_TRUE(check(rule).has_value());
  return Aggregator({std::move(rule)}, model::Mapping::standard());
}

boost::json::object parse(const Summary& summary) {
  return boost::json::parse(summary.payload).as_object();
}
double number(const Summary& summary, const char* name) {
  return parse(summary).at(name).to_number<double>();
}

TEST(Statistics, MatchHandComputedNumbers) {
  Statistics statistics;
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) statistics.add(value);
  EXPECT_EQ(statistics.count(), 8U);
  EXPECT_DOUBLE_EQ(statistics.mean(), 5.0);
  EXPECT_DOUBLE_EQ(statistics.min(), 2.0);
  EXPECT_DOUBLE_EQ(statistics.max(), 9.0);
  // Squared distances sum to 32; the sample's divisor is 7.
  EXPECT_DOUBLE_EQ(statistics.deviation(), std::sqrt(32.0 / 7.0));
}

TEST(Statistics, KeepPrecisionFarFromZero) {
  Statistics statistics;
  for (const double value : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) statistics.add(value);
  EXPECT_DOUBLE_EQ(statistics.deviation(), std::sqrt(30.0));
}

TEST(Aggregator, SumsUpSixtyReadingsByDefault) {
  Aggregator aggregator = make({});
  std::vector<Summary> ended;
  for (int i = 1; i <= 60; ++i) {
    EXPECT_TRUE(ended.empty());
    ended = aggregator.take(reading(std::to_string(i), 1000 + i));
  }
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].topic, "demo/plant1/machine/press-01/temperature.summary");
  EXPECT_EQ(number(ended[0], "count"), 60);
  EXPECT_DOUBLE_EQ(number(ended[0], "mean"), 30.5);
  EXPECT_EQ(number(ended[0], "min"), 1);
  EXPECT_EQ(number(ended[0], "max"), 60);
  EXPECT_DOUBLE_EQ(number(ended[0], "std"), std::sqrt(60.0 * 61.0 / 12.0));
  EXPECT_EQ(number(ended[0], "t_first"), 1001);
  EXPECT_EQ(number(ended[0], "t_last"), 1060);
  EXPECT_EQ(number(ended[0], "t"), 1060);
  EXPECT_EQ(number(ended[0], "seq"), 1);
  EXPECT_EQ(number(ended[0], "anomaly_count"), 0);
}

TEST(Aggregator, SummaryIsAMeasurementOfThePlatform) {
  Aggregator aggregator = make({.count = 1});
  const auto ended = aggregator.take(reading("{\"value\":20.5,\"t\":5000}", 9000));
  ASSERT_EQ(ended.size(), 1U);
  const auto mapped = model::Mapping::standard().samples_of(reading(ended[0].payload, 9999, ended[0].topic));
  ASSERT_TRUE(mapped.has_value());
  ASSERT_FALSE(mapped->samples.empty());
  EXPECT_EQ(mapped->samples[0].channel, "temperature.summary.count");
  EXPECT_EQ(unix_milliseconds(mapped->samples[0].t_source), 5000);
}

TEST(Aggregator, CountsReadingsOutsideTheLastWindow) {
  Aggregator aggregator = make({.count = 4, .anomaly_sigma = 3, .low = 5, .high = 100});
  std::vector<Summary> ended;
  for (const char* value : {"10", "11", "10", "11"}) ended = aggregator.take(reading(value, 1));
  EXPECT_EQ(number(ended.at(0), "anomaly_count"), 0);  // nothing to compare with
  // Mean 10.5, deviation 0.577: 13 is 4.3 of them away, 12 is 2.6; 4 and 101 break the limits too.
  for (const char* value : {"13", "12", "4", "101"}) ended = aggregator.take(reading(value, 2));
  EXPECT_EQ(number(ended.at(0), "anomaly_count"), 3);
}

TEST(Aggregator, WindowsOfTimeEndAtWholeMultiples) {
  Aggregator aggregator = make({.count = 0, .window = std::chrono::seconds{10}});
  EXPECT_TRUE(aggregator.take(reading("1", 12'000)).empty());
  EXPECT_TRUE(aggregator.take(reading("3", 19'999)).empty());
  auto ended = aggregator.take(reading("5", 20'000));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(number(ended[0], "count"), 2);
  EXPECT_EQ(number(ended[0], "t"), 20'000);
  EXPECT_TRUE(aggregator.close_until(from_unix_milliseconds(30'999)).empty());
  ended = aggregator.close_until(from_unix_milliseconds(31'000));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(number(ended[0], "count"), 1);
  EXPECT_TRUE(aggregator.close_until(from_unix_milliseconds(99'000)).empty());
}

TEST(Aggregator, TwoWindowsNeverShareATime) {
  Aggregator aggregator = make({.count = 2});
  std::vector<double> times;
  for (int i = 0; i < 6; ++i) {
    hub::Message message = reading("1", 7000);
    message.received_at += Duration{i};  // the hub never gives two messages the same time of arrival
    for (const Summary& summary : aggregator.take(message)) times.push_back(number(summary, "t"));
  }
  EXPECT_EQ(times, (std::vector<double>{7000, 7001, 7002}));
}

TEST(Aggregator, AnObjectOfNumbersIsSeveralChannels) {
  Aggregator aggregator = make({.count = 1});
  const auto ended = aggregator.take(reading("{\"x\":1,\"y\":2}", 1));
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].topic, "demo/plant1/machine/press-01/temperature.x.summary");
  EXPECT_EQ(ended[1].topic, "demo/plant1/machine/press-01/temperature.y.summary");
}

TEST(Aggregator, LeavesOutWhatIsNoNumberOrNoTopic) {
  Aggregator aggregator = make({.count = 1});
  EXPECT_TRUE(aggregator.take(reading("\"broken\"", 1)).empty());
  EXPECT_TRUE(aggregator.take(reading("not json", 1)).empty());
  EXPECT_TRUE(aggregator.take(reading("{\"a/b\":1,\"#\":2}", 1)).empty());
  EXPECT_EQ(aggregator.size(), 0U);
  EXPECT_TRUE(aggregator.covers(reading("1", 1)));
  EXPECT_FALSE(aggregator.covers(reading("\"broken\"", 1)));
  EXPECT_FALSE(aggregator.covers(reading("{\"a/b\":1}", 1)));
  EXPECT_FALSE(aggregator.covers(reading("1", 1, "other/plant1/machine/press-01/temperature")));
}

TEST(Aggregator, DoesNotSumUpItsOwnSummaries) {
  Aggregator aggregator = make({.count = 1});
  hub::Message message = reading("1", 1);
  message.principal = make_service_principal(kAggregatorName);
  EXPECT_TRUE(is_summary(message));
  EXPECT_TRUE(aggregator.take(message).empty());
  EXPECT_FALSE(aggregator.covers(message));
}

TEST(Aggregator, GoesOnFromItsSavedState) {
  Aggregator straight = make({.count = 7, .window = std::chrono::seconds{60}});
  Aggregator first = make({.count = 7, .window = std::chrono::seconds{60}});
  std::vector<std::string> expected;
  std::vector<std::string> got;
  for (int i = 0; i < 40; ++i) {
    const hub::Message message = reading(std::to_string(i * 0.1), 1'700'000'000'000 + i * 7000L);
    for (const Summary& summary : straight.take(message)) expected.push_back(summary.payload);
    for (const Summary& summary : first.take(message)) got.push_back(summary.payload);
    Aggregator next = make({.count = 7, .window = std::chrono::seconds{60}});
    for (const std::string& key : first.take_changed()) {
      const auto state = decode_channel(encode_channel(*first.find(key)));
      ASSERT_TRUE(state.has_value()) << state.error().message;
      next.restore(key, *state);
    }
    first = std::move(next);
  }
  EXPECT_GE(expected.size(), 4U);
  EXPECT_EQ(got, expected);
}

TEST(Aggregator, RefusesStateThatIsDamaged) {
  EXPECT_FALSE(decode_channel("").has_value());
  EXPECT_FALSE(decode_channel("{}").has_value());
  EXPECT_FALSE(decode_channel("[1]").has_value());
  std::string text = encode_channel({});
  text.replace(text.find("\"version\":1"), 11, "\"version\":9");
  EXPECT_EQ(decode_channel(text).error().code, Errc::unsupported);
}

TEST(Aggregator, RefusesChannelsPastTheLimit) {
  Aggregator aggregator = make({});
  for (std::size_t i = 0; i <= kMaxAggregatedChannels; ++i) {
    aggregator.take(reading("1", 1, "demo/s/t/device" + std::to_string(i) + "/x"));
  }
  EXPECT_EQ(aggregator.size(), kMaxAggregatedChannels);
  EXPECT_EQ(aggregator.refused(), 1U);
}

TEST(AggregateRule, ChecksItsBounds) {
  EXPECT_FALSE(check({.filter = "a/#/b"}).has_value());
  EXPECT_FALSE(check({.filter = "a", .count = 0}).has_value());
  EXPECT_FALSE(check({.filter = "a", .count = kMaxWindowCount + 1}).has_value());
  EXPECT_FALSE(check({.filter = "a", .window = kMaxWindow + std::chrono::seconds{1}}).has_value());
  EXPECT_FALSE(check({.filter = "a", .anomaly_sigma = -1}).has_value());
}

TEST(Stamp, RisesAlsoWhereTimeStandsStill) {
  const WallTime now = from_unix_milliseconds(1'700'000'000'000);
  std::int64_t stamp = next_stamp(0, now);
  EXPECT_EQ(stamp, 1'700'000'000'000'000);
  EXPECT_EQ(next_stamp(stamp, now), stamp + 1);
  EXPECT_EQ(next_stamp(stamp, now - std::chrono::milliseconds{500}), stamp + 1);
  // A clock that was hours ahead is believed again.
  EXPECT_EQ(next_stamp(stamp, now - std::chrono::hours{3}), stamp - 3LL * 3600 * 1'000'000);
}

TEST(Stamp, AddsWhatIsMissing) {
  const auto stamped = [](std::string_view payload) {
    return std::string(stamped_payload(Slice::copy_of(payload), 1'700'000'000'123'004, 42).text());
  };
  EXPECT_EQ(stamped("7.5"), R"({"value":7.5,"t":1700000000123.004,"seq":42})");
  EXPECT_EQ(stamped("\"on\""), R"({"value":"on","t":1700000000123.004,"seq":42})");
  EXPECT_EQ(stamped(" {\"value\":1}"), R"({"t":1700000000123.004,"seq":42,"value":1})");
  EXPECT_EQ(stamped("{\"x\":1,\"seq\":7}"), R"({"t":1700000000123.004,"x":1,"seq":7})");
  EXPECT_EQ(stamped("{\"value\":1,\"t\":5}"), R"({"value":1,"t":5})");
}

TEST(Stamp, NeighboursAreTwoTimesToThePlatform) {
  const model::Mapping mapping = model::Mapping::standard();
  const auto time_of = [&](std::int64_t stamp) {
    const Slice payload = stamped_payload(Slice::copy_of("1"), stamp, 1);
    return mapping.samples_of(reading(payload.text(), 1))->samples.at(0).t_source;
  };
  for (std::int64_t stamp = 1'794'400'000'000'000; stamp < 1'794'400'000'002'000; ++stamp) {
    ASSERT_LT(time_of(stamp), time_of(stamp + 1)) << stamp;
  }
}

TEST(NumberText, IsJson) {
  EXPECT_EQ(number_text(20.5), "20.5");
  EXPECT_EQ(number_text(60), "60");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(milliseconds_text(from_unix_milliseconds(5)), "5");
  EXPECT_EQ(milliseconds_text(from_unix_nanoseconds(5'000'001'000)), "5000.001");
}

}  // namespace
}  // namespace dunlin::forward
