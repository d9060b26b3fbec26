// Shared subscriptions: who gets what, and what happens to it when members and the process come and go.

#include <gtest/gtest.h>

#include <map>

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using testing::HubTest;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr const char* kJobs = "$share/workers/jobs/#";

class SharedTest : public HubTest {
 protected:
  void SetUp() override { boot(2); }

  void start_publisher(std::size_t shard = 0) { open(from, options(client_on(shard, "p"))); }
  void publish(const std::string& payload, QoS qos = QoS::at_least_once) {
    ++sent;
    from.session->publish(message("jobs/1", payload, qos), sent, [](const Result<void>&) {});
    if (qos == QoS::exactly_once) {
      run();
      from.session->release(sent, [](const Result<void>&) {});
    }
    run();
  }
  void join(RecordingLink& link, OpenOptions options, QoS qos = QoS::exactly_once) {
    open(link, std::move(options));
    subscribe(link, kJobs, {.qos = qos});
  }
  void acknowledge_all(RecordingLink& link) {
    for (std::size_t i = 0; i < link.got.size(); ++i) link.session->acknowledged(link.got[i].packet_id);
    run();
  }
  void disconnect(RecordingLink& link) {
    link.session->close({"connection_lost", Session::WillFate::discard, std::nullopt});
    run();
  }
  int groups() { return static_cast<int>(world->metrics.value("dunlin_hub_shared_groups")); }
  std::size_t rows(store::Table table) { return keyed_disk[table].size(); }

  RecordingLink from;
  std::uint16_t sent = 0;
};

TEST_F(SharedTest, MembersOnAllShardsTakeTurns) {
  start_publisher();
  RecordingLink a, b, c, all;
  join(a, options(client_on(0, "a")));
  join(b, options(client_on(1, "b")));
  join(c, options(client_on(1, "c")));
  open(all, options(client_on(1, "all")));
  subscribe(all, "jobs/+");
  EXPECT_EQ(groups(), 1);
  for (int i = 0; i < 6; ++i) publish(std::to_string(i));
  EXPECT_THAT(a.got, SizeIs(2));
  EXPECT_THAT(b.got, SizeIs(2));
  EXPECT_THAT(c.got, SizeIs(2));
  EXPECT_THAT(all.payloads(), ElementsAre("0", "1", "2", "3", "4", "5"));
  for (int i = 0; i < 3; ++i) publish("q0", QoS::at_most_once);
  EXPECT_THAT(a.got, SizeIs(3));
  EXPECT_THAT(b.got, SizeIs(3));
  EXPECT_EQ(c.got.back().qos, QoS::at_most_once);
}

TEST_F(SharedTest, GroupsOfDifferentNamesAndFiltersGetEachMessageOnce) {
  start_publisher();
  RecordingLink a, b;
  open(a, options(client_on(0, "a")));
  open(b, options(client_on(1, "b")));
  for (RecordingLink* link : {&a, &b}) {
    subscribe(*link, "$share/one/jobs/#", {.qos = QoS::at_least_once, .identifier = 1});
    subscribe(*link, "$share/two/jobs/#", {.qos = QoS::at_least_once, .identifier = 2});
  }
  EXPECT_EQ(groups(), 2);
  publish("x");
  std::vector<std::uint32_t> identifiers;
  for (const RecordingLink* link : {&a, &b}) {
    for (const auto& got : link->got) {
      EXPECT_THAT(got.identifiers, SizeIs(1));
      identifiers.push_back(got.identifiers.at(0));
    }
  }
  EXPECT_THAT(identifiers, UnorderedElementsAre(1, 2));
}

