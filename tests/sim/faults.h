#pragma once
// What goes wrong in a run, and when: made from the seed alone.

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/rng.h"

namespace dunlin::sim {

enum class FaultKind : std::uint8_t {
  cut,           // some connections break
  partition,     // one device and the platform do not hear each other
  isolate,       // nobody hears the platform
  slow_network,  // long, uneven delays, bytes in small pieces, and now and then a reset
  half_open,     // a device's connection swallows everything
  slow_reader,   // a subscriber stops reading
  device_crash,  // a device loses its power
  device_leave,  // a device disconnects and comes back
  platform_kill,
  platform_power_cut,
  platform_power_mid_call,
  platform_restart,  // in an orderly way
  disk_full,         // of the platform
  disk_error,        // one call fails; then the platform is restarted
  gateway_kill,
  gateway_power_cut,
  gateway_disk_full,
  uplink_cut,  // the gateway and the platform do not hear each other
};
inline constexpr std::size_t kFaultKinds = 18;
std::string_view fault_name(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::cut;
  Duration at{};           // after the start
  Duration length{};       // until it is over
  std::uint64_t pick = 0;  // chooses the target, or how strong it is
};

/// Sorted by time; all of them are over `until` after the start.
std::vector<Fault> make_faults(Rng& rng, Duration until);

}  // namespace dunlin::sim
