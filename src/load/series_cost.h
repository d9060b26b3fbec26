#pragma once
// The series store of this program on a disk, alone: what it takes in, what that takes of the disk, and what
// questions cost.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace dunlin::load {

inline constexpr std::size_t kMaxBenchSeries = 1'000'000;
inline constexpr std::size_t kMaxBenchPoints = 100'000;  // of a series

struct SeriesBenchOptions {
  std::string folder;           // made, and must not exist
  std::size_t series = 10'000;  // a quarter each of the four kinds of store/chunk/reference_walks.h
  std::size_t points = 1000;    // of each, a minute apart
  std::size_t batch = 10'000;   // points in one durable write; one minute of all series after another
  std::size_t questions = 2000;
};

/// Times of many calls, in microseconds.
struct CallTimes {
  double median = 0;
  double p99 = 0;
};

struct SeriesFigures {
  std::uint64_t points = 0;
  double ingest_wall_seconds = 0;  // until the last batch was on the disk and all was in chunks
  double ingest_cpu_seconds =
      0;  // of the store: its executor, the workers and RocksDB, without who makes the points
  double acknowledged_seconds = 0;  // wall, until the last batch was answered
  double start_seconds = 0;         // reading the dictionary and the log
  std::uint64_t table_bytes = 0;    // of all tables of the keyed store, after a restart
  std::uint64_t chunks = 0;
  CallTimes last_value;            // a series by its names
  CallTimes day;                   // all points of a day of one series, from the disk's cache
  CallTimes day_hours;             // the same in 24 parts
  double fleet_hours_seconds = 0;  // means of every hour of every series, CPU of all threads
  std::uint64_t fleet_hours = 0;   // how many
  std::uint64_t resident_bytes = 0;

  double points_per_cpu_second() const { return static_cast<double>(points) / ingest_cpu_seconds; }
  double bytes_per_point() const { return static_cast<double>(table_bytes) / static_cast<double>(points); }
};

/// Blocks; `progress` is told in words. Throws std::system_error when the kernel gives no descriptors or
/// threads. Errors: conflict (the folder exists), those of the stores; internal (an answer is wrong).
Result<SeriesFigures> run_series_bench(const SeriesBenchOptions& options,
                                       const std::function<void(const std::string&)>& progress);

/// What the store should reach. See docs/performance.md.
inline constexpr double kSeriesPointsGoal = 2'000'000;  // a second of CPU
inline constexpr double kSeriesBytesGoal = 0.65;        // a point
inline constexpr double kLastValueGoal = 5;             // microseconds
inline constexpr double kDayGoal = 50;                  // microseconds
inline constexpr double kFleetHoursGoal = 0.15;         // seconds for 10,000,000 points

/// A plain table.
std::string series_report_text(const SeriesFigures& figures);
/// One JSON object on one line.
std::string series_report_json(const SeriesFigures& figures);

}  // namespace dunlin::load
