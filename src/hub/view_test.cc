#include "hub/view.h"

#include <gmock/gmock.h>

#include "hub/hub_fixture.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;

class ViewTest : public testing::HubTest {
 protected:
  Executor& here() { return *world->executors[0]; }
  SessionPage sessions(SessionQuery query) {
    return wait<SessionPage>([&](auto done) { HubView(hub()).sessions(here(), query, std::move(done)); });
  }
  std::optional<SessionView> session(const std::string& client_id) {
    return wait<std::optional<SessionView>>(
        [&](auto done) { HubView(hub()).session(here(), kDefaultTenant, client_id, std::move(done)); });
  }
  SubscriptionPage subscriptions(SubscriptionQuery query) {
    return wait<SubscriptionPage>(
        [&](auto done) { HubView(hub()).subscriptions(here(), query, std::move(done)); });
  }
  RetainedPage retained(RetainedQuery query) {
    return wait<RetainedPage>([&](auto done) { HubView(hub()).retained(here(), query, std::move(done)); });
  }
  std::optional<DeliveryFacts> facts(const std::string& client_id, const std::string& topic) {
    return wait<std::optional<DeliveryFacts>>(
        [&](auto done) { HubView(hub()).facts(here(), kDefaultTenant, client_id, topic, std::move(done)); });
  }
  Result<SessionCondition> end(const std::string& client_id, HubView::State state) {
    std::optional<Result<SessionCondition>> got;
    HubView(hub()).end(here(), kDefaultTenant, client_id, state, "because",
                       [&](Result<SessionCondition> result) { got = std::move(result); });
    run();
    return got.value_or(fail(Errc::internal, "no answer"));
  }
  static std::vector<std::string> ids(const SessionPage& page) {
    std::vector<std::string> all;
    for (const SessionView& one : page.sessions) all.push_back(one.client_id);
    return all;
  }

  template <class T>
  T wait(auto ask) {
    std::optional<T> got;
    ask([&](T answer) { got = std::move(answer); });
    run();
    EXPECT_TRUE(got.has_value());
    return got.has_value() ? *std::move(got) : T{};
  }
};

TEST_F(ViewTest, PagesGoThroughAllSessionsOfEveryShardInOrder) {
  boot(3);
  std::vector<std::unique_ptr<RecordingLink>> links;
  std::vector<std::string> all;
  for (int i = 10; i < 40; ++i) {
    links.push_back(std::make_unique<RecordingLink>());
    all.push_back("c" + std::to_string(i));
    open(*links.back(), options(all.back()));
  }
  std::vector<std::string> seen;
  SessionQuery query{.limit = 7};
  for (std::size_t page_number = 0; page_number < 10; ++page_number) {
    const SessionPage page = sessions(query);
    EXPECT_EQ(page.matched, all.size() - seen.size());
    for (const std::string& id : ids(page)) seen.push_back(id);
    if (page.next.empty()) break;
    query.after = page.next;
  }
  EXPECT_EQ(seen, all);
}

TEST_F(ViewTest, SessionsOfAnotherTenantAreNotSeen) {
  boot(2);
  RecordingLink theirs;
  OpenOptions other = options("theirs");
  other.principal = testing::principal("theirs", TenantId{2});
  open(theirs, std::move(other));
  EXPECT_THAT(sessions({}).sessions, IsEmpty());
  EXPECT_THAT(ids(sessions({.tenant = TenantId{2}})), ElementsAre("theirs"));
  EXPECT_FALSE(session("theirs").has_value());
  EXPECT_EQ(end("theirs", HubView::State::forget).error().code, Errc::not_found);
}

TEST_F(ViewTest, EveryFilterChooses) {
  boot(2);
  RecordingLink a;
  RecordingLink b;
  RecordingLink c;
  OpenOptions of_a = options("press-01");
  of_a.peer = "192.0.2.7:1000";
  open(a, std::move(of_a));
  open(b, options("press-02"));
  open(c, lasting("mixer-01"));
  subscribe(b, "plant/+/state");
  c.session->close({"disconnected", Session::WillFate::discard, {}});
  run();
  EXPECT_THAT(ids(sessions({.prefix = "press"})), ElementsAre("press-01", "press-02"));
  EXPECT_THAT(ids(sessions({.contains = "-01"})), ElementsAre("mixer-01", "press-01"));
  EXPECT_THAT(ids(sessions({.thing = "press-02"})), ElementsAre("press-02"));
  EXPECT_THAT(ids(sessions({.address = "192.0.2.7"})), ElementsAre("press-01"));
  EXPECT_THAT(ids(sessions({.topic = "plant/7/state"})), ElementsAre("press-02"));
  EXPECT_THAT(ids(sessions({.state = SessionQuery::State::offline})), ElementsAre("mixer-01"));
  EXPECT_THAT(ids(sessions({.state = SessionQuery::State::online})), ElementsAre("press-01", "press-02"));
  EXPECT_THAT(ids(sessions({.state = SessionQuery::State::slow})), IsEmpty());
}

