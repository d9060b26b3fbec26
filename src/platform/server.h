#pragma once
// The whole server of one process: stores, hub, security, services and listeners, composed and run.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "net/connection.h"
#include "platform/config.h"
#include "store/broken_disk.h"

namespace dunlin::platform {

struct ListenerInfo {
  std::string name;  // "mqtt", "mqtts", "https", "http", "tls", "mqtt_unix"
  net::Endpoint address;
  std::string note;  // e.g. who holds the port that was wished for
};

/// The thread that makes it also starts, stops and destroys it.
class Server {
 public:
  /// Opens the data folder and everything in it; `broken` is told when the disk breaks later: the server then
  /// refuses what must be durable until it is opened anew. Blocks. Errors: conflict (another process uses the
  /// folder), corrupt, io, no_space, invalid_argument.
  static Result<std::unique_ptr<Server>> open(ServerConfig config, Fs& fs, store::BrokenDisk broken);
  virtual ~Server() = default;

  /// Runs the threads and opens the listeners; returns once traffic is accepted. Errors: unavailable (a port
  /// is taken), and those of the stores.
  virtual Result<void> start() = 0;
  /// Ends listeners and sessions, stores what is open, joins the threads. Idempotent.
  virtual void stop() = 0;

  virtual const std::vector<ListenerInfo>& listeners() const = 0;
  /// The token of the one-time link while no user exists.
  virtual const std::optional<std::string>& claim_token() const = 0;
};

}  // namespace dunlin::platform
