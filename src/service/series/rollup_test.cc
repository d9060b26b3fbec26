// What is kept of points that are gone says what the points said, and nothing else.
#include <boost/json.hpp>

#include "service/series/rollup_fixture.h"

namespace dunlin::series {
namespace {

constexpr WallTime kDay = WallTime{days{19'000}};

store::ChunkPoints some_points(WallTime start, int count, Duration step) {
  store::ChunkPoints points;
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    points.times.push_back(unix_nanoseconds(start + step * i));
    values.push_back(20 + (i % 7) / 10.0);
  }
  points.values = std::move(values);
  return points;
}

TEST(RollupFormTest, PartsComeBackAsTheyWere) {
  for (const RollupLength length : kRollupLengths) {
    Parts parts;
    const auto points = some_points(kDay + hours{1}, 3000, seconds{17});
    add_points(parts, length, points, 0, points.times.size());
    const auto back = decode_parts(kDay, length, encode_parts(kDay, parts));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), parts.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ((*back)[i].first_time, parts[i].first_time);
      EXPECT_EQ((*back)[i].last_time, parts[i].last_time);
      EXPECT_EQ((*back)[i].sum, parts[i].sum);
      EXPECT_EQ((*back)[i].squares, parts[i].squares);
      count += (*back)[i].points;
    }
    EXPECT_EQ(count, 3000U);
  }
}

TEST(RollupFormTest, WhatIsNoneIsRefused) {
  Parts parts;
  const auto points = some_points(kDay, 100, minutes{10});
  add_points(parts, RollupLength::hour, points, 0, points.times.size());
  const std::string good = encode_parts(kDay, parts);
  EXPECT_FALSE(decode_parts(kDay + kRollupDay, RollupLength::minute, good.substr(1)));
  EXPECT_FALSE(decode_parts(kDay, RollupLength::day, good)) << "more than a day has";
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_parts(kDay, RollupLength::hour, good.substr(0, size))) << size;
  EXPECT_FALSE(decode_parts(kDay, RollupLength::hour, good + '\0'));
}

TEST(RollupFormTest, LongerPartsSayTheSame) {
  const auto points = some_points(kDay + seconds{5}, 5000, seconds{17});
  Parts minute;
  Parts day;
  add_points(minute, RollupLength::minute, points, 0, points.times.size());
  add_points(day, RollupLength::day, points, 0, points.times.size());
  const Parts made = as_parts(minute, RollupLength::day);
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0].numbers, day[0].numbers);
  EXPECT_NEAR(made[0].sum, day[0].sum, 1e-6);
  EXPECT_NEAR(made[0].squares, day[0].squares, 1e-6);
  EXPECT_EQ(made[0].first, day[0].first);
  EXPECT_EQ(made[0].last, day[0].last);
}

TEST(RollupFormTest, OtherValuesThanNumbersAreCounted) {
  store::ChunkPoints texts;
  texts.type = store::ChunkType::text;
  texts.times = {unix_nanoseconds(kDay), unix_nanoseconds(kDay + seconds{1})};
  texts.values = std::vector<std::string>{"on", "off"};
  RollupDay day(kDay);
  RollupLengths lengths;
  lengths.add(RollupLength::hour);
  day.begin(lengths);
  day.add(texts, 0, 2);
  const auto numbers = some_points(kDay + minutes{1}, 3, seconds{1});
  day.add(numbers, 0, 3);
  const Parts& parts = day.parts(RollupLength::hour);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].points, 5U);
  EXPECT_EQ(parts[0].numbers, 3U);
  EXPECT_EQ(parts[0].first, 20.0);
}

TEST(RollupFormTest, TimeHasNoEnds) {
  for (const WallTime time : {WallTime::min(), WallTime::max(), WallTime{}, WallTime{} - Duration{1}}) {
    EXPECT_LE(day_start(time), time);
    EXPECT_GE(next_day(day_start(time)), time);
    EXPECT_EQ(day_start(day_start(time)), day_start(time));
  }
}

