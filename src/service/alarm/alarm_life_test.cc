// What becomes of an alarm between its raising and its end: shelves, flapping, gateways, severity, comments.

#include "model/keys.h"
#include "service/alarm/alarm_fixture.h"
#include "store/keyed.h"

namespace dunlin::alarm {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct AlarmLifeTest : AlarmTest {
  std::string shelve(const std::string& thing, int for_minutes = 60) {
    const auto answer =
        call("alarm.shelve", {{"alarm", id(thing)}, {"minutes", for_minutes}, {"reason", "a known leak"}});
    return answer ? std::string(answer->at("state").as_string())
                  : std::string(errc_name(answer.error().code));
  }
  std::string state(const std::string& thing) { return std::string(shown(thing).at("state").as_string()); }
  void flap(const std::string& thing, int times) {
    for (int i = 0; i < times; ++i) {
      raise(thing);
      pass(seconds{2});
      clear(thing);
      pass(seconds{2});
    }
  }
};

TEST_F(AlarmLifeTest, AShelvedAlarmIsQuietAndComesBackByItself) {
  raise("a");
  EXPECT_EQ(shelve("a"), "shelved");
  EXPECT_EQ(shown("a").at("shelved").at("reason").as_string(), "a known leak");
  EXPECT_EQ(shown("a").at("shelved").at("by").as_string(), "ada");
  raise("a");
  EXPECT_EQ(changes("a"), "raised shelved ") << "a repetition is nobody's business";
  EXPECT_EQ(counted("dunlin_alarm_held_total"), 1);
  EXPECT_EQ(listed({{"state", "shelved"}}), "a:shelved:2 ");
  EXPECT_EQ(listed({{"state", "active"}}), "");
  pass(minutes{61});
  EXPECT_EQ(state("a"), "active");
  EXPECT_EQ(changes("a"), "raised shelved unshelved ");
  EXPECT_EQ(history("a"), "raised shelved unshelved ");
  raise("a");
  EXPECT_EQ(changes("a"), "raised shelved unshelved updated ");
}

TEST_F(AlarmLifeTest, AShelfOutlivesTheAlarmTheProcessAndIsTakenDownByHand) {
  raise("a");
  ASSERT_TRUE(call("alarm.acknowledge", {{"alarm", id("a")}, {"reason", "on my way"}}));
  ASSERT_EQ(shelve("a"), "shelved");
  clear("a");
  EXPECT_EQ(state("a"), "cleared");
  restart();
  pass(seconds{1});
  raise("a");
  EXPECT_EQ(listed({{"state", "shelved"}}), "a:shelved:1 ") << "raised anew in its time";
  EXPECT_EQ(ask("alarm.unshelve", {{"alarm", "x"}}), "not_found");
  const auto back = call("alarm.unshelve", {{"alarm", id("a")}, {"reason", "repaired"}});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->at("state").as_string(), "active");
  EXPECT_EQ(ask("alarm.unshelve", {{"alarm", id("a")}}), "conflict");
  restart();
  EXPECT_EQ(state("a"), "active");
  EXPECT_TRUE(keyed.rows(store::Table::meta).empty());
}

TEST_F(AlarmLifeTest, AShelfEndsWhileTheProcessIsDownAndWhileTheDiskIsFull) {
  raise("a");
  raise("b");
  ASSERT_EQ(shelve("a", 10), "shelved");
  ASSERT_EQ(shelve("b", 30), "shelved");
  devices.reset();
  alarms.reset();
  pass(minutes{20});
  restart_process();
  boot();
  pass(seconds{1});
  EXPECT_EQ(state("a"), "active");
  EXPECT_EQ(state("b"), "shelved");
  keyed.fail_writes = 2;
  pass(minutes{11});
  EXPECT_EQ(keyed.fail_writes, 0);
  EXPECT_EQ(state("b"), "active");
  EXPECT_GE(counted("dunlin_alarm_step_retries_total"), 1);
  restart();
  EXPECT_EQ(state("b"), "active");
  EXPECT_EQ(history("b"), "raised shelved unshelved ");
}

