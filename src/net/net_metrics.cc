#include "net/net_metrics.h"

namespace dunlin::net {

namespace {

constexpr const char* kRateRefused = "dunlin_net_rate_refused_total";
constexpr const char* kRateRefusedHelp = "Connections refused because too many came in a second.";
constexpr const char* kProxyRefused = "dunlin_net_proxy_refused_total";
constexpr const char* kProxyRefusedHelp = "Connections refused because of their PROXY header.";

}  // namespace

NetMetrics::NetMetrics(metrics::Registry& registry, RefusalSink* sink)
    : accepted(registry.counter("dunlin_net_accepted_total", "Connections accepted.")),
      connected(registry.counter("dunlin_net_connected_total", "Connections opened to others.")),
      connect_failures(
          registry.counter("dunlin_net_connect_failures_total", "Connections that could not be opened.")),
      accept_failures(registry.counter("dunlin_net_accept_failures_total",
                                       "Connections refused for want of descriptors or memory.")),
      bytes_in(registry.counter("dunlin_net_bytes_in_total", "Bytes read from sockets.")),
      bytes_out(registry.counter("dunlin_net_bytes_out_total", "Bytes written to sockets.")),
      unconsumed_exceeded(registry.counter("dunlin_net_unconsumed_exceeded_total",
                                           "Connections broken because a unit of input was too long.")),
      stalled(registry.counter("dunlin_net_stalled_total",
                               "Connections cut off because the peer took nothing of what waited for it.")),
      open(registry.gauge("dunlin_net_open_connections", "Connections open now.")),
      handshakes(registry.counter("dunlin_net_tls_handshakes_total", "TLS handshakes completed.")),
      handshakes_resumed(
          registry.counter("dunlin_net_tls_resumed_total", "TLS handshakes that resumed a session.")),
      handshake_failures(
          registry.counter("dunlin_net_tls_handshake_failures_total", "TLS handshakes that failed.")),
      handshakes_refused(registry.counter("dunlin_net_tls_handshakes_refused_total",
                                          "TLS handshakes refused because too many were under way.")),
      handshakes_waiting(registry.gauge("dunlin_net_tls_handshakes_waiting",
                                        "Connections that wait for others' TLS handshakes to end.")),
      rate_refused_address(registry.counter(kRateRefused, kRateRefusedHelp, {{"limit", "address"}})),
      rate_refused_all(registry.counter(kRateRefused, kRateRefusedHelp, {{"limit", "listener"}})),
      blocked(registry.counter("dunlin_net_blocked_total", "Connections refused from blocked addresses.")),
      proxy_headers(registry.counter("dunlin_net_proxy_headers_total", "PROXY headers taken.")),
      proxy_untrusted(registry.counter(kProxyRefused, kProxyRefusedHelp, {{"reason", "untrusted"}})),
      proxy_refused{},
      closed{},
      refusals(sink) {
  for (std::size_t i = 0; i < FirstBytes::kRefusals; ++i) {
    const auto name = refusal_name(static_cast<FirstBytes::Refusal>(i));
    proxy_refused[i] = &registry.counter(kProxyRefused, kProxyRefusedHelp, {{"reason", std::string(name)}});
  }
  for (std::size_t i = 0; i < kCloseReasons; ++i) {
    const auto name = close_reason_name(static_cast<CloseReason>(i));
    closed[i] = &registry.counter("dunlin_net_closed_total", "Connections closed, by reason.",
                                  {{"reason", std::string(name)}});
  }
}

}  // namespace dunlin::net
