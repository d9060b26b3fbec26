// Publishes that come too fast, and a process that runs out of memory.

#include <gtest/gtest.h>

#include "hub/hub_fixture.h"
#include "hub/view.h"

namespace dunlin::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::HubTest;
using ::testing::IsEmpty;
using testing::message;
using testing::principal;
using testing::RecordingLink;
using ::testing::SizeIs;

constexpr int kRefused = static_cast<int>(Errc::limit_exceeded);
constexpr int kTaken = -1;
constexpr int kNoAnswer = -2;

class OverloadTest : public HubTest {
 protected:
  /// The error, kTaken or kNoAnswer.
  int publish(RecordingLink& from, const std::string& topic, const std::string& payload,
              QoS qos = QoS::at_least_once, Message::Retain retain = Message::Retain::no) {
    int answer = kNoAnswer;
    const auto id = static_cast<std::uint16_t>(qos == QoS::at_most_once ? 0 : ++exchange);
    from.session->publish(message(topic, payload, qos, retain), id, [&answer](const Result<void>& result) {
      answer = result ? kTaken : static_cast<int>(result.error().code);
    });
    run();
    return answer;
  }
  std::vector<int> publish_all(RecordingLink& from, int count) {
    std::vector<int> answers;
    for (int i = 0; i < count; ++i) answers.push_back(publish(from, "a/1", "x"));
    return answers;
  }
  void become(MemoryLevel level) {
    hub().set_memory_level(level);
    run();
  }
  double value(const char* name, const metrics::Labels& labels = {}) {
    return world->metrics.value(name, labels);
  }
  double dropped(const char* reason) { return value("dunlin_hub_dropped_total", {{"reason", reason}}); }
  double refusals(const char* what) { return value("dunlin_memory_refusals_total", {{"what", what}}); }
  double rests(const char* reason) { return value("dunlin_hub_publisher_rests_total", {{"reason", reason}}); }
  std::optional<SessionView> view(const std::string& client_id) {
    std::optional<SessionView> got;
    HubView(hub()).session(*world->executors[0], kDefaultTenant, client_id,
                           [&got](std::optional<SessionView> answer) { got = std::move(answer); });
    run();
    return got;
  }
  std::uint16_t exchange = 0;
};

// ---- rates ----

TEST_F(OverloadTest, ByDefaultNobodyIsMetered) {
  boot(1);
  RecordingLink from;
  open(from, options("p"));
  publish_all(from, 100);
  EXPECT_THAT(from.rested, IsEmpty());
  EXPECT_EQ(view("p")->activity.meter.find(), nullptr);
}

TEST_F(OverloadTest, AFastPublisherRestsUntilItsDebtIsPaidAndLosesNothing) {
  boot(1, {.client_messages = {1, 3}});
  RecordingLink from;
  RecordingLink to;
  open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "a/#");
  EXPECT_EQ(publish_all(from, 3), std::vector<int>(3, kTaken));
  EXPECT_THAT(from.rested, IsEmpty());
  EXPECT_EQ(publish_all(from, 2), std::vector<int>(2, kTaken));
  ASSERT_THAT(from.rested, SizeIs(2));
  EXPECT_NEAR(std::chrono::duration<double>(from.rested[0]).count(), 1.0, 0.2);
  EXPECT_NEAR(std::chrono::duration<double>(from.rested[1]).count(), 2.0, 0.2);
  EXPECT_THAT(to.got, SizeIs(5));
  EXPECT_EQ(rests("client_rate"), 2);
  EXPECT_EQ(view("p")->activity.meter.find()->rests, 2U);
  EXPECT_GT(view("p")->activity.meter.find()->rests_until, world->executors[0]->wall_now());
  run(seconds{6});
  EXPECT_EQ(publish(from, "a/1", "after the rest"), kTaken);
  EXPECT_THAT(from.rested, SizeIs(2));
}

