#pragma once

#include "base/metrics.h"

namespace dunlin::net::http {

/// What one server counts; its thread changes, any thread reads.
struct Probe {
  explicit Probe(metrics::Registry& registry);

  metrics::Cell& connections;          // open now
  metrics::Cell& connections_refused;  // past max_connections
  metrics::Cell& requests;
  metrics::Cell& refusals;  // requests that broke the protocol or a limit
  metrics::Cell& timeouts;  // header or body came too slowly, or the answer was not taken
  metrics::Cell& upgrades;
  metrics::Cell& answers_2xx;
  metrics::Cell& answers_3xx;
  metrics::Cell& answers_4xx;
  metrics::Cell& answers_5xx;
};

}  // namespace dunlin::net::http
