// Queues that are longer than the memory, and queues that are longer than anything.

#include <gtest/gtest.h>

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using testing::HubTest;
using testing::message;
using testing::RecordingLink;
using ::testing::SizeIs;

Limits small() {
  return {.queue_memory_messages = 4};
}

class SpillTest : public HubTest {
 protected:
  void SetUp() override { start(small()); }
  void start(Limits limits) {
    boot(2, limits);
    open(from, options(client_on(0, "p")));
  }
  std::string subscriber() { return client_on(1, "s"); }
  void away(QoS qos = QoS::exactly_once) {
    RecordingLink link;
    open(link, lasting(subscriber()));
    subscribe(link, "a/#", {.qos = qos});
    link.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
    run();
  }
  /// The error's kind, or nothing.
  std::optional<Errc> publish(const std::string& topic, const std::string& payload,
                              QoS qos = QoS::at_least_once) {
    std::optional<Result<void>> answer;
    ++exchange;
    from.session->publish(message(topic, payload, qos), exchange,
                          [&](Result<void> result) { answer = std::move(result); });
    run();
    if (qos == QoS::exactly_once && answer && *answer)
      from.session->release(exchange, [](const Result<void>&) {});
    EXPECT_TRUE(answer.has_value());
    return *answer ? std::optional<Errc>() : answer->error().code;
  }
  void publish_all(int count, QoS qos = QoS::at_least_once) {
    for (int i = 0; i < count; ++i) {
      expected.push_back(std::to_string(expected.size()));
      EXPECT_EQ(publish("a/1", expected.back(), qos), std::nullopt);
    }
  }
  /// Acknowledges until nothing more comes.
  void take_all(RecordingLink& link) {
    for (std::size_t seen = 0; seen < link.got.size();) {
      for (; seen < link.got.size(); ++seen) {
        const auto one = link.got[seen];
        if (one.qos == QoS::at_least_once) {
          link.session->acknowledged(one.packet_id);
        } else {
          link.session->received(one.packet_id);
          run();
          link.session->completed(one.packet_id);
        }
      }
      run();
    }
  }
  double metric(const char* name, const metrics::Labels& labels = {}) {
    return world->metrics.value(name, labels);
  }
  std::size_t rows() { return keyed_disk[store::Table::queue].size(); }
  void checkpoint() { run(kCheckpointInterval * 2); }

  RecordingLink from;
  std::uint16_t exchange = 0;
  std::vector<std::string> expected;
};

TEST_F(SpillTest, ALongQueueIsOnTheDiskAndComesBackInOrder) {
  away();
  publish_all(50);
  EXPECT_EQ(metric("dunlin_hub_spilled_total"), 46);
  RecordingLink back;
  open(back, lasting(subscriber()));
  take_all(back);
  EXPECT_EQ(back.payloads(), expected);
  checkpoint();
  EXPECT_EQ(rows(), 0U);
  publish_all(1);
  EXPECT_EQ(back.payloads(), expected) << "and straight on";
}

TEST_F(SpillTest, WhatComesMeanwhileKeepsItsPlace) {
  away();
  publish_all(20);
  RecordingLink back;
  OpenOptions narrow = lasting(subscriber());
  narrow.receive_maximum = 1;
  open(back, std::move(narrow));
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) publish_all(1);
    for (const auto& got : std::vector(back.got)) back.session->acknowledged(got.packet_id);
    run();
  }
  take_all(back);
  EXPECT_EQ(back.payloads(), expected);
}

TEST_F(SpillTest, ACrashAtAnyPointLosesAndDoublesNothing) {
  for (int taken = 0; taken < 30; taken += 3) {
    keyed_disk.clear();
    journals.clear();
    expected.clear();
    from = {};
    start(small());
    away();
    publish_all(15, QoS::exactly_once);
    if (taken % 2 == 0) checkpoint();
    publish_all(15, QoS::exactly_once);
    RecordingLink first, second;
    OpenOptions narrow = lasting(subscriber());
    narrow.receive_maximum = 1;
    open(first, std::move(narrow));
    for (int i = 0; i < taken; ++i) {
      const std::uint16_t id = first.got.back().packet_id;
      EXPECT_TRUE(first.session->received(id));
      run();
      EXPECT_TRUE(first.session->completed(id));
      run();
    }
    run();
    from = {};
    crash_and_boot(2, small());
    open(second, lasting(subscriber()));
    take_all(second);
    std::vector<std::string> all = first.payloads();
    if (!all.empty() && static_cast<int>(all.size()) > taken) all.resize(static_cast<std::size_t>(taken));
    for (const std::string& payload : second.payloads()) all.push_back(payload);
    EXPECT_EQ(all, expected) << "after " << taken;
  }
}

