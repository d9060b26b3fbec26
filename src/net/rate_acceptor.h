#pragma once
// Who is not let in at a listener: blocked addresses, and what is past the limit of new connections.

#include "net/net_metrics.h"
#include "net/network.h"

namespace dunlin::net {

/// Both close what is not to come in, count it and say so; without blocks or a limiter they are `accept`
/// itself.
AcceptHandler accept_unblocked(std::shared_ptr<const AddressBlocks> blocks, NetMetrics& metrics,
                               AcceptHandler accept);
AcceptHandler accept_within_rate(std::shared_ptr<ConnectionLimiter> limiter, NetMetrics& metrics,
                                 AcceptHandler accept);

}  // namespace dunlin::net