TEST_F(SharedTest, AGroupEndsWithItsLastMember) {
  start_publisher();
  RecordingLink a, b;
  join(a, lasting(client_on(0, "a")));
  join(b, options(client_on(1, "b")));
  EXPECT_EQ(rows(store::Table::session), 2U) << "the member's and the group's";
  std::vector<bool> existed;
  a.session->unsubscribe({kJobs, "$share/others/jobs/#"}, [&](const auto& answer) { existed = answer; });
  run();
  EXPECT_THAT(existed, ElementsAre(true, false));
  EXPECT_EQ(rows(store::Table::session), 1U) << "nobody is left who outlives the process";
  publish("for b");
  EXPECT_THAT(a.got, IsEmpty());
  EXPECT_THAT(b.payloads(), ElementsAre("for b"));
  disconnect(b);
  EXPECT_EQ(groups(), 0);
  publish("for nobody");
}

TEST_F(SharedTest, TheLeastBusyMemberIsChosen) {
  boot(2, {.shared_strategy = SharedStrategy::least_in_flight});
  start_publisher();
  RecordingLink a, b;
  join(a, options(client_on(0, "a")));
  join(b, options(client_on(1, "b")));
  publish("1");
  publish("2");
  ASSERT_THAT(a.got, SizeIs(1));
  ASSERT_THAT(b.got, SizeIs(1));
  acknowledge_all(b);
  publish("3");
  EXPECT_THAT(b.got, SizeIs(2)) << "a still works on the first";
  acknowledge_all(b);
  publish("4");
  EXPECT_THAT(b.got, SizeIs(3));
  EXPECT_THAT(a.got, SizeIs(1));
}

TEST_F(SharedTest, APublisherSticksToItsMember) {
  boot(2, {.shared_strategy = SharedStrategy::sticky});
  RecordingLink members[4];
  for (int i = 0; i < 4; ++i) join(members[i], options(client_on(i % 2, "m" + std::to_string(i))));
  std::map<std::string, std::size_t> chosen;
  for (int p = 0; p < 8; ++p) {
    RecordingLink publisher;
    open(publisher, options("publisher" + std::to_string(p)));
    for (int i = 0; i < 3; ++i) {
      publisher.session->publish(message("jobs/1", "from " + std::to_string(p)), 0, {});
      run();
    }
    disconnect(publisher);
  }
  std::size_t used = 0;
  for (const RecordingLink& member : members) {
    std::map<std::string, int> counts;
    for (const auto& got : member.got) ++counts[got.payload];
    for (const auto& [payload, count] : counts) EXPECT_EQ(count, 3) << payload;
    used += member.got.empty() ? 0 : 1;
  }
  EXPECT_GT(used, 1U);
}

TEST_F(SharedTest, WhatALeavingMemberHadNotAcknowledgedGoesToAnother) {
  start_publisher();
  for (const std::uint32_t expiry : {0U, 3600U}) {
    RecordingLink a, b;
    OpenOptions first = options(client_on(1, "a"));
    first.expiry_seconds = expiry;
    join(a, std::move(first));
    publish("1");
    publish("2");
    ASSERT_THAT(a.payloads(), ElementsAre("1", "2"));
    a.session->acknowledged(a.got[0].packet_id);
    join(b, options(client_on(0, "b")));
    disconnect(a);
    EXPECT_THAT(b.payloads(), ElementsAre("2"));
    EXPECT_FALSE(b.got[0].duplicate);
    acknowledge_all(b);
    disconnect(b);
  }
}

TEST_F(SharedTest, WhatIsNotSentGoesToAnother) {
  start_publisher();
  RecordingLink a, b;
  OpenOptions narrow = options(client_on(1, "a"));
  narrow.receive_maximum = 1;
  join(a, std::move(narrow));
  for (int i = 0; i < 3; ++i) publish(std::to_string(i), QoS::exactly_once);
  EXPECT_THAT(a.payloads(), ElementsAre("0"));
  join(b, options(client_on(0, "b")));
  run();
  EXPECT_THAT(b.payloads(), ElementsAre("1", "2")) << "a's window is full";
}

