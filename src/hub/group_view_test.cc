// Groups of shared subscriptions as operators see, empty and end them.

#include <gmock/gmock.h>

#include "hub/hub_fixture.h"
#include "hub/view.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;
using ::testing::SizeIs;
using Readiness = GroupMemberView::Readiness;

constexpr const char* kJobs = "$share/workers/jobs/#";

class GroupViewTest : public testing::HubTest {
 protected:
  void SetUp() override { boot(2); }
  Executor& here() { return *world->executors[0]; }
  HubView view() { return HubView(hub()); }

  template <class T>
  T wait(auto ask) {
    std::optional<T> got;
    ask([&](T answer) { got = std::move(answer); });
    run();
    EXPECT_TRUE(got.has_value());
    return got.has_value() ? *std::move(got) : T{};
  }
  GroupPage groups(GroupQuery query = {}) {
    return wait<GroupPage>([&](auto done) { view().groups(here(), query, std::move(done)); });
  }
  std::optional<GroupView> group(const std::string& name = kJobs, const PrincipalRef& publisher = nullptr) {
    return wait<std::optional<GroupView>>(
        [&](auto done) { view().group(here(), kDefaultTenant, name, publisher, std::move(done)); });
  }
  Result<GroupLoss> clear(const std::string& name = kJobs) {
    return wait<Result<GroupLoss>>(
        [&](auto done) { view().clear_group(here(), kDefaultTenant, name, std::move(done)); });
  }
  Result<GroupLoss> end(const std::string& name = kJobs) {
    return wait<Result<GroupLoss>>(
        [&](auto done) { view().end_group(here(), kDefaultTenant, name, std::move(done)); });
  }
  static std::vector<std::string> names(const GroupPage& page) {
    std::vector<std::string> all;
    for (const GroupView& one : page.groups) all.push_back(one.name);
    return all;
  }

  void start_publisher() { open(from, options(client_on(0, "p"))); }
  void publish(int count, QoS qos = QoS::at_least_once) {
    for (int i = 0; i < count; ++i) {
      ++sent;
      from.session->publish(message("jobs/1", std::to_string(sent), qos), sent, [](const Result<void>&) {});
    }
    run();
  }
  void join(RecordingLink& link, OpenOptions options, std::uint16_t window = 10,
            const std::string& filter = kJobs) {
    options.receive_maximum = window;
    open(link, std::move(options));
    subscribe(link, filter, {.qos = QoS::exactly_once});
  }
  void disconnect(RecordingLink& link) {
    link.session->close({"connection_lost", Session::WillFate::discard, std::nullopt});
    run();
  }

  RecordingLink from;
  std::uint16_t sent = 0;
};

TEST_F(GroupViewTest, AGroupIsShownWithItsMembersAndWhatWaits) {
  start_publisher();
  RecordingLink a, b, c;
  const std::string a_id = client_on(0, "a");
  const std::string b_id = client_on(1, "b");
  join(a, options(a_id), 2);
  join(b, options(b_id), 3);
  join(c, lasting(client_on(1, "c")), 4);
  disconnect(c);
  publish(3);
  const auto shown = group();
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->name, kJobs);
  EXPECT_EQ(shown->strategy, SharedStrategy::round_robin);
  EXPECT_EQ(shown->members, 3U);
  EXPECT_EQ(shown->connected, 2U);
  EXPECT_EQ(shown->ready, 1U);
  EXPECT_EQ(shown->keeps, GroupView::Keeps::yes);
  EXPECT_EQ(shown->lent, 3U);
  EXPECT_EQ(shown->queued, 0U);
  EXPECT_EQ(shown->given, 3U);
  ASSERT_THAT(shown->member_list, SizeIs(3));
  const GroupMemberView& first = shown->member_list[0];
  EXPECT_EQ(first.client_id, a_id);
  EXPECT_EQ(first.thing, a_id);
  EXPECT_EQ(first.readiness(), Readiness::full);
  EXPECT_EQ(first.in_flight, 2);
  EXPECT_EQ(first.given, 2U);
  EXPECT_EQ(first.filled, 1U);
  EXPECT_EQ(shown->member_list[1].readiness(), Readiness::ready);
  EXPECT_EQ(shown->member_list[1].filled, 0U);
  EXPECT_EQ(shown->member_list[2].readiness(), Readiness::away);
  EXPECT_EQ(shown->next_client, b_id);

  publish(4);
  const auto full = group();
  EXPECT_EQ(full->ready, 0U);
  EXPECT_EQ(full->queued, 2U);
  EXPECT_GT(full->queued_bytes, 0U);
  EXPECT_EQ(full->next.generation, 0U);
  EXPECT_THAT(full->next_client, IsEmpty());
  EXPECT_FALSE(group("$share/others/jobs/#").has_value());
}

