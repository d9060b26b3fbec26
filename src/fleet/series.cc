#include "fleet/series.h"

#include <array>
#include <charconv>
#include <string>

#include "base/core/assert.h"
#include "base/time_text.h"
#include "fleet/limits.h"

#define DUNLIN_EMBEDDED(name)                          \
  extern "C" const char dunlin_fleet_##name##_begin[]; \
  extern "C" const char dunlin_fleet_##name##_end[]
DUNLIN_EMBEDDED(machine_temperature);
DUNLIN_EMBEDDED(ambient_temperature);
DUNLIN_EMBEDDED(processor_load);
DUNLIN_EMBEDDED(taxi_passengers);
DUNLIN_EMBEDDED(factory);
#undef DUNLIN_EMBEDDED

namespace dunlin::fleet {
namespace {

constexpr std::array<std::string_view, 4> kNames{"machine_temperature", "ambient_temperature",
                                                 "processor_load", "taxi_passengers"};

std::string_view text_between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::string_view csv_of(SeriesName name) {
  switch (name) {
    case SeriesName::machine_temperature:
      return text_between(dunlin_fleet_machine_temperature_begin, dunlin_fleet_machine_temperature_end);
    case SeriesName::ambient_temperature:
      return text_between(dunlin_fleet_ambient_temperature_begin, dunlin_fleet_ambient_temperature_end);
    case SeriesName::processor_load:
      return text_between(dunlin_fleet_processor_load_begin, dunlin_fleet_processor_load_end);
    case SeriesName::taxi_passengers:
      return text_between(dunlin_fleet_taxi_passengers_begin, dunlin_fleet_taxi_passengers_end);
  }
  return {};
}

// "2013-12-02 21:15:00,73.96732207". The bytes are part of the program, so a fault in them is a fault of the
// build.
void add_row(std::string_view line, Series& into) {
  const std::size_t comma = line.find(',');
  DUNLIN_ASSERT(comma == 19);
  std::string stamp(line.substr(0, comma));
  stamp[10] = 'T';
  const auto time = parse_rfc3339(stamp + "Z");
  double value = 0;
  const char* end = line.data() + line.size();
  const auto read = std::from_chars(line.data() + comma + 1, end, value);
  DUNLIN_ASSERT(time.has_value() && read.ec == std::errc{} && read.ptr == end);
  into.times.push_back(*time);
  into.values.push_back(value);
}

Series parse(std::string_view csv) {
  Series made;
  bool heading = true;
  while (!csv.empty()) {
    const std::size_t end = std::min(csv.find('\n'), csv.size());
    std::string_view line = csv.substr(0, end);
    csv.remove_prefix(std::min(end + 1, csv.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && !heading) add_row(line, made);
    heading = false;
  }
  DUNLIN_ASSERT(made.values.size() > 1 && made.values.size() <= kMaxSeriesRows);
  made.interval = made.times[1] - made.times[0];
  DUNLIN_ASSERT(made.interval > Duration::zero());
  return made;
}

template <SeriesName Name>
const Series& parsed() {
  static const Series kSeries = parse(csv_of(Name));
  return kSeries;
}

}  // namespace

std::optional<SeriesName> series_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<SeriesName>(i);
  }
  return std::nullopt;
}

const Series& series(SeriesName name) {
  switch (name) {
    case SeriesName::machine_temperature:
      return parsed<SeriesName::machine_temperature>();
    case SeriesName::ambient_temperature:
      return parsed<SeriesName::ambient_temperature>();
    case SeriesName::processor_load:
      return parsed<SeriesName::processor_load>();
    case SeriesName::taxi_passengers:
      break;
  }
  return parsed<SeriesName::taxi_passengers>();
}

std::string_view factory_toml() {
  return text_between(dunlin_fleet_factory_begin, dunlin_fleet_factory_end);
}

}  // namespace dunlin::fleet
