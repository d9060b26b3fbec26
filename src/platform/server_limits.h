#pragma once
// What the configuration means to each room. The values have passed check().

#include <functional>
#include <memory>
#include <vector>

#include "hub/limits.h"
#include "model/mapping.h"
#include "net/address_range.h"
#include "platform/config.h"
#include "platform/listeners.h"
#include "platform/security_stack.h"
#include "service/registry/registry.h"
#include "transport/mqtt/server.h"

namespace dunlin::platform {

transport::ServerLimits mqtt_limits(const ServerConfig& config);
hub::Limits hub_limits(const ServerConfig& config);
model::Mapping mapping_of(const ServerConfig& config);
registry::RegistryOptions registry_options(const ServerConfig& config);
/// The PROXY protocol, handshakes and rates of a listener. `proxies`: whose PROXY header is believed.
void set_limits(ListenerRequest& request, const ServerConfig& config,
                const std::vector<net::AddressRange>& proxies);

/// Who takes the connections, by what they may speak.
struct Acceptors {
  using Acceptor = std::function<void(std::unique_ptr<net::Connection>)>;
  Acceptor mqtt;
  Acceptor web;
  Acceptor any;
};
/// Every listener that the configuration knows, with its limits. Errors: invalid_argument.
Result<std::vector<ListenerRequest>> listener_requests(const ServerConfig& config,
                                                       const SecurityStack::Tls& tls,
                                                       const Acceptors& acceptors,
                                                       std::shared_ptr<const net::AddressBlocks> blocks);

}  // namespace dunlin::platform
