// What a session that outlives its connection finds again after a crash: its messages, packet ids and will.

#include <gtest/gtest.h>

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using testing::HubTest;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;

class DurableSessionTest : public HubTest {
 protected:
  void SetUp() override { boot(2); }

  void publish(RecordingLink& from, Message what, std::uint16_t id) {
    bool answered = false;
    from.session->publish(std::move(what), id,
                          [&answered](Result<void> result) { answered = result.has_value(); });
    run();
    EXPECT_TRUE(answered);
  }
  /// A subscriber that has gone, and a publisher.
  void away(const std::string& id, QoS qos = QoS::exactly_once) {
    RecordingLink link;
    open(link, lasting(id));
    subscribe(link, "a/#", {.qos = qos});
    link.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
    run();
  }
  void checkpoint() { run(kCheckpointInterval * 2); }
  std::size_t queue_rows() { return keyed_disk[store::Table::queue].size(); }
};

TEST_F(DurableSessionTest, WhatWaitsForAnAbsentSessionSurvivesACrash) {
  const std::string id = client_on(1, "s");
  away(id);
  RecordingLink from, back;
  open(from, options(client_on(0, "p")));
  publish(from, message("a/1", "in a row", QoS::at_least_once), 1);
  checkpoint();
  EXPECT_EQ(queue_rows(), 1U);
  publish(from, message("a/2", "only in the journal", QoS::at_least_once), 2);
  crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_EQ(back.present, Present::yes);
  EXPECT_THAT(back.payloads(), ElementsAre("in a row", "only in the journal"));
  EXPECT_FALSE(back.got[0].duplicate);
  for (const auto& got : std::vector(back.got)) EXPECT_TRUE(back.session->acknowledged(got.packet_id));
  checkpoint();
  EXPECT_EQ(queue_rows(), 0U);
}

TEST_F(DurableSessionTest, OfTenConnectionsThatFoughtForOneClientIdEachHadTheRowMade) {
  const std::string id = client_on(1, "s");
  std::vector<RecordingLink> links(10);
  for (RecordingLink& link : links) EXPECT_TRUE(try_open(link, lasting(id)));
  run();
  EXPECT_TRUE(links.back().present);
  EXPECT_LE(world->keyed.rows_written(store::Table::session), 2U);
  for (std::size_t i = 0; i + 1 < links.size(); ++i) EXPECT_EQ(links[i].end_reason, EndReason::taken_over);
}

TEST_F(DurableSessionTest, ASecondCrashBeforeACheckpointDoublesNothing) {
  const std::string id = client_on(1, "s");
  away(id);
  RecordingLink from, back;
  open(from, options(client_on(0, "p")));
  publish(from, message("a/1", "x", QoS::at_least_once), 1);
  checkpoint();
  publish(from, message("a/1", "y", QoS::at_least_once), 2);
  for (int i = 0; i < 3; ++i) crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_THAT(back.payloads(), ElementsAre("x", "y"));
}

TEST_F(DurableSessionTest, AcknowledgedMessagesStayAwayAfterACrash) {
  RecordingLink from, to, back;
  const std::string id = client_on(1, "s");
  open(from, options(client_on(0, "p")));
  open(to, lasting(id));
  subscribe(to, "a/#", {.qos = QoS::at_least_once});
  for (std::uint16_t i = 1; i <= 3; ++i)
    publish(from, message("a/1", std::to_string(i), QoS::at_least_once), i);
  EXPECT_TRUE(to.session->acknowledged(1));
  EXPECT_TRUE(to.session->acknowledged(3));
  run();
  crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_THAT(back.payloads(), ElementsAre("2"));
  EXPECT_EQ(back.got[0].packet_id, 2);
  EXPECT_TRUE(back.got[0].duplicate);
}

