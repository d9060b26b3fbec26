#pragma once
// What one thread of a network counts. Cells of several threads are summed by the registry.

#include <array>

#include "base/metrics.h"
#include "base/refusal.h"
#include "net/connection.h"
#include "net/first_bytes.h"

namespace dunlin::net {

inline constexpr std::size_t kCloseReasons = 5;

/// One per executor; changed on its thread only. The registry and the sink must outlive it.
struct NetMetrics {
  explicit NetMetrics(metrics::Registry& registry, RefusalSink* sink = nullptr);

  metrics::Cell& accepted;
  metrics::Cell& connected;
  metrics::Cell& connect_failures;
  metrics::Cell& accept_failures;  // no descriptor or memory for a connection
  metrics::Cell& bytes_in;
  metrics::Cell& bytes_out;
  metrics::Cell& unconsumed_exceeded;  // broken for leaving more than max_unconsumed() bytes
  metrics::Cell& stalled;              // cut off for taking nothing of what waited for them
  metrics::Cell& open;                 // gauge
  metrics::Cell& handshakes;
  metrics::Cell& handshakes_resumed;
  metrics::Cell& handshake_failures;
  metrics::Cell& handshakes_refused;  // found no place among max_handshakes, or waited too long for one
  metrics::Cell& handshakes_waiting;  // gauge: connections whose handshake has not begun
  metrics::Cell& rate_refused_address;
  metrics::Cell& rate_refused_all;
  metrics::Cell& blocked;  // from addresses that an operator has blocked
  metrics::Cell& proxy_headers;
  metrics::Cell& proxy_untrusted;                                   // peers outside the trusted ranges
  std::array<metrics::Cell*, FirstBytes::kRefusals> proxy_refused;  // by what was wrong
  std::array<metrics::Cell*, kCloseReasons> closed;

  RefusalSink* refusals;  // null: nobody keeps them

  /// Tells of a refused peer; the counter is the caller's.
  void tell(RefusalKind kind, const Endpoint& peer, std::string_view reason) const {
    if (refusals != nullptr) refusals->refused({.kind = kind, .address = peer.host, .reason = reason});
  }
  void count_closed(CloseReason reason) { closed[static_cast<std::size_t>(reason)]->add(); }
};

}  // namespace dunlin::net
