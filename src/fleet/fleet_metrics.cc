#include "fleet/fleet_metrics.h"

#include <string>

namespace dunlin::fleet {
namespace {

metrics::Cell& samples(metrics::Registry& registry, const char* result) {
  return registry.counter("dunlin_fleet_samples_total", "Samples of simulated devices by what became of them",
                          {{"result", result}});
}

metrics::Cell& faults(metrics::Registry& registry, const char* kind) {
  return registry.counter("dunlin_fleet_faults_total", "Faults of simulated devices", {{"kind", kind}});
}

metrics::Cell& wishes(metrics::Registry& registry, const char* result) {
  return registry.counter("dunlin_fleet_wishes_total", "Desired values that reached simulated devices",
                          {{"result", result}});
}

}  // namespace

FleetMetrics::FleetMetrics(metrics::Registry& registry)
    : published(samples(registry, "published")),
      acknowledged(samples(registry, "acknowledged")),
      refused(samples(registry, "refused")),
      dropped(samples(registry, "dropped")),
      lost(samples(registry, "lost")),
      connects(registry.counter("dunlin_fleet_connects_total", "Sessions begun by simulated devices")),
      signal_losses(faults(registry, "signal")),
      power_losses(faults(registry, "power")),
      flat_batteries(faults(registry, "battery")),
      wishes(fleet::wishes(registry, "taken")),
      bad_wishes(fleet::wishes(registry, "refused")),
      reports(registry.counter("dunlin_fleet_reports_total", "Shadow reports of simulated devices")),
      online(registry.gauge("dunlin_fleet_online", "Simulated devices that are connected")) {}

Counters FleetMetrics::read() const {
  return {.published = published.read(),
          .acknowledged = acknowledged.read(),
          .refused = refused.read(),
          .dropped = dropped.read(),
          .lost = lost.read(),
          .connects = connects.read(),
          .signal_losses = signal_losses.read(),
          .power_losses = power_losses.read(),
          .flat_batteries = flat_batteries.read(),
          .wishes = wishes.read(),
          .bad_wishes = bad_wishes.read(),
          .reports = reports.read()};
}

}  // namespace dunlin::fleet
