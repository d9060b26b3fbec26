#pragma once
// For tests: rollups of a series, and what a scan says of it by buckets.

#include <cmath>
#include <map>
#include <optional>

#include "service/series/store_fixture.h"

namespace dunlin::series {

using std::chrono::days;

/// Of one bucket.
struct Told {
  std::size_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
  double squares = 0;
  std::int64_t first_time = 0;
  std::int64_t last_time = 0;
  double first = 0;
  double last = 0;

  void add(std::int64_t time, double value) {
    store::ChunkSummary one;
    one.points = one.numbers = 1;
    one.first_time = one.last_time = time;
    one.first = one.last = one.min = one.max = one.sum = value;
    add(one);
  }
  void add(const store::ChunkSummary& part) {
    store::ChunkSummary all;
    all.points = all.numbers = count;
    all.first_time = first_time;
    all.last_time = last_time;
    all.first = first;
    all.last = last;
    all.min = min;
    all.max = max;
    all.sum = sum;
    all.squares = squares;
    add_summary(all, part);
    *this = {all.numbers,    all.sum,       all.min,   all.max, all.squares,
             all.first_time, all.last_time, all.first, all.last};
  }
};
using Buckets = std::map<std::int64_t, Told>;

class RollupTest : public SealingTest {
 protected:
  SeriesId id() { return store->find(kDefaultTenant, "press-01", "temperature")->id; }
  const SeriesEntry& entry() { return *store->entry(id()); }

  /// Hours for 20 days, days for 1,000; points for so many.
  RollupOrder order(int point_days) {
    RollupOrder made;
    made.series = id();
    made.lengths.add(RollupLength::hour);
    made.lengths.add(RollupLength::day);
    const WallTime now = clock.wall_now();
    made.points_before = now - days{point_days};
    made.before = {WallTime::max(), now - days{20}, now - days{1000}};
    return made;
  }
  Result<void> roll_up(const RollupOrder& what) {
    Result<void> answer = fail(Errc::internal, "no answer");
    store->roll_up({what}, [&](Result<void> made) { answer = std::move(made); });
    settle();
    pass(seconds{1});
    return answer;
  }
  /// Begins; `told` gets what was found by buckets of that length.
  void ask_buckets(Duration width, WallTime from, WallTime to, std::shared_ptr<Buckets> told,
                   std::shared_ptr<Result<void>> outcome) {
    ScanSet set{kDefaultTenant, {id()}, from, to};
    set.grid = {width.count(), 0};
    const auto bucket_of = [width](std::int64_t time) {
      return unix_nanoseconds(part_start(from_unix_nanoseconds(time), width));
    };
    ScanVisitor visitor;
    visitor.block = [told, bucket_of](const Block& block) {
      for (std::size_t i = block.begin; i < block.end; ++i) {
        const std::int64_t time = block.columns.times[i];
        (*told)[bucket_of(time)].add(time, number_at(block.columns, i).value_or(0));
      }
      return ScanGo::on;
    };
    visitor.chunk = [told, bucket_of](const store::ChunkSummary& chunk) {
      if (bucket_of(chunk.first_time) != bucket_of(chunk.last_time)) return false;
      (*told)[bucket_of(chunk.first_time)].add(chunk);
      return true;
    };
    visitor.part = [told, bucket_of, this](const store::ChunkSummary& part) {
      EXPECT_EQ(bucket_of(part.first_time), bucket_of(part.last_time));
      (*told)[bucket_of(part.first_time)].add(part);
      ++parts_;
      return ScanGo::on;
    };
    *outcome = fail(Errc::internal, "no answer");
    store->scan(std::move(set), std::move(visitor),
                [outcome](Result<void> result) { *outcome = std::move(result); });
  }
  Result<Buckets> buckets(Duration width, WallTime from, WallTime to) {
    auto told = std::make_shared<Buckets>();
    auto outcome = std::make_shared<Result<void>>();
    ask_buckets(width, from, to, told, outcome);
    settle();
    pass(std::chrono::milliseconds{5});
    if (!*outcome) return std::unexpected(outcome->error());
    return *told;
  }
  static void expect_same(const Buckets& found, const Buckets& wanted, const std::string& where) {
    ASSERT_EQ(found.size(), wanted.size()) << where;
    auto at = found.begin();
    for (const auto& [begin, want] : wanted) {
      const auto& [begin_found, told] = *at++;
      ASSERT_EQ(begin_found, begin) << where;
      ASSERT_EQ(told.count, want.count) << where << " at " << begin;
      ASSERT_NEAR(told.sum, want.sum, 1e-6) << where;
      ASSERT_NEAR(told.squares, want.squares, 1e-6 * std::max(1.0, want.squares)) << where;
      ASSERT_EQ(told.min, want.min) << where;
      ASSERT_EQ(told.max, want.max) << where;
      ASSERT_EQ(told.first, want.first) << where;
      ASSERT_EQ(told.last, want.last) << where;
      ASSERT_EQ(told.first_time, want.first_time) << where;
      ASSERT_EQ(told.last_time, want.last_time) << where;
    }
  }

  std::size_t parts_ = 0;  // that were told in the place of points that are gone
};

}  // namespace dunlin::series
