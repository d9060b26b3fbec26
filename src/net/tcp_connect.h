#pragma once
// One attempt to open a TCP connection.

#include <functional>
#include <string>
#include <vector>

#include "net/network.h"
#include "net/tcp_connection.h"

namespace dunlin::net {

/// Tries the addresses of a name one after the other until the deadline. The reactor's thread only.
class TcpConnect final : private EventSource {
 public:
  /// `done` is called exactly once, from a later call of the loop; it may destroy this object. Destroying it
  /// earlier forgets the attempt.
  TcpConnect(TcpContext& context, const ConnectOptions& options, ConnectHandler done);
  ~TcpConnect() override;

  void start(Result<std::vector<SocketAddress>> addresses);

 private:
  void on_events(std::uint32_t events) override;
  std::optional<Error> leave_out_guarded();
  void try_next();
  bool begin(const SocketAddress& address);
  void connected();
  void close_socket();
  void finish(Result<std::unique_ptr<Connection>> result);

  TcpContext& context_;
  Endpoint endpoint_;
  std::shared_ptr<const AddressGuard> guard_;  // null: none. Shared: as ConnectOptions::guard
  ConnectHandler done_;
  TimerId deadline_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  UniqueFd socket_;
  bool watched_ = false;
  int last_error_ = 0;
};

/// The addresses of a host name, at most kMaxAddressesPerName. Blocks: for the worker pool. Errors:
/// not_found.
Result<std::vector<SocketAddress>> resolve_name(const Endpoint& endpoint);

}  // namespace dunlin::net
