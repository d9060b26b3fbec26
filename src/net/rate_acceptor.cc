#include "net/rate_acceptor.h"

#include "base/log.h"

namespace dunlin::net {

AcceptHandler accept_unblocked(std::shared_ptr<const AddressBlocks> blocks, NetMetrics& metrics,
                               AcceptHandler accept) {
  if (blocks == nullptr) return accept;
  return [blocks = std::move(blocks), &metrics,
          accepted = std::move(accept)](std::unique_ptr<Connection> connection) mutable {
    const Endpoint& peer = connection->peer().address;
    if (!blocks->is_blocked(peer, connection->executor().now())) return accepted(std::move(connection));
    metrics.blocked.add();
    metrics.tell(RefusalKind::address_blocked, peer, "the address is blocked by an operator");
    log::refusal("net", "connection refused: the address is blocked", peer.host);
  };
}

AcceptHandler accept_within_rate(std::shared_ptr<ConnectionLimiter> limiter, NetMetrics& metrics,
                                 AcceptHandler accept) {
  if (limiter == nullptr) return accept;
  return [limiter = std::move(limiter), &metrics,
          accepted = std::move(accept)](std::unique_ptr<Connection> connection) mutable {
    using Verdict = ConnectionLimiter::Verdict;
    const Endpoint& peer = connection->peer().address;
    switch (limiter->admit(peer, connection->executor().now())) {
      case Verdict::admitted:
        return accepted(std::move(connection));
      case Verdict::too_many_of_address:
        metrics.rate_refused_address.add();
        metrics.tell(RefusalKind::connection_rate, peer, "too many new connections from this address");
        return log::refusal("net", "connection refused: too many new connections from this address",
                            peer.host);
      case Verdict::too_many_in_all:
        metrics.rate_refused_all.add();
        metrics.tell(RefusalKind::connection_rate, peer, "too many new connections in all");
        // One line a minute, however many sources there are.
        return log::refusal("net", "connection refused: too many new connections in all", "any",
                            {{"last", peer.host}});
    }
  };
}

}  // namespace dunlin::net
