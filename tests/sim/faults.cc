#include "faults.h"

#include <algorithm>
#include <array>

namespace dunlin::sim {
namespace {

constexpr std::size_t kMaxFaults = 12;
constexpr Duration kCalm = std::chrono::seconds{2};  // until everybody has begun
constexpr std::array<std::string_view, kFaultKinds> kNames{"cut",
                                                           "partition",
                                                           "isolate",
                                                           "slow_network",
                                                           "half_open",
                                                           "slow_reader",
                                                           "device_crash",
                                                           "device_leave",
                                                           "platform_kill",
                                                           "platform_power_cut",
                                                           "platform_power_mid_call",
                                                           "platform_restart",
                                                           "disk_full",
                                                           "disk_error",
                                                           "gateway_kill",
                                                           "gateway_power_cut",
                                                           "gateway_disk_full",
                                                           "uplink_cut"};

}  // namespace

std::string_view fault_name(FaultKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Fault> make_faults(Rng& rng, Duration until) {
  std::vector<Fault> faults(2 + rng.below(kMaxFaults - 1));
  const auto span = static_cast<std::uint64_t>((until - kCalm).count());
  for (Fault& fault : faults) {
    fault.kind = static_cast<FaultKind>(rng.below(kFaultKinds));
    fault.at = kCalm + Duration{static_cast<Duration::rep>(rng.below(span * 9 / 10))};
    // Mostly short ones, now and then longer than any keep-alive.
    const std::uint64_t longest = rng.below(4) == 0 ? 15'000 : 2'000;
    fault.length = std::chrono::milliseconds{100 + rng.below(longest)};
    fault.length = std::min(fault.length, until - fault.at);
    fault.pick = rng.next();
  }
  std::ranges::sort(faults, {}, &Fault::at);
  return faults;
}

}  // namespace dunlin::sim
