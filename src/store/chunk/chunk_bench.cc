// What a point costs: time to encode and to decode, and bytes, on the data that engines are compared with.
#include <benchmark/benchmark.h>

#include "store/chunk/chunk.h"
#include "store/chunk/reference_walks.h"

namespace {

using namespace dunlin;
using namespace dunlin::store;

constexpr std::size_t kPoints = 120;  // two hours

void encode(benchmark::State& state) {
  SeededRng rng(1);
  const ChunkPoints points = walk_points(static_cast<unsigned>(state.range(0)), kPoints, rng);
  std::size_t bytes = 0;
  for (auto round : state) {
    const std::string chunk = encode_chunk(points);
    bytes = chunk.size();
    benchmark::DoNotOptimize(chunk.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPoints));
  state.counters["bytes_per_point"] = static_cast<double>(bytes) / kPoints;
}
BENCHMARK(encode)->DenseRange(0, kWalks - 1);

void decode(benchmark::State& state) {
  SeededRng rng(1);
  const ChunkPoints points = walk_points(static_cast<unsigned>(state.range(0)), kPoints, rng);
  const std::string chunk = encode_chunk(points);
  for (auto round : state) {
    const auto decoded = decode_chunk(points.times.front(), chunk);
    benchmark::DoNotOptimize(decoded->times.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPoints));
}
BENCHMARK(decode)->DenseRange(0, kWalks - 1);

void read_summary(benchmark::State& state) {
  SeededRng rng(1);
  const ChunkPoints points = walk_points(static_cast<unsigned>(state.range(0)), kPoints, rng);
  const std::string chunk = encode_chunk(points);
  for (auto round : state) benchmark::DoNotOptimize(read_chunk_summary(points.times.front(), chunk)->sum);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_summary)->DenseRange(0, kWalks - 1);

}  // namespace
