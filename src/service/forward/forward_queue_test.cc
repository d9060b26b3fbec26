#include "service/forward/forward_queue.h"

#include <gmock/gmock.h>

#include <set>

#include <boost/json.hpp>

#include "service/forward/forward_fixture.h"
#include "service/forward/limits.h"

namespace dunlin::forward::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

double value_of(const std::string& payload) { return boost::json::parse(payload).as_object().at("value").to_number<double>(); }

class ForwardQueueTest : public ForwardTest {
 protected:
  void SetUp() override { boot(); }
};

TEST_F(ForwardQueueTest, SendsNothingUntilTheLineIsThere) {
  ASSERT_TRUE(publish(telemetry("1")).has_value());
  run();
  EXPECT_THAT(parts->upstream.waiting, SizeIs(0));
  EXPECT_EQ(parts->forward->status().waiting_records, 1U);
  parts->forward->link_up();
  ASSERT_THAT(parts->upstream.waiting, SizeIs(1));
  EXPECT_EQ(parts->upstream.waiting[0].message.qos, hub::QoS::at_least_once);
  EXPECT_THAT(std::string(parts->upstream.waiting[0].message.payload.text()), HasSubstr("\"value\":1,\"t\":"));
}

TEST_F(ForwardQueueTest, KeepsQos0TelemetryToo) {
  ASSERT_TRUE(publish(telemetry("1", hub::QoS::at_most_once)).has_value());
  run(std::chrono::seconds{1});
  crash_and_boot();
  parts->forward->link_up();
  EXPECT_THAT(answer_all(), SizeIs(1));
}

TEST_F(ForwardQueueTest, SendsInOrderAndNotTooMuchAtOnce) {
  parts->forward->link_up();
  for (int i = 0; i < 1500; ++i) parts->hub->publish(*machine.executor, telemetry(std::to_string(i)), {});
  run();
  EXPECT_THAT(parts->upstream.waiting, SizeIs(kMaxInFlight));
  const auto payloads = answer_all();
  ASSERT_THAT(payloads, SizeIs(1500));
  double last_time = 0;
  for (int i = 0; i < 1500; ++i) {
    EXPECT_EQ(value_of(payloads[i]), i);
    const double time = boost::json::parse(payloads[i]).as_object().at("t").to_number<double>();
    EXPECT_GT(time, last_time);
    last_time = time;
  }
  EXPECT_EQ(parts->forward->status().acknowledged, 1500U);
}

TEST_F(ForwardQueueTest, MarksOnlyWhatArrivedBeforeTheLineAsHistorical) {
  ASSERT_TRUE(publish(telemetry("1")).has_value());
  run(std::chrono::seconds{5});
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("2")).has_value());
  run();
  ASSERT_THAT(parts->upstream.waiting, SizeIs(2));
  const auto flags = [&](int i) {
    return parts->mapping.samples_of(parts->upstream.waiting[i].message)->samples.at(0).flags;
  };
  EXPECT_EQ(flags(0), model::kHistorical);
  EXPECT_EQ(flags(1), 0);
}

TEST_F(ForwardQueueTest, NeverSendsUpWhatCameDown) {
  parts->forward->link_up();
  hub::Message down = telemetry("1");
  down.principal = make_service_principal(kUplinkName);
  ASSERT_TRUE(publish(down).has_value());
  run();
  EXPECT_THAT(parts->upstream.waiting, SizeIs(0));
  // A device of that name is not the uplink.
  auto device = std::make_shared<Principal>();
  device->kind = PrincipalKind::device;
  device->name = kUplinkName;
  hub::Message own = telemetry("1");
  own.principal = device;
  ASSERT_TRUE(publish(own).has_value());
  run();
  EXPECT_THAT(parts->upstream.waiting, SizeIs(1));
}

TEST_F(ForwardQueueTest, LeavesOtherTopicsAndPayloadsAlone) {
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("1", hub::QoS::at_least_once, "private/topic")).has_value());
  ASSERT_TRUE(publish(telemetry("{\"state\":{}}", hub::QoS::at_least_once, "$dunlin/things/press-01/shadow/update")).has_value());
  ASSERT_TRUE(publish(telemetry("\xff\xd8 picture", hub::QoS::at_least_once, "demo/plant1/camera/cam-1/frame")).has_value());
  const auto payloads = answer_all();
  EXPECT_THAT(payloads, ::testing::ElementsAre("{\"state\":{}}", "\xff\xd8 picture"));
}

TEST_F(ForwardQueueTest, TriesAgainWhatThePlatformCannotTakeNow) {
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("1")).has_value());
  run();
  parts->upstream.answer(fail(Errc::unavailable, "quota exceeded"));
  EXPECT_THAT(parts->upstream.waiting, SizeIs(0));
  run(kRetryInterval + std::chrono::milliseconds{200});
  EXPECT_THAT(answer_all(), SizeIs(1));
  EXPECT_EQ(machine.metrics.value("dunlin_forward_retried_total"), 1);
}

TEST_F(ForwardQueueTest, PassesWhatThePlatformWillNeverTake) {
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("1")).has_value());
  ASSERT_TRUE(publish(telemetry("2")).has_value());
  run();
  parts->upstream.answer(fail(Errc::permission_denied, "not authorized"));
  EXPECT_THAT(answer_all(), SizeIs(1));
  EXPECT_EQ(parts->forward->status().refused, 1U);
  EXPECT_EQ(parts->forward->status().in_flight, 0U);
}

