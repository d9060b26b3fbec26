#pragma once
// A device's way to the network, which can lose its signal: then nothing passes and nobody is told, as with a
// real radio. TCP streams stall and go on; those that were given up meanwhile end when the signal is back.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "net/network.h"

namespace dunlin::fleet {

enum class Signal : std::uint8_t { present, lost };

/// One thread: the executor's. Network and executor outlive it; it outlives its connections.
class Radio final : public net::Network {
 public:
  Radio(net::Network& network, Executor& executor);
  ~Radio() override;

  /// May call handlers of connections.
  void set_signal(Signal signal);
  Signal signal() const { return signal_; }

  // net::Network. Without signal a connect ends with timed_out at its deadline. Listening is not for devices:
  // unsupported.
  Result<std::unique_ptr<net::Listener>> listen(Executor& executor, net::ListenOptions options,
                                                net::AcceptHandler accept) override;
  void connect(Executor& executor, net::ConnectOptions options, net::ConnectHandler done) override;

 private:
  class Line;
  class Stream;
  std::unique_ptr<net::Connection> wrap(std::unique_ptr<net::Connection> connection);
  void forget(std::uint64_t line);

  net::Network& network_;
  Executor& executor_;
  Signal signal_ = Signal::present;
  std::shared_ptr<const bool> alive_;  // shared: by calls under way that may end after this
  std::map<std::uint64_t, std::unique_ptr<Line>> lines_;
  std::uint64_t next_line_ = 1;
};

}  // namespace dunlin::fleet
