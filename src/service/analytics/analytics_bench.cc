// What a point costs.
#include <benchmark/benchmark.h>

#include <cmath>
#include <numbers>

#include "base/rng.h"
#include "service/analytics/detector.h"
#include "service/analytics/forecaster.h"
#include "service/analytics/windows.h"

namespace {

using namespace dunlin;
using namespace dunlin::analytics;

void detect(benchmark::State& state) {
  SeededRng rng(1);
  Detector detector;
  WallTime time{};
  double value = 0;
  for (auto round : state) {
    time += std::chrono::minutes{5};
    value += 200 * rng.unit() - 100;
    benchmark::DoNotOptimize(detector.add(time, value));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["state_bytes"] = sizeof(Detector);
}
BENCHMARK(detect);

void forecast(benchmark::State& state) {
  SeededRng rng(1);
  Forecaster forecaster;
  WallTime time{};
  const auto add = [&] {
    time += std::chrono::minutes{30};
    const double hour = static_cast<double>(time.time_since_epoch() / std::chrono::minutes{30});
    forecaster.add(time, 20 + 5 * std::sin(hour * 2 * std::numbers::pi / 48) + rng.unit());
  };
  for (int i = 0; i < 2000; ++i) add();
  for (auto round : state) add();
  state.SetItemsProcessed(state.iterations());
  state.counters["saved_bytes"] = static_cast<double>(forecaster.save().size());
}
BENCHMARK(forecast);

void hopping_windows(benchmark::State& state) {
  SeededRng rng(1);
  KeyedWindows windows(
      {HoppingWindow{std::chrono::hours{1}, std::chrono::minutes{10}}, std::chrono::seconds{30}});
  WallTime time{};
  for (auto round : state) {
    time += std::chrono::seconds{1};
    const Event event{time - std::chrono::seconds{rng.below(20)}, rng.unit()};
    benchmark::DoNotOptimize(windows.add("key", event, time));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hopping_windows);

}  // namespace
