// CPU of the server's thread per delivered message, over loopback: pairs of clients in a closed loop, as in
// the broker comparison (10 publishers, 10 subscribers, 16-byte payloads, no journal).

#include <benchmark/benchmark.h>
#include <pthread.h>
#include <time.h>

#include <atomic>

#include "base/rng.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "transport/mqtt/client.h"
#include "transport/mqtt/server.h"

namespace dunlin::transport {
namespace {

constexpr int kPairs = 10;

double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The server on reactor 0, the clients on reactor 1.
struct Bench {
  explicit Bench(int qos, std::size_t payload_bytes)
      : level(static_cast<hub::QoS>(qos)), payload(Slice::copy_of(std::string(payload_bytes, 'x'))) {
    server = std::make_unique<MqttServer>(ServerEnvironment{
        hub,
        [](hub::Credentials credentials, hub::Authenticated done) {
          auto principal = std::make_shared<Principal>();
          principal->name = credentials.client_id;
          done(principal);
        },
        [](const Principal&, hub::Action, std::string_view) { return Result<void>{}; }, metrics, rng});
    listener = *network.listen(threads.at(0), {.endpoint = {"127.0.0.1", 0}, .tls = {}},
                               [this](std::unique_ptr<net::Connection> c) { server->accept(std::move(c)); });
    for (int i = 0; i < 2 * kPairs; ++i) {
      ClientOptions options;
      options.connection.endpoint = listener->local();
      options.client_id = "c" + std::to_string(i);
      options.start = ClientOptions::Start::clean;
      clients.push_back(std::make_unique<MqttClient>(network, threads.at(1), rng, options));
    }
    for (int i = 0; i < kPairs; ++i) {
      MqttClient& from = *clients[static_cast<std::size_t>(i)];
      MqttClient& to = *clients[static_cast<std::size_t>(kPairs) + static_cast<std::size_t>(i)];
      topics.push_back(Slice::copy_of("bench/site/machine/" + std::to_string(i)));
      to.on_message([this, &from, i](ClientMessage, Task handled) {
        handled();
        delivered.fetch_add(1, std::memory_order_relaxed);
        if (running) send(from, i);
      });
      to.subscribe(std::string(topics.back().text()), {.qos = level},
                   [this](const Result<void>&) { ready.fetch_add(1); });
      from.on_state([this](ClientState state, std::string_view) {
        if (state == ClientState::online) ready.fetch_add(1);
      });
    }
    threads.at(1).post([this] {
      for (auto& client : clients) client->start();
    });
    threads.start();
    while (ready.load() < 2 * kPairs) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  ~Bench() {
    threads.stop();
    clients.clear();
    listener.reset();
    server.reset();
  }
  void send(MqttClient& from, int pair) {
    from.publish({.topic = topics[static_cast<std::size_t>(pair)],
                  .payload = payload,
                  .qos = level,
                  .properties = nullptr},
                 {});
  }
  double server_cpu() {
    std::atomic<double> seconds{-1};
    threads.at(0).post([&] { seconds = thread_cpu_seconds(); });
    while (seconds < 0) std::this_thread::sleep_for(std::chrono::microseconds{100});
    return seconds;
  }

  hub::QoS level;
  Slice payload;
  metrics::Registry metrics;
  SystemRng rng;
  net::ReactorThreads threads{2};
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{threads.all(), workers, metrics};
  hub::Hub hub{{.shards = {{threads.at(0), nullptr}}, .metrics = metrics, .rng = rng}};
  std::unique_ptr<MqttServer> server;
  std::unique_ptr<net::Listener> listener;
  std::vector<std::unique_ptr<MqttClient>> clients;
  std::vector<Slice> topics;
  std::atomic<int> ready{0};
  std::atomic<std::int64_t> delivered{0};
  std::atomic<bool> running{true};
};

void pairs(benchmark::State& state) {
  Bench bench(static_cast<int>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  bench.threads.at(1).post([&bench] {
    for (int i = 0; i < kPairs; ++i) {
      for (int n = 0; n < 90; ++n) bench.send(*bench.clients[static_cast<std::size_t>(i)], i);
    }
  });
  const double cpu = bench.server_cpu();
  const std::int64_t before = bench.delivered;
  for ([[maybe_unused]] auto _ : state) std::this_thread::sleep_for(std::chrono::seconds{1});
  const auto messages = static_cast<double>(bench.delivered - before);
  state.counters["server_cpu_us_per_message"] = (bench.server_cpu() - cpu) * 1e6 / messages;
  state.counters["messages_per_s"] = benchmark::Counter(messages, benchmark::Counter::kIsRate);
  bench.running = false;
}
BENCHMARK(pairs)
    ->ArgNames({"qos", "bytes"})
    ->Args({0, 16})
    ->Args({1, 16})
    ->Args({2, 16})
    ->Args({0, 1024})
    ->Iterations(2)
    ->UseRealTime();

}  // namespace
}  // namespace dunlin::transport