TEST_F(OverloadTest, BytesCountLikeMessages) {
  boot(1, {.client_bytes = {100, 1000}});
  RecordingLink from;
  open(from, options("p"));
  publish(from, "t", std::string(900, 'x'), QoS::at_most_once);
  EXPECT_THAT(from.rested, IsEmpty());
  publish(from, "t", std::string(299, 'x'), QoS::at_most_once);
  ASSERT_THAT(from.rested, SizeIs(1));
  EXPECT_NEAR(std::chrono::duration<double>(from.rested[0]).count(), 2.0, 0.2);
}

TEST_F(OverloadTest, ADebtIsNeverRestedAtOnceForLongerThanItsLimit) {
  boot(1, {.client_bytes = {1, 1}});
  RecordingLink from;
  open(from, options("p"));
  publish(from, "t", std::string(100'000, 'x'), QoS::at_most_once);
  EXPECT_THAT(from.rested, ElementsAre(kMaxPublishRest));
  publish(from, "t", "x", QoS::at_most_once);
  EXPECT_THAT(from.rested, ElementsAre(kMaxPublishRest, kMaxPublishRest)) << "the debt stays";
}

TEST_F(OverloadTest, ClientsOfOneTenantShareItsRateOverAllShards) {
  boot(2, {.tenant_messages = {1, 4}});
  RecordingLink one;
  RecordingLink two;
  RecordingLink stranger;
  open(one, options(client_on(0)));
  open(two, options(client_on(1)));
  OpenOptions other = options("other");
  other.principal = principal("other", TenantId{2});
  open(stranger, std::move(other));
  publish_all(one, 2);
  publish_all(two, 2);
  EXPECT_THAT(one.rested, IsEmpty());
  EXPECT_THAT(two.rested, IsEmpty());
  EXPECT_EQ(publish_all(one, 1), std::vector<int>{kTaken});
  EXPECT_EQ(publish_all(two, 1), std::vector<int>{kTaken});
  EXPECT_THAT(one.rested, SizeIs(1));
  EXPECT_THAT(two.rested, SizeIs(1));
  publish_all(stranger, 4);
  EXPECT_THAT(stranger.rested, IsEmpty()) << "another tenant has its own";
  EXPECT_EQ(rests("tenant_rate"), 2);
}

TEST_F(OverloadTest, ATenantGetsItsRateInTheLongRunWhicheverShardItsClientsAreOn) {
  boot(2, {.tenant_messages = {1000, 10}});
  RecordingLink one;
  RecordingLink two;
  open(one, options(client_on(0)));
  open(two, options(client_on(1)));
  // Each publishes whenever it does not rest.
  const Instant begin = world->executors[0]->now();
  std::array<Instant, 2> free{begin, begin};
  int taken = 0;
  while (world->executors[0]->now() - begin < seconds{2}) {
    std::array<RecordingLink*, 2> links{&one, &two};
    for (std::size_t i = 0; i < links.size(); ++i) {
      while (free[i] <= world->executors[0]->now()) {
        links[i]->session->publish(message("a/1", "x"), 0, {});
        ++taken;
        if (!links[i]->rested.empty()) free[i] = world->executors[0]->now() + links[i]->rested.back();
        links[i]->rested.clear();
      }
    }
    run(milliseconds{1});
  }
  EXPECT_NEAR(taken, 2000, 100);
}

TEST_F(OverloadTest, WhereItIsRefusedAClientThatCanBeToldIsToldAndNothingElseHappens) {
  boot(1, {.client_messages = {1, 2}, .over_rate = OverRate::refuse});
  RecordingLink from;
  RecordingLink to;
  from.refusable = true;
  open(from, options("p"));
  open(to, options("s"));
  subscribe(to, "a/#");
  EXPECT_EQ(publish_all(from, 4), (std::vector<int>{kTaken, kTaken, kTaken, kRefused})) << "a debt, once";
  publish(from, "a/1", "x", QoS::at_most_once);
  EXPECT_THAT(to.got, SizeIs(3));
  EXPECT_THAT(from.rested, IsEmpty());
  EXPECT_EQ(dropped("publish_rate"), 2);
  EXPECT_EQ(view("p")->activity.meter.find()->refused, 2U);
  run(seconds{1});
  EXPECT_EQ(publish_all(from, 1), std::vector<int>{kTaken});
}

TEST_F(OverloadTest, WhereItIsRefusedAClientThatCannotBeToldIsSlowed) {
  boot(1, {.client_messages = {1, 1}, .over_rate = OverRate::refuse});
  RecordingLink from;
  open(from, options("p"));
  EXPECT_EQ(publish_all(from, 3), std::vector<int>(3, kTaken));
  EXPECT_THAT(from.rested, SizeIs(2));
}

TEST_F(OverloadTest, AQoS2MessageThatHasBeenTakenIsAnsweredAgainHoweverFastItComes) {
  boot(1, {.client_messages = {1, 1}, .over_rate = OverRate::refuse});
  RecordingLink from;
  from.refusable = true;
  open(from, options("p"));
  EXPECT_EQ(publish(from, "a", "x", QoS::exactly_once), kTaken);
  EXPECT_EQ(publish(from, "a", "y", QoS::exactly_once), kTaken);
  --exchange;
  EXPECT_EQ(publish(from, "a", "y", QoS::exactly_once), kTaken);
  EXPECT_EQ(publish(from, "a", "z", QoS::exactly_once), kRefused);
  EXPECT_EQ(from.session->open_exchanges(), 2U);
}

// ---- memory ----

TEST_F(OverloadTest, TightMemoryRefusesNewSubscriptionsAndRetainedMessagesButGoesOn) {
  boot(2);
  RecordingLink from;
  RecordingLink to;
  from.refusable = true;
  open(from, options(client_on(0)));
  open(to, options(client_on(1)));
  subscribe(to, "a/#");
  become(MemoryLevel::tight);
  std::vector<bool> granted;
  to.session->subscribe({{"a/#", {}}, {"b/#", {}}}, [&granted](const auto& results) {
    for (const auto& one : results) granted.push_back(one.has_value());
  });
  run();
  EXPECT_THAT(granted, ElementsAre(true, false)) << "what it has it may have again";
  EXPECT_EQ(publish(from, "a/1", "x"), kTaken);
  EXPECT_EQ(publish(from, "a/1", "x", QoS::at_least_once, Message::Retain::yes), kRefused);
  EXPECT_EQ(publish(from, "a/1", "", QoS::at_least_once, Message::Retain::yes), kTaken) << "it frees";
  EXPECT_EQ(refusals("subscribe"), 1);
  EXPECT_EQ(refusals("retain"), 1);
  become(MemoryLevel::normal);
  EXPECT_EQ(publish(from, "a/1", "x", QoS::at_least_once, Message::Retain::yes), kTaken);
  subscribe(to, "b/#");
}

TEST_F(OverloadTest, RetainedQoS0MayChangeButNotGrowWhileMemoryIsTight) {
  boot(2);
  RecordingLink from;
  open(from, options("p"));
  publish(from, "old", "1", QoS::at_most_once, Message::Retain::yes);
  become(MemoryLevel::tight);
  publish(from, "old", "2", QoS::at_most_once, Message::Retain::yes);
  publish(from, "new", "1", QoS::at_most_once, Message::Retain::yes);
  become(MemoryLevel::normal);
  RecordingLink late;
  open(late, options("late"));
  subscribe(late, "#");
  EXPECT_THAT(late.payloads(), ElementsAre("2"));
}

TEST_F(OverloadTest, CriticalMemoryRefusesPublishesAndSlowsWhoCannotBeTold) {
  boot(1);
  RecordingLink modern;
  RecordingLink old;
  modern.refusable = true;
  open(modern, options("modern"));
  open(old, options("old"));
  become(MemoryLevel::critical);
  EXPECT_EQ(publish(modern, "a", "x"), kRefused);
  EXPECT_THAT(modern.rested, IsEmpty());
  EXPECT_EQ(publish(old, "a", "x"), kTaken);
  EXPECT_THAT(old.rested, ElementsAre(kMemoryRest));
  EXPECT_EQ(refusals("publish"), 1);
  EXPECT_EQ(rests("memory"), 1);
  become(MemoryLevel::normal);
  EXPECT_EQ(publish(modern, "a", "x"), kTaken);
}

TEST_F(OverloadTest, CriticalMemoryKeptRetainedMessagesFromBeingTakenAway) {
  boot(1);
  RecordingLink modern;
  modern.refusable = true;
  open(modern, options("modern"));
  publish(modern, "a", "x", QoS::at_least_once, Message::Retain::yes);
  become(MemoryLevel::critical);
  EXPECT_EQ(publish(modern, "b", "x", QoS::at_least_once, Message::Retain::yes), kRefused);
  EXPECT_EQ(publish(modern, "a", "", QoS::at_least_once, Message::Retain::yes), kTaken);
  become(MemoryLevel::normal);
  RecordingLink late;
  open(late, options("late"));
  subscribe(late, "#");
  EXPECT_THAT(late.payloads(), IsEmpty());
}

TEST_F(OverloadTest, CriticalMemoryDropsWaitingQoS0OldestFirst) {
  boot(1);
  RecordingLink from;
  RecordingLink slow;
  open(from, options("p"));
  open(slow, options("s"));
  subscribe(slow, "a/#");
  slow.takes = false;
  for (int i = 0; i < 100; ++i) publish(from, "a/1", std::to_string(i), QoS::at_most_once);
  become(MemoryLevel::tight);
  EXPECT_EQ(dropped("memory"), 0);
  become(MemoryLevel::critical);
  EXPECT_EQ(dropped("memory"), 100 - static_cast<double>(kMinQueueInMemory));
  EXPECT_EQ(view("s")->activity.dropped[static_cast<std::size_t>(DropReason::memory)],
            100 - kMinQueueInMemory);
  slow.takes = true;
  slow.session->drained();
  ASSERT_THAT(slow.got, SizeIs(kMinQueueInMemory));
  EXPECT_EQ(slow.got.back().payload, "99");
}

/// A stored session whose client is away, and what it has to get.
class QueueTest : public OverloadTest {
 protected:
  void SetUp() override {
    boot(2);
    open(from, options(client_on(0)));
    RecordingLink to;
    open(to, lasting(client()));
    subscribe(to, "a/#", {.qos = QoS::at_least_once});
    to.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
    run();
  }
  std::string client() { return client_on(1, "s"); }
  void publish_some(int count) {
    for (int i = 0; i < count; ++i) {
      expected.push_back(std::to_string(expected.size()));
      EXPECT_EQ(publish(from, "a/1", expected.back()), kTaken);
    }
  }
  void crash_and_take_all() {
    crash_and_boot(2);
    RecordingLink back;
    open(back, lasting(client()));
    for (std::size_t seen = 0; seen < back.got.size(); ++seen) {
      back.session->acknowledged(back.got[seen].packet_id);
      run();
    }
    EXPECT_EQ(back.payloads(), expected);
  }
  static constexpr Duration kCheckpoint = kCheckpointInterval + seconds{1};
  RecordingLink from;
  std::vector<std::string> expected;
};

TEST_F(QueueTest, GoesToTheDiskWhenMemoryIsShortAndLosesNothing) {
  publish_some(100);
  EXPECT_EQ(value("dunlin_hub_spilled_total"), 0);
  become(MemoryLevel::critical);
  EXPECT_EQ(value("dunlin_hub_spilled_total"), 100 - static_cast<double>(kMinQueueInMemory));
  publish_some(10);
  run(kCheckpoint);
  crash_and_take_all();
}

TEST_F(QueueTest, LosesNothingInACrashRightAfterItWentToTheDisk) {
  publish_some(40);
  run(kCheckpoint);  // these have rows
  publish_some(40);
  become(MemoryLevel::tight);
  publish_some(5);
  crash_and_take_all();
}

}  // namespace
}  // namespace dunlin::hub