TEST_F(ViewTest, WhoAcknowledgesNothingIsSlowAndHoldsItsPublisher) {
  Limits limits;
  limits.online_messages = 5;
  boot(2, limits);
  RecordingLink slow;
  RecordingLink publisher;
  OpenOptions narrow = options(client_on(0, "slow"));
  narrow.receive_maximum = 2;
  const std::string slow_id = narrow.client_id;
  const std::string publisher_id = client_on(1, "publisher");
  open(slow, std::move(narrow));
  open(publisher, options(publisher_id));
  subscribe(slow, "t");
  for (int i = 0; i < 10; ++i) {
    publisher.session->publish(message("t", "x", QoS::at_least_once), static_cast<std::uint16_t>(i + 1),
                               [](const Result<void>&) {});
  }
  run();
  const auto seen = session(slow_id);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->condition, SessionCondition::slow);
  EXPECT_EQ(seen->in_flight_out, 2U);
  EXPECT_EQ(seen->queued, 8U);
  EXPECT_EQ(seen->holds, 1U);
  EXPECT_EQ(seen->activity.out, 2U);
  EXPECT_THAT(seen->slow_reason, HasSubstr("Receive Maximum 2"));
  EXPECT_THAT(ids(sessions({.state = SessionQuery::State::slow})), ElementsAre(slow_id));
  EXPECT_THAT(ids(sessions({.order = SessionQuery::Order::state})), ElementsAre(slow_id, publisher_id));
  EXPECT_THAT(ids(sessions({.order = SessionQuery::Order::queued, .limit = 1})), ElementsAre(slow_id));
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions_holding"), 1);
  EXPECT_EQ(world->metrics.value("dunlin_hub_publishers_held"), 1);
  const auto held = session(publisher_id);
  EXPECT_EQ(held->held_by, 1U);
  EXPECT_NE(held->activity.held_since, WallTime{});
  EXPECT_EQ(held->activity.in, 10U);

  EXPECT_TRUE(end(slow_id, HubView::State::keep).has_value());
  EXPECT_EQ(slow.end_reason, EndReason::administrative);
  EXPECT_FALSE(publisher.paused);
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions_holding"), 0);
  EXPECT_EQ(world->metrics.value("dunlin_hub_publishers_held"), 0);
  EXPECT_EQ(session(publisher_id)->held_by, 0U);
}

TEST_F(ViewTest, WhatWasDroppedIsRememberedWithReasonAndTopic) {
  Limits limits;
  limits.qos0_messages = 2;
  boot(1, limits);
  RecordingLink link;
  RecordingLink publisher;
  open(link, options("a"));
  open(publisher, options("p"));
  subscribe(link, "t/#");
  link.takes = false;
  for (int i = 0; i < 5; ++i) publisher.session->publish(message("t/1", "x"), 0, {});
  run();
  const auto seen = session("a");
  EXPECT_EQ(seen->queued_qos0, 2U);
  EXPECT_EQ(seen->activity.dropped[static_cast<std::size_t>(DropReason::qos0_queue)], 3U);
  ASSERT_EQ(seen->activity.recent.size(), 1U);
  EXPECT_EQ(seen->activity.recent[0].topic, "t/1");
  EXPECT_EQ(seen->activity.recent[0].count, 3U);
}

TEST(SessionActivityTest, KeepsTheNewestDropsOnly) {
  SessionActivity activity;
  for (std::size_t i = 0; i < 3 * kMaxRecentDrops; ++i)
    activity.drop(DropReason::expired, "t" + std::to_string(i), WallTime{});
  activity.drop(DropReason::packet_too_large, std::string(1000, 'x'), WallTime{});
  ASSERT_EQ(activity.recent.size(), kMaxRecentDrops);
  EXPECT_EQ(activity.recent.back().topic.size(), kMaxRecentDropTopicBytes);
  EXPECT_EQ(activity.dropped[static_cast<std::size_t>(DropReason::expired)], 3 * kMaxRecentDrops);
  activity.drop(DropReason::offline, "t", WallTime{});
  EXPECT_EQ(activity.recent.back().reason, DropReason::packet_too_large);
}

TEST_F(ViewTest, AnEndedSessionIsKeptOrForgotten) {
  boot(1);
  RecordingLink link;
  open(link, lasting("a"));
  EXPECT_EQ(*end("a", HubView::State::keep), SessionCondition::online);
  EXPECT_EQ(session("a")->condition, SessionCondition::offline);
  EXPECT_EQ(end("a", HubView::State::keep).error().code, Errc::conflict);
  EXPECT_EQ(*end("a", HubView::State::forget), SessionCondition::offline);
  EXPECT_FALSE(session("a").has_value());
  EXPECT_EQ(end("a", HubView::State::forget).error().code, Errc::not_found);
}

