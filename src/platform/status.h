#pragma once
// What the program says of itself: version, status, the dashboard's files.

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "model/operation.h"
#include "net/http/assets.h"
#include "platform/config.h"
#include "platform/memory_guard.h"
#include "platform/server.h"
#include "transport/mqtt/server.h"

namespace dunlin::platform {

/// "0.1.0".
std::string_view version();

struct StatusParts {
  const Clock& clock;
  const metrics::Registry& metrics;
  const std::vector<ListenerInfo>& listeners;
  const transport::MqttServer& mqtt;
  const MemoryGuard& memory;
  Fs& fs;
  const ServerConfig& config;
};

/// Declares system.status. The parts must outlive the table.
void declare_status(model::OperationTable& table, StatusParts parts);

/// Every operation that a server declares, for the command line.
std::vector<model::OperationSpec> all_operations();

/// The embedded dashboard; one page that says how to build it where the program has none.
net::http::AssetTable dashboard_assets();

}  // namespace dunlin::platform
