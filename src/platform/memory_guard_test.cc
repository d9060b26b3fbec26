#include "platform/memory_guard.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/virtual_executor.h"

namespace dunlin::platform {
namespace {

class MemoryGuardTest : public ::testing::Test {
 protected:
  void begin(std::uint64_t budget) {
    guard = std::make_unique<MemoryGuard>(
        MemoryGuard::Parts{executor, registry, budget, [this] { return resident; },
                           [this](MemoryLevel level) { told.push_back(level); }, [this] { ++given_back; }});
    guard->start();
  }
  void use(std::uint64_t bytes) {
    resident = bytes;
    scheduler.run_for(2 * kMemorySampleInterval);
  }
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  metrics::Registry registry;
  Result<std::uint64_t> resident = 100;
  std::vector<MemoryLevel> told;
  int given_back = 0;
  std::unique_ptr<MemoryGuard> guard;
};

TEST_F(MemoryGuardTest, TellsOfEachChangeOnce) {
  begin(1000);
  use(800);
  EXPECT_TRUE(told.empty());
  use(900);
  use(880);
  use(960);
  use(300);
  EXPECT_EQ(told, (std::vector{MemoryLevel::tight, MemoryLevel::critical, MemoryLevel::normal}));
  EXPECT_EQ(registry.value("dunlin_memory_level_changes_total", {{"level", "critical"}}), 1);
  EXPECT_EQ(registry.value("dunlin_memory_resident_bytes"), 300);
  EXPECT_EQ(registry.value("dunlin_memory_budget_bytes"), 1000);
  EXPECT_EQ(registry.value("dunlin_memory_level"), 0);
}

TEST_F(MemoryGuardTest, GivesMemoryBackAtRestAndMoreOftenWhenItIsShort) {
  begin(1000);
  scheduler.run_for(kMemoryReturnInterval - kMemorySampleInterval);
  EXPECT_EQ(given_back, 0);
  scheduler.run_for(2 * kMemorySampleInterval);
  EXPECT_EQ(given_back, 1);
  use(900);
  EXPECT_EQ(given_back, 2) << "at once";
  scheduler.run_for(kMemoryReturnInterval);
  EXPECT_GE(given_back, 2 + kMemoryReturnInterval / kShortMemoryReturnInterval - 1);
}

TEST_F(MemoryGuardTest, WithoutABudgetOnlyCounts) {
  begin(0);
  use(1ULL << 60);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(guard->used(), 1ULL << 60);
}

TEST_F(MemoryGuardTest, KeepsItsLevelWhenItCannotRead) {
  begin(1000);
  use(900);
  resident = fail(Errc::unsupported, "no /proc");
  scheduler.run_for(4 * kMemorySampleInterval);
  EXPECT_EQ(guard->level(), MemoryLevel::tight);
  EXPECT_EQ(told.size(), 1U);
}

}  // namespace
}  // namespace dunlin::platform
