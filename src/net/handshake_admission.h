#pragma once
// How many TLS handshakes of a listener are under way at once, and who waits for a place.

#include <list>
#include <memory>

#include "net/tls_handshakes.h"

namespace dunlin::net {

/// Begins at most `max_handshakes` handshakes at once. Later ones wait, unread and in the order they came,
/// for `longest_handshake_wait`; what then has no place, or is more than `max_waiting_handshakes`, is
/// refused. A fleet that comes back at once thus gets in at the pace of its handshakes and does not spend its
/// time, and the server's, on being turned away. Destroying it breaks those that wait. The listener's thread
/// only.
class HandshakeAdmission {
 public:
  HandshakeAdmission(const ListenOptions& options, ListenerTlsRef tls, NetMetrics& metrics,
                     AcceptHandler accept);
  ~HandshakeAdmission();
  HandshakeAdmission(const HandshakeAdmission&) = delete;
  HandshakeAdmission& operator=(const HandshakeAdmission&) = delete;

  void take(std::unique_ptr<Connection> connection);

 private:
  struct Waiting;

  void begin(std::unique_ptr<Connection> connection);
  void wait(std::unique_ptr<Connection> connection);
  void begin_next();
  void drop_late();
  void leave(std::list<Waiting>::iterator place);
  void refuse(const Connection& connection);
  void await_deadline();

  const Duration deadline_;  // of a handshake
  const Duration longest_wait_;
  const std::size_t max_handshakes_;
  const std::size_t max_waiting_;
  ListenerTlsRef tls_;
  NetMetrics& metrics_;
  AcceptHandler accept_;
  TlsHandshakes handshakes_;
  std::list<Waiting> waiting_;  // the longest first
  Executor* executor_ = nullptr;
  TimerId late_;
  // The timer's task holds the other half: when its executor is gone, so is the timer.
  std::weak_ptr<const bool> late_alive_;
};

}  // namespace dunlin::net