TEST_F(DurableSessionTest, APacketIdIsOnTheDiskBeforeAQos2PublishLeaves) {
  RecordingLink from, to;
  open(from, options(client_on(0, "p")));
  open(to, lasting(client_on(0, "s")));
  subscribe(to, "a/#");
  bool stored = false;
  from.session->publish(message("a/1", "x", QoS::exactly_once), 1, [&](Result<void>) { stored = true; });
  scheduler.run_until([&] { return stored; }, std::chrono::seconds{1});
  EXPECT_THAT(to.got, IsEmpty());
  run();
  EXPECT_THAT(to.payloads(), ElementsAre("x"));
  EXPECT_FALSE(to.got[0].duplicate);
  EXPECT_TRUE(to.session->received(1));
  EXPECT_TRUE(to.session->received(1));
  EXPECT_THAT(to.released, IsEmpty());
  run();
  EXPECT_THAT(to.released, ElementsAre(1));
}

TEST_F(DurableSessionTest, AReceivedQos2MessageIsReleasedAgainNotSentAgain) {
  RecordingLink from, to, back;
  const std::string id = client_on(1, "s");
  open(from, options(client_on(0, "p")));
  open(to, lasting(id));
  subscribe(to, "a/#");
  publish(from, message("a/1", "x", QoS::exactly_once), 1);
  EXPECT_TRUE(to.session->received(1));
  run();
  crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_THAT(back.got, IsEmpty());
  EXPECT_THAT(back.released, ElementsAre(1));
  EXPECT_TRUE(back.session->completed(1));
}

TEST_F(DurableSessionTest, AQos2PublishIsKnownThoughTheRowWasWrittenWhileItWaitedForTheDisk) {
  RecordingLink watcher, from, back;
  const std::string id = client_on(1, "p");
  open(from, lasting(id));
  from.session->publish(message("a/1", "x", QoS::exactly_once), 7, [](const Result<void>&) {});
  from.session->close({"connection_lost", Session::WillFate::publish, std::nullopt});
  checkpoint();  // the journal is not read before this place again
  crash_and_boot(2);
  open(watcher, options(client_on(0, "s")));
  subscribe(watcher, "a/#");
  open(back, lasting(id));
  EXPECT_EQ(back.session->open_exchanges(), 1U);
  publish(back, message("a/1", "x", QoS::exactly_once), 7);
  EXPECT_THAT(watcher.got, IsEmpty()) << "taken before the crash: exactly once";
}

TEST_F(DurableSessionTest, AFullDiskDelaysQos2AndLosesNothing) {
  RecordingLink from, to;
  open(from, options(client_on(1, "p")));
  open(to, lasting(client_on(0, "s")));
  subscribe(to, "a/#");
  world->logs[0]->fail_next = Errc::no_space;  // the delivery note; the message goes to the other journal
  publish(from, message("a/1", "x", QoS::exactly_once), 1);
  EXPECT_THAT(to.got, IsEmpty());
  run(std::chrono::seconds{2});
  EXPECT_THAT(to.payloads(), ElementsAre("x"));
}

TEST_F(DurableSessionTest, ACleanStartDeletesTheRows) {
  const std::string id = client_on(1, "s");
  away(id);
  RecordingLink from, fresh;
  open(from, options(client_on(0, "p")));
  publish(from, message("a/1", "x", QoS::at_least_once), 1);
  checkpoint();
  open(fresh, options(id));
  run();
  EXPECT_EQ(queue_rows(), 0U);
  EXPECT_TRUE(keyed_disk[store::Table::session].empty());
}

TEST_F(DurableSessionTest, RowsOfASessionThatIsGoneAreDeletedAtTheStart) {
  keyed_disk[store::Table::queue][encode_queue_key({77, 1})] = "left behind";
  crash_and_boot(2);
  run(kUnhurriedWrite * 2);
  EXPECT_EQ(queue_rows(), 0U);
}

TEST_F(DurableSessionTest, ANewSubscriptionGetsNothingOlderAfterACrash) {
  RecordingLink from, to, back;
  const std::string id = client_on(1, "s");
  open(from, options(client_on(0, "p")));
  publish(from, message("a/1", "before", QoS::at_least_once), 1);
  open(to, lasting(id));
  subscribe(to, "a/#");
  crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_THAT(back.got, IsEmpty());
}

