// Token buckets in virtual time, and the levels of a memory budget.

#include <gtest/gtest.h>

#include "base/memory_level.h"
#include "base/token_bucket.h"
#include "base/virtual_fs.h"

namespace dunlin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TokenRate kTenASecond{10, 5};
const Instant kStart{std::chrono::hours{1}};

TEST(TokenBucket, GivesItsBurstAtOnceAndThenGoesIntoDebt) {
  TokenBucket bucket;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bucket.take(kTenASecond, kStart, 1), Duration::zero()) << i;
  EXPECT_TRUE(bucket.is_empty(kTenASecond, kStart));
  EXPECT_EQ(bucket.take(kTenASecond, kStart, 1), milliseconds{100});
  EXPECT_EQ(bucket.take(kTenASecond, kStart, 2), milliseconds{300});
  EXPECT_EQ(bucket.debt(kTenASecond, kStart + milliseconds{200}), milliseconds{100});
  EXPECT_EQ(bucket.debt(kTenASecond, kStart + milliseconds{300}), Duration::zero());
  EXPECT_TRUE(bucket.is_empty(kTenASecond, kStart + milliseconds{300}));
  EXPECT_FALSE(bucket.is_empty(kTenASecond, kStart + milliseconds{301}));
}

TEST(TokenBucket, FillsNoFurtherThanItsBurst) {
  TokenBucket bucket;
  bucket.take(kTenASecond, kStart, 5);
  const Instant later = kStart + std::chrono::hours{10};
  EXPECT_EQ(bucket.take(kTenASecond, later, 5), Duration::zero());
  EXPECT_EQ(bucket.take(kTenASecond, later, 1), milliseconds{100});
}

TEST(TokenBucket, GivesItsRateInTheLongRunWhoeverWaitsForItsDebts) {
  TokenBucket bucket;
  Instant now = kStart;
  for (int i = 0; i < 1000; ++i) now += bucket.take(kTenASecond, now, 1);
  EXPECT_EQ(now - kStart, milliseconds{(1000 - 5) * 100});
}

TEST(SharedTokenBucket, IsTheSameForMany) {
  SharedTokenBucket bucket;
  EXPECT_FALSE(bucket.is_empty(kTenASecond, kStart));
  EXPECT_EQ(bucket.take(kTenASecond, kStart, 4), Duration::zero());
  EXPECT_EQ(bucket.take(kTenASecond, kStart, 2), milliseconds{100});
  EXPECT_TRUE(bucket.is_empty(kTenASecond, kStart));
  EXPECT_EQ(bucket.take(kTenASecond, kStart + seconds{10}, 5), Duration::zero());
}

TEST(MemoryLevels, RiseAtTheirMarksAndFallWellBelowThem) {
  using enum MemoryLevel;
  constexpr std::uint64_t kBudget = 1000;
  const auto next = [](MemoryLevel from, std::uint64_t used) {
    return next_memory_level(from, used, kBudget);
  };
  EXPECT_EQ(next(normal, 849), normal);
  EXPECT_EQ(next(normal, 850), tight);
  EXPECT_EQ(next(tight, 760), tight);
  EXPECT_EQ(next(tight, 749), normal);
  EXPECT_EQ(next(tight, 950), critical);
  EXPECT_EQ(next(normal, 990), critical);
  EXPECT_EQ(next(critical, 900), critical);
  EXPECT_EQ(next(critical, 879), tight);
  EXPECT_EQ(next(critical, 100), normal);
}

TEST(MemoryLevels, WithoutABudgetAllIsWell) {
  EXPECT_EQ(next_memory_level(MemoryLevel::critical, 1ULL << 40, 0), MemoryLevel::normal);
}

class MemoryFiles : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(fs.create_folders(path.substr(0, path.rfind('/'))).has_value());
    auto file = fs.open(path, OpenMode::append);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->append(as_bytes(text)).has_value());
  }
  VirtualFs fs;
};

TEST_F(MemoryFiles, AMachineWithoutGroups) {
  EXPECT_EQ(available_memory(fs), 0U);
  write("/proc/meminfo", "MemTotal:        2048 kB\nMemFree: 12 kB\n");
  EXPECT_EQ(available_memory(fs), 2048U * 1024);
}

TEST_F(MemoryFiles, TheLeastOfTheGroupsAroundCounts) {
  write("/proc/meminfo", "MemTotal:        2048 kB\n");
  write("/proc/self/cgroup", "0::/outer/inner\n");
  write("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
  EXPECT_EQ(available_memory(fs), 2048U * 1024);
  write("/sys/fs/cgroup/outer/memory.max", "1000000\n");
  EXPECT_EQ(available_memory(fs), 1'000'000U);
}

TEST_F(MemoryFiles, OldGroupsCountToo) {
  write("/proc/meminfo", "MemTotal:        2048 kB\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "500000\n");
  EXPECT_EQ(available_memory(fs), 500'000U);
}

TEST_F(MemoryFiles, AMachineThatTellsNothingIsAnError) {
  EXPECT_FALSE(resident_bytes(fs).has_value());
  write("/proc/self/statm", "odd\n");
  EXPECT_EQ(resident_bytes(fs).error().code, Errc::unsupported);
}

TEST(ResidentBytes, AreThoseOfThisProcess) {
  const auto fs = make_system_fs();
  const auto before = resident_bytes(*fs);
  ASSERT_TRUE(before.has_value());
  constexpr std::size_t kMore = 64 * 1024 * 1024;
  const std::vector<char> block(kMore, 'x');
  EXPECT_GE(*resident_bytes(*fs), *before + kMore / 2);
  EXPECT_EQ(block.back(), 'x');
}

}  // namespace
}  // namespace dunlin
