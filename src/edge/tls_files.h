#pragma once
// Reads the gateway's keys and certificates. A key may be in a PKCS#11 token (its URI stands for the file, or
// in it); the listener's may be sealed for the uplink's.

#include <memory>

#include "base/fs.h"
#include "edge/config.h"
#include "net/tls_context.h"

namespace dunlin::edge {

/// For GatewayEnvironment::uplink_tls; null where no uplink is configured. Blocks. Errors: not_found, io,
/// malformed, invalid_argument, with the configuration's key.
Result<std::shared_ptr<net::TlsClientContext>> load_uplink_tls(Fs& fs, const GatewayConfig& config);
/// For GatewayEnvironment::listen_tls; null where no such listener is configured. Blocks. Errors: the same.
Result<std::shared_ptr<net::TlsServerContext>> load_listen_tls(Fs& fs, const GatewayConfig& config);

}  // namespace dunlin::edge
