// Windows that are over become chunks. Whatever is written, late or twice, before, while or after that
// happens, and wherever the process dies, the points are those that were written last.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "service/series/columns.h"
#include "service/series/store_fixture.h"

namespace dunlin::series {
namespace {

TEST_F(SealingTest, AWindowThatIsOverBecomesOneChunk) {
  write(window_of(now_window()));
  settle();
  EXPECT_EQ(count_chunks(), 0U);
  EXPECT_EQ(open_windows(), 1);
  EXPECT_EQ(count_records(), 1U);
  const auto before = points();
  pass(hours{3});
  EXPECT_EQ(count_chunks(), 1U);
  EXPECT_EQ(open_windows(), 0);
  EXPECT_EQ(count_records(), 0U);
  EXPECT_EQ(counted("dunlin_series_points_sealed_total"), 120);
  EXPECT_EQ(points(), before);
  restart();
  EXPECT_EQ(points(), before);
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature")->last, before.back());
}

TEST_F(SealingTest, AWindowThatIsNotOverIsLeft) {
  write({sample(clock.wall_now(), 1.0)});
  pass(minutes{1});
  EXPECT_EQ(count_chunks(), 0U);
}

TEST_F(SealingTest, ARangeBeginsInsideOfAChunk) {
  const WallTime start = now_window();
  write(window_of(start));
  pass(hours{3});
  const auto some = points(start + minutes{60}, start + minutes{63});
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].time, start + minutes{60});
}

TEST_F(SealingTest, LateSamplesReplaceAndJoinWhatIsSealed) {
  const WallTime start = now_window();
  write(window_of(start));
  pass(hours{3});
  write({sample(start, 1.0), sample(start + minutes{30}, 2.0), sample(start + seconds{30}, 3.0)});
  settle();
  const auto check = [&] {
    const auto all = points();
    ASSERT_EQ(all.size(), 121U);
    EXPECT_EQ(all[0].value, model::Value{1.0});
    EXPECT_EQ(all[1].value, model::Value{3.0});
    EXPECT_EQ(all[31].value, model::Value{2.0});
    EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature")->last.time, start + minutes{119});
  };
  check();
  restart();
  check();
  pass(minutes{11});
  EXPECT_EQ(open_windows(), 0);
  EXPECT_EQ(count_chunks(), 1U);
  check();
  restart();
  check();
}

TEST_F(SealingTest, EveryKindOfValueQualityAndFlagComesBack) {
  const WallTime start = now_window();
  std::vector<model::Sample> samples{sample(start, 20.5),
                                     sample(start + seconds{1}, std::int64_t{21}),
                                     sample(start + seconds{2}, 21.5),
                                     sample(start + seconds{3}, std::int64_t{1} << 60),
                                     sample(start + seconds{4}, true),
                                     sample(start + seconds{5}, std::string("hot")),
                                     sample(start + seconds{6}, model::JsonText{"{}"}),
                                     sample(start + seconds{7}, false),
                                     sample(start + seconds{8}, -0.0),
                                     sample(start + seconds{9}, std::numeric_limits<double>::infinity())};
  samples[1].quality = model::Quality::bad;
  samples[2].flags = model::kHistorical | model::kEstimated;
  samples[5].quality = model::Quality::uncertain;
  write(samples);
  settle();
  const auto before = points();
  ASSERT_EQ(before.size(), samples.size());
  EXPECT_EQ(before[2].flags, model::kHistorical | model::kEstimated);
  restart();
  EXPECT_EQ(points(), before);
  pass(hours{3});
  EXPECT_EQ(open_windows(), 0);
  EXPECT_EQ(points(), before);
  EXPECT_TRUE(std::signbit(std::get<double>(points()[8].value)));
}

TEST_F(SealingTest, WholeNumbersAmongOthersShareAChunk) {
  std::vector<model::Sample> samples;
  for (int i = 0; i < 100; ++i) {
    const WallTime time = now_window() + seconds{i};
    samples.push_back(i % 2 == 0 ? sample(time, 20.5) : sample(time, std::int64_t{21}));
  }
  write(samples);
  pass(hours{3});
  EXPECT_EQ(count_chunks(), 1U);
  EXPECT_EQ(points()[1].value, model::Value{std::int64_t{21}});
}