TEST_F(ViewTest, SubscriptionsAreFoundByTopicClientAndFilter) {
  boot(2);
  RecordingLink a;
  RecordingLink b;
  open(a, options("a"));
  open(b, options("b"));
  subscribe(a, "x/+");
  subscribe(a, "y");
  subscribe(b, "x/#");
  const auto names = [&](SubscriptionQuery query) {
    std::vector<std::string> all;
    for (const auto& one : subscriptions(std::move(query)).subscriptions)
      all.push_back(one.client_id + " " + one.filter);
    return all;
  };
  EXPECT_THAT(names({}), ElementsAre("a x/+", "a y", "b x/#"));
  EXPECT_THAT(names({.topic = "x/1"}), ElementsAre("a x/+", "b x/#"));
  EXPECT_THAT(names({.topic = "x/1/2"}), ElementsAre("b x/#"));
  EXPECT_THAT(names({.client_id = "a", .topic = "y"}), ElementsAre("a y"));
  EXPECT_THAT(names({.filter = "x/#"}), ElementsAre("b x/#"));
  const SubscriptionPage first = subscriptions({.limit = 2});
  EXPECT_EQ(first.matched, 3U);
  EXPECT_THAT(names({.after = first.next}), ElementsAre("b x/#"));
}

TEST_F(ViewTest, RetainedMessagesOfAllShardsComeInPagesByTopic) {
  boot(3);
  RecordingLink publisher;
  open(publisher, options("p"));
  std::vector<std::string> all;
  for (int i = 100; i < 130; ++i) {
    all.push_back("r/" + std::to_string(i));
    publisher.session->publish(message(all.back(), "x", QoS::at_most_once, Message::Retain::yes), 0, {});
  }
  publisher.session->publish(message("other", "x", QoS::at_most_once, Message::Retain::yes), 0, {});
  run();
  std::vector<std::string> seen;
  RetainedQuery query{.filter = "r/#", .limit = 7};
  for (int round = 0; round < 10; ++round) {
    const RetainedPage page = retained(query);
    for (const Message& one : page.messages) seen.emplace_back(one.topic.text());
    if (page.next.empty()) break;
    query.after = page.next;
  }
  EXPECT_EQ(seen, all);
  EXPECT_EQ(retained({}).messages.size(), 31U);
  EXPECT_THAT(retained({.tenant = TenantId{2}}).messages, IsEmpty());
}

TEST_F(ViewTest, AWalkThroughRetainedMessagesIsBounded) {
  boot(1);
  RecordingLink publisher;
  open(publisher, options("p"));
  // More than one turn looks at; only the last one matches.
  for (std::size_t i = 0; i < 2 * kViewStepsPerTurn + 3; ++i) {
    publisher.session->publish(
        message("r/" + std::to_string(10'000 + i) + "/x", "x", QoS::at_most_once, Message::Retain::yes), 0,
        {});
  }
  publisher.session->publish(message("r/9/y", "x", QoS::at_most_once, Message::Retain::yes), 0, {});
  run();
  const RetainedPage page = retained({.filter = "r/+/y", .limit = 5});
  ASSERT_EQ(page.messages.size(), 1U);
  EXPECT_EQ(page.messages[0].topic.text(), "r/9/y");
}

TEST_F(ViewTest, TheNearestFilterIsTheOneThatPartsLast) {
  boot(1);
  RecordingLink link;
  open(link, options("a"));
  subscribe(link, "plant/1/motor/speed");
  subscribe(link, "office/#");
  auto found = facts("a", "plant/1/pump/speed");
  EXPECT_THAT(found->matching, IsEmpty());
  EXPECT_EQ(found->nearest->filter, "plant/1/motor/speed");
  EXPECT_EQ(found->nearest->level, 3U);
  EXPECT_EQ(found->nearest->wanted, "motor");
  EXPECT_EQ(found->nearest->found, "pump");
  found = facts("a", "plant/1/motor");
  EXPECT_EQ(found->nearest->level, 4U);
  EXPECT_EQ(found->nearest->found, "");
  found = facts("a", "plant/1/motor/speed/raw");
  EXPECT_EQ(found->nearest->level, 5U);
  EXPECT_EQ(found->nearest->wanted, "");
  EXPECT_EQ(found->nearest->found, "raw");
  EXPECT_EQ(facts("a", "office/1")->matching.size(), 1U);
  EXPECT_FALSE(facts("nobody", "t").has_value());
}

TEST(SharedFilterTest, IsSplitIntoGroupAndFilter) {
  EXPECT_EQ(split_shared("$share/g/a/+").group, "g");
  EXPECT_EQ(split_shared("$share/g/a/+").filter, "a/+");
  EXPECT_EQ(split_shared("a/$share/b").group, "");
  EXPECT_EQ(split_shared("$share/g").filter, "$share/g");
}

}  // namespace
}  // namespace dunlin::hub
