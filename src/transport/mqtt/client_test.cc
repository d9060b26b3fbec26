#include "transport/mqtt/client.h"

#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Client : public testing::ServerTest {
 protected:
  void SetUp() override { start(2); }
  void TearDown() override {
    mine.clear();
    ServerTest::TearDown();
  }
  ClientOptions client_options(const std::string& id) {
    ClientOptions made;
    made.connection.endpoint = {"broker", 1883};
    made.client_id = id;
    return made;
  }
  MqttClient& make(ClientOptions options) {
    mine.push_back(std::make_unique<MqttClient>(network.host("device"), client_executor, server_rng,
                                                std::move(options)));
    MqttClient& client = *mine.back();
    client.on_state([this](ClientState state, std::string_view reason) {
      if (state == ClientState::offline) reasons.emplace_back(reason);
    });
    client.start();
    run(kTurn);
    return client;
  }
  static ClientMessage text(std::string_view topic, std::string_view payload, int qos) {
    ClientMessage message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload);
    message.qos = static_cast<hub::QoS>(qos);
    return message;
  }
  MqttClient::PublishDone count(int& ok, int& failed) {
    return [&ok, &failed](Result<void> result) { ++(result ? ok : failed); };
  }

  /// Messages that the server still holds for a client.
  std::size_t hub_in_flight(const std::string& client_id) {
    std::size_t queued = 99;
    hub().sessions(client_executor, kDefaultTenant, 10, [&](std::vector<hub::SessionInfo> all) {
      for (const auto& session : all) {
        if (session.client_id == client_id) queued = session.queued;
      }
    });
    run(kTurn);
    return queued;
  }

  std::vector<std::unique_ptr<MqttClient>> mine;
  std::vector<std::string> reasons;
};

TEST_F(Client, PublishesAndReceivesEveryQos) {
  for (const auto version : {mqtt::ProtocolVersion::v3_1_1, mqtt::ProtocolVersion::v5}) {
    ClientOptions wish = client_options("c");
    wish.version = version;
    MqttClient& client = make(wish);
    std::vector<std::string> got;
    client.on_message([&](ClientMessage message, Task handled) {
      got.emplace_back(message.payload.text());
      handled();
    });
    bool subscribed = false;
    client.subscribe("a/#", {.qos = hub::QoS::exactly_once},
                     [&](Result<void> result) { subscribed = result.has_value(); });
    settle();
    EXPECT_TRUE(subscribed);
    int ok = 0, failed = 0;
    for (int qos = 0; qos < 3; ++qos)
      client.publish(text("a/b", std::to_string(qos), qos), count(ok, failed));
    run(std::chrono::seconds{1});
    EXPECT_EQ(ok, 3);
    EXPECT_THAT(got, ::testing::UnorderedElementsAre("0", "1", "2"));
    EXPECT_EQ(client.pending(), 0U);
    client.unsubscribe("a/#");
    settle();
    client.publish(text("a/b", "unheard", 1), {});
    settle();
    EXPECT_EQ(got.size(), 3U);
    client.stop();
    settle();
    EXPECT_EQ(client.state(), ClientState::offline);
  }
}

TEST_F(Client, NothingIsLostOrDoubledOverBrokenConnections) {
  std::map<std::string, int> got;
  MqttClient& to = make(client_options("s"));
  to.on_message([&](ClientMessage message, Task handled) {
    ++got[std::string(message.payload.text())];
    handled();
  });
  to.subscribe("a", {.qos = hub::QoS::exactly_once}, {});
  settle();
  MqttClient& from = make(client_options("p"));
  int ok = 0, failed = 0;
  for (int i = 0; i < 300; ++i) {
    from.publish(text("a", std::to_string(i), 2), count(ok, failed));
    if (i % 25 == 0) {
      run(std::chrono::milliseconds{3});
      network.reset_some(0.7);
    }
  }
  run(std::chrono::minutes{5});
  EXPECT_EQ(ok, 300);
  EXPECT_EQ(failed, 0);
  ASSERT_EQ(got.size(), 300U);
  for (const auto& [payload, times] : got) EXPECT_EQ(times, 1) << payload;
  EXPECT_FALSE(reasons.empty());
}

