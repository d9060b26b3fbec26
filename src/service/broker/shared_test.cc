// Groups of shared subscriptions: their operations, and why a member gets a message or not.

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "service/broker/broker_fixture.h"
#include "service/broker/explain.h"

namespace dunlin::broker {
namespace {

using hub::GroupMemberView;
using hub::GroupView;
using hub::QoS;
using hub::SharedStrategy;
using hub::testing::message;
using hub::testing::RecordingLink;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kJobs = "$share/workers/jobs/#";

class SharedOperationsTest : public testing::BrokerTest {
 protected:
  void SetUp() override {
    boot(2);
    declare_all();
    open(publisher, options("publisher"));
  }
  void join(RecordingLink& link, const std::string& id, std::uint16_t window) {
    hub::OpenOptions wanted = lasting(id);
    wanted.receive_maximum = window;
    open(link, std::move(wanted));
    subscribe(link, kJobs, {.qos = QoS::at_least_once});
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i)
      publisher.session->publish(message("jobs/1", "x", QoS::at_least_once), ++sent,
                                 [](const Result<void>&) {});
    run();
  }
  RecordingLink publisher;
  std::uint16_t sent = 0;
};

TEST_F(SharedOperationsTest, AGroupIsListedShownClearedAndEnded) {
  RecordingLink a, b;
  join(a, "a", 1);
  join(b, "b", 2);
  publish(5);
  const auto list = got("shared.list", {{"contains", "work"}, {"topic", "jobs/7"}, {"order", "queued"}});
  EXPECT_EQ(list.at("matched"), 1);
  const auto& row = list.at("shared").as_array().at(0).as_object();
  EXPECT_EQ(row.at("name"), kJobs);
  EXPECT_EQ(row.at("group"), "workers");
  EXPECT_EQ(row.at("filter"), "jobs/#");
  EXPECT_EQ(row.at("strategy"), "round_robin");
  EXPECT_EQ(row.at("members"), 2);
  EXPECT_EQ(row.at("queued"), 2);
  EXPECT_EQ(row.at("lent"), 3);
  EXPECT_EQ(row.at("refuses"), false);
  EXPECT_THAT(got("shared.list", {{"group", "work"}}).at("shared").as_array(), IsEmpty());

  const auto shown = got("shared.show", {{"name", kJobs}});
  const auto& first = shown.at("member_list").as_array().at(0).as_object();
  EXPECT_EQ(first.at("client_id"), "a");
  EXPECT_EQ(first.at("state"), "full");
  EXPECT_EQ(first.at("filled"), 1);

  EXPECT_EQ(got("shared.clear", {{"name", kJobs}}).at("messages"), 5);
  EXPECT_EQ(got("shared.show", {{"name", kJobs}}).at("queued"), 0);
  const auto ended = got("shared.end", {{"name", kJobs}});
  EXPECT_EQ(ended.at("members"), 2);
  EXPECT_EQ(call("shared.show", {{"name", kJobs}}).error().code, Errc::not_found);
  EXPECT_EQ(call("shared.end", {{"name", kJobs}}).error().code, Errc::not_found);
  EXPECT_THAT(audit,
              ElementsAre(std::string("ada shared.clear ") + kJobs, std::string("ada shared.end ") + kJobs));
}

TEST_F(SharedOperationsTest, WrongQuestionsAreRefused) {
  EXPECT_EQ(call("shared.list", {{"order", "size"}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(call("shared.list", {{"topic", "a/#"}}).error().code, Errc::malformed);
  EXPECT_EQ(call("shared.list", {{"limit", 1001}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(call("shared.list", {{"after", "%"}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(call("shared.end", {{"name", kJobs}}, {"sessions:read"}).error().code, Errc::permission_denied);
}

TEST_F(SharedOperationsTest, AMemberIsToldWhyAnotherGetsTheMessage) {
  RecordingLink a, b;
  join(a, "a", 1);
  join(b, "b", 5);
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "jobs/1"}, {"qos", 1}}), "delivered");
  EXPECT_EQ(verdict({{"client_id", "b"}, {"topic", "jobs/1"}, {"qos", 1}}), "shared");
  EXPECT_THAT(summary, HasSubstr("the turn of \"a\""));
  publish(2);
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "jobs/1"}, {"qos", 1}}), "shared_other");
  EXPECT_THAT(summary, HasSubstr("window is full: 1 of 1"));
  EXPECT_THAT(summary, HasSubstr("another member gets it: \"b\""));
  EXPECT_THAT(summary, HasSubstr("got 1 of 2 messages"));
  a.session->close({"connection_lost", hub::Session::WillFate::discard, {}});
  run();
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "jobs/1"}, {"qos", 0}}), "shared_other");
  EXPECT_THAT(summary, HasSubstr("This client is away"));
}

