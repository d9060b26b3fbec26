#include "net/reactor.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
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

/// Always ready, as a peer is that sends without an end; writes its name at each event.
class ReadySource : public EventSource {
 public:
  ReadySource(Reactor& reactor, std::string& order, char name,
              UniqueFd fd = UniqueFd{::eventfd(1, EFD_CLOEXEC)})
      : reactor_(reactor), order_(order), name_(name), fd_(std::move(fd)) {
    EXPECT_TRUE(reactor_.watch(fd_.get(), EPOLLIN | EPOLLRDHUP, *this));
  }
  ~ReadySource() override { end(); }
  void end() {
    if (std::exchange(watched_, false)) reactor_.unwatch(*this);
  }
  void on_events(std::uint32_t) override {
    if (std::exchange(last_turn(), reactor_.turns()) != reactor_.turns()) order_ += ' ';
    order_ += name_;
    if (takes > Duration::zero()) std::this_thread::sleep_for(takes);
    if (is_new) come_last();
    if (is_loud) yield_to_others();
    if (then) then();
  }

  bool is_loud = false;
  bool is_new = false;
  Duration takes{};
  std::function<void()> then;

 private:
  static std::uint64_t& last_turn() {
    static std::uint64_t turn = 0;
    return turn;
  }

  Reactor& reactor_;
  std::string& order_;
  char name_;
  UniqueFd fd_;
  bool watched_ = true;
};

/// In how many of a hundred turns a quiet source came before this one. Not in all: whoever is preempted has
/// taken long as well.
int turns_led_by_quiet(Reactor& reactor, std::string& order, ReadySource& quiet) {
  int turns = 0;
  quiet.then = [&] {
    if (++turns == 100) reactor.stop();
  };
  reactor.run();
  int led = 0;
  for (std::size_t at = order.find(" q"); at != std::string::npos; at = order.find(" q", at + 1)) ++led;
  return led;
}

TEST(Reactor, ALoudSourceHasItsTurnAfterTheQuietOnes) {
  Reactor reactor;
  std::string order;
  ReadySource loud(reactor, order, 'L');
  ReadySource quiet(reactor, order, 'q');
  loud.is_loud = true;
  EXPECT_GT(turns_led_by_quiet(reactor, order, quiet), 80);
  EXPECT_GT(std::ranges::count(order, 'L'), 80);
}

TEST(Reactor, ASourceThatTakesLongHasItsTurnAfterTheQuickOnes) {
  Reactor reactor;
  std::string order;
  ReadySource slow(reactor, order, 'S');
  slow.takes = 2 * kHeavyEvent;
  ReadySource quick(reactor, order, 'q');
  EXPECT_GT(turns_led_by_quiet(reactor, order, quick), 80);
  EXPECT_GT(std::ranges::count(order, 'S'), 80);
}

UniqueFd whose_peer_has_gone() {
  std::array<int, 2> pair{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  ::close(pair[1]);
  return UniqueFd{pair[0]};
}

TEST(Reactor, AThousandEndsMadeThoseThatWereStillThereWait) {
  Reactor reactor;
  std::string order;
  std::vector<std::unique_ptr<ReadySource>> ended;
  for (int i = 0; i < 50; ++i) {
    ended.push_back(std::make_unique<ReadySource>(reactor, order, 'E', whose_peer_has_gone()));
    ended.back()->takes = kLongestDispatch / 5;
  }
  ReadySource quiet(reactor, order, 'q');
  EXPECT_GT(turns_led_by_quiet(reactor, order, quiet), 80);
  EXPECT_GT(std::ranges::count(order, 'E'), 80);
}

/// Something that comes while thousands wait: in how many turns it had its event.
TEST(Reactor, ThousandsThatWaitedWereToldOfBeforeWhoCameSince) {
  Reactor reactor;
  std::string order;
  constexpr int kThousands = 12 * kMaxEventsPerTurn;
  std::vector<std::unique_ptr<ReadySource>> waiting;
  for (int i = 0; i < kThousands; ++i) {
    waiting.push_back(std::make_unique<ReadySource>(reactor, order, 'n'));
    waiting.back()->is_new = true;
    waiting.back()->takes = kLongestDispatch / 5;
  }
  UniqueFd counter{::eventfd(0, EFD_CLOEXEC)};
  const int descriptor = counter.get();
  ReadySource quick(reactor, order, 'q', std::move(counter));
  std::uint64_t came = 0;
  quick.then = [&] {
    EXPECT_LE(reactor.turns() - came, 3);
    reactor.stop();
  };
  std::function<void()> look = [&] {
    if (std::ranges::count(order, 'n') < kThousands + 100) return reactor.post(look);
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(descriptor, &one, sizeof one), sizeof one);
    came = reactor.turns();
  };
  reactor.post(look);
  reactor.run();
  EXPECT_EQ(std::ranges::count(order, 'q'), 1);
}

TEST(Reactor, ALoudSourceWaitedForAllNewcomers) {
  Reactor reactor;
  std::string order;
  std::vector<std::unique_ptr<ReadySource>> newcomers;
  for (int i = 0; i < 20; ++i) {
    newcomers.push_back(std::make_unique<ReadySource>(reactor, order, 'n'));
    newcomers.back()->is_new = true;
    newcomers.back()->takes = 2 * kLongestDispatch;
  }
  ReadySource loud(reactor, order, 'L');
  loud.is_loud = true;
  int events = 0;
  loud.then = [&] {
    if (++events == 100) reactor.stop();
  };
  reactor.run();
  // The first round is everybody's; from then on one newcomer a turn.
  EXPECT_LT(std::ranges::count(order, 'n'), 150) << order;
  EXPECT_GT(std::ranges::count(order, 'n'), 80) << order;
}

TEST(Reactor, ASourceThatWasPutOffMayGo) {
  Reactor reactor;
  std::string order;
  auto loud = std::make_unique<ReadySource>(reactor, order, 'L');
  ReadySource quiet(reactor, order, 'q');
  loud->is_loud = true;
  int turns = 0;
  std::size_t size_at_its_end = 0;
  quiet.then = [&] {
    if (++turns == 10) loud.reset();
    if (turns == 10) size_at_its_end = order.size();
    if (turns == 20) reactor.stop();
  };
  reactor.run();
  EXPECT_EQ(order.find('L', size_at_its_end), std::string::npos) << order;
  EXPECT_GT(std::ranges::count(order, 'L'), 5);
}

TEST(Reactor, ALoudSourceMayGoInItsOwnTurn) {
  Reactor reactor;
  std::string order;
  auto loud = std::make_unique<ReadySource>(reactor, order, 'L');
  ReadySource quiet(reactor, order, 'q');
  loud->is_loud = true;
  loud->takes = 2 * kHeavyEvent;
  int events = 0;
  loud->then = [&] {
    if (++events == 5) loud->end();
  };
  int turns = 0;
  quiet.then = [&] {
    if (++turns == 20) reactor.stop();
  };
  reactor.run();
  EXPECT_EQ(std::ranges::count(order, 'L'), 5) << order;
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

TEST(WorkerPool, FinishWaitsForWhatRunsAndForWhatThatSubmits) {
  std::atomic<int> count{0};
  ThreadWorkerPool pool(3);
  pool.finish();
  for (int i = 0; i < 50; ++i) {
    pool.run([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      pool.run([&] { ++count; });
    });
  }
  pool.finish();
  EXPECT_EQ(count, 50);
  EXPECT_EQ(pool.queued(), 0U);
}

}  // namespace
}  // namespace dunlin::net