TEST_F(SharedTest, AQos2MessageThatWasSentStaysWithItsClient) {
  start_publisher();
  RecordingLink a, b, again;
  join(a, lasting(client_on(1, "a")));
  publish("once", QoS::exactly_once);
  run();
  ASSERT_THAT(a.payloads(), ElementsAre("once"));
  const std::uint16_t id = a.got[0].packet_id;
  join(b, lasting(client_on(0, "b")));
  disconnect(a);
  run(std::chrono::seconds{1});
  EXPECT_THAT(b.got, IsEmpty());
  open(again, lasting(client_on(1, "a")));
  ASSERT_THAT(again.payloads(), ElementsAre("once"));
  EXPECT_TRUE(again.got[0].duplicate);
  EXPECT_EQ(again.got[0].packet_id, id);
  EXPECT_TRUE(again.session->received(id));
  run();
  EXPECT_TRUE(again.session->completed(id));
}

TEST_F(SharedTest, MessagesWaitInTheGroupWhileEverybodyIsAway) {
  start_publisher();
  RecordingLink a, b, back;
  join(a, lasting(client_on(1, "a")));
  join(b, lasting(client_on(0, "b")));
  disconnect(a);
  disconnect(b);
  for (int i = 0; i < 3; ++i) publish(std::to_string(i));
  crash_and_boot(2);
  start_publisher();
  publish("after the crash");
  open(back, lasting(client_on(0, "b")));
  EXPECT_THAT(back.payloads(), ElementsAre("0", "1", "2", "after the crash"));
  acknowledge_all(back);
  run(kCheckpointInterval * 2);
  EXPECT_EQ(rows(store::Table::queue), 0U);
  RecordingLink late;
  open(late, lasting(client_on(1, "a")));
  EXPECT_THAT(late.got, IsEmpty());
}

TEST_F(SharedTest, ACrashGivesWhatWasInFlightToAnother) {
  start_publisher();
  RecordingLink a, back;
  join(a, options(client_on(1, "a")));
  RecordingLink b;
  join(b, lasting(client_on(0, "b")));
  disconnect(b);
  publish("1");
  publish("2");
  ASSERT_THAT(a.payloads(), ElementsAre("1", "2"));
  a.session->acknowledged(a.got[0].packet_id);
  run();
  crash_and_boot(2);
  open(back, lasting(client_on(0, "b")));
  EXPECT_THAT(back.payloads(), ElementsAre("2"));
}

TEST_F(SharedTest, ASlowMemberDoesNotStopTheOthers) {
  start_publisher();
  RecordingLink a, b;
  OpenOptions narrow = options(client_on(1, "a"));
  narrow.receive_maximum = 2;
  join(a, std::move(narrow));
  join(b, options(client_on(0, "b")));
  for (int i = 0; i < 20; ++i) {
    publish(std::to_string(i));
    acknowledge_all(b);
  }
  EXPECT_THAT(a.got, SizeIs(2));
  EXPECT_THAT(b.got, SizeIs(18));
}

