#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"

namespace dunlin::net {
namespace {

TEST(TimerWheel, FiresAtTheDueTickAndNotBefore) {
  TimerWheel wheel(1000);
  std::vector<int> fired;
  wheel.schedule(1005, [&] { fired.push_back(5); });
  wheel.schedule(1300, [&] { fired.push_back(300); });
  wheel.schedule(1000, [&] { fired.push_back(0); });  // already passed: the next tick
  EXPECT_EQ(wheel.next_tick(), 1001U);
  wheel.advance(1004);
  EXPECT_EQ(fired, (std::vector{0}));
  wheel.advance(1299);
  EXPECT_EQ(fired, (std::vector{0, 5}));
  wheel.advance(1300);
  EXPECT_EQ(fired, (std::vector{0, 5, 300}));
  EXPECT_EQ(wheel.next_tick(), TimerWheel::kNever);
}

TEST(TimerWheel, CancelledTimersDoNotFireAndOldIdsAreIgnored) {
  TimerWheel wheel;
  int fired = 0;
  const TimerId first = wheel.schedule(3, [&] { ++fired; });
  EXPECT_TRUE(wheel.cancel(first));
  EXPECT_FALSE(wheel.cancel(first));
  wheel.schedule(3, [&] { ++fired; });  // takes the same place
  EXPECT_FALSE(wheel.cancel(first));
  EXPECT_FALSE(wheel.cancel(TimerId{}));
  EXPECT_FALSE(wheel.cancel(TimerId{~std::uint64_t{0}}));
  wheel.advance(10);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, TasksMayScheduleAndCancel) {
  TimerWheel wheel;
  std::vector<std::uint64_t> ticks;
  TimerId other;
  wheel.schedule(1, [&] { wheel.cancel(other); });
  wheel.schedule(1, [&] { wheel.cancel(other); });
  other = wheel.schedule(2, [&] { ticks.push_back(0); });
  std::function<void()> again = [&] {
    ticks.push_back(wheel.current());
    if (ticks.size() < 4) wheel.schedule(wheel.current(), [&] { again(); });
  };
  wheel.schedule(5, [&] { again(); });
  wheel.advance(100);
  EXPECT_EQ(ticks, (std::vector<std::uint64_t>{5, 6, 7, 8}));
}

TEST(TimerWheel, VeryLongDelaysAreKept) {
  TimerWheel wheel(123);
  bool fired = false;
  const std::uint64_t due = 123 + (std::uint64_t{1} << 37);
  wheel.schedule(due, [&] { fired = true; });
  wheel.advance(due - 1);
  EXPECT_FALSE(fired);
  wheel.advance(due);
  EXPECT_TRUE(fired);
}

// The model: a sorted list of due ticks.
class Model {
 public:
  void schedule(std::uint64_t due, int name) { due_.emplace(std::max(due, now_ + 1), name); }
  bool cancel(int name) {
    return std::erase_if(due_, [&](const auto& entry) { return entry.second == name; }) != 0;
  }
  std::multiset<int> advance(std::uint64_t now) {
    std::multiset<int> fired;
    while (!due_.empty() && due_.begin()->first <= now) {
      fired.insert(due_.begin()->second);
      due_.erase(due_.begin());
    }
    now_ = now;
    return fired;
  }
  std::uint64_t now_ = 0;
  std::multimap<std::uint64_t, int> due_;
};

void compare_with_model(std::uint64_t seed) {
  SeededRng rng(seed);
  const std::uint64_t start = rng.below(1U << 20);
  TimerWheel wheel(start);
  Model model;
  model.now_ = start;
  std::map<int, TimerId> ids;
  std::multiset<int> fired;
  int next_name = 0;
  for (int step = 0; step < 3000; ++step) {
    const std::uint64_t choice = rng.below(10);
    if (choice < 6) {
      const std::uint64_t due = model.now_ + rng.below(std::uint64_t{1} << rng.below(28));
      const int name = next_name++;
      ids[name] = wheel.schedule(due, [&fired, name] { fired.insert(name); });
      model.schedule(due, name);
    } else if (choice < 8 && next_name > 0) {
      const int name = static_cast<int>(rng.below(static_cast<std::uint64_t>(next_name)));
      ASSERT_EQ(wheel.cancel(ids[name]), model.cancel(name));
    } else {
      const std::uint64_t now = model.now_ + rng.below(std::uint64_t{1} << rng.below(24));
      fired.clear();
      wheel.advance(now);
      ASSERT_EQ(fired, model.advance(now)) << "seed " << seed << " step " << step;
    }
    ASSERT_EQ(wheel.size(), model.due_.size());
    if (!model.due_.empty()) {
      ASSERT_GT(wheel.next_tick(), model.now_);
      ASSERT_LE(wheel.next_tick(), model.due_.begin()->first);
    }
  }
}

TEST(TimerWheel, AgreesWithAModel) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) compare_with_model(seed);
}

TEST(TimerWheel, ManyTimers) {
  TimerWheel wheel;
  std::size_t fired = 0;
  std::vector<TimerId> ids;
  for (std::uint64_t i = 0; i < 200'000; ++i)
    ids.push_back(wheel.schedule(1 + (i * 7919) % 100'000, [&] { ++fired; }));
  for (std::size_t i = 0; i < ids.size(); i += 2) wheel.cancel(ids[i]);
  wheel.advance(100'000);
  EXPECT_EQ(fired, 100'000U);
  EXPECT_EQ(wheel.size(), 0U);
}

}  // namespace
}  // namespace dunlin::net
