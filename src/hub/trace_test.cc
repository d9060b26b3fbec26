#include "hub/trace.h"

#include <gmock/gmock.h>

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using ::testing::Not;
using testing::RecordingLink;

class TraceTest : public testing::HubTest {
 protected:
  std::unique_ptr<Trace> start(TraceRequest request) {
    auto started = hub().tracer().start(*world->executors[0], std::move(request), [this](TraceBatch batch) {
      dropped += batch.dropped;
      over |= batch.state == TraceBatch::State::over;
      std::ranges::move(batch.events, std::back_inserter(events));
    });
    EXPECT_TRUE(started.has_value());
    return started ? *std::move(started) : nullptr;
  }
  void look() { run(std::chrono::milliseconds{200}); }
  /// "kind client" of each, since the last call.
  std::vector<std::string> words() {
    std::vector<std::string> all;
    for (const TraceEvent& event : std::exchange(events, {}))
      all.push_back(std::string(trace_kind_name(event.kind)) + " " + event.client_id);
    return all;
  }

  std::vector<TraceEvent> events;
  std::uint64_t dropped = 0;
  bool over = false;
};

TEST_F(TraceTest, TellsAMessagesStory) {
  boot(1);
  RecordingLink link;
  RecordingLink publisher;
  const auto trace = start({.topic_filter = "t/#"});
  open(link, options("a"));
  open(publisher, options("p"));
  subscribe(link, "t/1");
  publisher.session->publish(message("t/1", "hello", QoS::at_least_once), 1, [](const Result<void>&) {});
  publisher.session->publish(message("u", "hello"), 0, {});
  run();
  link.session->acknowledged(link.got.at(0).packet_id);
  look();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].payload_bytes, 5U);
  EXPECT_EQ(events[0].payload, "");
  EXPECT_EQ(events[1].sessions, 1U);
  EXPECT_THAT(words(), ElementsAre("published p", "routed ", "delivered a", "acknowledged a"));
}

TEST_F(TraceTest, AClientsTraceShowsItsComingsAndGoingsToo) {
  boot(2);
  const auto trace = start({.client_id = "a", .payload = TraceRequest::Payload::show});
  RecordingLink link;
  RecordingLink other;
  open(link, options("a"));
  open(other, options("b"));
  subscribe(other, "t");
  link.session->publish(message("t", std::string(1000, 'x')), 0, {});
  run();
  other.session->publish(message("u", "x"), 0, {});
  link.session->close({"keep_alive", Session::WillFate::discard, {}});
  look();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().detail, "keep_alive");
  for (const TraceEvent& event : events) EXPECT_LE(event.payload.size(), kMaxTracePayloadBytes);
  const auto all = words();
  EXPECT_THAT(all, Contains("connected a"));
  EXPECT_THAT(all, Contains("published a"));
  EXPECT_THAT(all, Contains("disconnected a"));
  EXPECT_THAT(all, Not(Contains("connected b")));
  EXPECT_THAT(all, Not(Contains("published b")));
}

TEST_F(TraceTest, AnotherTenantsMessagesAreNotSeen) {
  boot(1);
  const auto trace = start({.tenant = TenantId{2}});
  RecordingLink link;
  open(link, options("a"));
  link.session->publish(message("t", "x"), 0, {});
  look();
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(TraceTest, MoreThanTheRateAllowsIsCounted) {
  boot(1);
  const auto trace = start({.topic_filter = "t"});
  RecordingLink link;
  open(link, options("a"));
  for (std::size_t i = 0; i < kMaxTraceEventsPerSecond; ++i) link.session->publish(message("t", "x"), 0, {});
  look();
  // "published" and "routed" for each.
  EXPECT_EQ(events.size(), kMaxTraceEventsPerSecond);
  EXPECT_EQ(dropped, kMaxTraceEventsPerSecond);
}

TEST_F(TraceTest, EndsByItselfAndCostsNothingAfterwards) {
  boot(1);
  auto trace = start({.duration = std::chrono::seconds{2}});
  EXPECT_TRUE(hub().tracer().on());
  run(std::chrono::seconds{3});
  EXPECT_TRUE(over);
  EXPECT_FALSE(hub().tracer().on());
  trace.reset();
  trace = start({.duration = std::chrono::hours{5}});
  run(kMaxTraceDuration + std::chrono::seconds{1});
  EXPECT_FALSE(hub().tracer().on());
}

TEST_F(TraceTest, OnlySoManyRunAtOnce) {
  boot(1);
  std::vector<std::unique_ptr<Trace>> traces;
  for (std::size_t i = 0; i < kMaxTraces; ++i) traces.push_back(start({}));
  const auto refused = hub().tracer().start(*world->executors[0], {}, [](const TraceBatch&) {});
  EXPECT_EQ(refused.error().code, Errc::limit_exceeded);
  traces.pop_back();
  EXPECT_NE(start({}), nullptr);
  EXPECT_EQ(hub().tracer().start(*world->executors[0], {.topic_filter = "a/#/b"}, {}).error().code,
            Errc::malformed);
}

}  // namespace
}  // namespace dunlin::hub