TEST_F(SpillTest, ASessionThatGoesTakesItsRowsWithIt) {
  away();
  publish_all(50);
  checkpoint();
  EXPECT_EQ(rows(), 50U);
  RecordingLink clean;
  open(clean, options(subscriber()));
  checkpoint();
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SpillTest, AQueueWithoutRoomRefusesItsPublishersOnly) {
  Limits limits = small();
  limits.online_messages = 5;
  limits.offline_messages = 10;
  from = {};
  start(limits);
  away(QoS::at_least_once);
  publish_all(10);
  EXPECT_EQ(metric("dunlin_hub_full_queues"), 1);
  EXPECT_EQ(publish("a/1", "no room"), Errc::limit_exceeded);
  EXPECT_EQ(publish("a/b/c", "no room", QoS::exactly_once), Errc::limit_exceeded);
  EXPECT_EQ(publish("b/1", "another topic"), std::nullopt);
  EXPECT_EQ(metric("dunlin_hub_dropped_total", {{"reason", "queue_full"}}), 2);
  from = {};
  crash_and_boot(2, limits);
  open(from, options(client_on(0, "p")));
  EXPECT_EQ(publish("a/1", "no room"), Errc::limit_exceeded) << "a restart changes nothing";
  RecordingLink back;
  open(back, lasting(subscriber()));
  take_all(back);
  EXPECT_EQ(back.payloads(), expected);
  EXPECT_EQ(metric("dunlin_hub_full_queues"), 0);
  publish_all(1);
  EXPECT_EQ(back.payloads(), expected);
}

TEST_F(SpillTest, WhatServicesPublishIsTakenUpToTwiceTheRoom) {
  Limits limits = small();
  limits.online_messages = 5;
  limits.offline_messages = 10;
  from = {};
  start(limits);
  away(QoS::at_least_once);
  for (int i = 0; i < 20; ++i) {
    bool taken = false;
    hub().publish(*world->executors[0], message("a/1", "x", QoS::at_least_once),
                  [&taken](const Result<void>& result) { taken = result.has_value(); });
    run();
    EXPECT_TRUE(taken);
  }
  EXPECT_EQ(metric("dunlin_hub_sessions_ended_total", {{"reason", "queue_full"}}), 0);
  hub().publish(*world->executors[0], message("a/1", "x", QoS::at_least_once), {});
  run();
  EXPECT_EQ(metric("dunlin_hub_sessions_ended_total", {{"reason", "queue_full"}}), 1);
  EXPECT_EQ(metric("dunlin_hub_full_queues"), 0);
  EXPECT_EQ(publish("a/1", "nobody waits any more"), std::nullopt);
}

TEST_F(SpillTest, AllQueuesTogetherAreBounded) {
  from = {};
  start({.all_queues_memory_bytes = 2000});
  RecordingLink links[4];
  for (int i = 0; i < 4; ++i) {
    open(links[i], lasting("s" + std::to_string(i)));
    subscribe(links[i], "a/#");
    links[i].session->close({"disconnected", Session::WillFate::discard, std::nullopt});
  }
  const std::string payload(100, 'x');
  for (int i = 0; i < 40; ++i) EXPECT_EQ(publish("a/1", payload), std::nullopt);
  EXPECT_GT(metric("dunlin_hub_spilled_total"), 50) << "far fewer than a queue alone may have";
  for (int i = 0; i < 4; ++i) {
    RecordingLink back;
    open(back, lasting("s" + std::to_string(i)));
    take_all(back);
    EXPECT_THAT(back.got, SizeIs(40));
  }
}

}  // namespace
}  // namespace dunlin::hub
