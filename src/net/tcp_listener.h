#pragma once
// Accepts connections of TCP and Unix sockets on one reactor.

#include <memory>

#include "net/network.h"
#include "net/tcp_connection.h"
#include "net/unix_socket.h"

namespace dunlin::net {

struct ListeningSocket {
  UniqueFd fd;
  std::unique_ptr<UnixSocketFile> file = nullptr;
};

/// Takes up to kAcceptBudget connections a turn. When descriptors run out it takes and drops one waiting
/// connection by way of a spare descriptor, counts it, and rests for kAcceptPause. The reactor's thread only.
class TcpListener final : public Listener, private EventSource {
 public:
  /// `service`: of the connections it takes, until they are settled.
  static Result<std::unique_ptr<TcpListener>> open(TcpContext& context, ListeningSocket socket,
                                                   TcpStream::Service service, AcceptHandler accept);
  ~TcpListener() override;
  Endpoint local() const override { return local_; }

 private:
  TcpListener(TcpContext& context, ListeningSocket socket, TcpStream::Service service, AcceptHandler accept);
  void on_events(std::uint32_t events) override;
  bool accept_one();
  void refuse_one(int error);
  void rest();

  TcpContext& context_;
  UniqueFd socket_;
  std::unique_ptr<UnixSocketFile> file_;  // null: TCP
  UniqueFd spare_;
  const TcpStream::Service service_;
  AcceptHandler accept_;
  Endpoint local_;
  TimerId resting_;
  bool* destroyed_ = nullptr;
};

/// A bound, listening, non-blocking socket. Errors: invalid_argument (no numeric address), unavailable
/// (address in use or not of this machine), permission_denied.
enum class PortSharing { exclusive, between_reactors };
Result<UniqueFd> open_listening_socket(const Endpoint& endpoint, int backlog, PortSharing sharing,
                                       const Patience& patience);

}  // namespace dunlin::net
