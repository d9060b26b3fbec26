#include "hub/session.h"

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::principal;
using testing::RecordingLink;

class SessionTest : public testing::HubTest {
 protected:
  void SetUp() override { boot(1); }
  bool publish(Session& from, Message what, std::uint16_t packet_id = 0) {
    bool done = false;
    from.publish(std::move(what), packet_id, [&done](Result<void> result) { done = result.has_value(); });
    run();
    return done;
  }
};

TEST_F(SessionTest, Qos1IsAnsweredAndRoutedOnlyAfterTheCommit) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "a/+");
  bool done = false;
  publisher.publish(message("a/b", "1", QoS::at_least_once), 1,
                    [&done](Result<void> result) { done = result.has_value(); });
  scheduler.run_ready();
  EXPECT_FALSE(done);
  EXPECT_THAT(to.got, IsEmpty());
  run();
  EXPECT_TRUE(done);
  ASSERT_EQ(to.got.size(), 1U);
  EXPECT_EQ(to.got[0].qos, QoS::at_least_once);
  EXPECT_EQ(to.got[0].packet_id, 1);
  EXPECT_EQ(journals[0].records.size(), 1U);
}

TEST_F(SessionTest, AFailedAppendIsToldAndNotRouted) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "#");
  world->logs[0]->fail_next = Errc::no_space;
  Errc code = Errc::internal;
  publisher.publish(message("a", "x", QoS::exactly_once), 9,
                    [&code](Result<void> result) { code = result.error().code; });
  run();
  EXPECT_EQ(code, Errc::no_space);
  EXPECT_THAT(to.got, IsEmpty());
  EXPECT_EQ(publisher.open_exchanges(), 0U) << "the same packet id may be tried again";
}

TEST_F(SessionTest, ARefusalDoesNotOvertakeEarlierRecords) {
  RecordingLink from;
  Session& publisher = open(from, options("p"));
  std::vector<int> order;
  publisher.publish(message("a", "1", QoS::at_least_once), 1,
                    [&](Result<void> r) { order.push_back(r ? 1 : -1); });
  world->logs[0]->fail_next = Errc::unavailable;
  publisher.publish(message("a", "2", QoS::at_least_once), 2,
                    [&](Result<void> r) { order.push_back(r ? 2 : -2); });
  run();
  EXPECT_THAT(order, ElementsAre(1, -2));
}

TEST_F(SessionTest, Qos2IsRoutedOnceUntilReleased) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "a");
  EXPECT_TRUE(publish(publisher, message("a", "1", QoS::exactly_once), 5));
  EXPECT_TRUE(publish(publisher, message("a", "1", QoS::exactly_once), 5)) << "answered again";
  EXPECT_THAT(to.payloads(), ElementsAre("1"));
  bool released = false;
  publisher.release(5, [&](Result<void> result) { released = result.has_value(); });
  run();
  EXPECT_TRUE(released);
  Errc code = Errc::internal;
  publisher.release(5, [&](Result<void> result) { code = result.error().code; });
  EXPECT_EQ(code, Errc::not_found);
  EXPECT_TRUE(publish(publisher, message("a", "2", QoS::exactly_once), 5));
  EXPECT_THAT(to.payloads(), ElementsAre("1", "2"));
}

TEST_F(SessionTest, OutboundQos2HasTwoSteps) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  Session& subscriber = open(to, options("s"));
  subscribe(to, "a");
  publish(publisher, message("a", "1", QoS::exactly_once), 1);
  ASSERT_EQ(to.got.size(), 1U);
  const std::uint16_t id = to.got[0].packet_id;
  EXPECT_FALSE(subscriber.completed(id));
  EXPECT_TRUE(subscriber.received(id));
  EXPECT_THAT(to.released, ElementsAre(id));
  EXPECT_TRUE(subscriber.completed(id));
  EXPECT_FALSE(subscriber.completed(id));
  EXPECT_FALSE(subscriber.acknowledged(0));
  EXPECT_FALSE(subscriber.acknowledged(77));
}

