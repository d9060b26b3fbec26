#pragma once
// Opens a WebSocket as a client.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http/headers.h"
#include "net/network.h"
#include "net/websocket/handshake.h"

namespace dunlin::net::websocket {

struct OpenRequest {
  ConnectOptions connect;
  std::string target = "/";                      // origin-form
  std::vector<std::string> subprotocols;         // in order of preference
  http::Headers headers;                         // Origin, Authorization ...
  Duration deadline = std::chrono::seconds{10};  // for connection and handshake together
};

/// A connection that speaks WebSocket from here on: make a WebSocketConnection or WebSocketStream of it, in
/// this call.
struct Opened {
  std::unique_ptr<Connection> connection;
  std::string subprotocol;  // what the server chose, or empty
};

/// Calls `done` exactly once, later, on `executor`; that thread only. `rng` is used during this call alone.
/// Errors: what Network::connect and check_answer report; timed_out; unavailable (the connection broke);
/// invalid_argument (the request cannot be sent).
void open_websocket(Network& network, Executor& executor, Rng& rng, OpenRequest request,
                    std::move_only_function<void(Result<Opened>)> done);

}  // namespace dunlin::net::websocket