TEST_F(Client, AcknowledgesOnlyWhenHandled) {
  MqttClient& to = make(client_options("s"));
  std::vector<std::string> got;
  std::vector<Task> open;
  to.on_message([&](ClientMessage message, Task handled) {
    got.emplace_back(message.payload.text());
    open.push_back(std::move(handled));
  });
  to.subscribe("a", {.qos = hub::QoS::at_least_once}, {});
  settle();
  MqttClient& from = make(client_options("p"));
  from.publish(text("a", "1", 1), {});
  settle();
  EXPECT_THAT(got, ElementsAre("1"));
  network.reset_some(1.0);
  run(std::chrono::seconds{5});
  EXPECT_THAT(got, ElementsAre("1", "1")) << "not handled, so delivered again";
  open[0]();  // of the lost connection: nothing happens
  open[1]();
  settle();
  network.reset_some(1.0);
  run(std::chrono::seconds{10});
  EXPECT_EQ(got.size(), 2U);
}

TEST_F(Client, AQos2MessageIsSeenOnceHoweverLateItIsHandled) {
  MqttClient& to = make(client_options("s"));
  std::vector<std::string> got;
  std::vector<Task> open;
  to.on_message([&](ClientMessage message, Task handled) {
    got.emplace_back(message.payload.text());
    open.push_back(std::move(handled));
  });
  to.subscribe("a", {.qos = hub::QoS::exactly_once}, {});
  settle();
  MqttClient& from = make(client_options("p"));
  from.publish(text("a", "1", 2), {});
  settle();
  for (int i = 0; i < 3; ++i) {
    network.reset_some(1.0);
    run(std::chrono::seconds{5});
    if (i == 1) {
      open[0]();
      network.reset_some(1.0);  // the PUBREC is lost
      run(std::chrono::seconds{5});
    }
  }
  EXPECT_THAT(got, ElementsAre("1"));
  EXPECT_EQ(hub_in_flight("s"), 0U);
}

TEST_F(Client, QueuesWhileOfflineWithinItsBounds) {
  ClientOptions wish = client_options("p");
  wish.max_queued_messages = 3;
  network.isolate("broker");
  MqttClient& client = make(wish);
  int ok = 0, failed = 0;
  for (int i = 0; i < 5; ++i) client.publish(text("a", "x", 1), count(ok, failed));
  client.publish(text("a", "x", 0), count(ok, failed));
  EXPECT_EQ(failed, 3) << "two past the bound, and QoS 0 is not queued";
  EXPECT_TRUE(client.queue_full());
  network.heal_all();
  run(std::chrono::minutes{2});
  EXPECT_EQ(ok, 3);
}

TEST_F(Client, TellsRefusals) {
  MqttClient& client = make(client_options("p"));
  std::vector<Errc> codes;
  const auto note = [&](Result<void> result) {
    codes.push_back(result ? Errc::internal : result.error().code);
  };
  client.publish(text("forbidden/x", "x", 1), note);
  client.publish(text("forbidden/x", "x", 2), note);
  client.publish(text("a/+", "x", 1), note);
  client.subscribe("forbidden/#", {}, note);
  client.subscribe("a/#/b", {}, note);
  settle();
  EXPECT_THAT(codes, ::testing::UnorderedElementsAre(Errc::permission_denied, Errc::permission_denied,
                                                     Errc::permission_denied, Errc::invalid_argument,
                                                     Errc::invalid_argument));
  ClientOptions wrong = client_options("q");
  wrong.username = "q";
  wrong.password = "wrong";
  make(wrong);
  EXPECT_THAT(reasons, ElementsAre("bad_user_name_or_password"));
}

TEST_F(Client, KeepsTheConnectionAliveAndNoticesADeadOne) {
  ClientOptions wish = client_options("c");
  wish.keep_alive_seconds = 10;
  MqttClient& client = make(wish);
  run(std::chrono::minutes{2});
  EXPECT_EQ(client.state(), ClientState::online);
  EXPECT_THAT(reasons, IsEmpty());
  network.isolate("device");
  run(std::chrono::seconds{25});
  EXPECT_THAT(reasons, ::testing::Contains("the server does not answer"));
  network.heal_all();
  run(std::chrono::minutes{2});
  EXPECT_EQ(client.state(), ClientState::online);
}

TEST_F(Client, ComesBackAfterARestartOfTheServer) {
  MqttClient& client = make(client_options("c"));
  std::vector<std::string> got;
  client.on_message([&](ClientMessage message, Task handled) {
    got.emplace_back(message.payload.text());
    handled();
  });
  client.subscribe("a", {.qos = hub::QoS::at_least_once}, {});
  settle();
  network.crash("broker");
  start(2);
  client.publish(text("a", "after", 1), {});
  run(std::chrono::minutes{2});
  EXPECT_EQ(client.state(), ClientState::online);
  EXPECT_THAT(got, ElementsAre("after")) << "the subscription survived the restart";
}

}  // namespace
}  // namespace dunlin::transport
