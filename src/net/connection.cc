#include "net/connection.h"

namespace dunlin::net {

std::string Endpoint::to_string() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

std::string_view close_reason_name(CloseReason reason) {
  switch (reason) {
    case CloseReason::peer_closed:
      return "peer_closed";
    case CloseReason::local_closed:
      return "local_closed";
    case CloseReason::reset:
      return "reset";
    case CloseReason::timed_out:
      return "timed_out";
    case CloseReason::tls_failed:
      return "tls_failed";
  }
  return "unknown";
}

}  // namespace dunlin::net
