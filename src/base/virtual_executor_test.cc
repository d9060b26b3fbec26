#include "base/virtual_executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace dunlin {
namespace {

using std::chrono::milliseconds;

struct VirtualExecutorTest : testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  std::vector<int> order;
};

TEST_F(VirtualExecutorTest, TimersFireInOrderOfTheirDueTime) {
  VirtualExecutor executor(scheduler);
  executor.schedule(milliseconds{20}, [&] { order.push_back(2); });
  executor.schedule(milliseconds{10}, [&] { order.push_back(1); });
  executor.schedule(milliseconds{20}, [&] { order.push_back(3); });
  scheduler.run_for(milliseconds{19});
  EXPECT_EQ(order, (std::vector{1}));
  scheduler.run_for(milliseconds{1});
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_F(VirtualExecutorTest, CancelledTimerDoesNotFire) {
  VirtualExecutor executor(scheduler);
  const TimerId timer = executor.schedule(milliseconds{1}, [&] { order.push_back(1); });
  executor.cancel(timer);
  executor.cancel(timer);
  scheduler.run_for(milliseconds{5});
  EXPECT_TRUE(order.empty());
}

TEST_F(VirtualExecutorTest, TasksAndTimersOfADeadExecutorAreForgotten) {
  VirtualExecutor living(scheduler);
  auto dying = std::make_unique<VirtualExecutor>(scheduler);
  dying->post([&] { order.push_back(1); });
  dying->schedule(milliseconds{1}, [&] { order.push_back(2); });
  living.post([&] { order.push_back(3); });
  dying.reset();
  scheduler.run_for(milliseconds{5});
  EXPECT_EQ(order, (std::vector{3}));
}

TEST_F(VirtualExecutorTest, RunUntilStopsAtItsLimit) {
  VirtualExecutor executor(scheduler);
  bool done = false;
  executor.schedule(milliseconds{50}, [&] { done = true; });
  EXPECT_FALSE(scheduler.run_until([&] { return done; }, milliseconds{49}));
  EXPECT_TRUE(scheduler.run_until([&] { return done; }, milliseconds{1}));
}

}  // namespace
}  // namespace dunlin
