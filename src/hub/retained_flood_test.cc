// Very many retained messages, and those who ask for all of them.

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using testing::HubTest;
using testing::message;
using testing::RecordingLink;

class RetainedFlood : public HubTest {
 protected:
  static constexpr std::size_t kMany = 5000;
  void SetUp() override { fill(1); }
  void fill(std::size_t shards, QoS qos = QoS::at_most_once) {
    boot(shards, {}, false);
    RecordingLink from;
    Session& publisher = open(from, options("p"));
    for (std::size_t i = 0; i < kMany; ++i) {
      Message message;
      message.topic = Slice::copy_of(std::string_view("r/" + std::to_string(i) + "/v"));
      message.payload = Slice::copy_of(std::string_view("x"));
      message.qos = qos;
      message.retain = Message::Retain::yes;
      publisher.publish(std::move(message), 1, [](const Result<void>&) {});
    }
    run();
    publisher.close({"disconnected", Session::WillFate::discard, std::nullopt});
    run();
  }
  static std::size_t distinct_topics(const RecordingLink& link) {
    std::set<std::string> topics;
    for (const auto& got : link.got) topics.insert(got.topic);
    return topics.size();
  }
};

TEST_F(RetainedFlood, EveryMessageComesOnceThoughInPortions) {
  for (const std::size_t shards : {1U, 3U}) {
    fill(shards);
    RecordingLink to;
    open(to, options("s"));
    subscribe(to, "#");
    run();
    EXPECT_EQ(to.got.size(), kMany);
    EXPECT_EQ(distinct_topics(to), kMany);
    to.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
  }
}

TEST_F(RetainedFlood, OneTurnGivesOnePortion) {
  RecordingLink to;
  open(to, options("s"));
  std::vector<SubscribeRequest> requests;
  requests.push_back({"#", {}, {}});
  to.session->subscribe(std::move(requests), [](const auto&) {});
  EXPECT_LE(to.got.size(), kRetainedPortion);
  EXPECT_GT(to.got.size(), 0U);
}

TEST_F(RetainedFlood, AClientThatDoesNotReadIsNotGivenMoreThanItsQueueHolds) {
  RecordingLink deaf;
  open(deaf, options("s"));
  deaf.takes = false;
  // Each of these once queued every message anew: memory without a bound.
  for (int i = 0; i < 20; ++i) subscribe(deaf, "#");
  std::size_t waiting = 0;
  hub().sessions(*world->executors[0], kDefaultTenant, 10, [&](const std::vector<SessionInfo>& sessions) {
    for (const SessionInfo& session : sessions) waiting += session.queued;
  });
  run();
  EXPECT_LE(waiting, kRetainedAhead + kRetainedPortion);
  deaf.takes = true;
  deaf.session->drained();
  run();
  EXPECT_EQ(distinct_topics(deaf), kMany);
}

TEST_F(RetainedFlood, WhatIsNotWantedAnyMoreDoesNotCome) {
  RecordingLink to;
  open(to, options("s"));
  to.takes = false;
  subscribe(to, "#");
  to.session->unsubscribe({"#"}, [](const auto&) {});
  to.takes = true;
  to.session->drained();
  run();
  EXPECT_LE(to.got.size(), kRetainedAhead + kRetainedPortion);
}

TEST_F(RetainedFlood, AQos1SubscriberGetsMoreAsItAcknowledges) {
  fill(1, QoS::at_least_once);
  RecordingLink to;
  OpenOptions narrow = options("s");
  narrow.receive_maximum = 10;
  open(to, std::move(narrow));
  subscribe(to, "r/+/v", {.qos = QoS::at_least_once});
  EXPECT_EQ(to.got.size(), 10U);
  for (std::size_t i = 0; i < to.got.size(); ++i) {
    EXPECT_TRUE(to.session->acknowledged(to.got[i].packet_id));
    run(std::chrono::milliseconds{1});
  }
  EXPECT_EQ(to.got.size(), kMany);
  EXPECT_EQ(distinct_topics(to), kMany);
}

/// The rows of retained messages that the keyed store has not taken yet (kMaxUnwrittenBytes).
class RetainedBehindTheDisk : public HubTest {
 protected:
  static constexpr std::size_t kLarge = 1024 * 1024;
  static constexpr std::size_t kFull =
      kMaxUnwrittenBytes / kLarge;  // so many are not past it; one row more is
  void SetUp() override {
    boot(1);
    open(from, options("p"));
  }
  void retain(const std::string& topic, QoS qos) {
    const auto packet_id = static_cast<std::uint16_t>(qos == QoS::at_most_once ? 0 : ++exchange);
    from.session->publish(message(topic, std::string(kLarge, 'x'), qos, Message::Retain::yes), packet_id,
                          [this](const Result<void>& taken) { answers += taken ? 1U : 0U; });
  }
  /// QoS 0: at once, while the store has had no time to take anything.
  void fill() {
    for (std::size_t i = 0; i < kFull; ++i) retain("r/" + std::to_string(i), QoS::at_most_once);
  }
  double refused() {
    return world->metrics.value("dunlin_hub_dropped_total", {{"reason", "retained_limit"}});
  }
  std::size_t rows() { return keyed_disk[store::Table::retained].size(); }
  RecordingLink from;
  std::uint16_t exchange = 0;
  std::size_t answers = 0;
};

TEST_F(RetainedBehindTheDisk, ThePublisherIsHeldUntilTheRowsAreWritten) {
  for (std::size_t i = 0; i < kFull - 2; ++i) retain("r/" + std::to_string(i), QoS::at_most_once);
  EXPECT_FALSE(from.paused);
  retain("r/x", QoS::at_most_once);
  EXPECT_FALSE(from.paused) << "not past the limit yet";
  retain("r/y", QoS::at_most_once);
  EXPECT_TRUE(from.paused);
  run(std::chrono::milliseconds{200});
  EXPECT_FALSE(from.paused);
  EXPECT_EQ(rows(), kFull);
  EXPECT_EQ(refused(), 0);
}

TEST_F(RetainedBehindTheDisk, ANewTopicOfQos0IsNotRetainedAndOneThatIsThereChanges) {
  RecordingLink to;
  open(to, options("s"));
  subscribe(to, "#");
  fill();
  EXPECT_TRUE(from.paused);
  retain("r/new", QoS::at_most_once);
  EXPECT_EQ(refused(), 1);
  retain("r/0", QoS::at_most_once);
  EXPECT_EQ(refused(), 1);
  EXPECT_EQ(to.got.size(), kFull + 2) << "whoever is there gets it all the same";
  run(std::chrono::milliseconds{200});
  EXPECT_EQ(rows(), kFull);
  retain("r/new", QoS::at_most_once);
  run(std::chrono::milliseconds{200});
  EXPECT_EQ(refused(), 1);
  EXPECT_EQ(rows(), kFull + 1);
}

TEST_F(RetainedBehindTheDisk, WhatIsAcknowledgedIsRetained) {
  for (std::size_t i = 0; i < 2 * kFull; ++i) retain("r/" + std::to_string(i), QoS::at_least_once);
  const bool held = scheduler.run_until([this] { return from.paused; }, std::chrono::seconds{1});
  EXPECT_TRUE(held);
  run(std::chrono::milliseconds{500});
  EXPECT_EQ(answers, 2 * kFull);
  EXPECT_EQ(refused(), 0);
  EXPECT_EQ(rows(), 2 * kFull);
  EXPECT_FALSE(from.paused);
}

}  // namespace
}  // namespace dunlin::hub
