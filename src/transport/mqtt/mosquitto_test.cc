// Real peers: the server on real sockets against mosquitto's own clients.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <thread>

#include "base/rng.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/testing/program.h"
#include "net/worker_pool.h"
#include "transport/mqtt/server.h"

namespace dunlin::transport {
namespace {

using net::testing::Program;
using ::testing::UnorderedElementsAre;

class Mosquitto : public ::testing::TestWithParam<const char*> {
 protected:
  Mosquitto() {
    hub::HubEnvironment environment{.shards = {}, .metrics = metrics, .rng = rng};
    for (net::Reactor* reactor : threads.all()) environment.shards.push_back({*reactor, nullptr});
    hub = std::make_unique<hub::Hub>(std::move(environment));
    server = std::make_unique<MqttServer>(ServerEnvironment{
        *hub,
        [](hub::Credentials credentials, hub::Authenticated done) {
          if (credentials.password != "secret") return done(fail(Errc::unauthenticated, "wrong password"));
          auto principal = std::make_shared<Principal>();
          principal->name = *credentials.username;
          done(principal);
        },
        [](const Principal&, hub::Action, std::string_view) { return Result<void>{}; }, metrics, rng});
    for (net::Reactor* reactor : threads.all()) {
      auto listener =
          network.listen(*reactor, {.endpoint = {"127.0.0.1", port}, .tls = {}},
                         [this](std::unique_ptr<net::Connection> c) { server->accept(std::move(c)); });
      EXPECT_TRUE(listener.has_value());
      port = (*listener)->local().port;
      listeners.push_back(std::move(*listener));
    }
    threads.start();
  }
  ~Mosquitto() override {
    threads.stop();
    listeners.clear();
    server.reset();
  }

  std::vector<std::string> base(const char* program) {
    return {program, "-h", "127.0.0.1", "-p",    std::to_string(port), "-V", GetParam(),
            "-u",    "u",  "-P",        "secret"};
  }
  Program publish(std::vector<std::string> more) {
    return Program(with(base("mosquitto_pub"), std::move(more)));
  }
  /// Waits until the subscription stands.
  std::unique_ptr<Program> subscribe(std::vector<std::string> more) {
    const auto named = std::ranges::find(more, "-i");
    const std::string id = named != more.end() ? *(named + 1) : "sub" + std::to_string(++last_id);
    if (named == more.end()) more = with({"-i", id}, std::move(more));
    auto program = std::make_unique<Program>(with(base("mosquitto_sub"), std::move(more)));
    wait_until([&] { return subscriptions_of(id) > 0; });
    return program;
  }
  std::size_t subscriptions_of(const std::string& id) {
    std::promise<std::size_t> answer;
    hub->sessions(threads.at(0), kDefaultTenant, 1000, [&](const std::vector<hub::SessionInfo>& all) {
      const auto found = std::ranges::find(all, id, &hub::SessionInfo::client_id);
      answer.set_value(found == all.end() ? 0 : found->subscriptions);
    });
    return answer.get_future().get();
  }
  template <class Condition>
  void wait_until(Condition condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    EXPECT_TRUE(condition());
  }
  static std::vector<std::string> with(std::vector<std::string> first, std::vector<std::string> more) {
    std::ranges::move(more, std::back_inserter(first));
    return first;
  }
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      all.push_back(text.substr(at, end - at));
      at = end == std::string::npos ? text.size() : end + 1;
    }
    return all;
  }

  metrics::Registry metrics;
  SystemRng rng;
  net::ReactorThreads threads{2};
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{threads.all(), workers, metrics};
  std::unique_ptr<hub::Hub> hub;
  std::unique_ptr<MqttServer> server;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::uint16_t port = 0;
  int last_id = 0;
};

