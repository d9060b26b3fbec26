#pragma once
// The server's listeners: one socket per reactor and port for MQTT, one for the web side.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "net/network.h"
#include "net/reactor_threads.h"
#include "platform/server.h"

namespace dunlin::platform {

inline constexpr int kMaxPortsTried = 50;

struct ListenerRequest {
  std::string name;
  std::string address;                         // "host:port" or "unix:/path"; empty: not wanted
  std::shared_ptr<net::TlsServerContext> tls;  // shared with the connections made under it
  enum class On : std::uint8_t { home, every_reactor } on = On::home;
  std::function<void(std::unique_ptr<net::Connection>)> accept;
  std::optional<net::ProxyProtocol> proxy_protocol = std::nullopt;
  unsigned unix_mode = 0660;
  std::size_t max_handshakes = 1024;
  Duration handshake_deadline = std::chrono::seconds{5};
  std::shared_ptr<net::ConnectionLimiter> limiter = nullptr;  // shared by the reactors' listeners
  std::shared_ptr<const net::AddressBlocks> blocks = nullptr;
};

/// open() and close() are called on the home reactor, and complete there.
class Listeners {
 public:
  Listeners(net::Network& network, net::ReactorThreads& threads) : network_(network), threads_(threads) {}

  /// Errors: unavailable (with the process that holds the port, where it can be seen), permission_denied.
  void open(std::vector<ListenerRequest> requests, BusyPort busy_port,
            std::move_only_function<void(Result<std::vector<ListenerInfo>>)> done);
  /// New connections of the listeners of that name are made under `tls`; present ones keep theirs. Home
  /// reactor.
  void replace_tls(const std::string& name, const std::shared_ptr<net::TlsServerContext>& tls);
  void close(std::move_only_function<void(Result<void>)> done);

 private:
  struct Opening;
  void open_next(std::shared_ptr<Opening> opening);
  void open_others(const ListenerRequest& request, net::Endpoint endpoint, std::size_t reactor,
                   std::move_only_function<void(Result<void>)> done);
  Result<void> listen_on(std::size_t reactor, const ListenerRequest& request, const net::Endpoint& endpoint);

  net::Network& network_;
  net::ReactorThreads& threads_;
  struct Open {
    std::string name;
    std::unique_ptr<net::Listener> listener;
  };
  /// By reactor; each is touched on its reactor's thread only.
  std::vector<std::vector<Open>> open_{threads_.size()};
};

/// Writes DIR/server.json, by which the command line finds the server. Errors: io, no_space.
Result<void> write_server_file(Fs& fs, const std::string& data_folder,
                               const std::vector<ListenerInfo>& listeners);

}  // namespace dunlin::platform
