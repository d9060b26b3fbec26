#pragma once
// The real network: TCP (and TLS over it) on a fixed set of reactors.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "net/network.h"
#include "net/reactor.h"
#include "net/tcp_connection.h"
#include "net/tcp_listener.h"

namespace dunlin::net {

/// Serves the reactors it was made with. Made before they run and destroyed after they have stopped;
/// connections and listeners must be gone by then. Reactors, worker pool, registry and sink
/// outlive it.
class EpollNetwork final : public Network {
 public:
  EpollNetwork(const std::vector<Reactor*>& reactors, WorkerPool& workers, metrics::Registry& registry,
               Patience patience = {}, RefusalSink* refusals = nullptr);
  ~EpollNetwork() override;

  /// `options.endpoint.host` is a numeric address; IPv6 listeners take no IPv4. The first listener on a port
  /// makes sure that no other process has it; the other reactors then share it. A Unix socket
  /// (Endpoint::unix_socket) has one listener; its connections may move to other reactors.
  Result<std::unique_ptr<Listener>> listen(Executor& executor, ListenOptions options,
                                           AcceptHandler accept) override;
  void connect(Executor& executor, ConnectOptions options, ConnectHandler done) override;

 private:
  struct Lane;
  Lane& lane_of(Executor& executor);
  Result<ListeningSocket> open_socket(const ListenOptions& options);
  Result<UniqueFd> open_shared(const Endpoint& endpoint, int backlog);

  std::unordered_map<Executor*, std::unique_ptr<Lane>> lanes_;
  WorkerPool& workers_;
  Patience patience_;
  // Shared with name look-ups under way, which may end after the network.
  std::shared_ptr<const bool> alive_;
  std::mutex ports_mutex_;
  std::set<std::string> ports_;  // endpoints that this network has listened on
};

}  // namespace dunlin::net
