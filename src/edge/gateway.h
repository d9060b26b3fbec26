#pragma once
// The gateway: the hub for local devices, rules and summaries on the spot, and a line to the platform that
// loses nothing.

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "edge/config.h"
#include "net/network.h"
#include "net/tls_context.h"
#include "service/forward/forward_queue.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::edge {

/// Real or virtual; all must outlive the gateway.
struct GatewayEnvironment {
  net::Network& network;
  Executor& executor;  // everything of the gateway runs on it
  WorkerPool& workers;
  Fs& fs;
  store::Keyed& keyed;            // the gateway's own
  store::Repository& repository;  // likewise
  metrics::Registry& metrics;
  Rng& rng;
  std::shared_ptr<net::TlsClientContext> uplink_tls;  // shared with connections. Null: plain, for tests
  std::shared_ptr<net::TlsServerContext> listen_tls;  // for listen.mqtts
  store::BrokenDisk broken = {};                      // may be empty
};

struct GatewayStatus {
  enum class Link : std::uint8_t { none, down, up } link = Link::none;  // none: no uplink is configured
  std::string link_reason;                                              // why it is down, for people
  WallTime link_since{};                                                // 0: it never was up
  forward::ForwardStatus forward;
  std::uint64_t refused_newest = 0;  // publishes that the full journal refused
  std::uint64_t summaries = 0;
  std::size_t children_online = 0;
  std::size_t rules = 0;
};
boost::json::object to_json(const GatewayStatus& status);

/// Executor's thread, but for construction; destroyed when the executor runs no more tasks.
class Gateway {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  /// Opens the journal under the data folder. Blocks. Errors: those of check() and of open_log().
  static Result<std::unique_ptr<Gateway>> open(GatewayEnvironment environment, GatewayConfig config);
  virtual ~Gateway() = default;

  /// Recovers what the journal holds, then opens the listeners and the line. `done` runs once. Errors: those
  /// of the stores, unavailable (a port is taken).
  virtual void start(Done done) = 0;
  /// Ends the listeners, sessions and the line, and stores what is open.
  virtual void stop(Done done) = 0;

  /// Of the listeners that are open, "mqtt" first.
  virtual std::vector<net::Endpoint> listeners() const = 0;
  virtual GatewayStatus status() const = 0;
};

}  // namespace dunlin::edge
