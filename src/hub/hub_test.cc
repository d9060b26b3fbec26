#include "hub/hub.h"

#include <algorithm>

#include "base/log.h"
#include "hub/hub_fixture.h"
#include "hub/record.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;

class ShardsTest : public testing::HubTest {
 protected:
  void SetUp() override { boot(3); }
  void publish(Session& from, Message what, std::uint16_t packet_id = 0) {
    from.publish(std::move(what), packet_id, {});
    run();
  }
  std::vector<std::string> texts(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> all;
    for (const Delivery& delivery : deliveries) all.emplace_back(delivery.message.payload.text());
    return all;
  }
};

TEST_F(ShardsTest, MessagesReachEveryShardOnce) {
  RecordingLink from;
  std::vector<std::unique_ptr<RecordingLink>> links;
  Session& publisher = open(from, options(client_on(0, "p")));
  for (std::size_t shard = 0; shard < 3; ++shard) {
    links.push_back(std::make_unique<RecordingLink>());
    open(*links.back(), options(client_on(shard, "s")));
    subscribe(*links.back(), shard == 1 ? "+/plant/#" : "demo/plant/x");
  }
  for (int i = 0; i < 5; ++i)
    publisher.publish(message("demo/plant/x", std::to_string(i), static_cast<QoS>(i % 2)), 1, {});
  run();
  for (const auto& link : links) {
    EXPECT_EQ(link->got.size(), 5U);
    std::vector<std::string> qos1;
    for (const auto& got : link->got) {
      if (got.qos == QoS::at_least_once) qos1.push_back(got.payload);
    }
    EXPECT_THAT(qos1, ElementsAre("1", "3")) << "order is kept within a QoS";
  }
  EXPECT_EQ(world->metrics.value("dunlin_hub_forwarded_total"), 10) << "once per message and other shard";
  publish(publisher, message("demo/other/x", "nobody"));
  links[1]->session->unsubscribe({"+/plant/#"}, [](const auto&) {});
  run();
  publish(publisher, message("elsewhere/x", "nobody"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_forwarded_total"), 11)
      << "only the shard with '+/plant/#' looked at it";
}

TEST_F(ShardsTest, SubscribeIsAnsweredWhenEveryShardKnows) {
  RecordingLink from, to;
  Session& publisher = open(from, options(client_on(1, "p")));
  open(to, options(client_on(2, "s")));
  bool done = false;
  std::vector<SubscribeRequest> requests;
  requests.push_back({"a/b", {}, {}});
  to.session->subscribe(std::move(requests), [&](const auto&) {
    done = true;
    publisher.publish(message("a/b", "at once"), 0, {});
  });
  EXPECT_FALSE(done);
  run();
  EXPECT_TRUE(done);
  EXPECT_THAT(to.payloads(), ElementsAre("at once"));
}

TEST_F(ShardsTest, RetainedMessagesAreFoundFromEveryShard) {
  RecordingLink from;
  Session& publisher = open(from, options(client_on(0, "p")));
  for (int i = 0; i < 20; ++i)
    publish(publisher, message("r/" + std::to_string(i), "v", QoS::at_most_once, Message::Retain::yes));
  for (std::size_t shard = 0; shard < 3; ++shard) {
    RecordingLink to;
    open(to, options(client_on(shard, "s")));
    subscribe(to, "r/+");
    EXPECT_EQ(to.got.size(), 20U);
    subscribe(to, "r/7");
    EXPECT_EQ(to.got.size(), 21U);
    to.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
  }
  std::optional<Message> found;
  hub().retained(*world->executors[2], kDefaultTenant, "r/3",
                 [&](std::optional<Message> got) { found = std::move(got); });
  run();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->payload.text(), "v");
}

TEST_F(ShardsTest, BackPressureCrossesShards) {
  boot(3, Limits{.online_messages = 2});
  RecordingLink from, to;
  Session& publisher = open(from, options(client_on(0, "p")));
  OpenOptions narrow = options(client_on(1, "s"));
  narrow.receive_maximum = 1;
  Session& subscriber = open(to, std::move(narrow));
  subscribe(to, "a");
  for (std::uint16_t i = 1; i <= 4; ++i) publish(publisher, message("a", "x", QoS::at_least_once), i);
  EXPECT_TRUE(from.paused);
  for (std::uint16_t id = 1; id <= 3; ++id) EXPECT_TRUE(subscriber.acknowledged(id));
  run();
  EXPECT_FALSE(from.paused);
}

TEST_F(ShardsTest, RetainedAndSessionsSurviveACrash) {
  RecordingLink from, to, again;
  Session& publisher = open(from, options(client_on(0, "p")));
  const std::string id = client_on(1, "s");
  open(to, lasting(id));
  subscribe(to, "a/#", {.qos = QoS::at_least_once, .identifier = 3});
  publish(publisher, message("a/stored", "checkpointed", QoS::at_least_once, Message::Retain::yes), 1);
  run(kCheckpointInterval * 2);
  publish(publisher, message("a/late", "only in the journal", QoS::at_least_once, Message::Retain::yes), 2);
  keyed_disk[store::Table::retained].erase(
      tenant_key(kDefaultTenant, "a/late"));  // as if the write had not come through
  crash_and_boot(3);
  open(again, lasting(id));
  EXPECT_EQ(again.present, Present::yes);
  RecordingLink second;
  Session& sender = open(second, options(client_on(2, "p")));
  publish(sender, message("a/b", "after"));
  // The first two had never been acknowledged.
  EXPECT_THAT(again.payloads(), ElementsAre("checkpointed", "only in the journal", "after"));
  EXPECT_THAT(again.got[0].identifiers, ElementsAre(3U));
  EXPECT_TRUE(again.got[0].duplicate);
  again.got.clear();
  subscribe(again, "a/+");
  EXPECT_THAT(again.payloads(), ::testing::UnorderedElementsAre("checkpointed", "only in the journal"));
}

TEST_F(ShardsTest, ARestartWithFewerShardsFindsEverything) {
  RecordingLink from, to, again;
  Session& publisher = open(from, options(client_on(2, "p")));
  const std::string id = client_on(2, "s");
  open(to, lasting(id));
  subscribe(to, "x");
  publish(publisher, message("x", "v", QoS::at_most_once, Message::Retain::yes));
  run(kCheckpointInterval * 2);
  boot(1);
  open(again, lasting(id));
  EXPECT_EQ(again.present, Present::yes);
  subscribe(again, "x");
  EXPECT_THAT(again.payloads(), ElementsAre("v"));
}

TEST_F(ShardsTest, Qos2IdsSurviveACrashAndAreReleasedDurably) {
  const std::string id = client_on(1, "p");
  RecordingLink link;
  Session& first = open(link, lasting(id));
  publish(first, message("a", "1", QoS::exactly_once), 7);
  run(kCheckpointInterval * 2);  // id 7 is in the session's row now
  publish(*link.session, message("a", "2", QoS::exactly_once), 8);
  link.session->release(7, [](Result<void>) {});
  run();
  crash_and_boot(3);

  RecordingLink watcher, again;
  open(watcher, options(client_on(0, "w")));
  subscribe(watcher, "a");
  Session& session = open(again, lasting(id));
  EXPECT_EQ(again.present, Present::yes);
  EXPECT_EQ(session.open_exchanges(), 1U);
  bool answered = false;
  session.publish(message("a", "2", QoS::exactly_once), 8,
                  [&](Result<void> result) { answered = result.has_value(); });
  run();
  EXPECT_TRUE(answered);
  EXPECT_THAT(watcher.got, IsEmpty()) << "taken before the crash: exactly once";
  publish(session, message("a", "3", QoS::exactly_once), 7);
  EXPECT_THAT(watcher.payloads(), ElementsAre("3")) << "7 had been released before the crash";
}

TEST_F(ShardsTest, ALaterSessionOfTheSameClientHasItsOwnIds) {
  const std::string id = client_on(1, "p");
  RecordingLink one, two;
  Session& first = open(one, options(id));
  publish(first, message("a", "1", QoS::exactly_once), 7);
  first.close({"connection_lost", Session::WillFate::discard, std::nullopt});
  open(two, lasting(id));
  crash_and_boot(3);
  RecordingLink three;
  EXPECT_EQ(open(three, lasting(id)).open_exchanges(), 0U);
  EXPECT_EQ(three.present, Present::yes);
}

TEST_F(ShardsTest, ConsumersGetEverythingOnceAndReplayAfterACrash) {
  RecordingLink from;
  std::vector<Delivery> got;
  std::vector<Task> open_batches;
  auto consumer =
      hub().consume(*world->executors[1], {.name = "series", .filters = {"demo/#", "+/plant/+"}, .start = {}},
                    [&](std::vector<Delivery> batch, Task done) {
                      std::ranges::move(batch, std::back_inserter(got));
                      open_batches.push_back(std::move(done));
                    });
  run();
  Session& publisher = open(from, options(client_on(0, "p")));
  publish(publisher, message("demo/plant/a", "1", QoS::at_least_once), 1);
  EXPECT_THAT(texts(got), ElementsAre("1")) << "once, though two filters match";
  publish(publisher, message("demo/plant/a", "2", QoS::at_least_once), 2);
  publish(publisher, message("demo/plant/a", "3"));
  publish(publisher, message("other", "not wanted", QoS::at_least_once), 3);
  EXPECT_EQ(got.size(), 1U) << "the next batch waits for done";
  open_batches[0]();
  run();
  EXPECT_THAT(texts(got), ElementsAre("1", "2", "3"));
  consumer->commit(got[0].at);
  run();
  EXPECT_EQ(journals[0].cursors.at("series"), got[0].at.position);
  const JournalPosition start = got[0].at;
  consumer.reset();
  crash_and_boot(3);
  got.clear();
  auto again =
      hub().consume(*world->executors[1], {.name = "series", .filters = {"demo/#"}, .start = {start}},
                    [&](std::vector<Delivery> batch, Task done) {
                      std::ranges::move(batch, std::back_inserter(got));
                      done();
                    });
  run();
  EXPECT_THAT(texts(got), ElementsAre("2")) << "QoS 0 is not journalled";
  again->commit(got[0].at);
  run();
  EXPECT_EQ(journals[0].cursors.at("series"), 3U) << "records that do not concern it are let go too";
}

TEST_F(ShardsTest, ASlowConsumerReadsTheRestFromTheJournal) {
  RecordingLink from;
  std::vector<Delivery> got;
  Task waiting;
  auto consumer = hub().consume(
      *world->executors[2], {.name = "slow", .filters = {"#"}, .start = {}, .max_batch = 2, .max_waiting = 3},
      [&](std::vector<Delivery> batch, Task done) {
        std::ranges::move(batch, std::back_inserter(got));
        waiting = std::move(done);
      });
  run();
  Session& publisher = open(from, options(client_on(0, "p")));
  for (std::uint16_t i = 1; i <= 20; ++i)
    publish(publisher, message("a", std::to_string(i), QoS::at_least_once), i);
  for (int i = 1; i <= 5; ++i) publish(publisher, message("a", "q" + std::to_string(i)));
  for (int i = 0; i < 30 && waiting; ++i) {
    Task done = std::exchange(waiting, {});
    done();
    run();
  }
  std::vector<std::string> journalled, others;
  for (const Delivery& delivery : got)
    (delivery.at.position ? journalled : others).emplace_back(delivery.message.payload.text());
  std::vector<std::string> expected;
  for (int i = 1; i <= 20; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(journalled, expected) << "nothing lost, nothing twice, in order";
  EXPECT_THAT(others, ElementsAre("q3", "q4", "q5"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_dropped_total", {{"reason", "consumer_queue"}}), 2);
}

TEST_F(ShardsTest, ServicesPublishThroughTheBus) {
  RecordingLink to;
  open(to, options(client_on(2, "s")));
  subscribe(to, "$dunlin/#");
  std::vector<std::string> answers;
  const auto note = [&](const char* name) {
    return [&answers, name](Result<void> result) {
      answers.push_back(name + std::string(result ? " ok" : " refused"));
    };
  };
  Message service = message("$dunlin/x", "1", QoS::at_least_once);
  hub().publish(*world->executors[0], service, note("stored"));
  hub().publish(*world->executors[0], message("a/+", "1"), note("wildcard"));
  hub().publish(world->disk_thread, message("$dunlin/x", "2"), note("elsewhere"));
  run();
  EXPECT_THAT(answers, ::testing::UnorderedElementsAre("stored ok", "wildcard refused", "elsewhere ok"));
  EXPECT_THAT(to.payloads(), ::testing::UnorderedElementsAre("1", "2"));
}

TEST_F(ShardsTest, EventsListsAndEnds) {
  std::vector<std::string> events;
  hub().on_session_event(*world->executors[0], [&](const SessionEvent& event) {
    events.push_back(event.client_id +
                     (event.state == SessionEvent::State::online ? " online " : " offline ") + event.reason);
  });
  RecordingLink one, two;
  const std::string a = client_on(0, "a"), b = client_on(1, "b");
  open(one, lasting(a));
  open(two, options(b));
  std::vector<SessionInfo> list;
  hub().sessions(*world->executors[2], kDefaultTenant, 10,
                 [&](std::vector<SessionInfo> all) { list = std::move(all); });
  run();
  EXPECT_EQ(list.size(), 2U);
  hub().end_sessions(kDefaultTenant, a, "the certificate was revoked");
  hub().end_sessions(TenantId{9}, b, "another tenant");
  run();
  EXPECT_EQ(one.end_reason, EndReason::revoked);
  EXPECT_FALSE(two.end_reason.has_value());
  EXPECT_THAT(events, ElementsAre(a + " online connected", b + " online connected", a + " offline revoked"));
  EXPECT_THAT(keyed_disk[store::Table::session], IsEmpty())
      << "a revoked identity's session does not come back";
  bool stopped = false;
  hub().stop(*world->executors[0], [&](Result<void> result) { stopped = result.has_value(); });
  run();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(two.end_reason, EndReason::shutdown);
}

std::vector<std::string>& log_lines() {
  static std::vector<std::string> lines;
  return lines;
}

struct LogCapture {
  LogCapture() {
    log_lines().clear();
    log::set_sink([](std::string_view line) { log_lines().emplace_back(line); });
  }
  ~LogCapture() {
    log::set_sink(nullptr);
    log::set_level(log::Level::info);
  }
  std::ptrdiff_t lines_with(std::string_view text) const {
    return std::ranges::count_if(log_lines(), [&](const std::string& line) { return line.contains(text); });
  }
};

// Ten thousand clients were ten thousand warnings.
TEST_F(ShardsTest, AShutdownWritesOneLineForAllSessions) {
  constexpr std::size_t kClients = 50;
  std::vector<RecordingLink> links(kClients);
  for (std::size_t i = 0; i < kClients; ++i) open(links[i], options("client" + std::to_string(i)));
  const LogCapture log;
  const auto stop = [&] {
    bool stopped = false;
    hub().stop(*world->executors[0], [&](Result<void> result) { stopped = result.has_value(); });
    run();
    return stopped;
  };
  ASSERT_TRUE(stop());
  for (const RecordingLink& link : links) EXPECT_EQ(link.end_reason, EndReason::shutdown);
  ASSERT_EQ(log_lines().size(), 1U);
  EXPECT_THAT(log_lines()[0], ::testing::HasSubstr("level=info room=hub"));
  EXPECT_THAT(log_lines()[0], ::testing::HasSubstr("count=50"));

  boot(3);
  EXPECT_TRUE(stop());
  EXPECT_EQ(log_lines().size(), 1U) << "nothing to tell without sessions";

  RecordingLink last;
  boot(3);
  open(last, options("last"));
  log::set_level(log::Level::debug);
  EXPECT_TRUE(stop());
  EXPECT_EQ(log.lines_with("client=last reason=shutdown"), 1) << "each session at debug";
  EXPECT_EQ(log.lines_with("count=1"), 1);
}

// The line of one session among others that go on stays a warning.
TEST_F(ShardsTest, ARevokedSessionIsAWarning) {
  RecordingLink link;
  open(link, options("revoked"));
  const LogCapture log;
  hub().end_sessions(kDefaultTenant, "revoked", "the certificate was revoked");
  run();
  EXPECT_EQ(link.end_reason, EndReason::revoked);
  EXPECT_EQ(log.lines_with("level=warning room=hub"), 1);
}

TEST_F(ShardsTest, WithoutAJournalNothingWaits) {
  boot(1, {}, false);
  RecordingLink from, to;
  Session& publisher = open(from, lasting("p"));
  open(to, options("s"));
  subscribe(to, "a");
  int answers = 0;
  publisher.publish(message("a", "1", QoS::at_least_once), 1, [&](Result<void>) { ++answers; });
  publisher.publish(message("a", "2", QoS::exactly_once), 2, [&](Result<void>) { ++answers; });
  EXPECT_EQ(answers, 2) << "at once";
  publisher.release(2, [&](Result<void>) { ++answers; });
  EXPECT_EQ(answers, 3);
  EXPECT_THAT(to.payloads(), ElementsAre("1", "2"));
}

// Found by the simulator: samples without a time of their own fell together in the series.
TEST_F(ShardsTest, MessagesOfOneTurnArriveAtDifferentTimes) {
  boot(1);
  std::vector<WallTime> times;
  const auto consumer = hub().consume(*world->executors[0], {.name = "times", .filters = {"t"}, .start = {}},
                                      [&times](std::vector<Delivery> batch, Task done) {
                                        for (const Delivery& one : batch)
                                          times.push_back(one.message.received_at);
                                        done();
                                      });
  run();
  RecordingLink from;
  Session& publisher = open(from, options("publisher"));
  for (std::uint16_t id = 1; id <= 3; ++id)
    publisher.publish(message("t", "same turn", QoS::at_least_once), id, [](Result<void>) {});
  run();
  ASSERT_EQ(times.size(), 3U);
  EXPECT_LT(times[0], times[1]);
  EXPECT_LT(times[1], times[2]);
}

TEST(Record, MessagesRoundTrip) {
  Message original = message("a/b", "payload", QoS::exactly_once, Message::Retain::yes);
  Properties properties;
  properties.payload_format = 1;
  properties.expiry_seconds = 60;
  properties.content_type = "text/plain";
  properties.correlation_data = std::string("\0x", 2);
  properties.user = {{"k", "v"}, {"k", "w"}};
  original.properties = std::make_shared<const Properties>(properties);
  original.principal = testing::principal("press-01", TenantId{7});
  original.received_at = from_unix_nanoseconds(1'700'000'000'123'456'789);
  original.trace_id = 42;
  const ExchangeId exchange{"client", 0x1122334455667788, 9};
  std::vector<std::uint8_t> bytes;
  encode_message(original, &exchange, bytes);
  MessageDecoder decoder;
  const auto decoded = decoder.decode(Slice::copy_of(bytes));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->message.topic.text(), "a/b");
  EXPECT_EQ(decoded->message.payload.text(), "payload");
  EXPECT_EQ(decoded->message.qos, QoS::exactly_once);
  EXPECT_EQ(decoded->message.retain, Message::Retain::yes);
  EXPECT_EQ(decoded->message.principal->name, "press-01");
  EXPECT_EQ(decoded->message.principal->tenant, TenantId{7});
  EXPECT_EQ(decoded->message.principal->client_id, "client");
  EXPECT_EQ(decoded->message.received_at, original.received_at);
  EXPECT_EQ(decoded->message.trace_id, 42U);
  EXPECT_EQ(decoded->message.properties->user, properties.user);
  EXPECT_EQ(decoded->message.properties->correlation_data, properties.correlation_data);
  EXPECT_EQ(decoded->instance, exchange.instance);
  EXPECT_EQ(decoded->packet_id, 9);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(decoder.decode(Slice::copy_of(ByteView(bytes).first(cut))).has_value()) << cut;
  }
}

TEST(Principal, AServiceSpeaksForEachTenantUnderItsName) {
  const PrincipalRef alarm = make_service_principal("alarm");
  EXPECT_EQ(alarm->kind, PrincipalKind::service);
  EXPECT_EQ(alarm->proof, Proof::in_process);
  EXPECT_EQ(alarm->tenant, kDefaultTenant);
  EXPECT_EQ(in_tenant(alarm, kDefaultTenant), alarm);
  const PrincipalRef other = in_tenant(alarm, TenantId{7});
  EXPECT_EQ(other->tenant, TenantId{7});
  EXPECT_EQ(other->name, "alarm");
  EXPECT_EQ(other->kind, PrincipalKind::service);
  EXPECT_EQ(alarm->tenant, kDefaultTenant);
}

TEST(Record, DamagedSessionsAndKeysAreRefused) {
  SessionRecord session;
  session.instance = 5;
  session.principal_name = "p";
  session.open_exchanges = {1, 65535};
  session.subscriptions = {{"a/#", {.qos = QoS::at_least_once, .identifier = 8}}};
  const std::string bytes = encode_session(session);
  const auto decoded = decode_session(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->subscriptions, session.subscriptions);
  EXPECT_EQ(decoded->open_exchanges, session.open_exchanges);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_session(bytes.substr(0, cut)).has_value());
  EXPECT_EQ(decode_session("\x09").error().code, Errc::unsupported);
  EXPECT_FALSE(split_tenant_key("abc").has_value());
  const std::string key = tenant_key(TenantId{0x01020304}, "x");
  EXPECT_EQ(key, std::string("\x01\x02\x03\x04x"));
  EXPECT_EQ(split_tenant_key(key)->tenant, TenantId{0x01020304});
}

}  // namespace
}  // namespace dunlin::hub
