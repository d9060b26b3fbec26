#include "load/ticker.h"

#include <gtest/gtest.h>

#include <vector>

#include "net/reactor.h"

namespace dunlin::load {
namespace {

TEST(Ticker, CallsInTimeAndNeverEarly) {
  net::Reactor reactor;
  const SystemClock clock;
  const Instant first = clock.now() + std::chrono::milliseconds{5};
  const auto moment = [&](std::uint64_t number) { return first + number * std::chrono::milliseconds{2}; };
  std::vector<Instant> calls;
  Ticker ticker(reactor, clock, moment, [&] {
    calls.push_back(clock.now());
    if (calls.size() == 10) reactor.stop();
  });
  reactor.run();
  ASSERT_EQ(calls.size(), 10U);
  for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_GE(calls[i], moment(i)) << i;
}

TEST(Ticker, EndsInTheMiddleOfAWait) {
  net::Reactor reactor;
  const SystemClock clock;
  const Instant before = clock.now();
  {
    const Ticker ticker(reactor, clock, [&](std::uint64_t) { return before + std::chrono::hours{1}; }, [] {});
  }
  EXPECT_LT(clock.now() - before, std::chrono::minutes{1});
}

}  // namespace
}  // namespace dunlin::load
