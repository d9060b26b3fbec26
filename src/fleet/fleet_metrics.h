#pragma once
// What a site counts.

#include <cstdint>

#include "base/metrics.h"

namespace dunlin::fleet {

struct Counters {
  std::int64_t published = 0;     // samples handed to the MQTT client
  std::int64_t acknowledged = 0;  // by the server (QoS 0: sent)
  std::int64_t refused = 0;       // by the server, or QoS 0 without a connection
  std::int64_t dropped = 0;       // the device's queue was full
  std::int64_t lost = 0;          // waiting when the device lost its power
  std::int64_t connects = 0;      // CONNACKs with success
  std::int64_t signal_losses = 0;
  std::int64_t power_losses = 0;
  std::int64_t flat_batteries = 0;
  std::int64_t wishes = 0;  // members of deltas that set an actuator
  std::int64_t bad_wishes =
      0;                     // of an unknown name or the wrong kind, and shadow messages that are malformed
  std::int64_t reports = 0;  // of actuators to shadows
};

/// Cells in the program's registry. One thread writes.
class FleetMetrics {
 public:
  explicit FleetMetrics(metrics::Registry& registry);
  Counters read() const;

  metrics::Cell& published;
  metrics::Cell& acknowledged;
  metrics::Cell& refused;
  metrics::Cell& dropped;
  metrics::Cell& lost;
  metrics::Cell& connects;
  metrics::Cell& signal_losses;
  metrics::Cell& power_losses;
  metrics::Cell& flat_batteries;
  metrics::Cell& wishes;
  metrics::Cell& bad_wishes;
  metrics::Cell& reports;
  metrics::Cell& online;
};

}  // namespace dunlin::fleet