TEST_P(Mosquitto, DeliversEveryQosWithWildcards) {
  for (const char* qos : {"0", "1", "2"}) {
    auto exact = subscribe({"-t", "a/b/c", "-q", qos, "-C", "3", "-W", "20", "-v"});
    auto plus = subscribe({"-t", "a/+/c", "-q", qos, "-C", "3", "-W", "20", "-v"});
    auto hash = subscribe({"-t", "#", "-q", qos, "-C", "3", "-W", "20", "-v"});
    for (const char* text : {"one", "two", "three"}) {
      EXPECT_EQ(publish({"-t", "a/b/c", "-q", qos, "-m", text}).wait(), 0);
    }
    for (auto& program : {std::ref(exact), std::ref(plus), std::ref(hash)}) {
      EXPECT_EQ(program.get()->read_all(), "a/b/c one\na/b/c two\na/b/c three\n") << "qos " << qos;
      EXPECT_EQ(program.get()->wait(), 0);
    }
  }
}

TEST_P(Mosquitto, ManyMessagesArriveInOrder) {
  auto subscriber = subscribe({"-t", "many/#", "-q", "1", "-C", "500", "-W", "30"});
  std::string expected;
  std::FILE* input = nullptr;
  {
    std::string command;
    for (const std::string& argument : base("mosquitto_pub")) command += argument + " ";
    input = ::popen((command + "-t many/x -q 1 -l").c_str(), "w");
    ASSERT_NE(input, nullptr);
  }
  for (int i = 0; i < 500; ++i) {
    expected += std::to_string(i) + "\n";
    std::fprintf(input, "%d\n", i);
  }
  EXPECT_EQ(::pclose(input), 0);
  EXPECT_EQ(subscriber->read_all(), expected);
}

TEST_P(Mosquitto, RetainedMessages) {
  EXPECT_EQ(publish({"-t", "r/1", "-q", "1", "-r", "-m", "first"}).wait(), 0);
  EXPECT_EQ(publish({"-t", "r/2", "-q", "1", "-r", "-m", "second"}).wait(), 0);
  EXPECT_EQ(publish({"-t", "r/2", "-q", "1", "-r", "-n"}).wait(), 0);
  EXPECT_EQ(publish({"-t", "r/3", "-q", "1", "-r", "-m", "third"}).wait(), 0);
  wait_until([&] { return metrics.value("dunlin_hub_retained") == 2; });
  Program subscriber(
      with(base("mosquitto_sub"), {"-t", "r/#", "-q", "1", "-C", "2", "-W", "20", "-F", "%t %r %p"}));
  EXPECT_THAT(lines(subscriber.read_all()), UnorderedElementsAre("r/1 1 first", "r/3 1 third"));
}

TEST_P(Mosquitto, WillOfAKilledClient) {
  auto watcher = subscribe({"-t", "will/#", "-q", "1", "-C", "1", "-W", "20", "-v"});
  auto doomed =
      subscribe({"-t", "x", "--will-topic", "will/doomed", "--will-payload", "gone", "--will-qos", "1"});
  doomed->kill();
  EXPECT_EQ(watcher->read_all(), "will/doomed gone\n");
}

TEST_P(Mosquitto, PersistentSessionsKeepMessages) {
  const std::vector<std::string> session{"-i", "lasting", "-c", "-t", "p/#", "-q", "1"};
  std::vector<std::string> first = session, second = session;
  if (GetParam() == std::string("mqttv5")) {
    for (auto* arguments : {&first, &second}) *arguments = with(std::move(*arguments), {"-x", "1000"});
  }
  subscribe(first)->kill();
  wait_until([&] { return metrics.value("dunlin_hub_sessions_online") == 0; });
  EXPECT_EQ(publish({"-t", "p/x", "-q", "1", "-m", "while away"}).wait(), 0);
  Program again(with(base("mosquitto_sub"), with(second, {"-C", "1", "-W", "20"})));
  EXPECT_EQ(again.read_all(), "while away\n");
}

TEST_P(Mosquitto, WrongPasswordIsRefused) {
  Program refused({"mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(port), "-V", GetParam(), "-u",
                   "u", "-P", "guess", "-t", "a", "-m", "x", "--quiet"});
  EXPECT_NE(refused.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, Mosquitto, ::testing::Values("mqttv311", "mqttv5"),
                         [](const auto& version) { return std::string(version.param); });

}  // namespace
}  // namespace dunlin::transport
