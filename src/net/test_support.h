#pragma once
// For this room's tests: a reactor on the test's own thread, and handlers that record.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "net/epoll_network.h"
#include "net/worker_pool.h"

namespace dunlin::net::test {

/// Runs the reactor on the calling thread until `done()` holds or `limit` has passed; says whether it holds.
inline bool run_until(Reactor& reactor, const std::function<bool()>& done,
                      Duration limit = std::chrono::seconds{20}) {
  const Instant end = SystemClock{}.now() + limit;
  std::function<void()> check = [&] {
    if (done() || SystemClock{}.now() >= end) return reactor.stop();
    reactor.schedule(std::chrono::milliseconds{1}, [&] { check(); });
  };
  reactor.schedule(Duration{0}, [&] { check(); });
  reactor.run();
  return done();
}

/// One reactor, its network, and everything they need.
struct Loop {
  Reactor reactor;
  ThreadWorkerPool workers{1};
  metrics::Registry registry;
  EpollNetwork network{{&reactor}, workers, registry};

  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds{20}) {
    return test::run_until(reactor, done, limit);
  }
};

/// Collects what arrives. `on_bytes`, if set, decides how much is consumed.
class Recorder : public ConnectionHandler {
 public:
  std::size_t on_data(ByteView bytes) override {
    if (on_bytes) return on_bytes(bytes);
    received.append(as_text(bytes));
    return bytes.size();
  }
  void on_output_drained() override {
    ++drained;
    if (on_drained) on_drained();
  }
  void on_closed(CloseReason why) override {
    ++closed_calls;
    reason = why;
    if (on_end) on_end();
  }
  bool closed() const { return closed_calls > 0; }

  void take(std::unique_ptr<Connection> taken) {
    connection = std::move(taken);
    connection->set_handler(this);
  }

  std::unique_ptr<Connection> connection;
  std::string received;
  std::function<std::size_t(ByteView)> on_bytes;
  std::function<void()> on_drained;
  std::function<void()> on_end;
  int drained = 0;
  int closed_calls = 0;
  CloseReason reason = CloseReason::reset;
};

/// A server that echoes, and breaks nothing.
class EchoServer {
 public:
  AcceptHandler acceptor() {
    return [this](std::unique_ptr<Connection> connection) { add(std::move(connection)); };
  }
  Recorder& add(std::unique_ptr<Connection> connection) {
    auto peer = std::make_unique<Recorder>();
    Recorder& added = *peer;
    added.on_bytes = [&added](ByteView bytes) {
      added.connection->write(bytes);
      return bytes.size();
    };
    added.take(std::move(connection));
    peers.push_back(std::move(peer));
    return added;
  }
  std::vector<std::unique_ptr<Recorder>> peers;
};

inline ListenOptions on_loopback(const char* host = "127.0.0.1") {
  ListenOptions options;
  options.endpoint = {host, 0};
  return options;
}

inline ConnectOptions to(const Endpoint& endpoint) {
  ConnectOptions options;
  options.endpoint = endpoint;
  return options;
}

}  // namespace dunlin::net::test