TEST_F(GroupViewTest, WhatIsOnTheDiskOnlyIsToldApart) {
  boot(2, {.queue_memory_messages = 4});
  start_publisher();
  RecordingLink a;
  join(a, lasting(client_on(1, "a")), 1);
  publish(21);
  const auto shown = group();
  EXPECT_EQ(shown->queued, 20U);
  EXPECT_GT(shown->on_disk, 0U);
  EXPECT_LT(shown->on_disk, 20U);
  EXPECT_LT(shown->on_disk_bytes, shown->queued_bytes);
  const auto member = wait<std::optional<SessionView>>(
      [&](auto done) { view().session(here(), kDefaultTenant, client_on(1, "a"), std::move(done)); });
  EXPECT_EQ(member->on_disk, 0U) << "what is the group's is not the member's";
}

TEST_F(GroupViewTest, TheStrategySaysWhoIsNext) {
  boot(2, {.shared_strategy = SharedStrategy::sticky});
  start_publisher();
  RecordingLink a, b;
  join(a, options(client_on(0, "a")));
  join(b, options(client_on(1, "b")));
  EXPECT_THAT(group()->next_client, IsEmpty()) << "it depends on the publisher";
  const std::string next = group(kJobs, from.session->principal())->next_client;
  publish(2);
  EXPECT_THAT(a.got, SizeIs(next == client_on(0, "a") ? 2 : 0));
  EXPECT_THAT(b.got, SizeIs(next == client_on(1, "b") ? 2 : 0));

  boot(2, {.shared_strategy = SharedStrategy::least_in_flight});
  start_publisher();
  RecordingLink c, d;
  join(c, options(client_on(0, "c")));
  publish(1);
  join(d, options(client_on(1, "d")));
  EXPECT_EQ(group()->next_client, client_on(1, "d"));
}

TEST_F(GroupViewTest, ListsAreSearchedSortedAndPaged) {
  start_publisher();
  std::vector<std::unique_ptr<RecordingLink>> links;
  for (const char* filter : {"$share/a/x/#", "$share/a/y", "$share/b/x/+", "$share/workers/jobs/#"}) {
    links.push_back(std::make_unique<RecordingLink>());
    join(*links.back(), options("c" + std::to_string(links.size())), 1, filter);
  }
  EXPECT_THAT(names(groups()), ElementsAre("$share/a/x/#", "$share/a/y", "$share/b/x/+", kJobs));
  EXPECT_THAT(names(groups({.group = "a"})), ElementsAre("$share/a/x/#", "$share/a/y"));
  EXPECT_THAT(names(groups({.contains = "job"})), ElementsAre(kJobs));
  EXPECT_THAT(names(groups({.topic = "x/1"})), ElementsAre("$share/a/x/#", "$share/b/x/+"));
  EXPECT_THAT(groups({.tenant = TenantId{2}}).groups, IsEmpty());
  const GroupPage first = groups({.limit = 3});
  EXPECT_EQ(first.matched, 4U);
  EXPECT_THAT(names(groups({.after = first.next})), ElementsAre(kJobs));
  publish(2);
  EXPECT_EQ(names(groups({.order = GroupQuery::Order::queued})).front(), kJobs);
}