TEST_F(SessionTest, TheWindowHoldsBackAndKeepsOrder) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  OpenOptions narrow = options("s");
  narrow.receive_maximum = 2;
  Session& subscriber = open(to, std::move(narrow));
  subscribe(to, "a");
  for (std::uint16_t i = 1; i <= 5; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::at_least_once), i);
  EXPECT_THAT(to.payloads(), ElementsAre("1", "2"));
  EXPECT_TRUE(subscriber.acknowledged(2));
  EXPECT_THAT(to.payloads(), ElementsAre("1", "2", "3"));
  EXPECT_TRUE(subscriber.acknowledged(1));
  EXPECT_TRUE(subscriber.acknowledged(3));
  EXPECT_THAT(to.payloads(), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(SessionTest, PacketIdsWrapAroundWithoutZero) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  Session& subscriber = open(to, options("s"));
  subscribe(to, "a");
  std::size_t seen = 0;
  for (int round = 0; round < 700; ++round) {
    for (std::uint16_t i = 1; i <= 100; ++i) publisher.publish(message("a", "x", QoS::at_least_once), i, {});
    run(std::chrono::milliseconds{3});
    for (; seen < to.got.size(); ++seen) {
      ASSERT_NE(to.got[seen].packet_id, 0);
      ASSERT_TRUE(subscriber.acknowledged(to.got[seen].packet_id)) << seen;
    }
  }
  EXPECT_EQ(seen, 70'000U);
}

TEST_F(SessionTest, ReconnectResendsWithDupThenTheQueue) {
  RecordingLink from, first, second;
  Session& publisher = open(from, options("p"));
  OpenOptions narrow = lasting("s");
  narrow.receive_maximum = 2;
  Session& subscriber = open(first, std::move(narrow));
  subscribe(first, "a");
  for (std::uint16_t i = 1; i <= 3; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::exactly_once), i);
  EXPECT_TRUE(subscriber.received(1));
  subscriber.close({"connection_lost", Session::WillFate::publish, std::nullopt});
  publish(publisher, message("a", "4", QoS::at_least_once), 4);
  publish(publisher, message("a", "never", QoS::at_most_once));
  Session& again = open(second, lasting("s"));
  EXPECT_EQ(second.present, Present::yes);
  EXPECT_THAT(second.released, ElementsAre(1));
  // Another QoS need not wait for the packet id of "3" to be on the disk (MQTT 5.0 section 4.6).
  EXPECT_THAT(second.payloads(), ElementsAre("2", "4", "3"));
  EXPECT_TRUE(second.got[0].duplicate);
  EXPECT_EQ(second.got[0].packet_id, 2);
  EXPECT_FALSE(second.got[1].duplicate);
  EXPECT_TRUE(again.completed(1));
}

TEST_F(SessionTest, WhatWaitsGoesOutInPortionsBetweenTheWorkOfOthers) {
  RecordingLink from, to, again;
  Session& publisher = open(from, options("p"));
  open(to, lasting("s"));
  subscribe(to, "a");
  to.session->close({});
  constexpr std::size_t kWaiting = 5 * kPumpPortion + 1;
  for (std::size_t i = 0; i < kWaiting; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::at_least_once), 1);
  std::vector<std::size_t> steps;
  OpenOptions back = lasting("s");
  ASSERT_TRUE(hub().open(0, std::move(back), again, [&](Present) {
    const auto look = [&](auto&& self) -> void {
      steps.push_back(again.got.size());
      if (steps.size() < 20) world->executors[0]->post([self] { self(self); });
    };
    world->executors[0]->post([look] { look(look); });
  }));
  run();
  ASSERT_EQ(again.got.size(), kWaiting);
  for (std::size_t i = 0; i < kWaiting; ++i) EXPECT_EQ(again.got[i].payload, std::to_string(i));
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_LE(steps[i] - steps[i - 1], kPumpPortion);
  EXPECT_EQ(steps.front(), kPumpPortion);
}

TEST_F(SessionTest, CleanStartForgetsAndExpiryEnds) {
  RecordingLink a, b, c, d;
  Session& session = open(a, lasting("s"));
  subscribe(a, "x");
  session.close({"disconnected", Session::WillFate::discard, std::nullopt});
  OpenOptions clean = lasting("s");
  clean.start = OpenOptions::Start::clean;
  Session& fresh = open(b, std::move(clean));
  EXPECT_EQ(b.present, Present::no);
  fresh.close({"disconnected", Session::WillFate::discard, 10});
  run(std::chrono::seconds{9});
  Session& kept = open(c, lasting("s"));
  EXPECT_EQ(c.present, Present::yes);
  kept.close({"disconnected", Session::WillFate::discard, 10});
  run(std::chrono::seconds{11});
  open(d, lasting("s"));
  EXPECT_EQ(d.present, Present::no);
}