TEST_F(RollupTest, HoursStayWhenThePointsAreGone) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 6 * 24; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  const auto before = buckets(hours{1}, start, start + days{6});
  ASSERT_TRUE(before);
  ASSERT_EQ(before->size(), 144U);
  const std::size_t chunks = count_chunks();
  const std::uint64_t points = entry().points;
  ASSERT_TRUE(roll_up(order(100)));
  EXPECT_EQ(count_chunks(), chunks) << "nothing is too old yet";
  EXPECT_EQ(keyed.rows(store::Table::rollup).size(), 12U);
  const auto check = [&](const std::string& where) {
    const auto after = buckets(hours{1}, start, start + days{6});
    ASSERT_TRUE(after) << after.error().message;
    expect_same(*after, *before, where);
  };
  check("made");
  EXPECT_EQ(parts_, 0U);
  ASSERT_TRUE(roll_up(order(2)));
  EXPECT_EQ(count_chunks(), chunks / 3) << "four days of six are gone";
  EXPECT_EQ(entry().points, points / 3);
  EXPECT_GT(entry().rollups.bytes, 100U);
  check("expired");
  EXPECT_EQ(parts_, 96U);
  restart();
  check("after a restart");
  ASSERT_TRUE(roll_up(order(2)));
  check("again");
  EXPECT_EQ(entry().points, points / 3);
  EXPECT_EQ(this->points().size(), points / 3);
}

TEST_F(RollupTest, WholeDaysOfPointsAreTakenByTheirRollup) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 6 * 24; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  ASSERT_TRUE(roll_up(order(100)));
  std::size_t chunks = 0;
  std::size_t numbers = 0;
  ScanSet set{kDefaultTenant, {id()}, start, start + days{6}};
  ScanVisitor visitor;
  visitor.block = [](const Block&) { return ScanGo::on; };
  visitor.part = [](const store::ChunkSummary&) { return ScanGo::on; };
  visitor.chunk = [&](const store::ChunkSummary& chunk) {
    ++chunks;
    numbers += chunk.numbers;
    return true;
  };
  store->scan(std::move(set), std::move(visitor), [](const Result<void>& result) { ASSERT_TRUE(result); });
  settle();
  EXPECT_EQ(numbers, 6U * 24 * 60);
  EXPECT_EQ(chunks, 6U);
}

TEST_F(RollupTest, ALateSampleIsInTheAnswerAtOnceAndOnce) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 48; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  ASSERT_TRUE(roll_up(order(2)));
  // The hour has points up to minute 59; one is told again, one is new.
  write({sample(start + minutes{59} + seconds{30}, 50.0), sample(start + minutes{10}, 99.0)});
  settle();
  const auto check = [&](const std::string& where) {
    const auto found = buckets(hours{1}, start, start + hours{1});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->begin()->second.count, 61U) << where;
    EXPECT_EQ(found->begin()->second.max, 50.0) << where;
    EXPECT_EQ(found->begin()->second.last, 50.0) << where;
  };
  check("open");
  pass(minutes{20});
  ASSERT_EQ(open_windows(), 0);
  check("sealed");
  ASSERT_TRUE(roll_up(order(2)));
  check("in the rollup");
  EXPECT_EQ(count_chunks(), 0U);
  write({sample(start + minutes{59} + seconds{30}, 51.0)});
  pass(minutes{20});
  check("told again");
}

TEST_F(RollupTest, WhoNeedsThePointsIsTold) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 48; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  ASSERT_TRUE(roll_up(order(2)));
  const auto shorter = buckets(minutes{10}, start, start + days{2});
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code, Errc::unsupported);
  ScanSet set{kDefaultTenant, {id()}, start, start + days{2}};
  set.gone = ScanSet::Gone::refuse;
  ScanVisitor visitor;
  visitor.block = [](const Block&) { return ScanGo::on; };
  Result<void> outcome;
  store->scan(std::move(set), std::move(visitor), [&](Result<void> result) { outcome = std::move(result); });
  settle();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::unsupported);
}

