#pragma once
// The limit of new connections at a listener.

#include "net/net_metrics.h"
#include "net/network.h"

namespace dunlin::net {

/// Closes what is too many, counts it and says so; without a limiter it is `accept` itself.
AcceptHandler accept_within_rate(std::shared_ptr<ConnectionLimiter> limiter, NetMetrics& metrics,
                                 AcceptHandler accept);

}  // namespace dunlin::net
