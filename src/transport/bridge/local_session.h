#pragma once
// The bridge as a client of its own hub: what comes in is published under a persistent session, whose open
// QoS 2 exchanges outlive the process.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/executor.h"
#include "hub/hub.h"

namespace dunlin::bridge {

/// One executor's thread; the session itself lives on its home shard's. Order is kept from call to call.
class LocalSession {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  /// The hub outlives it and has been started.
  LocalSession(hub::Hub& hub, Executor& executor, PrincipalRef principal, std::string client_id);
  ~LocalSession();
  LocalSession(const LocalSession&) = delete;
  LocalSession& operator=(const LocalSession&) = delete;

  /// What the session remembers is of a session that the peer has forgotten: begins a new one.
  void restart();
  /// QoS 0: no answer. QoS 1 and 2: `done` when the message is on the disk; a packet id of QoS 2 that is
  /// still open is not published again. Errors in `done`: unavailable (no session: nothing was published),
  /// and those of hub::Session::publish().
  void publish(hub::Message message, std::uint16_t packet_id, Done done);
  /// PUBREL. Errors in `done`: not_found (no such exchange) and as publish().
  void release(std::uint16_t packet_id, Done done);
  /// A receiver cannot follow (`hold`), or can again.
  enum class Flow : std::uint8_t { hold, go };
  void on_flow(std::function<void(Flow)> handler);
  /// The session and its exchanges are not needed any more.
  void forget();

 private:
  class Door;
  std::shared_ptr<Door> door_;  // shared: with tasks under way to and from the session's thread
};

}  // namespace dunlin::bridge