TEST_F(DurableSessionTest, RetainedMessagesThatWereOwedComeAfterACrash) {
  RecordingLink from, to, back;
  const std::string id = client_on(1, "s");
  open(from, options(client_on(0, "p")));
  publish(from, message("a/1", "kept", QoS::at_least_once, Message::Retain::yes), 1);
  checkpoint();
  open(to, lasting(id));
  to.takes = false;
  subscribe(to, "a/#", {.qos = QoS::at_least_once});
  crash_and_boot(2);
  open(back, lasting(id));
  EXPECT_THAT(back.payloads(), ElementsAre("kept"));
  EXPECT_EQ(back.got[0].retain, Message::Retain::yes);
}

OpenOptions with_will(OpenOptions options, std::uint32_t delay_seconds = 0) {
  options.will = std::make_unique<Will>();
  options.will->message = message("w/1", "gone", QoS::at_least_once);
  options.will->delay_seconds = delay_seconds;
  return options;
}

TEST_F(DurableSessionTest, WillsAreSentAfterACrash) {
  for (const bool lasts : {false, true}) {
    RecordingLink watcher, mortal, back;
    const std::string watch = client_on(0, lasts ? "wa" : "wb");
    const std::string id = client_on(1, lasts ? "ma" : "mb");
    open(watcher, lasting(watch));
    subscribe(watcher, "w/#", {.qos = QoS::at_least_once});
    open(mortal, with_will(lasts ? lasting(id) : options(id)));
    crash_and_boot(2);
    run();
    open(back, lasting(watch));
    EXPECT_THAT(back.payloads(), ElementsAre("gone"));
    EXPECT_TRUE(back.session->acknowledged(back.got[0].packet_id));
    checkpoint();
    crash_and_boot(2);
    run();
    RecordingLink once_more;
    open(once_more, lasting(watch));
    EXPECT_THAT(once_more.got, IsEmpty());
    once_more.session->close({"disconnected", Session::WillFate::discard, 0});
  }
}

TEST_F(DurableSessionTest, AWillThatWasTakenBackIsNotSentAfterACrash) {
  RecordingLink watcher, mortal, back;
  const std::string watch = client_on(0, "w");
  open(watcher, lasting(watch));
  subscribe(watcher, "w/#", {.qos = QoS::at_least_once});
  open(mortal, with_will(options(client_on(1, "m"))));
  mortal.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
  run();
  crash_and_boot(2);
  run();
  open(back, lasting(watch));
  EXPECT_THAT(back.got, IsEmpty());
  EXPECT_EQ(keyed_disk[store::Table::session].size(), 1U);
}

TEST_F(DurableSessionTest, ADelayedWillWaitsAfterACrashAndAnswersToAReturn) {
  RecordingLink watcher, mortal, back, returned;
  const std::string watch = client_on(0, "w");
  const std::string id = client_on(1, "m");
  open(watcher, lasting(watch));
  subscribe(watcher, "w/#", {.qos = QoS::at_least_once});
  open(mortal, with_will(lasting(id), 10));
  crash_and_boot(2);
  run(std::chrono::seconds{9});
  open(returned, lasting(id));
  run(std::chrono::seconds{20});
  open(back, lasting(watch));
  EXPECT_THAT(back.got, IsEmpty());
}

TEST_F(DurableSessionTest, AWillOutlivesAnOrderlyStop) {
  RecordingLink watcher, mortal, back;
  const std::string watch = client_on(0, "w");
  open(watcher, lasting(watch));
  subscribe(watcher, "w/#", {.qos = QoS::at_least_once});
  open(mortal, with_will(options(client_on(1, "m"))));
  bool stopped = false;
  hub().stop(*world->executors[0], [&stopped](Result<void> result) { stopped = result.has_value(); });
  run();
  ASSERT_TRUE(stopped);
  crash_and_boot(2);
  run();
  open(back, lasting(watch));
  EXPECT_THAT(back.payloads(), ElementsAre("gone"));
}

}  // namespace
}  // namespace dunlin::hub
