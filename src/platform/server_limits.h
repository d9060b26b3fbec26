#pragma once
// What the configuration means to each room. The values have passed check().

#include <vector>

#include "hub/limits.h"
#include "model/mapping.h"
#include "net/address_range.h"
#include "platform/config.h"
#include "platform/listeners.h"
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

}  // namespace dunlin::platform
