#include "platform/memory_guard.h"

#include <utility>

#include "base/log.h"

namespace dunlin::platform {

MemoryGuard::MemoryGuard(Parts parts) : parts_(std::move(parts)), reached_{} {
  metrics::Registry& to = parts_.metrics;
  to.gauge_function("dunlin_memory_resident_bytes", "What the process has in memory.", {},
                    [this] { return static_cast<double>(used()); });
  to.gauge_function("dunlin_memory_budget_bytes", "What it may have; 0: no limit.", {},
                    [this] { return static_cast<double>(budget()); });
  to.gauge_function("dunlin_memory_level", "How short memory is: 0 normal, 1 tight, 2 critical.", {},
                    [this] { return static_cast<double>(std::to_underlying(level())); });
  for (std::size_t i = 0; i < kMemoryLevels; ++i) {
    const auto name = memory_level_name(static_cast<MemoryLevel>(i));
    reached_[i] = &to.counter("dunlin_memory_level_changes_total", "Times a level was reached.",
                              {{"level", std::string(name)}});
  }
}

void MemoryGuard::start() {
  given_back_ = parts_.executor.now();
  sample();
}

void MemoryGuard::sample() {
  const Result<std::uint64_t> resident = parts_.resident();
  if (resident) {
    used_.store(*resident, std::memory_order_relaxed);
    const MemoryLevel next = next_memory_level(level(), *resident, parts_.budget_bytes);
    if (next != level()) change(next);
  } else if (std::exchange(readable_, Readable::no) == Readable::yes) {
    log::warning("platform", "the memory in use cannot be read: limits.memory_budget has no effect",
                 {{"why", resident.error().message}});
  }
  give_back_when_due();
  parts_.executor.schedule(kMemorySampleInterval, [this] { sample(); });
}

void MemoryGuard::change(MemoryLevel next) {
  const MemoryLevel before = level_.exchange(next, std::memory_order_relaxed);
  reached_[std::to_underlying(next)]->add();
  const bool worse = next > before;
  log::write(worse ? log::Level::warning : log::Level::info, "platform",
             next == MemoryLevel::normal ? "there is memory again" : "memory is short: new work is refused",
             {{"level", memory_level_name(next)}, {"resident_bytes", used()}, {"budget_bytes", budget()}});
  parts_.tell(next);
  if (worse) given_back_ -= kMemoryReturnInterval;  // now, at the latest
}

void MemoryGuard::give_back_when_due() {
  const Duration interval =
      level() == MemoryLevel::normal ? kMemoryReturnInterval : kShortMemoryReturnInterval;
  const Instant now = parts_.executor.now();
  if (now - given_back_ < interval) return;
  given_back_ = now;
  parts_.give_back();
}

}  // namespace dunlin::platform
