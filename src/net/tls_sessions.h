#pragma once

#include "net/tls_context.h"

namespace dunlin::net {

/// The next handshake under it is a full one. Any thread.
void forget_tls_sessions(TlsClientContext& context);

}  // namespace dunlin::net