TEST_F(SessionTest, TwoDevicesWithOneClientIdKeptTheServerBusy) {
  for (const auto start : {OpenOptions::Start::resume, OpenOptions::Start::clean}) {
    const std::string id = start == OpenOptions::Start::clean ? "clean" : "resumed";
    const auto wanted = [&] {
      OpenOptions made = lasting(id);
      made.start = start;
      return made;
    };
    std::vector<RecordingLink> links(1 + static_cast<std::size_t>(kTakeovers.burst));
    for (RecordingLink& link : links) ASSERT_TRUE(try_open(link, wanted()));
    RecordingLink refused, later;
    const Result<Session*> opened = try_open(refused, wanted());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::unavailable);
    EXPECT_FALSE(links.back().end_reason) << "the one that has it keeps it";
    run(std::chrono::seconds{2});
    open(later, wanted());
    EXPECT_EQ(links.back().end_reason, EndReason::taken_over);
  }
}

TEST_F(SessionTest, TakeOverEndsTheOldConnection) {
  RecordingLink old_link, new_link;
  open(old_link, lasting("s"));
  open(new_link, lasting("s"));
  EXPECT_EQ(old_link.end_reason, EndReason::taken_over);
  EXPECT_EQ(new_link.present, Present::yes);
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions_online"), 1);
}

TEST_F(SessionTest, AnotherIdentityCannotTakeAClientId) {
  RecordingLink mine, theirs;
  open(mine, lasting("s"));
  OpenOptions stranger = lasting("s");
  stranger.principal = principal("mallory");
  const auto refused = try_open(theirs, std::move(stranger));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::permission_denied);
  EXPECT_FALSE(mine.end_reason.has_value());
}

TEST_F(SessionTest, WillIsSentUnlessDiscardedOrTheClientIsBackInTime) {
  RecordingLink watcher, link;
  open(watcher, options("w"));
  subscribe(watcher, "will/#");
  const auto with_will = [&](std::uint32_t delay) {
    OpenOptions made = lasting("s");
    made.will = std::make_unique<Will>(Will{message("will/s", "gone", QoS::at_least_once), delay});
    return made;
  };
  open(link, with_will(0)).close({"disconnected", Session::WillFate::discard, std::nullopt});
  run();
  EXPECT_THAT(watcher.got, IsEmpty());
  open(link, with_will(0)).close({"connection_lost", Session::WillFate::publish, std::nullopt});
  run();
  EXPECT_EQ(watcher.got.size(), 1U);
  open(link, with_will(5)).close({"connection_lost", Session::WillFate::publish, std::nullopt});
  run(std::chrono::seconds{3});
  Session& back = open(link, with_will(5));
  run(std::chrono::seconds{10});
  EXPECT_EQ(watcher.got.size(), 1U) << "back before the delay";
  back.close({"connection_lost", Session::WillFate::publish, std::nullopt});
  run(std::chrono::seconds{6});
  EXPECT_EQ(watcher.got.size(), 2U);
  open(link, with_will(60)).close({"connection_lost", Session::WillFate::publish, 2});
  run(std::chrono::seconds{3});
  EXPECT_EQ(watcher.got.size(), 3U) << "the session ended before the delay";
}

TEST_F(SessionTest, NoLocalAndIdentifiersAndRetainAsPublished) {
  RecordingLink link, other;
  Session& session = open(link, options("s"));
  open(other, options("o"));
  using O = SubscriptionOptions;
  subscribe(link, "a", {.qos = QoS::at_least_once, .no_local = O::NoLocal::yes});
  subscribe(other, "a",
            {.qos = QoS::at_most_once, .retain_as_published = O::RetainAsPublished::yes, .identifier = 4});
  subscribe(other, "+", {.qos = QoS::at_most_once, .identifier = 5});
  publish(session, message("a", "1", QoS::at_least_once, Message::Retain::yes), 1);
  EXPECT_THAT(link.got, IsEmpty());
  ASSERT_EQ(other.got.size(), 1U) << "one copy for overlapping filters";
  EXPECT_THAT(other.got[0].identifiers, ::testing::UnorderedElementsAre(4U, 5U));
  EXPECT_EQ(other.got[0].retain, Message::Retain::yes);
  EXPECT_EQ(other.got[0].qos, QoS::at_most_once);
}