TEST_F(RollupTest, AChartShowsWhatIsLeft) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 48; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  ASSERT_TRUE(roll_up(order(2)));
  for (const std::size_t most : {1U, 7U, 48U, 1000U}) {
    std::uint64_t count = 0;
    store->downsampled(id(), kDefaultTenant, start, start + days{2}, most,
                       [&](Result<std::vector<Bucket>> read) {
                         ASSERT_TRUE(read);
                         EXPECT_LE(read->size(), most);
                         for (const Bucket& bucket : *read) {
                           count += bucket.count;
                           EXPECT_GE(bucket.min, 20.0);
                           EXPECT_GE(bucket.mean, bucket.min);
                           EXPECT_LE(bucket.mean, bucket.max);
                         }
                       });
    settle();
    EXPECT_EQ(count, 2880U) << most;
  }
}

TEST_F(RollupTest, WhatIsDeletedIsGoneFromRollups) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 6 * 24; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  ASSERT_TRUE(roll_up(order(2)));
  const auto erase = [&](WallTime from, WallTime to) {
    store->erase(kDefaultTenant, {id(), from, to}, [](const Result<void>& result) { ASSERT_TRUE(result); });
    settle();
  };
  erase(start + minutes{30}, start + minutes{70});                // of hours whose points are gone
  erase(start + days{4} + hours{2}, start + days{4} + hours{3});  // of points
  const auto check = [&] {
    const auto found = buckets(hours{1}, start, start + days{6});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 144U - 2 - 1);
    const auto by_day = buckets(days{1}, start, start + days{6});
    ASSERT_TRUE(by_day);
    EXPECT_EQ(by_day->begin()->second.count, 22U * 60);
    EXPECT_EQ(std::next(by_day->begin(), 4)->second.count, 23U * 60);
  };
  check();
  restart();
  check();
  ASSERT_TRUE(roll_up(order(2)));
  check();
  erase(WallTime::min(), WallTime::max());
  EXPECT_TRUE(keyed.rows(store::Table::rollup).empty());
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature"), nullptr);
}

TEST_F(RollupTest, ASeriesOfWhichNothingIsLeftIsGone) {
  write(window_of(day_start(clock.wall_now()) - days{6}));
  pass(hours{1});
  RollupOrder all = order(2);
  ASSERT_TRUE(roll_up(all));
  EXPECT_EQ(count_chunks(), 0U);
  ASSERT_NE(store->find(kDefaultTenant, "press-01", "temperature"), nullptr);
  all.before.fill(clock.wall_now() - days{3});
  ASSERT_TRUE(roll_up(all));
  EXPECT_TRUE(keyed.rows(store::Table::rollup).empty());
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature"), nullptr);
  write({sample(clock.wall_now(), 1.0)});
  settle();
  EXPECT_EQ(points().size(), 1U);
}

TEST_F(RollupTest, ADayThatCannotBeReadIsNotMade) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  write(window_of(start));
  write(window_of(start + hours{2}));
  pass(hours{1});
  keyed.rows(store::Table::series).begin()->second = "damaged";
  ASSERT_TRUE(roll_up(order(100)));
  EXPECT_TRUE(keyed.rows(store::Table::rollup).empty());
  EXPECT_FALSE(buckets(days{1}, start, start + days{1}));
  ASSERT_TRUE(roll_up(order(2))) << "it is too old: what can be read is kept";
  const auto found = buckets(days{1}, start, start + days{1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->begin()->second.count, 120U);
}

TEST_F(RollupTest, AFailureLeavesAllAsItWas) {
  const WallTime start = day_start(clock.wall_now()) - days{6};
  for (int hour = 0; hour < 48; hour += 2) write(window_of(start + hours{hour}));
  settle();
  pass(hours{1});
  const auto before = buckets(hours{1}, start, start + days{2});
  keyed.fail_writes = 1;
  EXPECT_FALSE(roll_up(order(2)));
  expect_same(*buckets(hours{1}, start, start + days{2}), *before, "write failed");
  keyed.fail_reads = 1;
  EXPECT_FALSE(roll_up(order(2)));
  ASSERT_TRUE(roll_up(order(2)));
  expect_same(*buckets(hours{1}, start, start + days{2}), *before, "made");
  EXPECT_EQ(count_chunks(), 0U);
}

}  // namespace
}  // namespace dunlin::series