TEST_F(SharedTest, MembersThatAcknowledgeNothingAreEnded) {
  boot(2, {.online_messages = 4});
  start_publisher();
  RecordingLink a;
  OpenOptions narrow = lasting(client_on(1, "a"));
  narrow.receive_maximum = 2;
  join(a, std::move(narrow));
  for (int i = 0; i < 10; ++i) publish(std::to_string(i));
  EXPECT_TRUE(from.paused);
  run(kSlowConsumerPatience * 2);
  EXPECT_EQ(a.end_reason, EndReason::slow_consumer);
  EXPECT_FALSE(from.paused) << "the group keeps what waits, as an absent client's session does";
  RecordingLink back;
  OpenOptions wide = lasting(client_on(1, "a"));
  open(back, std::move(wide));
  EXPECT_THAT(back.payloads(), UnorderedElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST_F(SharedTest, ADowngradedSubscriptionGetsLowerQos) {
  start_publisher();
  RecordingLink a;
  join(a, options(client_on(1, "a")), QoS::at_most_once);
  for (int i = 0; i < 300; ++i) publish("x");
  ASSERT_THAT(a.got, SizeIs(300)) << "nothing is in flight";
  EXPECT_EQ(a.got[0].qos, QoS::at_most_once);
}

TEST_F(SharedTest, ReservedClientIdsAreRefused) {
  RecordingLink link;
  EXPECT_FALSE(try_open(link, options("$share/workers/jobs/#")).has_value());
}

/// QoS 2 messages go to two lasting members that come and go, while the process crashes at random moments.
class SharedCrashTest : public SharedTest {
 protected:
  void begin(Limits limits_of_this) {
    limits = limits_of_this;
    keyed_disk.clear();
    journals.clear();
    boot(2, limits);
    got.clear();
    accepted.clear();
    clients.clear();
    for (const std::string& id : {client_on(0, "a"), client_on(1, "b")}) {
      connect(clients.emplace_back(Client{id, nullptr, 0, {}}));
      subscribe(*clients.back().link, kJobs);
    }
  }
  struct Client {
    std::string id;
    std::unique_ptr<RecordingLink> link;
    std::size_t seen = 0;
    std::set<std::uint16_t> open_exchanges;  // a PUBLISH with one of these is not new
  };

  void connect(Client& client) {
    client.link = std::make_unique<RecordingLink>();
    client.seen = 0;
    open(*client.link, lasting(client.id));
  }
  void leave(Client& client) {
    if (client.link && client.link->session != nullptr) disconnect(*client.link);
    client.link.reset();
  }
  void serve() {
    for (Client& client : clients) {
      RecordingLink* link = client.link.get();
      if (link == nullptr || link->session == nullptr) continue;
      for (; client.seen < link->got.size(); ++client.seen) {
        const auto& one = link->got[client.seen];
        if (client.open_exchanges.insert(one.packet_id).second) ++got[one.payload];
        if (random.next() % 3 != 0) link->session->received(one.packet_id);
      }
      for (const std::uint16_t released : std::exchange(link->released, {})) {
        client.open_exchanges.erase(released);
        link->session->completed(released);
      }
    }
  }
  void crash() {
    for (Client& client : clients) client.link.reset();
    from = {};
    crash_and_boot(2, limits);
  }
  void publish_next() {
    if (from.session == nullptr) start_publisher();
    const std::string payload = std::to_string(++number);
    const std::uint16_t exchange = ++sent;
    from.session->publish(message("jobs/1", payload, QoS::exactly_once), exchange,
                          [this, payload](const Result<void>& result) {
                            if (result) accepted.push_back(payload);
                          });
    pause(6);
    from.session->release(exchange, [](const Result<void>&) {});
  }
  void pause(int milliseconds) {
    run(std::chrono::milliseconds{static_cast<int>(random.next() % static_cast<unsigned>(milliseconds))});
  }
  void step() {
    Client& client = clients[random.next() % 2];
    const auto what = random.next() % 8;
    if (what == 0) {
      crash();
    } else if (what == 1) {
      leave(client);
    } else if (what <= 3) {
      if (!client.link) connect(client);
    } else {
      publish_next();
    }
    serve();
    pause(4);
    serve();
  }
  void drain() {
    for (int turn = 0; turn < 30; ++turn) {
      for (Client& client : clients) {
        if (turn % 10 == 0) leave(client);
        if (!client.link || client.link->session == nullptr) connect(client);
      }
      run();
      serve();
    }
  }

  SeededRng random{11};
  Limits limits;
  std::vector<Client> clients;
  std::map<std::string, int> got;  // by payload
  std::vector<std::string> accepted;
  int number = 0;
};

TEST_F(SharedCrashTest, Qos2IsExactlyOnceOverAllMembersAndCrashes) {
  std::size_t total = 0;
  for (int round = 0; round < 40; ++round) {
    begin(round % 2 == 0 ? Limits{} : Limits{.queue_memory_messages = 2});
    for (int i = 0; i < 60; ++i) step();
    drain();
    for (const std::string& payload : accepted)
      EXPECT_EQ(got[payload], 1) << payload << " in round " << round;
    for (const auto& [payload, count] : got) EXPECT_LE(count, 1) << payload << " in round " << round;
    total += accepted.size();
    from = {};
  }
  EXPECT_GT(total, 400U);
}

}  // namespace
}  // namespace dunlin::hub
