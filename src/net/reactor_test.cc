#include "net/reactor.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/limits.h"
#include "net/reactor_threads.h"
#include "net/test_support.h"
#include "net/worker_pool.h"

namespace dunlin::net {
namespace {

using std::chrono::milliseconds;

TEST(Reactor, RunsTasksInTheOrderTheyWerePosted) {
  Reactor reactor;
  std::vector<int> order;
  reactor.post([&] {
    order.push_back(1);
    reactor.post([&] {
      order.push_back(4);
      reactor.stop();
    });
  });
  reactor.post([&] { order.push_back(2); });
  reactor.post([&] { order.push_back(3); });
  EXPECT_FALSE(reactor.is_current());
  reactor.post([&] { EXPECT_TRUE(reactor.is_current()); });
  reactor.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
}

TEST(Reactor, TakesTasksFromManyThreadsKeepingEachOnesOrder) {
  ReactorThreads threads(1);
  std::vector<int> next(4, 0);
  int total = 0;
  bool in_order = true;
  std::atomic<bool> all{false};
  threads.start();
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < 5000; ++i) {
        threads.at(0).post([&, sender, i] {
          in_order = in_order && next[static_cast<std::size_t>(sender)]++ == i;
          if (++total == 20'000) all = true;
        });
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  while (!all) std::this_thread::sleep_for(milliseconds{1});
  threads.stop();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(total, 20'000);
}

TEST(Reactor, TimersAreNeverEarly) {
  Reactor reactor;
  const SystemClock clock;
  int fired = 0;
  for (const int delay : {0, 3, 17, 40}) {
    const Instant due = reactor.now() + milliseconds{delay};
    reactor.schedule(milliseconds{delay}, [&, due] {
      EXPECT_GE(clock.now(), due);
      EXPECT_GE(reactor.now(), due);
      if (++fired == 4) reactor.stop();
    });
  }
  const TimerId cancelled = reactor.schedule(milliseconds{10}, [&] { ADD_FAILURE(); });
  reactor.schedule(milliseconds{1}, [&] { reactor.cancel(cancelled); });
  reactor.run();
  EXPECT_EQ(fired, 4);
}

TEST(Reactor, ManyTimersEndInBoundedTime) {
  Reactor reactor;
  int left = 100'000;
  for (int i = 0; i < 100'000; ++i) {
    reactor.schedule(milliseconds{i % 50}, [&] {
      if (--left == 0) reactor.stop();
    });
  }
  reactor.run();
  EXPECT_EQ(left, 0);
}

TEST(Reactor, RestsWhenThereIsNothingToDo) {
  Reactor reactor;
  reactor.schedule(milliseconds{100}, [&] { reactor.stop(); });
  reactor.run();
  EXPECT_LT(reactor.turns(), 20U);
}

TEST(Reactor, TasksThatPostThemselvesDoNotStarveTimers) {
  Reactor reactor;
  std::function<void()> again = [&] { reactor.post([&] { again(); }); };
  again();
  bool fired = false;
  reactor.schedule(milliseconds{5}, [&] {
    fired = true;
    reactor.stop();
  });
  reactor.run();
  EXPECT_TRUE(fired);
}

TEST(Reactor, ATaskThatPostsItselfHeldUpTheSocketsForFourThousandRuns) {
  Reactor reactor;
  int runs = 0;
  std::function<void()> again = [&] {
    if (++runs == 1000) return reactor.stop();
    reactor.post([&] { again(); });
  };
  reactor.post([&] { again(); });
  reactor.run();
  EXPECT_GE(reactor.turns(), 1000U);
}

/// Writes its name when a turn ends.
struct NamedSource : EventSource {
  NamedSource(std::string& written, char own_name) : order(written), name(own_name) {}
  void on_events(std::uint32_t) override {}
  void on_turn_end() override { order += name; }
  std::string& order;
  char name;
};

TEST(Reactor, WhatComesAfterTheTurnsEndHoldsUpNobodysOutput) {
  Reactor reactor;
  std::string order;
  NamedSource heavy(order, 'h');
  NamedSource light(order, 'l');
  NamedSource both(order, 'b');
  NamedSource gone(order, 'g');
  reactor.at_turn_end(both);
  reactor.after_turn_end(heavy);
  reactor.after_turn_end(gone);
  reactor.after_turn_end(both);
  reactor.at_turn_end(both);  // stays where it is
  reactor.at_turn_end(light);
  reactor.forget_turn_end(gone);
  reactor.post([&] {
    reactor.post([&] {
      reactor.at_turn_end(light);
      reactor.stop();
    });
  });
  reactor.run();
  EXPECT_EQ(order, "lhbl");
}

TEST(Reactor, WhatNeverRanIsDestroyed) {
  auto token = std::make_shared<int>(1);
  {
    Reactor reactor;
    reactor.post([token] {});
    reactor.schedule(milliseconds{5}, [token] {});
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(WorkerPool, RunsEverythingBeforeItEnds) {
  std::atomic<int> count{0};
  {
    ThreadWorkerPool pool(3);
    for (int i = 0; i < 1000; ++i) pool.run([&] { ++count; });
  }
  EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace dunlin::net