// ---- the judgement alone ----

GroupMemberView member(const std::string& id, std::uint16_t window, std::uint16_t in_flight = 0) {
  GroupMemberView made;
  made.client_id = id;
  made.window = window;
  made.in_flight = in_flight;
  return made;
}

Evidence evidence_of(std::vector<GroupMemberView> members) {
  Evidence evidence;
  hub::DeliveryFacts& facts = evidence.client.emplace();
  facts.session.client_id = "a";
  facts.session.principal = hub::testing::principal("a");
  facts.session.condition = hub::SessionCondition::online;
  facts.session.subscriptions = 1;
  facts.session.room_messages = 100;
  facts.session.room_bytes = 1000;
  facts.matching.push_back({"$share/g/t", {.qos = QoS::exactly_once}});
  GroupView group;
  group.name = "$share/g/t";
  group.members = members.size();
  group.keeps = GroupView::Keeps::yes;
  for (const GroupMemberView& one : members) {
    group.connected += one.window > 0 ? 1 : 0;
    group.ready += one.readiness() == GroupMemberView::Readiness::ready ? 1 : 0;
  }
  group.member_list = std::move(members);
  evidence.groups.push_back(std::move(group));
  return evidence;
}

Result<void> allow(const Principal&, hub::Action, std::string_view) {
  return {};
}

Explanation of(const Evidence& evidence, QoS qos = QoS::at_least_once) {
  return explain({.client_id = "a", .topic = "t", .qos = qos, .publisher = "p"}, evidence, allow);
}

TEST(ExplainGroupTest, TheOnlyMemberThatCanTakeItGetsIt) {
  EXPECT_EQ(of(evidence_of({member("a", 5)})).verdict, "delivered");
  EXPECT_EQ(of(evidence_of({member("a", 5), member("b", 0)})).verdict, "delivered");
}

TEST(ExplainGroupTest, WhereNobodyCanTakeItItWaitsInTheGroup) {
  Evidence full = evidence_of({member("a", 5, 5), member("b", 2, 2)});
  full.groups[0].queued = 7;
  const Explanation waits = of(full);
  EXPECT_EQ(waits.verdict, "delayed");
  EXPECT_THAT(waits.summary, HasSubstr("7 messages wait in the group"));
  const Evidence away = evidence_of({member("a", 0), member("b", 0)});
  EXPECT_EQ(of(away).verdict, "queued");
  EXPECT_EQ(of(away, QoS::at_most_once).verdict, "offline");
}

TEST(ExplainGroupTest, AFullGroupRefusesPublishers) {
  Evidence evidence = evidence_of({member("a", 5, 5)});
  evidence.groups[0].full = GroupView::Full::yes;
  EXPECT_EQ(of(evidence).verdict, "queue_full");
  EXPECT_NE(of(evidence, QoS::at_most_once).verdict, "queue_full");
}

TEST(ExplainGroupTest, TheStrategySaysWhoIsNext) {
  Evidence evidence = evidence_of({member("a", 5, 2), member("b", 5, 1)});
  GroupView& group = evidence.groups[0];
  group.strategy = SharedStrategy::least_in_flight;
  group.next_client = "b";
  EXPECT_EQ(of(evidence).verdict, "shared");
  EXPECT_THAT(of(evidence).summary, HasSubstr("no more in flight than this client's 2"));
  group.strategy = SharedStrategy::sticky;
  EXPECT_EQ(of(evidence).verdict, "shared_other");
  EXPECT_FALSE(arrives(of(evidence).verdict));
  group.next_client.clear();
  EXPECT_EQ(of(evidence).verdict, "shared") << "it depends on the publisher";
  group.next_client = "a";
  EXPECT_EQ(of(evidence).verdict, "delivered");
}

TEST(ExplainGroupTest, ASubscriptionOfItsOwnDecides) {
  Evidence evidence = evidence_of({member("a", 5, 5), member("b", 5)});
  evidence.client->matching.push_back({"t", {.qos = QoS::exactly_once}});
  const Explanation own = of(evidence);
  EXPECT_EQ(own.verdict, "delivered");
  for (const Step& step : own.steps) EXPECT_NE(step.outcome, Step::Outcome::problem) << step.text;
}

TEST(ExplainGroupTest, OneOfTwoGroupsIsEnough) {
  Evidence evidence = evidence_of({member("a", 5, 5), member("b", 5)});
  evidence.client->matching.push_back({"$share/h/t", {.qos = QoS::exactly_once}});
  Evidence other = evidence_of({member("a", 5)});
  other.groups[0].name = "$share/h/t";
  evidence.groups.push_back(other.groups[0]);
  EXPECT_EQ(of(evidence).verdict, "delivered");
}

}  // namespace
}  // namespace dunlin::broker
