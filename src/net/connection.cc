#include "net/connection.h"

#include <charconv>

namespace dunlin::net {

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto refuse = [text] {
    return fail(
        Errc::invalid_argument,
        "\"" + std::string(text) + "\" is not an address and port such as 127.0.0.1:1883 or [::1]:1883");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refuse();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse();
  }
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || host.empty()) return refuse();
  return Endpoint{std::string(host), number};
}

std::string Endpoint::to_string() const {
  if (is_unix_socket()) return host;
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const {
  return host.starts_with("127.") || host == "::1" || host == "localhost" || is_unix_socket();
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
