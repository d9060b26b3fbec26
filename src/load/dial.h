#pragma once
// Opens a connection to the server under load: TCP, TLS, WebSocket or WebSocket over TLS.

#include "base/rng.h"
#include "load/options.h"
#include "net/network.h"

namespace dunlin::load {

/// Calls `done` once, later, on `executor`; that thread only. `rng` masks WebSocket frames and outlives the
/// connection. Errors: those of net::Network::connect and net::websocket::open_websocket.
void dial(net::Network& network, Executor& executor, Rng& rng, const LoadOptions& options,
          net::ConnectHandler done);

}  // namespace dunlin::load
