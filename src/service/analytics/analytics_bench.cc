// What a point costs.
#include <benchmark/benchmark.h>

#include "base/rng.h"
#include "service/analytics/detector.h"

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

}  // namespace
