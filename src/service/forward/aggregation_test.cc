#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "service/forward/aggregation_service.h"
#include "service/forward/forward_fixture.h"

namespace dunlin::forward::testing {
namespace {

using ::testing::SizeIs;

class AggregationTest : public ForwardTest {
 protected:
  void SetUp() override {
    rules = {{.filter = "demo/#", .count = 60}};
    boot();
  }
};

double field(const std::string& payload, const char* name) {
  return boost::json::parse(payload).as_object().at(name).to_number<double>();
}

TEST_F(AggregationTest, OnlyTheSummaryGoesUp) {
  parts->forward->link_up();
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(publish(telemetry(std::to_string(i))).has_value());
  run();
  ASSERT_TRUE(publish(telemetry("\"fault\"")).has_value());  // no number: a summary cannot say it
  const auto payloads = answer_all();
  ASSERT_THAT(payloads, SizeIs(3));
  EXPECT_EQ(field(payloads[0], "count"), 60);
  EXPECT_DOUBLE_EQ(field(payloads[0], "mean"), 29.5);
  EXPECT_DOUBLE_EQ(field(payloads[1], "mean"), 89.5);
  EXPECT_EQ(field(payloads[1], "seq"), 2);
  EXPECT_THAT(payloads[2], ::testing::HasSubstr("\"fault\""));
}

/// Crashes at random moments; in the end every reading is in exactly one window.
TEST_F(AggregationTest, CountsEveryReadingOnceAcrossRestarts) {
  int published = 0;
  std::map<double, std::string> rows;
  const auto take = [&](const std::vector<std::string>& payloads) {
    for (const std::string& payload : payloads) {
      const auto [row, fresh] = rows.try_emplace(field(payload, "t"), payload);
      EXPECT_EQ(row->second, payload);
    }
  };
  for (int round = 0; round < 40; ++round) {
    parts->forward->link_up();
    for (int i = 0; i < 40; ++i) parts->hub->publish(*machine.executor, telemetry(std::to_string(published + i)), {});
    ASSERT_TRUE(publish(telemetry(std::to_string(published + 40))).has_value());
    published += 41;
    run(std::chrono::milliseconds{static_cast<int>(rng.below(8))});
    if (rng.below(3) == 0) take(answer_all());
    crash_and_boot(rng.below(2) == 0 ? Fault::kill : Fault::power_cut);
  }
  parts->forward->link_up();
  take(answer_all());
  const int windows = published / 60;
  ASSERT_THAT(rows, SizeIs(windows));
  int next = 0;
  for (const auto& [time, payload] : rows) {
    EXPECT_EQ(field(payload, "count"), 60);
    EXPECT_EQ(field(payload, "min"), next);
    EXPECT_EQ(field(payload, "max"), next + 59);
    next += 60;
  }
}

TEST_F(AggregationTest, EndsWindowsOfTimeWithoutFurtherReadings) {
  rules = {{.filter = "demo/#", .count = 0, .window = std::chrono::seconds{10}}};
  crash_and_boot();
  parts->forward->link_up();
  ASSERT_TRUE(publish(telemetry("4")).has_value());
  run(std::chrono::seconds{15});
  const auto payloads = answer_all();
  ASSERT_THAT(payloads, SizeIs(1));
  EXPECT_EQ(field(payloads[0], "count"), 1);
}

TEST_F(AggregationTest, TriesAgainWhenTheDiskIsFull) {
  parts->forward->link_up();
  for (int i = 0; i < 59; ++i) ASSERT_TRUE(publish(telemetry("1")).has_value());
  // The next reading fits, the summary and the state do not for a while.
  bool done = false;
  parts->hub->publish(*machine.executor, telemetry("1"), [&](Result<void> result) {
    done = result.has_value();
    machine.fs.set_capacity(0);
  });
  ASSERT_TRUE(run_until([&] { return done; }));
  run(std::chrono::seconds{3});
  machine.fs.set_capacity(1ULL << 40);
  run(std::chrono::seconds{3});
  const auto payloads = answer_all();
  ASSERT_THAT(payloads, SizeIs(1));
  EXPECT_EQ(field(payloads[0], "count"), 60);
}

class ChildrenTest : public ForwardTest {
 protected:
  void SetUp() override { boot(); }
  class NullLink final : public hub::SessionLink {
   public:
    void deliver(const hub::Outbound&, hub::EncodingCache&) override {}
    void release(std::uint16_t) override {}
    bool can_take() const override { return true; }
    void pause() override {}
    void resume() override {}
    void ended(hub::EndReason, std::string_view) override {}
  };
  hub::Session* open(const std::string& name) {
    auto principal = std::make_shared<Principal>();
    principal->kind = PrincipalKind::device;
    principal->name = name;
    hub::OpenOptions session{.principal = principal, .client_id = name, .will = {}, .protocol = "mqtt", .peer = {}};
    auto opened = parts->hub->open(0, std::move(session), link, [](hub::Present) {});
    run();
    return *opened;
  }
  std::vector<std::string> take() {
    std::vector<std::string> lines;
    while (!parts->upstream.waiting.empty()) {
      std::string topic(parts->upstream.waiting.front().message.topic.text());
      lines.push_back(topic + " " + parts->upstream.answer());
    }
    return lines;
  }
  NullLink link;
};

TEST_F(ChildrenTest, TellsWhoComesAndGoes) {
  std::vector<std::string> fresh;
  parts->children->on_new_child([&](const std::string& name) { fresh.push_back(name); });
  parts->children->link_up();
  hub::Session* session = open("press-01");
  EXPECT_EQ(fresh, std::vector<std::string>{"press-01"});
  EXPECT_THAT(take(), ::testing::ElementsAre(R"($dunlin/things/press-01/presence {"online":true,"reason":"connected"})"));
  session->close({.reason = "keep_alive", .expiry_seconds = {}});
  run();
  EXPECT_THAT(take(), ::testing::ElementsAre(R"($dunlin/things/press-01/presence {"online":false,"reason":"keep_alive"})"));
  EXPECT_EQ(parts->children->online_count(), 0U);
}

TEST_F(ChildrenTest, TellsAllWhenTheLineComesBack) {
  open("a");
  hub::Session* b = open("b");
  EXPECT_THAT(take(), SizeIs(0));
  parts->children->link_up();
  EXPECT_THAT(take(), SizeIs(2));
  parts->children->link_down();
  b->close({.reason = "disconnected", .expiry_seconds = {}});
  run();
  EXPECT_THAT(take(), SizeIs(0));
  parts->children->link_up();
  EXPECT_THAT(take(), ::testing::ElementsAre(::testing::HasSubstr("things/a/presence {\"online\":true"),
                                             ::testing::HasSubstr("things/b/presence {\"online\":false")));
}

TEST_F(ChildrenTest, TellsTheLastStateAfterAChangeMeanwhile) {
  parts->children->link_up();
  hub::Session* session = open("a");
  session->close({.reason = "disconnected", .expiry_seconds = {}});
  run();
  // The answer to the first word comes late.
  EXPECT_THAT(take(), ::testing::ElementsAre(::testing::HasSubstr("true"), ::testing::HasSubstr("false")));
}

}  // namespace
}  // namespace dunlin::forward::testing