TEST_F(GroupViewTest, AClearedGroupGoesOnWithItsMembers) {
  start_publisher();
  RecordingLink a, b;
  join(a, lasting(client_on(0, "a")), 1);
  join(b, options(client_on(1, "b")), 1);
  publish(6);
  const auto lost = clear();
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->messages, 6U) << "four that waited, two with members";
  EXPECT_EQ(lost->members, 0U);
  EXPECT_EQ(world->metrics.value("dunlin_hub_shared_removed_total"), 6);
  EXPECT_EQ(group()->members, 2U);
  EXPECT_EQ(group()->queued, 0U);
  ASSERT_THAT(a.got, SizeIs(1));
  ASSERT_THAT(b.got, SizeIs(1));
  EXPECT_TRUE(a.session->acknowledged(a.got[0].packet_id));
  EXPECT_TRUE(b.session->acknowledged(b.got[0].packet_id));
  run();
  EXPECT_THAT(a.got, SizeIs(1)) << "what waited is gone";
  publish(2);
  EXPECT_THAT(a.payloads(), ElementsAre(a.got[0].payload, std::to_string(sent - 1)));
  EXPECT_THAT(b.payloads(), ElementsAre(b.got[0].payload, std::to_string(sent)));
  EXPECT_EQ(clear("$share/none/x").error().code, Errc::not_found);
}

TEST_F(GroupViewTest, AnEndedGroupIsGoneWithItsQueueAndStaysGone) {
  start_publisher();
  RecordingLink a, b;
  join(a, lasting(client_on(0, "a")), 1);
  join(b, lasting(client_on(1, "b")), 1);
  subscribe(b, "other");
  EXPECT_EQ(world->metrics.value("dunlin_hub_shared_subscriptions"), 2);
  publish(5);
  const auto lost = end();
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->messages, 5U);
  EXPECT_EQ(lost->members, 2U);
  EXPECT_FALSE(group().has_value());
  EXPECT_EQ(world->metrics.value("dunlin_hub_shared_groups"), 0);
  EXPECT_EQ(world->metrics.value("dunlin_hub_shared_subscriptions"), 0);
  const std::size_t before = a.got.size() + b.got.size();
  publish(2);
  EXPECT_EQ(a.got.size() + b.got.size(), before) << "nobody subscribes any more";
  EXPECT_EQ(end().error().code, Errc::not_found);

  // Its answer came, so a crash at once must not bring it back.
  crash_and_boot(2);
  EXPECT_THAT(groups().groups, IsEmpty());
  const auto kept =
      wait<SubscriptionPage>([&](auto done) { view().subscriptions(here(), {}, std::move(done)); });
  ASSERT_THAT(kept.subscriptions, SizeIs(1));
  EXPECT_EQ(kept.subscriptions[0].filter, "other");
}

TEST_F(GroupViewTest, WhatAMemberHasAlreadyOfAnEndedGroupIsAcknowledgedInPeace) {
  start_publisher();
  RecordingLink a;
  join(a, lasting(client_on(1, "a")), 5);
  publish(1);
  publish(1, QoS::exactly_once);
  ASSERT_THAT(a.got, SizeIs(2));
  ASSERT_TRUE(end().has_value());
  EXPECT_TRUE(a.session->acknowledged(a.got[0].packet_id));
  EXPECT_TRUE(a.session->received(a.got[1].packet_id));
  run();
  EXPECT_THAT(a.released, ElementsAre(a.got[1].packet_id));
  EXPECT_TRUE(a.session->completed(a.got[1].packet_id));
  run();
  RecordingLink later;
  join(later, options("later"));
  EXPECT_EQ(group()->lent, 0U) << "the group of the same name is a new one";
}

TEST_F(GroupViewTest, AClearedGroupTakesBackWhatAMemberHasOnlyStored) {
  start_publisher();
  RecordingLink a;
  const std::string id = client_on(1, "a");
  join(a, lasting(id), 5);
  // In the moment between the member's having stored the message and the group's letting go of it.
  ++sent;
  from.session->publish(message("jobs/1", "x", QoS::exactly_once), sent, [](const Result<void>&) {});
  std::optional<GroupView> seen;
  for (int i = 0; i < 40 && !(seen && seen->handed_over > 0); ++i) {
    run(std::chrono::milliseconds{1});
    view().group(here(), kDefaultTenant, kJobs, nullptr, [&](std::optional<GroupView> now) { seen = now; });
    run(Duration{1});
  }
  ASSERT_TRUE(seen && seen->handed_over == 1);
  ASSERT_TRUE(clear().has_value());
  EXPECT_THAT(a.got, IsEmpty());
  EXPECT_EQ(group()->lent, 0U);
}

}  // namespace
}  // namespace dunlin::hub