TEST_F(SealingTest, ManyPointsAreSealedWhileTheirWindowIsOpen) {
  const WallTime start = now_window();
  std::size_t written = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<model::Sample> samples;
    for (int i = 0; i < 1000; ++i)
      samples.push_back(sample(start + std::chrono::milliseconds{written++}, i / 10.0));
    write(std::move(samples));
    settle();
    ASSERT_LE(counted("dunlin_series_open_bytes"), 2 * 16.0 * kSealPoints);
  }
  EXPECT_EQ(points().size(), 30'000U);
  pass(hours{3});
  EXPECT_EQ(open_windows(), 0);
  EXPECT_LE(count_chunks(), 1 + (30'000 + kSealedPoints - 1) / kSealedPoints);
  EXPECT_EQ(points().size(), 30'000U);
}

TEST_F(SealingTest, AFailedSealIsTriedAgain) {
  write(window_of(now_window()));
  settle();
  keyed.fail_writes = 2;
  pass(hours{3});
  EXPECT_EQ(counted("dunlin_series_seal_failures_total"), 2);
  EXPECT_EQ(open_windows(), 0);
  EXPECT_EQ(points().size(), 120U);
}

TEST_F(SealingTest, ASampleWrittenWhileItsWindowIsSealedIsNotLost) {
  const WallTime start = now_window();
  write(window_of(start));
  settle();
  keyed.hold_writes = true;
  pass(hours{3});  // the seal's write is held
  write({sample(start + minutes{5}, 7.0)});
  settle();
  EXPECT_EQ(points()[5].value, model::Value{7.0});
  keyed.release_writes();
  settle();
  EXPECT_EQ(points()[5].value, model::Value{7.0});
  EXPECT_EQ(open_windows(), 1);
  EXPECT_EQ(count_records(), 1U);
  restart();
  EXPECT_EQ(points()[5].value, model::Value{7.0});
  pass(minutes{11});
  EXPECT_EQ(points()[5].value, model::Value{7.0});
  EXPECT_EQ(points().size(), 120U);
  EXPECT_EQ(open_windows(), 0);
}

// A crash then would have taken the second record: the first one's completion had sealed, and the position of
// the second was already the log's.
TEST_F(SealingTest, ARecordThatIsCommittedButNotTakenYetStaysInTheLog) {
  const WallTime start = now_window();
  std::vector<model::Sample> many;
  for (std::size_t i = 0; i < kSealPoints; ++i) many.push_back(sample(start + seconds{i}, 1.0));
  write(std::move(many));
  write({sample(start + minutes{110}, 7.0)});  // in the same group
  settle();
  ASSERT_EQ(count_chunks(), 1U);
  restart();
  EXPECT_EQ(points().back().value, model::Value{7.0});
  EXPECT_EQ(points().size(), kSealPoints + 1);
}

TEST_F(SealingTest, TheOldestAreSealedWhenThereIsTooMuchOpen) {
  const WallTime start = now_window();
  constexpr std::size_t kSeries = 2'500;
  std::vector<SeriesId> ids;
  for (std::size_t i = 0; i < kSeries; ++i)
    ids.push_back(*store->resolve(kDefaultTenant, "press-" + std::to_string(i), "x", ""));
  std::size_t written = 0;
  double most = 0;
  while (written * 16 < 2 * kMaxOpenBytes) {
    std::vector<NewPoint> points;
    for (std::size_t i = 0; i < 100'000; ++i, ++written)
      points.push_back({ids[written % kSeries], {start + seconds{written / kSeries}, 20.5}});
    store->write_points(std::move(points), [](Result<void> done) { ASSERT_TRUE(done); });
    settle();
    most = std::max(most, counted("dunlin_series_open_bytes"));
  }
  EXPECT_LT(most, 1.2 * kMaxOpenBytes);
  EXPECT_GT(count_chunks(), 0U);
  std::size_t found = 0;
  for (const SeriesId id : ids)
    store->points(id, kDefaultTenant, WallTime::min(), WallTime::max(), 1'000'000,
                  [&found](Result<std::vector<Point>> read) { found += read ? read->size() : 0; });
  settle();
  EXPECT_EQ(found, written);
}

TEST_F(SealingTest, ADamagedChunkIsAnErrorAndStaysWhatItIs) {
  const WallTime start = now_window();
  write(window_of(start));
  pass(hours{3});
  auto& chunk = keyed.rows(store::Table::series).begin()->second;
  chunk.resize(chunk.size() - 1);
  const std::string damaged = chunk;
  write({sample(start + minutes{5}, 7.0)});
  pass(hours{1});
  EXPECT_EQ(open_windows(), 0) << "the log must not wait for it for ever";
  EXPECT_EQ(keyed.rows(store::Table::series).begin()->second, damaged);
  EXPECT_GT(counted("dunlin_series_seal_failures_total"), 0);
  Result<std::vector<Point>> answer;
  store->points(store->find(kDefaultTenant, "press-01", "temperature")->id, kDefaultTenant, WallTime::min(),
                WallTime::max(), 10, [&](Result<std::vector<Point>> read) { answer = std::move(read); });
  settle();
  EXPECT_EQ(answer.error().code, Errc::corrupt);
}

TEST_F(SealingTest, DownsamplingUsesSummariesAndSaysTheSame) {
  const WallTime start = now_window();
  for (int i = 0; i < 6; ++i) write(window_of(start + i * kWindow));
  settle();
  const auto ask = [&](WallTime from, WallTime to, std::size_t buckets) {
    std::vector<Bucket> answer;
    store->downsampled(store->find(kDefaultTenant, "press-01", "temperature")->id, kDefaultTenant, from, to,
                       buckets, [&](Result<std::vector<Bucket>> read) { answer = *read; });
    settle();
    return answer;
  };
  const auto same = [](const std::vector<Bucket>& a, const std::vector<Bucket>& b) {
    return std::ranges::equal(a, b, [](const Bucket& x, const Bucket& y) {
      return x.time == y.time && x.count == y.count && x.min == y.min && x.max == y.max &&
             std::abs(x.mean - y.mean) < 1e-9;
    });
  };
  const auto day = ask(start, start + hours{24}, 3);
  const auto some = ask(start + minutes{17}, start + hours{9}, 5);
  const auto few = ask(start, start + minutes{3}, 10);
  pass(hours{30});
  ASSERT_EQ(open_windows(), 0);
  EXPECT_TRUE(same(ask(start, start + hours{24}, 3), day));
  EXPECT_TRUE(same(ask(start + minutes{17}, start + hours{9}, 5), some));
  EXPECT_TRUE(same(ask(start, start + minutes{3}, 10), few));
  ASSERT_EQ(few.size(), 3U);
}

/// Power cuts, failing disks and slow seals at random places; what was answered is compared with a plain map.
TEST_F(SealingTest, RandomWritesSealsFailuresAndCrashesLeaveWhatWasAcknowledged) {
  SeededRng rng(11);
  std::map<WallTime, std::int64_t> truth;
  const WallTime start = now_window();
  std::int64_t number = 0;
  for (int step = 0; step < 3000; ++step) {
    std::vector<model::Sample> samples;
    std::map<WallTime, std::int64_t> these;
    for (std::uint64_t i = 1 + rng.below(6); i > 0; --i) {
      const WallTime time = start + minutes{rng.below(60 * 12)};
      samples.push_back(sample(time, ++number));
      these[time] = number;
    }
    if (rng.below(10) == 0) keyed.hold_writes = true;
    if (rng.below(20) == 0) keyed.fail_writes = 1;
    if (rng.below(20) == 0) keyed.fail_reads = 1;
    if (rng.below(20) == 0) disk.refuse_next_write();
    // What was not acknowledged may be there or not; it is written again, as the journal would.
    Result<SeriesStore::Written> answer = fail(Errc::unavailable, "no answer");
    const auto take = [&answer](Result<SeriesStore::Written> written) { answer = std::move(written); };
    store->write(samples, "test", {}, take);
    if (rng.below(3) == 0) pass(minutes{rng.below(20)});
    if (rng.below(40) == 0) {
      keyed.drop_held_writes();
      keyed.fail_reads = 0;
      store.reset();
      disk.close();
      disk.fs.cut_power(rng);
      restart_process();
      boot();
    }
    keyed.release_writes();
    settle();
    keyed.fail_writes = 0;
    for (int i = 0; i < 3 && !answer; ++i) {
      store->write(samples, "test", {}, take);
      settle();
    }
    ASSERT_TRUE(answer) << answer.error().message;
    for (const auto& [time, value] : these) truth[time] = value;
    keyed.fail_reads = 0;
    if (step % 20 != 0) continue;
    const auto found = points();
    ASSERT_EQ(found.size(), truth.size()) << "step " << step;
    std::size_t i = 0;
    for (const auto& [time, value] : truth) {
      ASSERT_EQ(found[i].time, time) << "step " << step;
      ASSERT_EQ(found[i++].value, model::Value{value}) << "step " << step;
    }
  }
  pass(hours{24});
  EXPECT_EQ(open_windows(), 0);
  EXPECT_EQ(count_records(), 0U);
  EXPECT_EQ(points().size(), truth.size());
}

TEST(WindowTest, HoldsEveryTime) {
  for (const WallTime time : {WallTime::min(), WallTime{}, WallTime{} - Duration{1}, WallTime::max(),
                              from_unix_milliseconds(1'700'000'000'000)}) {
    EXPECT_LE(window_start(time), time);
    EXPECT_GE(window_last(window_start(time)), time);
    EXPECT_EQ(window_start(window_start(time)), window_start(time));
    EXPECT_EQ(window_start(window_last(window_start(time))), window_start(time));
  }
  EXPECT_EQ(window_start(WallTime{} - Duration{1}), WallTime{} - kWindow);
}

}  // namespace
}  // namespace dunlin::series
