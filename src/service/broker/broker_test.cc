#include "service/broker/broker.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "service/broker/broker_fixture.h"
#include "service/broker/explain.h"

namespace dunlin::broker {
namespace {

using hub::QoS;
using hub::testing::message;
using hub::testing::RecordingLink;
using testing::BrokerTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(BrokerTest, PermissionsAreAskedFor) {
  boot(1);
  declare_all();
  for (const model::OperationSpec& spec : operations()) {
    boost::json::object request;
    for (const model::Field& field : spec.request)
      if (field.need == model::Need::required) request[field.name] = "x";
    EXPECT_EQ(call(spec.name, request, {"things:*"}).error().code, Errc::permission_denied) << spec.name;
  }
}

TEST_F(BrokerTest, SessionsAreListedInPages) {
  boot(2);
  declare_all();
  RecordingLink a;
  RecordingLink b;
  open(a, options("a"));
  open(b, options("b"));
  const auto first = got("session.list", {{"limit", 1}});
  EXPECT_EQ(first.at("sessions").as_array().at(0).at("client_id"), "a");
  EXPECT_EQ(first.at("matched"), 2);
  const auto second = got("session.list", {{"limit", 1}, {"after", first.at("next")}});
  EXPECT_EQ(second.at("sessions").as_array().at(0).at("client_id"), "b");
  EXPECT_FALSE(second.contains("next"));
  for (const auto& [field, value] :
       std::initializer_list<std::pair<const char*, boost::json::value>>{{"limit", 1001},
                                                                         {"limit", 0},
                                                                         {"state", "dead"},
                                                                         {"order", "size"},
                                                                         {"topic", "a/#"},
                                                                         {"after", "%"}}) {
    EXPECT_FALSE(call("session.list", {{field, value}}).has_value()) << field;
  }
}

TEST_F(BrokerTest, ASessionIsShownAndEnded) {
  boot(2);
  declare_all();
  RecordingLink link;
  open(link, lasting("a"));
  subscribe(link, "t/+");
  const auto shown = got("session.show", {{"client_id", "a"}});
  EXPECT_EQ(shown.at("state"), "online");
  EXPECT_EQ(shown.at("expiry_seconds"), 3600);
  EXPECT_EQ(shown.at("subscription_list").as_array().at(0).at("filter"), "t/+");
  EXPECT_EQ(got("session.end", {{"client_id", "a"}}).at("was"), "online");
  EXPECT_EQ(link.end_reason, hub::EndReason::administrative);
  EXPECT_EQ(call("session.end", {{"client_id", "a"}}).error().code, Errc::conflict);
  EXPECT_EQ(got("session.end", {{"client_id", "a"}, {"forget", true}}).at("forgotten"), true);
  EXPECT_EQ(call("session.show", {{"client_id", "a"}}).error().code, Errc::not_found);
  EXPECT_EQ(call("session.end", {{"client_id", "a"}, {"reason", std::string(257, 'x')}}).error().code,
            Errc::invalid_argument);
  EXPECT_THAT(audit, ElementsAre("ada session.end a", "ada session.end a with forget=true"));
}

TEST_F(BrokerTest, RetainedMessagesAreShownAndRemoved) {
  boot(2);
  declare_all();
  RecordingLink link;
  open(link, options("a"));
  for (int i = 0; i < 20; ++i) retain(link, "r/" + std::to_string(i), "21.5");
  retain(link, "s", "\xff\xfe");
  EXPECT_EQ(got("retained.list", {{"filter", "r/#"}}).at("retained").as_array().size(), 20U);
  EXPECT_EQ(got("retained.get", {{"topic", "r/7"}}).at("payload"), "21.5");
  EXPECT_EQ(got("retained.get", {{"topic", "s"}}).at("payload_base64"), "//4=");
  EXPECT_EQ(got("retained.remove", {{"filter", "r/7"}}).at("removed"), 1);
  const auto removed = got("retained.remove", {{"filter", "r/+"}});
  EXPECT_EQ(removed.at("removed"), 19);
  EXPECT_EQ(removed.at("left"), false);
  EXPECT_EQ(call("retained.get", {{"topic", "r/7"}}).error().code, Errc::not_found);
  EXPECT_EQ(got("retained.list", {}).at("retained").as_array().size(), 1U);
  EXPECT_EQ(got("retained.remove", {{"filter", "r/+"}}).at("removed"), 0);
  EXPECT_EQ(call("retained.remove", {{"filter", "r/#/x"}}).error().code, Errc::malformed);
  EXPECT_THAT(audit,
              ElementsAre("ada retained.remove r/7", "ada retained.remove r/+", "ada retained.remove r/+"));
  // It is gone for good, too.
  crash_and_boot(2);
  std::optional<std::optional<hub::Message>> kept;
  hub().retained(*world->executors[0], kDefaultTenant, "r/7", [&](auto found) { kept = std::move(found); });
  run();
  EXPECT_TRUE(kept.has_value() && !kept->has_value());
}

TEST_F(BrokerTest, AnExplanationNamesTheReason) {
  hub::Limits limits;
  limits.qos0_messages = 2;
  boot(2, limits);
  declare_all(limits);
  RecordingLink a;
  open(a, lasting("a"));
  EXPECT_EQ(verdict({{"client_id", "nobody"}, {"topic", "t"}}), "no_session");
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t"}}), "no_subscription");
  subscribe(a, "t/1", {.qos = QoS::at_least_once});
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/2"}}), "no_subscription");
  EXPECT_THAT(summary, HasSubstr("level 2: the filter wants \"1\", the topic has \"2\""));
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "secret/1"}}), "policy_denied");
  EXPECT_THAT(summary, HasSubstr("denied by statement 2"));
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/1"}}), "delivered");

  a.takes = false;
  RecordingLink p;
  open(p, options("p"));
  p.session->publish(message("t/1", "x"), 0, {});
  run();
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/1"}}), "delayed");
  for (int i = 0; i < 5; ++i) p.session->publish(message("t/1", "x"), 0, {});
  run();
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/1"}}), "queue_full");
  EXPECT_THAT(summary, HasSubstr("4 were dropped"));

  a.session->close({"disconnected", hub::Session::WillFate::discard, {}});
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/1"}, {"qos", 0}}), "offline");
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t/1"}, {"qos", 1}}), "queued");
  EXPECT_EQ(call("session.explain", {{"client_id", "a"}, {"topic", "t/1"}, {"qos", 3}}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(call("session.explain", {{"client_id", "a"}, {"topic", "t/#"}}).error().code, Errc::malformed);
}

TEST_F(BrokerTest, NoLocalAndTheOtherMembersOfAGroup) {
  boot(1);
  declare_all();
  RecordingLink a;
  open(a, options("a"));
  subscribe(a, "t", {.no_local = hub::SubscriptionOptions::NoLocal::yes});
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t"}, {"publisher", "a"}}), "no_local");
  EXPECT_EQ(verdict({{"client_id", "a"}, {"topic", "t"}}), "delivered");
}

hub::DeliveryFacts connected(std::string_view filter) {
  hub::DeliveryFacts facts;
  facts.session.client_id = "a";
  facts.session.principal = hub::testing::principal("a");
  facts.session.condition = hub::SessionCondition::online;
  facts.session.subscriptions = 1;
  facts.matching.push_back({std::string(filter), {.qos = QoS::exactly_once}});
  return facts;
}

Result<void> allow(const Principal&, hub::Action, std::string_view) {
  return {};
}

TEST(ExplainTest, APacketThatTheClientDoesNotTakeIsDropped) {
  Evidence evidence;
  evidence.client = connected("t");
  evidence.client->session.link.max_packet_bytes = 100;
  EXPECT_EQ(explain({.client_id = "a", .topic = "t", .payload_bytes = 50}, evidence, allow).verdict,
            "delivered");
  const Explanation large = explain({.client_id = "a", .topic = "t", .payload_bytes = 100}, evidence, allow);
  EXPECT_EQ(large.verdict, "packet_too_large");
  EXPECT_FALSE(arrives(large.verdict));
}

TEST(ExplainTest, ADeniedPublisherComesBeforeTheQueue) {
  Evidence evidence;
  evidence.client = connected("t");
  evidence.publisher.emplace();
  evidence.publisher->principal = hub::testing::principal("p");
  const auto deny = [](const Principal&, hub::Action action, std::string_view) -> Result<void> {
    if (action == hub::Action::publish) return fail(Errc::permission_denied, "nothing allows it");
    return {};
  };
  const Question question{.client_id = "a", .topic = "t", .publisher = "p"};
  EXPECT_EQ(explain(question, evidence, deny).verdict, "publisher_denied");
  EXPECT_EQ(explain(question, evidence, allow).verdict, "delivered");
}

TEST(ExplainTest, APublisherThatIsTooFastRests) {
  Evidence evidence;
  evidence.client = connected("t");
  evidence.now = WallTime{std::chrono::seconds{1000}};
  evidence.publisher.emplace();
  evidence.publisher->principal = hub::testing::principal("p");
  hub::PublishMeter& meter = evidence.publisher->activity.meter.get();
  const Question question{.client_id = "a", .topic = "t", .publisher = "p"};
  const auto told = [&] {
    const Explanation explanation = explain(question, evidence, allow);
    const auto step = std::ranges::find(explanation.steps, "publisher", &Step::check);
    return step == explanation.steps.end() ? "" : step->text;
  };
  meter.rests_until = evidence.now + std::chrono::seconds{2};
  EXPECT_THAT(told(), HasSubstr("not read before 1970-01-01T00:16:42"));
  meter.rests_until = evidence.now;
  EXPECT_THAT(told(), HasSubstr("not held back"));
}

TEST(ExplainTest, AQueueOfLargeQos0MessagesIsFullByItsBytes) {
  Evidence evidence;
  evidence.client = connected("t");
  evidence.client->session.queued_qos0 = 41;
  evidence.client->session.queued_qos0_bytes = 41 * 100'001;
  EXPECT_EQ(explain({.client_id = "a", .topic = "t"}, evidence, allow).verdict, "queue_full");
  EXPECT_EQ(explain({.client_id = "a", .topic = "t", .payload_bytes = 10}, evidence, allow).verdict,
            "delayed");
}

TEST(ExplainTest, AnOfflineQueueWithoutRoomIsNamed) {
  Evidence evidence;
  evidence.client = connected("t");
  evidence.client->session.condition = hub::SessionCondition::offline;
  hub::SessionView& session = evidence.client->session;
  session.room_messages = 100;
  session.room_bytes = 1000;
  const Question question{.client_id = "a", .topic = "t", .qos = QoS::at_least_once};
  const auto verdict = [&](std::size_t messages, std::size_t bytes) {
    session.queued = messages;
    session.queued_bytes = bytes;
    return explain(question, evidence, allow).verdict;
  };
  EXPECT_EQ(verdict(99, 500), "queued");
  EXPECT_EQ(verdict(100, 500), "queue_full");
  EXPECT_EQ(verdict(10, 900), "queued");
  EXPECT_EQ(verdict(10, 950), "queue_full");  // the next one is like those that wait
  session.full = hub::SessionView::Full::yes;
  EXPECT_EQ(verdict(60, 100), "queue_full");
}

}  // namespace
}  // namespace dunlin::broker
