// What a field costs to read, beside a decoder that cuts lines into strings.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "wire/line_protocol/decoder.h"
#include "wire/line_protocol/encoder.h"
#include "wire/line_protocol/key.h"

namespace {

using namespace dunlin::line_protocol;

constexpr int kLines = 1000;

/// One field a line, as a sensor sends it, and nine, as TSBS's trucks do.
std::string sensor_lines() {
  std::string lines;
  for (int i = 0; i < kLines; ++i) {
    lines += "temperature,device=sensor-" + std::to_string(i) +
             ",site=plant1 value=" + std::to_string(15 + i % 20) + "." + std::to_string(i % 10) +
             " 1451606400000000000\n";
  }
  return lines;
}
std::string truck_lines() {
  std::string lines;
  for (int i = 0; i < kLines; ++i) {
    lines += "readings,name=truck_" + std::to_string(i) +
             ",fleet=West,driver=Seth,model=H-2,device_version=v1.5 latitude=52.31854,longitude=4.72037,"
             "elevation=124,velocity=" +
             std::to_string(i % 100) + ",heading=221,grade=0,fuel_consumption=25.3,status=4i,load=482" +
             " 1451609990000000000\n";
  }
  return lines;
}

void read(benchmark::State& state, const std::string& input) {
  std::int64_t fields = 0;
  for (auto round : state) {
    Decoder decoder(input);
    while (const auto line = decoder.next()) {
      fields += static_cast<std::int64_t>((*line)->fields.size());
      benchmark::DoNotOptimize((*line)->fields.data());
    }
  }
  state.SetItemsProcessed(fields);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.size()));
}
BENCHMARK_CAPTURE(read, sensor, sensor_lines());
BENCHMARK_CAPTURE(read, truck, truck_lines());

void read_with_key(benchmark::State& state, const std::string& input) {
  std::int64_t fields = 0;
  for (auto round : state) {
    Decoder decoder(input);
    while (const auto line = decoder.next()) {
      const auto key = read_key((*line)->key);
      benchmark::DoNotOptimize(key->tag_count);
      fields += static_cast<std::int64_t>((*line)->fields.size());
    }
  }
  state.SetItemsProcessed(fields);
}
BENCHMARK_CAPTURE(read_with_key, truck, truck_lines());

std::vector<std::string> cut(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void cut_into_strings(benchmark::State& state, const std::string& input) {
  std::int64_t fields = 0;
  for (auto round : state) {
    for (const std::string& line : cut(input, '\n')) {
      const auto parts = cut(line, ' ');
      if (parts.size() < 2) continue;
      benchmark::DoNotOptimize(cut(parts[0], ','));
      for (const std::string& field : cut(parts[1], ',')) {
        benchmark::DoNotOptimize(std::stod(field.substr(field.find('=') + 1)));
        ++fields;
      }
    }
  }
  state.SetItemsProcessed(fields);
}
BENCHMARK_CAPTURE(cut_into_strings, truck, truck_lines());

}  // namespace