TEST_F(ForwardQueueTest, HonoursTheSendersExpiry) {
  hub::Message message = telemetry("1");
  hub::Properties properties;
  properties.expiry_seconds = 10;
  message.properties = std::make_shared<const hub::Properties>(properties);
  ASSERT_TRUE(publish(message).has_value());
  run(std::chrono::seconds{4});
  parts->forward->link_up();
  ASSERT_THAT(parts->upstream.waiting, SizeIs(1));
  EXPECT_EQ(parts->upstream.waiting[0].message.properties->expiry_seconds, 6U);
  answer_all();
  parts->forward->link_down();
  ASSERT_TRUE(publish(message).has_value());
  run(std::chrono::seconds{11});
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("2")).has_value());
  EXPECT_THAT(answer_all(), SizeIs(1));
  EXPECT_EQ(machine.metrics.value("dunlin_forward_expired_total"), 1);
}

/// After a crash some messages go up again, with the payloads they had.
TEST_F(ForwardQueueTest, LosesNothingInACrashAndRepeatsExactly) {
  std::map<double, std::string> seen;  // what the platform's series would hold: one row per time
  std::size_t taken = 0;
  int published = 0;
  for (int round = 0; round < 30; ++round) {
    parts->forward->link_up();
    for (int i = 0; i < 50; ++i) {
      // Neighbours share a time of arrival.
      parts->hub->publish(*machine.executor, telemetry(std::to_string(published + i)), {});
    }
    ASSERT_TRUE(publish(telemetry(std::to_string(published + 50))).has_value());
    published += 51;
    run(std::chrono::milliseconds{static_cast<int>(rng.below(1500))});
    for (auto left = rng.below(120); left > 0 && !parts->upstream.waiting.empty(); --left) {
      const std::string payload = parts->upstream.answer();
      ++taken;
      const double time = boost::json::parse(payload).as_object().at("t").to_number<double>();
      const auto [row, fresh] = seen.try_emplace(time, payload);
      EXPECT_EQ(row->second, payload);
    }
    run(std::chrono::milliseconds{static_cast<int>(rng.below(20))});
    crash_and_boot(rng.below(2) == 0 ? Fault::kill : Fault::power_cut);
  }
  parts->forward->link_up();
  for (const std::string& payload : answer_all()) {
    ++taken;
    const double time = boost::json::parse(payload).as_object().at("t").to_number<double>();
    const auto [row, fresh] = seen.try_emplace(time, payload);
    EXPECT_EQ(row->second, payload);
  }
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(published));
  EXPECT_GT(taken, seen.size()) << "no message was repeated: the test shows nothing";
  double expected = 0;
  for (const auto& [time, payload] : seen) EXPECT_EQ(value_of(payload), expected++);
}

TEST_F(ForwardQueueTest, SavesTheCursorWhenAskedTo) {
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("1")).has_value());
  answer_all();
  std::optional<Result<void>> flushed;
  parts->forward->flush([&](Result<void> result) { flushed = std::move(result); });
  ASSERT_TRUE(run_until([&] { return flushed.has_value(); }));
  EXPECT_TRUE(flushed->has_value());
  crash_and_boot();
  parts->forward->link_up();
  EXPECT_THAT(answer_all(), SizeIs(0));
}

class BoundTest : public ForwardTest {
 protected:
  void fill(int count) {
    const std::string text = "\"" + std::string(1000, 'x') + "\"";
    for (int i = 0; i < count; ++i) {
      if (!publish(telemetry("{\"value\":" + text + ",\"t\":" + std::to_string(next++) + "}")).has_value()) ++failed;
    }
  }
  int next = 0;
  int failed = 0;
};

TEST_F(BoundTest, DropsTheOldestAndTells) {
  options.max_bytes = 1024 * 1024;
  options.segment_bytes = log_options.segment_bytes = 64 * 1024;
  boot();
  Dropped told;
  parts->forward->on_dropped([&](const Dropped& dropped) {
    told.count += dropped.count;
    told.last = dropped.last;
  });
  for (int i = 0; i < 30; ++i) {
    fill(100);
    run(std::chrono::seconds{3});
    EXPECT_LT(parts->log->size_bytes(), 1024U * 1024 + 4 * 64 * 1024);
  }
  EXPECT_EQ(failed, 0);
  run(std::chrono::seconds{10});
  EXPECT_LE(parts->log->size_bytes(), 1024U * 1024);
  EXPECT_GT(told.count, 1900U);
  EXPECT_EQ(told.count, parts->forward->status().dropped);
  // No more than the bound asks for goes, and the rest is whole, the newest included.
  parts->forward->link_up();
  const auto payloads = answer_all();
  EXPECT_EQ(payloads.size() + told.count, 3000U);
  EXPECT_GT(payloads.size(), 700U);
  EXPECT_THAT(payloads.back(), HasSubstr("\"t\":2999}"));
}

TEST_F(BoundTest, RefusesTheNewest) {
  options.drop = DropPolicy::newest;
  options.max_bytes = log_options.max_bytes = 1024 * 1024;
  options.segment_bytes = log_options.segment_bytes = 64 * 1024;
  boot();
  fill(1500);
  EXPECT_GT(failed, 400);
  parts->forward->link_up();
  const auto payloads = answer_all();
  EXPECT_EQ(payloads.size(), 1500U - static_cast<unsigned>(failed));
  EXPECT_THAT(payloads.front(), HasSubstr("\"t\":0}"));
  // With the platform back there is room again.
  run(std::chrono::seconds{10});
  failed = 0;
  fill(10);
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace dunlin::forward::testing
