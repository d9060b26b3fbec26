#include "service/analytics/windows.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "base/rng.h"
#include "service/analytics/limits.h"
#include "service/analytics/window_model.h"

namespace dunlin::analytics {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallTime kStart{seconds{1'700'006'400}};
constexpr Band kState{-2, 2};

WallTime at(int second) {
  return kStart + seconds{second};
}

struct Arrival {
  std::string key;
  Event event;
  WallTime arrived;
};

/// Events of some keys: out of order, twice, late, with clocks that jump.
std::vector<Arrival> random_arrivals(SeededRng& rng, std::size_t count) {
  std::vector<Arrival> arrivals;
  Duration now{};
  for (std::size_t i = 0; i < count; ++i) {
    now += milliseconds{rng.below(rng.below(40) == 0 ? 60'000 : 2'000)};
    Duration when = now - milliseconds{rng.below(rng.below(4) == 0 ? 20'000 : 3'000)};
    if (rng.below(50) == 0) when = now + hours{rng.below(1000)};
    // Whole seconds meet each other and the windows' edges.
    if (rng.below(3) != 0) when = std::chrono::floor<seconds>(when);
    const double value = static_cast<double>(rng.below(1000)) / 100 - 5 + (rng.below(2) == 0 ? 1e9 : 0);
    const Arrival arrival{"key" + std::to_string(rng.below(3)), {kStart + when, value}, kStart + now};
    arrivals.push_back(arrival);
    while (rng.below(5) == 0) arrivals.push_back(arrival);
  }
  return arrivals;
}

/// Which events count, by key and time: what is not behind the key's latest one by more than the lateness.
std::map<std::string, std::map<WallTime, double>> accepted(const std::vector<Arrival>& arrivals,
                                                           const WindowOptions& options,
                                                           WindowCounts& counts) {
  std::map<std::string, std::map<WallTime, double>> events;
  std::map<std::string, WallTime> latest;
  for (const Arrival& arrival : arrivals) {
    const bool ahead = arrival.event.time - arrival.arrived > options.ahead;
    const WallTime time = ahead ? arrival.arrived : arrival.event.time;
    const auto known = latest.find(arrival.key);
    if (known != latest.end() && time <= known->second - options.lateness) {
      ++counts.late;
    } else if (!events[arrival.key].emplace(time, arrival.event.value).second) {
      ++counts.duplicates;
    } else {
      if (ahead) ++counts.ahead;
      WallTime& last = latest.emplace(arrival.key, time).first->second;
      last = std::max(last, time);
    }
  }
  return events;
}

std::vector<ModelWindow> expected_windows(const std::vector<Arrival>& arrivals, const WindowOptions& options,
                                          WindowCounts& counts) {
  std::vector<ModelWindow> all;
  for (const auto& [key, values] : accepted(arrivals, options, counts)) {
    std::vector<Event> events;
    for (const auto& [time, value] : values) events.push_back({time, value});
    for (ModelWindow& window : std::visit(WindowModel(key, events), options.kind)) all.push_back(window);
  }
  return all;
}

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

/// A percentile by its definition: of few values between two of them, of many one of its rank.
bool is_percentile(double found, double q, const std::vector<Event>& events) {
  std::vector<double> sorted;
  for (const Event& event : events) sorted.push_back(event.value);
  std::ranges::sort(sorted);
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const double low = sorted[static_cast<std::size_t>(rank)];
  const double high = sorted[static_cast<std::size_t>(std::ceil(rank))];
  const auto error = [](double value) {
    return 1.001 * QuantileSketch::kRelativeError * std::abs(value) + 1e-9;
  };
  return found >= low - error(low) && found <= high + error(high);
}

void expect_same(const WindowResult& found, const ModelWindow& window) {
  const Aggregate& values = found.span.values;
  const auto& events = window.events;
  ASSERT_EQ(std::tie(found.key, found.span.begin, found.span.end),
            std::tie(window.key, window.begin, window.end));
  ASSERT_EQ(values.count(), events.size());
  EXPECT_EQ(values.first(), events.front());
  EXPECT_EQ(values.last(), events.back());
  double sum = 0;
  for (const Event& event : events) sum += event.value;
  const auto n = static_cast<double>(events.size());
  double squares = 0;
  for (const Event& event : events) squares += (event.value - sum / n) * (event.value - sum / n);
  EXPECT_TRUE(near(values.sum(), sum));
  EXPECT_TRUE(near(values.mean(), sum / n));
  EXPECT_TRUE(std::abs(values.deviation() - (n < 2 ? 0 : std::sqrt(squares / (n - 1)))) < 1e-3)
      << values.deviation() << " of values near 1e9";
  EXPECT_EQ(values.min(), std::ranges::min_element(events, {}, &Event::value)->value);
  EXPECT_EQ(values.max(), std::ranges::max_element(events, {}, &Event::value)->value);
  for (const double q : {0.0, 0.5, 0.95, 1.0})
    EXPECT_TRUE(is_percentile(values.percentile(q), q, events)) << q;
  const double span = seconds_of(events.back().time - events.front().time);
  EXPECT_TRUE(near(values.rate(), span > 0 ? (events.back().value - events.front().value) / span : 0));
  const ModelTime time = model_time(window, kState);
  EXPECT_TRUE(near(values.integral(), time.integral)) << values.integral() << ' ' << time.integral;
  EXPECT_TRUE(near(values.in_state(), time.in_state)) << values.in_state() << ' ' << time.in_state;
  EXPECT_TRUE(near(values.time_weighted_mean(), time.known > 0 ? time.integral / time.known : sum / n));
}

std::vector<WindowOptions> one_of_each() {
  std::vector<WindowOptions> all;
  for (const decltype(WindowOptions::kind)& kind : std::initializer_list<decltype(WindowOptions::kind)>{
           TumblingWindow{seconds{10}}, TumblingWindow{minutes{5}, minutes{90}},
           HoppingWindow{seconds{60}, seconds{15}}, HoppingWindow{seconds{25}, seconds{10}, -seconds{3}},
           HoppingWindow{seconds{10}, seconds{35}}, SlidingWindow{seconds{7}}, SlidingWindow{minutes{1}},
           SessionWindow{seconds{4}}, SessionWindow{seconds{30}, minutes{2}}, CountWindow{10},
           CountWindow{9, 6}, CountWindow{4, 10}, CountWindow{100, 1}})
    all.push_back({kind, {}, seconds{5}, {}, {AggregateOptions::Percentiles::kept, kState}});
  return all;
}

/// `restart`: after so many events on average everything is saved, and goes on in new windows.
std::vector<WindowResult> run(const std::vector<Arrival>& arrivals, const WindowOptions& options,
                              SeededRng& rng, std::uint64_t restart, WindowCounts& counts) {
  auto windows = std::make_unique<KeyedWindows>(options);
  std::map<std::string, std::string> saved;
  std::vector<WindowResult> results;
  const auto take = [&results](std::vector<WindowResult>&& more) {
    std::ranges::move(more, std::back_inserter(results));
  };
  const auto count = [&] {
    counts.late += windows->counts().late;
    counts.duplicates += windows->counts().duplicates;
    counts.ahead += windows->counts().ahead;
    counts.crowded += windows->counts().crowded + windows->counts().refused;
  };
  for (const Arrival& arrival : arrivals) {
    take(windows->add(arrival.key, arrival.event, arrival.arrived));
    if (restart == 0 || rng.below(restart) != 0) continue;
    for (const std::string& key : windows->take_changed()) saved[key] = windows->save(key);
    count();
    windows = std::make_unique<KeyedWindows>(options);
    for (const auto& [key, bytes] : saved) EXPECT_TRUE(windows->restore(key, bytes));
  }
  take(windows->close());
  count();
  return results;
}

void expect_as_the_model(std::uint64_t seed, std::uint64_t restart) {
  SeededRng rng(seed);
  const auto all = one_of_each();
  for (std::size_t i = 0; i < all.size(); ++i) {
    WindowOptions options = all[i];
    options.lateness = seconds{rng.below(3) * 5};
    options.ahead = seconds{rng.below(20)};
    const auto arrivals = random_arrivals(rng, 50 + rng.below(400));
    WindowCounts wanted;
    auto expected = expected_windows(arrivals, options, wanted);
    WindowCounts counts;
    auto found = run(arrivals, options, rng, restart, counts);
    const auto by_end = [](const auto& a, const auto& b) { return a < b; };
    std::ranges::sort(expected, by_end, [](auto& w) { return std::tuple(w.key, w.end, w.begin); });
    std::ranges::sort(found, by_end, [](auto& r) { return std::tuple(r.key, r.span.end, r.span.begin); });
    SCOPED_TRACE("seed " + std::to_string(seed) + ", options " + std::to_string(i));
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      expect_same(found[k], expected[k]);
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_EQ(std::tie(counts.late, counts.duplicates, counts.ahead, counts.crowded),
              std::tie(wanted.late, wanted.duplicates, wanted.ahead, wanted.crowded));
  }
}

TEST(WindowsTest, AreWhatAllEventsAtOnceGive) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) expect_as_the_model(seed, 0);
}

TEST(WindowsTest, AreTheSameAcrossRestarts) {
  for (std::uint64_t seed = 101; seed <= 110; ++seed) expect_as_the_model(seed, 20);
}

TEST(WindowsTest, DoNotDependOnTheOrderWithinTheLateness) {
  for (WindowOptions options : one_of_each()) {
    options.lateness = seconds{30};
    SeededRng rng(5);
    std::vector<Arrival> ordered;
    for (int i = 0; i < 300; ++i) ordered.push_back({"a", {at(i), rng.unit()}, at(i)});
    auto shuffled = ordered;
    // Blocks of 20 in any order: none is behind by more than that.
    for (std::size_t block = 0; block < shuffled.size(); block += 20) {
      for (std::size_t i = 19; i > 0; --i) std::swap(shuffled[block + i], shuffled[block + rng.below(i + 1)]);
    }
    for (Arrival& arrival : shuffled) arrival.arrived = at(400);
    WindowCounts counts;
    const auto one = run(ordered, options, rng, 0, counts);
    const auto two = run(shuffled, options, rng, 0, counts);
    ASSERT_EQ(one.size(), two.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(one[i].span.end, two[i].span.end);
      EXPECT_EQ(one[i].span.values.sum(), two[i].span.values.sum()) << "to the last digit";
      EXPECT_EQ(one[i].span.values.integral(), two[i].span.values.integral());
    }
    EXPECT_EQ(counts.late + counts.duplicates + counts.crowded, 0U);
  }
}

/// "key begin-end n", in seconds from the start.
std::vector<std::string> texts(const std::vector<WindowResult>& results) {
  std::vector<std::string> found;
  const auto second = [](WallTime time) { return std::to_string((time - kStart) / seconds{1}); };
  for (const WindowResult& result : results)
    found.push_back(result.key + ' ' + second(result.span.begin) + '-' + second(result.span.end) + ' ' +
                    std::to_string(result.span.values.count()));
  return found;
}

TEST(WindowsTest, OneKeyDoesNotWaitForAnother) {
  KeyedWindows windows({TumblingWindow{seconds{10}}});
  EXPECT_THAT(windows.add("idle", {at(1), 1}, at(1)), IsEmpty());
  EXPECT_THAT(windows.add("busy", {at(2), 1}, at(2)), IsEmpty());
  EXPECT_THAT(texts(windows.add("busy", {at(12), 1}, at(12))), ElementsAre("busy 0-10 1"));
  EXPECT_THAT(windows.add("idle", {at(3), 1}, at(13)), IsEmpty()) << "behind the other's clock, not its own";
  EXPECT_THAT(texts(windows.add("idle", {at(10), 1}, at(14))), ElementsAre("idle 0-10 2"));
}

TEST(WindowsTest, ASilentKeyGoesOnByOurClock) {
  KeyedWindows windows({TumblingWindow{seconds{10}}, seconds{2}, seconds{5}, seconds{30}});
  // Its own clock is an hour behind.
  windows.add("a", {at(4) - hours{1}, 1}, at(4));
  EXPECT_THAT(windows.look(at(34)), IsEmpty());
  EXPECT_THAT(windows.look(at(41)), IsEmpty())
      << "seven seconds past the idle time: at 11 less 2 of lateness";
  EXPECT_THAT(texts(windows.look(at(42))), ElementsAre("a -3600--3590 1"));
  windows.add("a", {at(5) - hours{1}, 1}, at(43));
  EXPECT_EQ(windows.counts().late, 1U) << "that window has ended";
  windows.add("a", {at(30) - hours{1}, 1}, at(44));
  EXPECT_EQ(windows.counts().late, 1U);
  EXPECT_THAT(texts(windows.close()), ElementsAre("a -3570--3560 1"));
}

TEST(WindowsTest, AClockThatJumpsAheadEndsNothing) {
  KeyedWindows windows({TumblingWindow{seconds{10}}, {}, seconds{5}});
  windows.add("a", {at(1), 1}, at(1));
  EXPECT_THAT(windows.add("a", {at(2) + hours{9000}, 2}, at(2)), IsEmpty());
  EXPECT_EQ(windows.counts().ahead, 1U);
  windows.add("a", {at(3), 3}, at(3));
  EXPECT_THAT(texts(windows.close()), ElementsAre("a 0-10 3"));
}

TEST(WindowsTest, EdgesBelongToTheWindowThatBegins) {
  KeyedWindows windows({HoppingWindow{seconds{20}, seconds{10}}});
  std::vector<std::string> found;
  for (const int second : {0, 10, 19, 20, 39, 40})
    std::ranges::move(texts(windows.add("a", {at(second), 1}, at(second))), std::back_inserter(found));
  EXPECT_THAT(found, ElementsAre("a -10-10 1", "a 0-20 3", "a 10-30 3", "a 20-40 2"));
}

TEST(WindowsTest, RefusesWhatIsNoEvent) {
  KeyedWindows windows({TumblingWindow{seconds{10}}});
  windows.add("a", {at(0), std::numeric_limits<double>::quiet_NaN()}, at(0));
  windows.add("a", {at(0), std::numeric_limits<double>::infinity()}, at(0));
  windows.add("a", {WallTime::min(), 1}, at(0));
  windows.add("a", {at(0), 1}, WallTime::max());
  windows.add(std::string(kMaxWindowKeyBytes + 1, 'k'), {at(0), 1}, at(0));
  EXPECT_EQ(windows.counts().refused, 5U);
  EXPECT_EQ(windows.keys(), 0U);
}

TEST(WindowsTest, StaysANumberWhateverComes) {
  SeededRng rng(6);
  const std::vector<double> extremes{0, 1e308, -1e308, 5e-324, 1e140, 1};
  for (const WindowOptions& options : one_of_each()) {
    KeyedWindows windows(options);
    for (int i = 0; i < 2000; ++i) {
      const WallTime time{Duration{static_cast<std::int64_t>(rng.next())}};
      for (const WindowResult& result : windows.add("a", {time, extremes[rng.below(6)]}, time)) {
        ASSERT_TRUE(std::isfinite(result.span.values.deviation()));
        ASSERT_TRUE(std::isfinite(result.span.values.time_weighted_mean()));
      }
      const std::string saved = windows.save("a");
      ASSERT_TRUE(saved.empty() || windows.restore("a", saved));
    }
  }
}

TEST(WindowsTest, HoldsNoMoreThanItsLimits) {
  KeyedWindows windows({SlidingWindow{hours{24}}, hours{24}, {}, {}, {}});
  const auto count = static_cast<int>(kMaxWindowEvents) + 100;
  for (int i = 0; i < count; ++i) windows.add("a", {at(i), 1}, at(i));
  EXPECT_EQ(windows.counts().crowded, 100U) << "they did not wait for a day";
  EXPECT_LE(windows.save("a").size(), 25 * kMaxWindowEvents);
  windows.remove("a");
  EXPECT_EQ(windows.keys(), 0U);
  EXPECT_EQ(windows.save("a"), "");
}

TEST(WindowsTest, RefusesSavedStatesThatAreDamagedOrOfAnother) {
  const auto all = one_of_each();
  for (const WindowOptions& options : all) {
    KeyedWindows windows(options);
    for (int i = 0; i < 60; ++i) windows.add("a", {at(i), i % 5 - 1.0}, at(i));
    const std::string saved = windows.save("a");
    KeyedWindows other(options);
    ASSERT_TRUE(other.restore("a", saved));
    EXPECT_EQ(other.save("a"), saved);
    for (std::size_t size = 0; size < saved.size(); ++size)
      ASSERT_FALSE(other.restore("a", saved.substr(0, size)));
    EXPECT_FALSE(other.restore("a", saved + 'x'));
    for (const WindowOptions& another : all) {
      const bool other_kind = another.kind.index() != options.kind.index();
      EXPECT_FALSE(other_kind && KeyedWindows(another).restore("a", saved));
    }
  }
}

TEST(WindowsTest, RefusesOptionsThatMakeNoSense) {
  const auto why = [](const WindowOptions& options) {
    const auto checked = check(options);
    return checked ? std::string("accepted") : checked.error().message;
  };
  for (const WindowOptions& options : one_of_each()) EXPECT_EQ(why(options), "accepted");
  EXPECT_THAT(why({TumblingWindow{}}), HasSubstr("too short"));
  EXPECT_THAT(why({TumblingWindow{hours{24 * 400}}}), HasSubstr("a year"));
  EXPECT_THAT(why({TumblingWindow{hours{1}, hours{24}}}), HasSubstr("offset"));
  EXPECT_THAT(why({HoppingWindow{hours{1}, milliseconds{1001}}}), HasSubstr("common part"));
  EXPECT_THAT(why({SessionWindow{seconds{1}, -seconds{1}}}), HasSubstr("longest session"));
  EXPECT_THAT(why({CountWindow{0}}), HasSubstr("no events"));
  EXPECT_THAT(why({CountWindow{2'000'000}}), HasSubstr("1000000"));
  EXPECT_THAT(why({SlidingWindow{seconds{1}}, -seconds{1}}), HasSubstr("lateness"));
  WindowOptions state{SlidingWindow{seconds{1}}};
  state.aggregate.state = Band{2, 1};
  EXPECT_THAT(why(state), HasSubstr("state"));
}

/// Central European time, as its file has it.
std::shared_ptr<const TimeZone> central_european() {
  std::string bytes;
  for (const int types : {1, 1}) {
    bytes += "TZif2" + std::string(15, '\0') + std::string(19, '\0') + static_cast<char>(types);
    bytes += std::string(3, '\0') + '\4' + std::string(6, '\0') + std::string("CET\0", 4);
  }
  return std::make_shared<const TimeZone>(
      *TimeZone::decode(as_bytes(bytes + "\nCET-1CEST,M3.5.0,M10.5.0/3\n")));
}

TEST(WindowsTest, DaysOfATimeZoneHave23And25Hours) {
  const auto zone = central_european();
  const auto hours_of = [&zone](int month, unsigned day) {
    KeyedWindows windows({TumblingWindow{.length = std::chrono::hours{24}, .zone = zone}});
    const WallTime begin{std::chrono::sys_days{std::chrono::year{2026} / month / static_cast<int>(day)}};
    std::vector<WindowResult> ended;
    // An event each half hour from two days before on.
    for (int i = -96; i < 144; ++i) {
      const WallTime time = begin + minutes{30 * i};
      for (auto& result : windows.add("k", {time, 1}, time)) ended.push_back(std::move(result));
    }
    std::vector<int> found;
    for (std::size_t k = 1; k < ended.size(); ++k) {
      const auto& span = ended[k].span;
      EXPECT_EQ(span.begin, ended[k - 1].span.end);
      EXPECT_EQ(static_cast<int>(span.values.count()), 2 * ((span.end - span.begin) / std::chrono::hours{1}));
      found.push_back(static_cast<int>((span.end - span.begin) / std::chrono::hours{1}));
    }
    return found;
  };
  EXPECT_THAT(hours_of(3, 29), testing::ElementsAre(24, 23, 24, 24));
  EXPECT_THAT(hours_of(10, 25), testing::ElementsAre(24, 25, 24, 24));
  EXPECT_THAT(hours_of(6, 10), testing::Each(24));
  EXPECT_FALSE(check({TumblingWindow{.length = std::chrono::hours{12}, .zone = zone}}).has_value());
}

}  // namespace
}  // namespace dunlin::analytics
