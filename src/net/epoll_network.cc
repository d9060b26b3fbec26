#include "net/epoll_network.h"

#include "base/core/assert.h"
#include "net/proxy_acceptor.h"
#include "net/rate_acceptor.h"
#include "net/tcp_connect.h"
#include "net/tcp_listener.h"
#include "net/tls_handshakes.h"

namespace dunlin::net {

/// What belongs to one reactor.
struct EpollNetwork::Lane {
  Lane(Reactor& reactor, metrics::Registry& registry, const Patience& patience, RefusalSink* refusals)
      : context{.reactor = reactor,
                .metrics = NetMetrics{registry, refusals},
                .pool = {},
                .patience = patience,
                .context_of = {}} {}

  TcpContext context;
  std::uint64_t next_connect = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<TcpConnect>> connects;
  TlsHandshakes handshakes{context.metrics};
};

EpollNetwork::EpollNetwork(const std::vector<Reactor*>& reactors, WorkerPool& workers,
                           metrics::Registry& registry, Patience patience, RefusalSink* refusals)
    : workers_(workers), patience_(patience), alive_(std::make_shared<const bool>(true)) {
  for (Reactor* reactor : reactors) {
    auto lane = std::make_unique<Lane>(*reactor, registry, patience, refusals);
    // lanes_ does not change any more once the reactors run, so any thread may look into it.
    lane->context.context_of = [this](Executor& executor) -> TcpContext* {
      const auto found = lanes_.find(&executor);
      return found == lanes_.end() ? nullptr : &found->second->context;
    };
    lanes_.emplace(reactor, std::move(lane));
  }
}

EpollNetwork::~EpollNetwork() = default;

EpollNetwork::Lane& EpollNetwork::lane_of(Executor& executor) {
  const auto found = lanes_.find(&executor);
  DUNLIN_ASSERT(found != lanes_.end());
  DUNLIN_ASSERT(found->second->context.reactor.may_touch());
  return *found->second;
}

Result<UniqueFd> EpollNetwork::open_shared(const Endpoint& endpoint, int backlog) {
  const std::scoped_lock lock(ports_mutex_);
  Endpoint wanted = endpoint;
  if (!ports_.contains(wanted.to_string())) {
    // SO_REUSEPORT would quietly share the port with another process of the same user, so the first bind goes
    // without it.
    DUNLIN_TRY(const UniqueFd probe, open_listening_socket(wanted, 1, PortSharing::exclusive, patience_));
    wanted.port = local_endpoint(probe.get()).port;
  }
  auto socket = open_listening_socket(wanted, backlog, PortSharing::between_reactors, patience_);
  if (socket) ports_.insert(wanted.to_string());
  return socket;
}

Result<ListeningSocket> EpollNetwork::open_socket(const ListenOptions& options) {
  if (!options.endpoint.is_unix_socket()) {
    DUNLIN_TRY(UniqueFd socket, open_shared(options.endpoint, options.backlog));
    return ListeningSocket{std::move(socket)};
  }
  const std::string path = options.endpoint.host.substr(std::string_view("unix:").size());
  DUNLIN_TRY(UnixListeningSocket opened, open_unix_socket(path, options.unix_mode, options.backlog));
  return ListeningSocket{std::move(opened.fd), std::move(opened.file)};
}

Result<std::unique_ptr<Listener>> EpollNetwork::listen(Executor& executor, ListenOptions options,
                                                       AcceptHandler accept) {
  Lane& lane = lane_of(executor);
  DUNLIN_TRY(ListeningSocket socket, open_socket(options));
  auto tls = listener_tls(options);
  auto handler = accept_with_tls(options, tls, lane.context.metrics, std::move(accept));
  handler = accept_within_rate(options.limiter, lane.context.metrics, std::move(handler));
  handler = accept_unblocked(options.blocks, lane.context.metrics, std::move(handler));
  if (options.proxy_protocol)
    handler = accept_with_proxy(*options.proxy_protocol, lane.context.metrics, std::move(handler));
  // A handshake takes a millisecond of work for somebody who is not known yet.
  const auto service = tls == nullptr ? TcpStream::Service::usual : TcpStream::Service::after_others;
  DUNLIN_TRY(auto listener, TcpListener::open(lane.context, std::move(socket), service, std::move(handler)));
  return listener_with_tls(std::move(listener), std::move(tls));
}

void EpollNetwork::connect(Executor& executor, ConnectOptions options, ConnectHandler done) {
  Lane& lane = lane_of(executor);
  done = connect_with_tls(options, executor.now(), lane.handshakes, std::move(done));
  const std::uint64_t id = lane.next_connect++;
  auto forget_and_report = [&lane, id,
                            handler = std::move(done)](Result<std::unique_ptr<Connection>> result) mutable {
    ConnectHandler report = std::move(handler);
    // The attempt lives until this call has returned to it.
    const auto attempt = lane.connects.extract(id);
    report(std::move(result));
  };
  const auto address = parse_address(options.endpoint);
  const Endpoint endpoint = options.endpoint;
  lane.connects.emplace(id,
                        std::make_unique<TcpConnect>(lane.context, options, std::move(forget_and_report)));
  auto begin = [&lane, id](Result<std::vector<SocketAddress>> addresses) {
    const auto found = lane.connects.find(id);
    if (found != lane.connects.end()) found->second->start(std::move(addresses));
  };
  if (address) {
    executor.post([begin, address = *address] { begin(std::vector{address}); });
    return;
  }
  workers_.run([&executor, begin, endpoint, alive = std::weak_ptr(alive_)] {
    auto addresses = resolve_name(endpoint);
    executor.post([begin, alive, found = std::move(addresses)]() mutable {
      if (!alive.expired()) begin(std::move(found));
    });
  });
}

}  // namespace dunlin::net
