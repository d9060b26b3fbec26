#include "transport/http/live_trace.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "base/virtual_executor.h"

namespace dunlin::transport {
namespace {

using Rights = LiveTrace::Rights;
using ::testing::ElementsAre;

struct LiveTraceTest : testing::Test {
  std::unique_ptr<LiveTrace> page(Rights rights) {
    return std::make_unique<LiveTrace>(LiveTrace::Parts{
        executor, tracer, kDefaultTenant, rights, [this](const boost::json::object& event) { take(event); },
        [this] { return reads; }});
  }
  void take(const boost::json::object& event) {
    if (event.at("type") == "trace") {
      states.push_back(std::string(event.at("state").as_string()));
      return;
    }
    dropped += event.at("dropped").to_number<std::int64_t>();
    for (const auto& one : event.at("events").as_array()) events.push_back(one.as_object());
  }
  void publish(std::string_view topic, std::string_view payload = "x") {
    hub::Message message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload);
    hub::TracePoint point{.kind = hub::TraceKind::published};
    point.client_id = "a";
    point.topic = topic;
    point.message = &message;
    tracer.report(point, executor.wall_now());
  }
  void look() { scheduler.run_for(std::chrono::milliseconds{200}); }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  hub::Tracer tracer;
  bool reads = true;
  std::vector<std::string> states;
  std::vector<boost::json::object> events;
  std::int64_t dropped = 0;
};

TEST_F(LiveTraceTest, NeedsItsPermissions) {
  page(Rights::none)->on_request(boost::json::object{});
  EXPECT_THAT(states, ElementsAre("refused"));
  page(Rights::events)->on_request(boost::json::object{{"payload", true}});
  EXPECT_THAT(states, ElementsAre("refused", "refused"));
  EXPECT_FALSE(tracer.on());
  page(Rights::payloads)->on_request(boost::json::object{{"payload", true}});
  EXPECT_THAT(states, ElementsAre("refused", "refused", "running"));
}

TEST_F(LiveTraceTest, ShowsWhatItsFilterMatchesAndEndsOnDemand) {
  const auto trace = page(Rights::payloads);
  trace->on_request(boost::json::object{{"topic", "t/+"}, {"payload", true}});
  publish("t/1", "hello");
  publish("u", "hello");
  publish("t/2", "\xff\xfe");
  look();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].at("event"), "published");
  EXPECT_EQ(events[0].at("payload"), "hello");
  EXPECT_EQ(events[0].at("bytes"), 5);
  EXPECT_EQ(events[1].at("payload_base64"), "//4=");
  trace->on_request("stop");
  publish("t/1");
  look();
  EXPECT_EQ(events.size(), 2U);
  EXPECT_THAT(states, ElementsAre("running", "ended"));
  EXPECT_FALSE(tracer.on());
}

TEST_F(LiveTraceTest, HidesPayloadsThatWereNotAskedFor) {
  const auto trace = page(Rights::payloads);
  trace->on_request(boost::json::object{});
  publish("t", "secret");
  look();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_FALSE(events[0].contains("payload"));
}

TEST_F(LiveTraceTest, APageThatDoesNotReadGetsACountInstead) {
  const auto trace = page(Rights::events);
  trace->on_request(boost::json::object{{"seconds", 2}});
  reads = false;
  for (int i = 0; i < 10; ++i) publish("t");
  look();
  EXPECT_TRUE(events.empty());
  reads = true;
  publish("t");
  look();
  EXPECT_EQ(events.size(), 1U);
  EXPECT_EQ(dropped, 10);
  scheduler.run_for(std::chrono::seconds{3});
  EXPECT_THAT(states, ElementsAre("running", "ended"));
}

TEST_F(LiveTraceTest, AWrongFilterIsRefusedAndANewTraceReplacesTheOld) {
  const auto trace = page(Rights::events);
  trace->on_request(boost::json::object{{"topic", "a/#/b"}});
  EXPECT_THAT(states, ElementsAre("refused"));
  for (std::size_t i = 0; i < 2 * hub::kMaxTraces; ++i)
    trace->on_request(boost::json::object{{"topic", "t"}});
  publish("t");
  look();
  EXPECT_EQ(events.size(), 1U);
}

}  // namespace
}  // namespace dunlin::transport
