// Sessions with as many filters as they may have. Each takes milliseconds where the work grows with the
// number of filters, and tens of seconds where it grows with its square.

#include <chrono>

#include "hub/filter.h"
#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using testing::HubTest;
using testing::RecordingLink;
using RealClock = std::chrono::steady_clock;

constexpr auto kFarLessThanTheSquareTakes = std::chrono::seconds{5};

class ManyFilters : public HubTest {
 protected:
  static constexpr std::size_t kMany = Limits{}.subscriptions_per_session;
  static std::vector<std::string> filters(const std::string& prefix = "many/") {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < kMany; ++i) all.push_back(prefix + std::to_string(i) + "/x");
    return all;
  }
  std::size_t subscribe_each(RecordingLink& link, const std::vector<std::string>& all) {
    std::size_t answers = 0;
    for (const std::string& filter : all) {
      std::vector<SubscribeRequest> requests;
      requests.push_back({filter, {}, SubscribeRequest::RetainHandling::do_not_send});
      link.session->subscribe(std::move(requests), [&answers](const auto&) { ++answers; });
    }
    run();
    return answers;
  }
  std::size_t unsubscribe_each(RecordingLink& link, const std::vector<std::string>& all) {
    std::size_t existed = 0;
    for (const std::string& filter : all)
      link.session->unsubscribe({filter}, [&existed](const auto& was) { existed += was.at(0) ? 1 : 0; });
    run();
    return existed;
  }
  std::size_t subscriptions_of(const std::string& client_id) {
    std::size_t count = 0;
    hub().sessions(*world->executors[0], kDefaultTenant, 10, [&](const std::vector<SessionInfo>& sessions) {
      for (const SessionInfo& session : sessions)
        if (session.client_id == client_id) count = session.subscriptions;
    });
    run();
    return count;
  }
};

TEST(FilterListTest, HoldsAnyNumberAndForgetsInAnyOrder) {
  std::vector<FilterPointer> made;
  for (int i = 0; i < 100; ++i) made.push_back(Filter::make("f/" + std::to_string(i)));
  for (const std::size_t count : {1U, 2U, 32U, 33U, 100U}) {
    FilterList list;
    for (std::size_t i = 0; i < count; ++i) list.add(made[i].get());
    EXPECT_EQ(list.size(), count);
    std::set<const Filter*> seen;
    list.for_each([&seen](const Filter* filter) { seen.insert(filter); });
    EXPECT_EQ(seen.size(), count);
    list.remove(nullptr);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t next = i * 7 % count;  // 7 divides none of the counts: each has its turn
      list.remove(made[next].get());
      list.remove(made[next].get());  // once more does nothing
      EXPECT_EQ(list.size(), count - i - 1);
    }
    EXPECT_TRUE(list.empty());
    for (std::size_t i = 0; i < count; ++i) list.add(made[i].get());
    EXPECT_EQ(list.take_all().size(), count);
    EXPECT_TRUE(list.empty());
  }
}

TEST(FilterListTest, ForgettingTheOldestFirstIsNotASearchEach) {
  constexpr std::size_t kVeryMany = 300'000;
  std::vector<FilterPointer> made;
  FilterList list;
  for (std::size_t i = 0; i < kVeryMany; ++i) {
    made.push_back(Filter::make("f"));
    list.add(made.back().get());
  }
  const auto begin = RealClock::now();
  for (const FilterPointer& filter : made) list.remove(filter.get());
  EXPECT_LT(RealClock::now() - begin, kFarLessThanTheSquareTakes);
  EXPECT_TRUE(list.empty());
}

TEST_F(ManyFilters, OfALastingSessionComeAndGoOneAPacket) {
  boot(1);
  RecordingLink link;
  open(link, lasting("c"));
  const auto all = filters();
  const auto begin = RealClock::now();
  EXPECT_EQ(subscribe_each(link, all), kMany);
  EXPECT_EQ(subscriptions_of("c"), kMany);
  EXPECT_EQ(unsubscribe_each(link, all), kMany);
  EXPECT_LT(RealClock::now() - begin, kFarLessThanTheSquareTakes);
  EXPECT_EQ(subscriptions_of("c"), 0U);
}

TEST_F(ManyFilters, WhatIsAnsweredIsThereAfterACrash) {
  boot(1);
  RecordingLink link;
  open(link, lasting("c"));
  const auto all = filters();
  EXPECT_EQ(subscribe_each(link, all), kMany);
  crash_and_boot(1);
  EXPECT_EQ(subscriptions_of("c"), kMany);
  RecordingLink again;
  open(again, lasting("c"));
  EXPECT_EQ(unsubscribe_each(again, {all.begin() + 1, all.end()}), kMany - 1);
  crash_and_boot(1);
  EXPECT_EQ(subscriptions_of("c"), 1U);
}

TEST_F(ManyFilters, GoWithTheirSession) {
  boot(1);
  RecordingLink link;
  open(link, options("c"));
  EXPECT_EQ(subscribe_each(link, filters()), kMany);
  link.session->close({"disconnected", Session::WillFate::discard, std::nullopt});
  run();
  RecordingLink publisher;
  open(publisher, options("p")).publish(testing::message("many/1/x", "x"), 0, {});
  run();
  EXPECT_TRUE(link.got.empty());
  EXPECT_EQ(world->metrics.value("dunlin_hub_subscriptions", {}), 0);
}

}  // namespace
}  // namespace dunlin::hub