TEST_F(AlarmLifeTest, ShelvingSaysNo) {
  raise("a");
  for (const int wrong : {0, -5, 43'201}) EXPECT_EQ(shelve("a", wrong), "invalid_argument");
  EXPECT_EQ(ask("alarm.shelve", {{"alarm", id("a")}, {"minutes", 5}, {"reason", ""}}), "invalid_argument");
  EXPECT_EQ(ask("alarm.shelve", {{"alarm", id("a")}, {"minutes", 5}}), "invalid_argument");
  keyed.fail_writes = 1;
  EXPECT_EQ(shelve("a"), "no_space");
  EXPECT_EQ(ask("alarm.unshelve", {{"alarm", id("a")}}), "conflict") << "it did not happen";
  clear("a");
  EXPECT_EQ(shelve("a"), "conflict");
}

TEST_F(AlarmLifeTest, WhatComesAndGoesIsFlappingAndOneAlarm) {
  flap("a", 2);
  EXPECT_EQ(changes("a"), "raised cleared raised cleared ");
  flap("a", 20);
  EXPECT_EQ(changes("a"), "raised cleared raised cleared raised flapping ")
      << "the sixth change within five minutes";
  EXPECT_EQ(listed({{"state", "active"}}), "a:active:20 ");
  EXPECT_FALSE(shown("a").at("flapping").at("present").as_bool());
  EXPECT_EQ(counted("dunlin_alarm_flapping"), 1);
  pass(minutes{4});
  EXPECT_EQ(state("a"), "active");
  restart();
  pass(minutes{2});
  EXPECT_EQ(state("a"), "cleared") << "it was gone when it came to rest";
  EXPECT_EQ(changes("a"), "raised cleared raised cleared raised flapping cleared ");
  EXPECT_EQ(history("a"), "raised flapping steady cleared ");
  EXPECT_EQ(counted("dunlin_alarm_flapping"), 0);
}

TEST_F(AlarmLifeTest, WhatRestsWhileItIsThereIsSteadyAndStays) {
  flap("a", 3);
  raise("a");
  raise("a");
  EXPECT_TRUE(shown("a").at("flapping").at("present").as_bool());
  pass(minutes{6});
  EXPECT_EQ(state("a"), "active");
  EXPECT_TRUE(shown("a").at("flapping").is_null());
  EXPECT_EQ(changes("a"), "raised cleared raised cleared raised flapping steady ");
  clear("a");
  EXPECT_EQ(state("a"), "cleared");
}

TEST_F(AlarmLifeTest, SlowChangesDoNotFlapAndTheRuleCanBeSwitchedOff) {
  for (int i = 0; i < 10; ++i) {
    raise("a");
    pass(minutes{2});
    clear("a");
    pass(minutes{2});
  }
  EXPECT_EQ(changes("a").find("flapping"), std::string::npos);
  options.flapping.changes = 0;
  restart();
  flap("b", 20);
  EXPECT_EQ(changes("b").find("flapping"), std::string::npos);
}

TEST_F(AlarmLifeTest, APersonEndsAFlappingAlarm) {
  flap("a", 5);
  EXPECT_EQ(
      call("alarm.clear", {{"alarm", id("a")}, {"reason", "the sensor is loose"}})->at("state").as_string(),
      "cleared");
  EXPECT_EQ(history("a"), "raised flapping cleared ");
}

TEST(FlapWatchTest, ItsMemoryIsBounded) {
  FlapWatch watch({.changes = 2, .within = seconds{10}, .calm = seconds{10}});
  const auto at = [](int second) { return WallTime{seconds{second}}; };
  for (std::size_t i = 0; i < kMaxWatchedConditions; ++i) watch.note("c" + std::to_string(i), at(100));
  EXPECT_EQ(watch.note("new", at(101)), FlapWatch::Seen::steady);
  EXPECT_EQ(watch.note("new", at(102)), FlapWatch::Seen::steady) << "no room: not seen to flap";
  EXPECT_EQ(watch.note("c5", at(103)), FlapWatch::Seen::flapping);
  EXPECT_EQ(watch.size(), kMaxWatchedConditions);
  watch.note("new", at(200));
  EXPECT_EQ(watch.size(), 1U) << "what is old has gone";
}

TEST_F(AlarmLifeTest, AGatewayThatIsOfflineHidesTheAlarmsBehindIt) {
  line("a", Gateway::Line::up);
  raise("a");
  raise("own");
  line("a", Gateway::Line::down);
  alarms->look_again(kDefaultTenant, "gw-1");
  settle();
  EXPECT_EQ(state("a"), "suppressed");
  EXPECT_EQ(shown("a").at("suppressed").at("gateway").as_string(), "gw-1");
  EXPECT_EQ(state("own"), "active");
  raise("a");
  EXPECT_EQ(changes("a"), "raised suppressed ");
  restart();
  EXPECT_EQ(state("a"), "suppressed");
  line("a", Gateway::Line::unknown);
  alarms->look_again(kDefaultTenant, "gw-1");
  settle();
  EXPECT_EQ(state("a"), "suppressed") << "nothing is known since the start";
  line("a", Gateway::Line::up);
  alarms->look_again(kDefaultTenant, "gw-1");
  settle();
  EXPECT_EQ(state("a"), "active");
  EXPECT_EQ(history("a"), "raised suppressed resumed ");
  EXPECT_EQ(changes("a"), "raised suppressed resumed ");
}

TEST_F(AlarmLifeTest, WhatIsRaisedBehindADeadGatewayIsSuppressedAtOnceButNotWhatServicesFind) {
  line("a", Gateway::Line::down);
  raise("a");
  EXPECT_EQ(state("a"), "suppressed");
  EXPECT_EQ(listed({{"state", "suppressed"}}), "a:suppressed:1 ");
  EXPECT_EQ(counted("dunlin_alarm_state"), 1);
  clear("a");
  EXPECT_EQ(state("a"), "cleared");
  line("b", Gateway::Line::down);
  Finding tamper = finding("b");
  tamper.source = Source::service;
  find({tamper});
  EXPECT_EQ(state("b"), "active") << "a gateway is easily cut off";
}

TEST_F(AlarmLifeTest, ManyAlarmsBehindAGatewayAreChangedInWritesOfSome) {
  std::vector<Finding> many;
  for (int i = 0; i < 1000; ++i) {
    line("t" + std::to_string(i), Gateway::Line::up);
    many.push_back(finding("t" + std::to_string(i)));
  }
  find(many);
  for (int i = 0; i < 1000; ++i) line("t" + std::to_string(i), Gateway::Line::down);
  const auto writes = keyed.writes;
  alarms->look_again(kDefaultTenant, "gw-1");
  settle();
  EXPECT_EQ(keyed.writes - writes, 4U);
  EXPECT_EQ(metrics->value("dunlin_alarm_state", {{"state", "suppressed"}}), 1000);
}

TEST_F(AlarmLifeTest, AHigherSeverityIsRecordedAndEndsAnAcknowledgement) {
  raise("a");
  ASSERT_TRUE(call("alarm.acknowledge", {{"alarm", id("a")}}));
  find({finding("a", Finding::Kind::raise, Severity::critical)});
  EXPECT_EQ(state("a"), "active");
  EXPECT_EQ(changes("a"), "raised acknowledged escalated ");
  const auto log = *call("alarm.history", {{"alarm", id("a")}});
  EXPECT_EQ(log.at("history").at(2).at("why").as_string(), "major to critical: too hot");
  EXPECT_EQ(log.at("history").at(2).at("by").as_string(), "r");
}

TEST_F(AlarmLifeTest, WhatNobodyTakesCareOfBecomesMoreSevere) {
  options.escalate_after = hours{1};
  restart();
  find({finding("a", Finding::Kind::raise, Severity::minor),
        finding("b", Finding::Kind::raise, Severity::minor)});
  ASSERT_TRUE(call("alarm.acknowledge", {{"alarm", id("b")}}));
  pass(minutes{61});
  EXPECT_EQ(shown("a").at("severity").as_string(), "major");
  EXPECT_EQ(shown("b").at("severity").as_string(), "minor");
  pass(hours{5});
  EXPECT_EQ(shown("a").at("severity").as_string(), "critical");
  EXPECT_EQ(history("a"), "raised escalated escalated ");
}

TEST_F(AlarmLifeTest, CommentsStayAndAreBounded) {
  raise("a");
  for (std::size_t i = 0; i < kMaxComments; ++i)
    ASSERT_TRUE(call("alarm.comment", {{"alarm", id("a")}, {"text", "look " + std::to_string(i)}}));
  EXPECT_EQ(ask("alarm.comment", {{"alarm", id("a")}, {"text", "more"}}), "limit_exceeded");
  EXPECT_EQ(ask("alarm.comment", {{"alarm", id("a")}, {"text", ""}}), "invalid_argument");
  EXPECT_EQ(ask("alarm.comment", {{"alarm", id("a")}, {"text", std::string(kMaxWhyBytes + 1, 'x')}}),
            "invalid_argument");
  EXPECT_EQ(ask("alarm.comment", {{"alarm", "x"}, {"text", "who"}}), "not_found");
  raise("b");
  clear("b");
  ASSERT_TRUE(call("alarm.comment", {{"alarm", id("b")}, {"text", "a loose screw"}})) << "also afterwards";
  restart();
  const auto log = *call("alarm.history", {{"alarm", id("a")}});
  ASSERT_EQ(log.at("comments").as_array().size(), kMaxComments);
  EXPECT_EQ(log.at("comments").at(31).at("why").as_string(), "look 31");
  EXPECT_EQ(log.at("comments").at(31).at("by").as_string(), "ada");
  EXPECT_EQ(state("b"), "cleared");
  EXPECT_EQ(shown("b").at("comments").to_number<int>(), 1);
}

TEST_F(AlarmLifeTest, HistoryKeepsTheFirstAndTheNewest) {
  raise("a");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(shelve("a"), "shelved");
    ASSERT_TRUE(call("alarm.unshelve", {{"alarm", id("a")}, {"reason", std::to_string(i)}}));
  }
  const auto log = *call("alarm.history", {{"alarm", id("a")}});
  const auto& history = log.at("history").as_array();
  ASSERT_EQ(history.size(), kMaxHistory);
  EXPECT_EQ(history.front().at("what").as_string(), "raised");
  EXPECT_EQ(history.back().at("why").as_string(), "99");
  EXPECT_EQ(keyed.rows(store::Table::alarm_log).size(), kMaxHistory);
  clear("a");
  pass(std::chrono::days{91});
  EXPECT_TRUE(keyed.rows(store::Table::alarm_log).empty()) << "it goes with its alarm";
}

TEST_F(AlarmLifeTest, PeoplesChangesWaitInARowThatIsBounded) {
  raise("a");
  const auto prepared = alarms->prepare({finding("a")});
  int refused = 0, done = 0;
  for (std::size_t i = 0; i < kMaxWaitingChanges + 5; ++i) {
    alarms->acknowledge({kDefaultTenant, id("a"), "ada", {}}, [&](const Result<Alarm>& changed) {
      if (!changed && changed.error().code == Errc::unavailable) ++refused;
      if (changed) ++done;
    });
  }
  settle();
  EXPECT_EQ(refused, 4) << "one is under way";
  alarms->announce(prepared);
  settle();
  EXPECT_EQ(done, static_cast<int>(kMaxWaitingChanges) + 1);
}

TEST_F(AlarmLifeTest, WhatAFinderEndsWhileAPersonsWriteFailsStaysEnded) {
  raise("a");
  keyed.hold_writes = true;
  keyed.fail_writes = 1;
  alarms->acknowledge({kDefaultTenant, id("a"), "ada", {}},
                      [](const Result<Alarm>& changed) { EXPECT_FALSE(changed); });
  settle();
  clear("a");
  keyed.release_writes();
  settle();
  EXPECT_EQ(alarms->open_count(), 0U);
}

TEST_F(AlarmLifeTest, TheChainOfCausesGoesThroughAlarms) {
  Finding first = finding("a");
  hub::Message message;
  message.topic = Slice::copy_of("demo/p/m/a/t");
  message.principal = device("a");
  message.received_at = clock.wall_now();
  message.journal = 1;
  message.position = 77;
  first.causes = {cause_of(message)};
  find({first});
  Finding second = finding("line");
  second.rule = "second";
  message.topic = Slice::copy_of("$dunlin/alarms/hot/a");
  message.position = 0;
  second.causes = {cause_of(message)};
  find({second});
  const auto chain = shown("line").at("causes").as_array();
  std::string text;
  for (const auto& cause : chain)
    text += std::string(cause.at("kind").as_string()) + "=" + std::string(cause.at("name").as_string()) + " ";
  EXPECT_EQ(text,
            "message=demo/p/m/a/t rule=r alarm=" + id("a") + " message=$dunlin/alarms/hot/a rule=second ");
  EXPECT_EQ(chain[0].at("position").as_string(), "1/77");
  EXPECT_EQ(chain[0].at("by").as_string(), "a");
}

TEST_F(AlarmLifeTest, OldRowsAreRead) {
  const std::string old =
      R"({"id":"hot~a~5","name":"hot","thing":"a","rule":"r","severity":"major","state":"acknowledged","message":"m","count":3,)"
      R"("raised_at":"2026-01-02T03:04:05.000Z","last_at":"2026-01-02T03:04:06.000Z","acknowledged_at":"2026-01-02T03:04:07.000Z",)"
      R"("acknowledged_by":"ada","cleared_at":null,"cleared_by":""})";
  keyed.rows(store::Table::alarm)[model::tenant_key(kDefaultTenant, "hot~a~5")] = old;
  restart();
  EXPECT_EQ(listed(), "a:acknowledged:3 ");
  EXPECT_EQ(shown("a").at("source").as_string(), "rule");
  EXPECT_EQ(history("a"), "");
  clear("a");
  EXPECT_EQ(history("a"), "cleared ");
}

TEST_F(AlarmLifeTest, ListsAreFiltered) {
  find({finding("press-01"), finding("press-02", Finding::Kind::raise, Severity::info)});
  say("press-03", R"({"state":"raised","severity":"critical","message":"Lid OPEN"})");
  EXPECT_EQ(listed({{"severity", "major"}}), "press-03:active:1 press-01:active:1 ");
  EXPECT_EQ(listed({{"source", "device"}}), "press-03:active:1 ");
  EXPECT_EQ(listed({{"text", "lid open"}}), "press-03:active:1 ");
  EXPECT_EQ(listed({{"text", "PRESS-02"}}), "press-02:active:1 ");
  EXPECT_EQ(listed({{"name", "cold"}}), "");
  for (const char* field : {"severity", "source", "state"})
    EXPECT_EQ(listed({{field, "bad"}}), "invalid_argument");
}

}  // namespace
}  // namespace dunlin::alarm