TEST_F(SessionTest, RetainedMessagesAndRetainHandling) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  publish(publisher, message("r/1", "one", QoS::at_least_once, Message::Retain::yes), 1);
  publish(publisher, message("r/2", "two", QoS::at_most_once, Message::Retain::yes));
  publish(publisher, message("r/2", "", QoS::at_most_once, Message::Retain::yes));
  publish(publisher, message("r", "root", QoS::at_most_once, Message::Retain::yes));
  open(to, options("s"));
  using Handling = SubscribeRequest::RetainHandling;
  subscribe(to, "r/#");
  EXPECT_THAT(to.payloads(), ::testing::UnorderedElementsAre("root", "one"));
  EXPECT_EQ(to.got[0].retain, Message::Retain::yes);
  subscribe(to, "r/#", {}, Handling::send_if_new);
  EXPECT_EQ(to.got.size(), 2U);
  subscribe(to, "r/+", {}, Handling::send_if_new);
  EXPECT_EQ(to.got.size(), 3U);
  subscribe(to, "r/1", {}, Handling::do_not_send);
  EXPECT_EQ(to.got.size(), 3U);
}

TEST_F(SessionTest, ExpiredMessagesAreNotDelivered) {
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  open(to, lasting("s"));
  subscribe(to, "a");
  to.session->close({"connection_lost", Session::WillFate::discard, std::nullopt});
  Message brief = message("a", "brief", QoS::at_least_once);
  Properties properties;
  properties.expiry_seconds = 5;
  brief.properties = std::make_shared<const Properties>(properties);
  publish(publisher, brief, 1);
  publish(publisher, message("a", "lasting", QoS::at_least_once), 2);
  run(std::chrono::seconds{6});
  open(to, lasting("s"));
  EXPECT_THAT(to.payloads(), ElementsAre("lasting"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_dropped_total", {{"reason", "expired"}}), 1);
}

TEST_F(SessionTest, Qos0DropsTheOldestWithACounter) {
  boot(1, Limits{.qos0_messages = 3});
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "a");
  to.takes = false;
  for (int i = 1; i <= 5; ++i) publish(publisher, message("a", std::to_string(i)));
  to.takes = true;
  to.session->drained();
  EXPECT_THAT(to.payloads(), ElementsAre("3", "4", "5"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_dropped_total", {{"reason", "qos0_queue"}}), 2);
}

TEST_F(SessionTest, SlowReceiverHoldsItsPublishersAndLetsThemGo) {
  boot(1, Limits{.online_messages = 4});
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  OpenOptions narrow = options("s");
  narrow.receive_maximum = 1;
  Session& subscriber = open(to, std::move(narrow));
  subscribe(to, "a");
  for (std::uint16_t i = 1; i <= 5; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::at_least_once), i);
  EXPECT_FALSE(from.paused);
  publish(publisher, message("a", "6", QoS::at_least_once), 6);
  EXPECT_TRUE(from.paused);
  for (std::uint16_t id = 1; id <= 4; ++id) EXPECT_TRUE(subscriber.acknowledged(id));
  EXPECT_FALSE(from.paused);
  EXPECT_EQ(to.got.size(), 5U);
}

TEST_F(SessionTest, AStuckReceiverIsEndedAfterThePatience) {
  boot(1, Limits{.online_messages = 1});
  RecordingLink from, to;
  Session& publisher = open(from, options("p"));
  OpenOptions narrow = options("s");
  narrow.receive_maximum = 1;
  open(to, std::move(narrow));
  subscribe(to, "a");
  for (std::uint16_t i = 1; i <= 4; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::at_least_once), i);
  EXPECT_TRUE(from.paused);
  run(kSlowConsumerPatience + std::chrono::seconds{1});
  EXPECT_EQ(to.end_reason, EndReason::slow_consumer);
  EXPECT_FALSE(from.paused);
}

TEST_F(SessionTest, SubscriptionLimitIsAnError) {
  boot(1, Limits{.subscriptions_per_session = 1});
  RecordingLink link;
  Session& session = open(link, options("s"));
  std::vector<SubscribeRequest> requests;
  requests.push_back({"a", {}, {}});
  requests.push_back({"b", {}, {}});
  std::vector<Result<void>> results;
  session.subscribe(std::move(requests), [&](const auto& all) { results = all; });
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].has_value());
  EXPECT_EQ(results[1].error().code, Errc::limit_exceeded);
  std::vector<bool> existed;
  session.unsubscribe({"a", "b"}, [&](const auto& all) { existed = all; });
  EXPECT_THAT(existed, ElementsAre(true, false));
}

}  // namespace
}  // namespace dunlin::hub
