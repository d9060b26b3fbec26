#pragma once
// The series of real machines that travel inside the program (data/nab) and the text of the reference site.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace dunlin::fleet {

enum class SeriesName : std::uint8_t {
  machine_temperature,  // degrees Fahrenheit, every 5 minutes
  ambient_temperature,  // degrees Fahrenheit, hourly
  processor_load,       // percent, every 5 minutes
  taxi_passengers,      // per half hour
};

/// The name used in a site file, e.g. "machine_temperature"; nullopt for any other.
std::optional<SeriesName> series_named(std::string_view name);

struct Series {
  Duration interval{};          // between two rows
  std::vector<WallTime> times;  // as recorded; the recording has gaps
  std::vector<double> values;   // as many
};

/// Read at the first call, then kept. Any thread.
const Series& series(SeriesName name);

/// The reference site as TOML (src/fleet/factory.toml).
std::string_view factory_toml();

}  // namespace dunlin::fleet
