// Echo of pipelined 16-byte messages over loopback: CPU per message of the echoing reactor alone, and memory
// per idle connection.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>

#include <thread>

#include "base/metrics.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"

namespace dunlin::net {
namespace {

constexpr std::size_t kMessage = 16;

double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Writes back each message on its own, as a broker answers each packet.
class Echo final : public ConnectionHandler {
 public:
  explicit Echo(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {
    connection_->set_handler(this);
  }
  std::size_t on_data(ByteView bytes) override {
    std::size_t done = 0;
    for (; bytes.size() - done >= kMessage; done += kMessage)
      connection_->write(bytes.subspan(done, kMessage));
    return done;
  }
  void on_closed(CloseReason) override { connection_.reset(); }

 private:
  std::unique_ptr<Connection> connection_;
};

// Keeps `window` messages under way until `total` have come back.
class Pump final : public ConnectionHandler {
 public:
  Pump(std::int64_t total, std::int64_t window, std::atomic<int>& finished)
      : to_send_(total), to_receive_(total), window_(window), finished_(finished) {}
  void start(std::unique_ptr<Connection> connection) {
    connection_ = std::move(connection);
    connection_->set_handler(this);
    send(window_);
  }
  std::size_t on_data(ByteView bytes) override {
    const auto whole = static_cast<std::int64_t>(bytes.size() / kMessage);
    to_receive_ -= whole;
    send(whole);
    if (to_receive_ == 0) ++finished_;
    return static_cast<std::size_t>(whole) * kMessage;
  }
  void on_closed(CloseReason) override { connection_.reset(); }

 private:
  void send(std::int64_t count) {
    static constexpr std::array<std::uint8_t, kMessage> kZeros{};
    for (; count > 0 && to_send_ > 0; --count, --to_send_) connection_->write(ByteView{kZeros});
  }
  std::unique_ptr<Connection> connection_;
  std::int64_t to_send_;
  std::int64_t to_receive_;
  std::int64_t window_;
  std::atomic<int>& finished_;
};

// Arguments: connections, messages under way on each.
void echo(benchmark::State& state) {
  const auto connections = static_cast<int>(state.range(0));
  const std::int64_t per_connection = 2'000'000 / connections;
  double server_cpu = 0;
  double client_cpu = 0;
  for ([[maybe_unused]] auto _ : state) {
    ReactorThreads threads(2);
    ThreadWorkerPool workers(1);
    metrics::Registry registry;
    EpollNetwork network(threads.all(), workers, registry);
    std::vector<std::unique_ptr<Echo>> servers;
    std::vector<std::unique_ptr<Pump>> clients;
    std::atomic<int> finished{0};
    std::atomic<int> reported{0};
    ListenOptions options;
    options.endpoint = {"127.0.0.1", 0};
    auto listener = *network.listen(threads.at(0), options, [&](std::unique_ptr<Connection> connection) {
      servers.push_back(std::make_unique<Echo>(std::move(connection)));
    });
    ConnectOptions connect;
    connect.endpoint = listener->local();
    threads.at(1).post([&] {
      for (int i = 0; i < connections; ++i) {
        clients.push_back(std::make_unique<Pump>(per_connection, state.range(1), finished));
        network.connect(threads.at(1), connect,
                        [&pump = *clients.back()](Result<std::unique_ptr<Connection>> result) {
                          pump.start(*std::move(result));
                        });
      }
    });
    threads.start();
    while (finished < connections) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    threads.at(0).post([&] { server_cpu += thread_cpu_seconds(), ++reported; });
    threads.at(1).post([&] { client_cpu += thread_cpu_seconds(), ++reported; });
    while (reported < 2) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    threads.stop();
    clients.clear();
    servers.clear();
  }
  const double messages = static_cast<double>(state.iterations() * connections * per_connection);
  state.counters["server_us_per_message"] = server_cpu * 1e6 / messages;
  state.counters["client_us_per_message"] = client_cpu * 1e6 / messages;
}
BENCHMARK(echo)
    ->Args({1, 1000})
    ->Args({10, 100})
    ->Args({100, 10})
    ->Args({100, 1})
    ->Iterations(1)
    ->UseRealTime();

void idle_memory(benchmark::State& state) {
  constexpr int kConnections = 2000;
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    Reactor reactor;
    ThreadWorkerPool workers(1);
    metrics::Registry registry;
    EpollNetwork network({&reactor}, workers, registry);
    std::vector<std::unique_ptr<Connection>> held;
    held.reserve(2 * kConnections);
    ListenOptions options;
    options.endpoint = {"127.0.0.1", 0};
    auto hold = [&](std::unique_ptr<Connection> connection) {
      held.push_back(std::move(connection));
      if (held.size() == 2 * kConnections) reactor.stop();
    };
    auto listener = *network.listen(reactor, options, hold);
    ConnectOptions connect;
    connect.endpoint = listener->local();
    const auto before = ::mallinfo2().uordblks;
    for (int i = 0; i < kConnections; ++i) {
      network.connect(reactor, connect,
                      [&](Result<std::unique_ptr<Connection>> result) { hold(*std::move(result)); });
    }
    reactor.run();
    bytes = static_cast<double>(::mallinfo2().uordblks - before) / (2 * kConnections);
  }
  state.counters["heap_bytes_per_connection"] = bytes;
}
BENCHMARK(idle_memory)->Iterations(1);

}  // namespace
}  // namespace dunlin::net
