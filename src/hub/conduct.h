#pragma once
// What a thing's connections have done lately, as transports count it and as a service judges it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hub/principal.h"

namespace dunlin::hub {

/// Of one connection, since somebody looked last. One thread.
struct Conduct {
  std::uint32_t messages = 0;  // published
  std::uint32_t refusals = 0;  // publishes and subscriptions that the policies did not allow
  std::uint32_t largest = 0;   // bytes of the largest message with its topic
  std::uint64_t bytes = 0;     // of all

  void add_message(std::size_t size) {
    ++messages;
    bytes += size;
    if (size > largest) largest = static_cast<std::uint32_t>(size);
  }
};

struct ConductReport {
  TenantId tenant;
  std::string thing;
  Conduct did;
};

/// Transports look at their connections every kConductLook and report of a thing that has reached one of
/// these, and of whatever a session did that ends before a look. All of them: "not less than".
struct ConductFloor {
  std::atomic<std::uint32_t> messages{UINT32_MAX};
  std::atomic<std::uint32_t> refusals{UINT32_MAX};
  std::atomic<std::uint32_t> largest{UINT32_MAX};
  std::atomic<std::uint64_t> bytes{UINT64_MAX};

  bool is_reached(const Conduct& did) const {
    return did.messages >= messages.load(std::memory_order_relaxed) ||
           did.refusals >= refusals.load(std::memory_order_relaxed) ||
           did.largest >= largest.load(std::memory_order_relaxed) ||
           did.bytes >= bytes.load(std::memory_order_relaxed);
  }
};
inline constexpr Duration kConductLook = std::chrono::seconds{1};

/// Between transports and the service that watches. Outlives both.
struct ConductWatch {
  ConductFloor floor;
  std::function<void(std::vector<ConductReport>)> report;  // any thread; set before the first connection
};

}  // namespace dunlin::hub
