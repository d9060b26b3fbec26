// Random samples, late ones among them, deletions, rollups, expiry, failures and power cuts beside a naive
// model of what may be answered.
#include "base/rng.h"
#include "service/series/rollup_fixture.h"

namespace dunlin::series {
namespace {

using Points = std::map<std::int64_t, double>;

/// What there should be.
struct Model {
  Points points;   // that are there as points
  Points settled;  // that are in rollups only
  WallTime points_from = WallTime::min();
  WallTime hours_from = WallTime::min();  // of earlier days only days are kept

  Duration length_at(std::int64_t time) const {
    const bool has_hours = day_start(from_unix_nanoseconds(time)) >= hours_from;
    return has_hours ? Duration{hours{1}} : kRollupDay;
  }
  /// The settled points of the part of time.
  std::pair<Points::const_iterator, Points::const_iterator> part(std::int64_t time) const {
    const Duration length = length_at(time);
    const std::int64_t begin = unix_nanoseconds(part_start(from_unix_nanoseconds(time), length));
    return {settled.lower_bound(begin), settled.lower_bound(begin + length.count())};
  }
  bool is_covered(std::int64_t time) const {
    const auto [begin, end] = part(time);
    return begin != end && begin->first <= time && std::prev(end)->first >= time;
  }
  Points visible() const {
    Points all = settled;
    for (const auto& [time, value] : points)
      if (from_unix_nanoseconds(time) >= points_from || !is_covered(time)) all[time] = value;
    return all;
  }
  void rolled(WallTime new_points_from, WallTime new_hours_from) {
    points_from = new_points_from;
    settled = [this] {
      Points all = settled;
      for (const auto& [time, value] : points)
        if (from_unix_nanoseconds(time) < points_from && !is_covered(time)) all[time] = value;
      return all;
    }();
    std::erase_if(points, [this](const auto& one) { return from_unix_nanoseconds(one.first) < points_from; });
    hours_from = std::max(hours_from, new_hours_from);
  }
  void erase(std::int64_t from, std::int64_t to) {
    std::erase_if(points, [=](const auto& one) { return one.first >= from && one.first < to; });
    std::vector<std::int64_t> touched;
    for (auto at = settled.begin(); at != settled.end();) {
      const auto [begin, end] = part(at->first);
      const std::int64_t first = begin->first;
      const std::int64_t last = std::prev(end)->first;
      if (last >= from && first < to) {
        for (auto gone = begin; gone != end; ++gone) touched.push_back(gone->first);
      }
      at = settled.lower_bound(last + 1);
    }
    for (const std::int64_t time : touched) settled.erase(time);
  }
  Buckets buckets(Duration width, WallTime from, WallTime to) const {
    Buckets all;
    for (const auto& [time, value] : visible()) {
      if (from_unix_nanoseconds(time) < from || from_unix_nanoseconds(time) >= to) continue;
      all[unix_nanoseconds(part_start(from_unix_nanoseconds(time), width))].add(time, value);
    }
    return all;
  }
  bool has_days_only(WallTime from, WallTime to) const {
    return std::ranges::any_of(settled, [&](const auto& one) {
      const WallTime day = day_start(from_unix_nanoseconds(one.first));
      return day < hours_from && next_day(day) > from && day < to;
    });
  }
};

class RollupModelTest : public RollupTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  bool is_there() { return store->find(kDefaultTenant, "press-01", "temperature") != nullptr; }
  void write_some(Rng& rng) {
    std::vector<model::Sample> samples;
    Points these;
    const WallTime now = clock.wall_now();
    const auto ago = seconds{rng.below(rng.below(3) == 0 ? 32 * 86400 : 3 * 86400)};
    WallTime time = now - ago;
    for (std::uint64_t i = 1 + rng.below(40); i > 0; --i) {
      time += seconds{1 + rng.below(1500)};
      if (time > now) break;
      const double value = static_cast<double>(rng.below(1000)) / 10;
      samples.push_back(sample(time, value));
      these[unix_nanoseconds(time)] = value;
    }
    if (samples.empty()) return;
    Result<SeriesStore::Written> answer = fail(Errc::unavailable, "no answer");
    for (int i = 0; i < 5 && !answer; ++i) {
      store->write(samples, "test", {}, [&](auto written) { answer = std::move(written); });
      settle();
    }
    ASSERT_TRUE(answer);
    for (const auto& [at, value] : these) truth.points[at] = value;
  }
  void erase_some(Rng& rng) {
    const std::int64_t from = unix_nanoseconds(clock.wall_now() - seconds{rng.below(32 * 86400)});
    const std::int64_t to = from + Duration{minutes{1 + rng.below(60 * 40)}}.count();
    Result<void> answer = fail(Errc::internal, "no answer");
    store->erase(kDefaultTenant, {id(), from_unix_nanoseconds(from), from_unix_nanoseconds(to)},
                 [&](Result<void> result) { answer = std::move(result); });
    settle();
    pass(seconds{3});
    ASSERT_TRUE(answer);
    truth.erase(from, to);
  }
  void crash(Rng& rng) {
    keyed.drop_held_writes();
    keyed.fail_writes = keyed.fail_reads = 0;
    store.reset();
    disk.close();
    disk.fs.cut_power(rng);
    restart_process();
    boot();
  }
  /// All that is open is sealed; a crash in the middle is followed by another try.
  void roll(Rng& rng) {
    pass(minutes{20});
    for (int i = 0; i < 3 && open_windows() != 0; ++i) {
      store->seal_all([](const Result<void>&) {});
      pass(seconds{5});
    }
    const RollupOrder what = order(static_cast<int>(5 + rng.below(4)));
    if (rng.below(4) == 0) keyed.fail_writes = 1;
    if (rng.below(4) == 0) keyed.fail_reads = 1;
    if (rng.below(4) == 0) {
      keyed.hold_writes = true;
      store->roll_up({what}, [](const Result<void>&) {});
      pass(std::chrono::milliseconds{rng.below(20)});
      crash(rng);
      pass(minutes{20});
      store->seal_all([](const Result<void>&) {});
      pass(seconds{5});
    }
    if (!is_there()) return;
    // A scan that begins at the same time sees all or nothing of it.
    auto told = std::make_shared<Buckets>();
    auto outcome = std::make_shared<Result<void>>();
    const WallTime from = day_start(clock.wall_now()) - days{12};
    const Buckets wanted = truth.buckets(hours{1}, from, clock.wall_now());
    const bool is_ahead = rng.below(2) == 0;
    if (is_ahead) ask_buckets(hours{1}, from, clock.wall_now(), told, outcome);
    Result<void> made = fail(Errc::internal, "no answer");
    store->roll_up({what}, [&](Result<void> result) { made = std::move(result); });
    if (!is_ahead) ask_buckets(hours{1}, from, clock.wall_now(), told, outcome);
    settle();
    pass(seconds{5});
    if (*outcome) expect_same(*told, wanted, "beside a rollup");
    for (int i = 0; i < 3 && !made; ++i) made = roll_up(what);
    ASSERT_TRUE(made) << made.error().message;
    if (!is_there()) {
      truth.points_from = truth.hours_from = WallTime::min();
      EXPECT_TRUE(truth.visible().empty());
      return;
    }
    truth.rolled(entry().rollups.points_from, day_start(what.before[1]));
  }
  void check(Rng& rng, const std::string& where) {
    if (!is_there()) {
      EXPECT_TRUE(truth.visible().empty()) << where;
      return;
    }
    for (const Duration width : {Duration{hours{1}}, Duration{hours{3}}, kRollupDay, Duration{days{7}}}) {
      const Duration edge = width < kRollupDay ? Duration{hours{1}} : kRollupDay;
      WallTime from = part_start(clock.wall_now() - seconds{rng.below(35 * 86400)}, edge);
      WallTime to = part_start(from + seconds{rng.below(35 * 86400)}, edge) + edge;
      if (rng.below(4) == 0) from = WallTime::min();
      if (rng.below(4) == 0) to = WallTime::max();
      const auto found = buckets(width, from, to);
      if (!found) {
        ASSERT_EQ(found.error().code, Errc::unsupported) << where << found.error().message;
        ASSERT_TRUE(width < kRollupDay && truth.has_days_only(from, to)) << where;
        continue;
      }
      expect_same(*found, truth.buckets(width, from, to), where);
    }
  }
  Model truth;
};

TEST_P(RollupModelTest, AnswersWhatTheModelAnswers) {
  SeededRng rng(GetParam());
  for (int step = 0; step < 120; ++step) {
    const std::string where = "seed " + std::to_string(GetParam()) + " step " + std::to_string(step);
    const std::uint64_t what = rng.below(20);
    if (what < 11 || !is_there()) {
      write_some(rng);
    } else if (what < 13) {
      erase_some(rng);
      if (!is_there()) truth.points_from = truth.hours_from = WallTime::min();
    } else if (what < 17) {
      roll(rng);
    } else if (what == 17) {
      crash(rng);
    } else {
      pass(hours{rng.below(40)});
    }
    if (HasFatalFailure()) return;
    check(rng, where);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RollupModelTest, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace dunlin::series
