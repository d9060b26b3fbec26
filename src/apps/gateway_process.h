#pragma once
// A gateway with its own threads, stores and network.

#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "edge/gateway.h"

namespace dunlin::apps {

/// The thread that makes it also stops and destroys it.
class GatewayProcess {
 public:
  /// Blocks until the gateway's listeners accept. Errors: conflict (the folder is in use), corrupt, io,
  /// unavailable (a port is taken), and those of the configuration and its files.
  static Result<std::unique_ptr<GatewayProcess>> start(const edge::GatewayConfig& config, Fs& fs,
                                                       const store::BrokenDisk& broken);
  virtual ~GatewayProcess() = default;

  /// Of the listeners that are open, "mqtt" first.
  virtual std::vector<net::Endpoint> listeners() = 0;
};

}  // namespace dunlin::apps
