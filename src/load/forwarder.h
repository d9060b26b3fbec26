#pragma once
// The null forwarder: what a server without topics and state would cost. One thread, no checks of what it is
// not asked to judge: for measuring only.

#include <memory>
#include <vector>

#include "base/executor.h"
#include "net/network.h"
#include "wire/mqtt/packet.h"

namespace dunlin::load {

struct ForwarderOptions {
  net::Endpoint endpoint{"127.0.0.1", 0};  // loopback only: it lets everybody in
  /// Who gets the messages of publisher i: subscriber i modulo their number, or all of them.
  enum class Target : std::uint8_t { one, all } target = Target::one;
};

/// Copies the bytes of each PUBLISH as they are, packet identifier included, and answers CONNECT, SUBSCRIBE,
/// PINGREQ and the acknowledgements of both sides itself. A client's number is the one at the end of its
/// client identifier, as a load gives them; who subscribes is a subscriber. Publisher and subscriber must
/// speak the same version. The executor's thread only; destroyed after it has stopped.
class Forwarder {
 public:
  Forwarder(net::Network& network, Executor& executor, const ForwarderOptions& options);
  ~Forwarder();

  /// Errors: those of Network::listen; permission_denied (an address that is not loopback).
  Result<void> listen();
  net::Endpoint local() const;

 private:
  class Peer;
  void remove(Peer& peer);
  void add_subscriber(Peer& peer);
  void forward(Peer& from, ByteView packets);

  net::Network& network_;
  Executor& executor_;
  ForwarderOptions options_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> subscribers_;  // by number
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace dunlin::load
