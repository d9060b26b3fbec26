#include <fmt/format.h>

#include <boost/json.hpp>

#include "load/series_cost.h"

namespace dunlin::load {
namespace {

constexpr double kMega = 1e6;

boost::json::object json_of(const CallTimes& times) {
  return {{"p50_us", times.median}, {"p99_us", times.p99}};
}

/// The CPU time that the goal allows is for ten million points.
double fleet_seconds_of_ten_million(const SeriesFigures& figures) {
  return figures.fleet_hours_seconds * 10 * kMega / static_cast<double>(figures.points);
}

}  // namespace

std::string series_report_text(const SeriesFigures& figures) {
  const auto line = [](std::string_view what, const std::string& value, std::string_view goal) {
    return fmt::format("  {:<34} {:<34} {}\n", what, value, goal);
  };
  const auto times = [](const CallTimes& one) {
    return fmt::format("{:.2f} us, p99 {:.2f}", one.median, one.p99);
  };
  std::string text = fmt::format("{} points, a durable write for each batch\n", figures.points);
  text += line("points a second of CPU", fmt::format("{:.0f}", figures.points_per_cpu_second()),
               fmt::format("goal {:.0f}", kSeriesPointsGoal));
  text += line("points a second, acknowledged",
               fmt::format("{:.0f}", static_cast<double>(figures.points) / figures.acknowledged_seconds), "");
  text += line("bytes a point in the tables",
               fmt::format("{:.3f} ({} chunks)", figures.bytes_per_point(), figures.chunks),
               fmt::format("goal {}", kSeriesBytesGoal));
  text += line("last value", times(figures.last_value), fmt::format("goal {} us", kLastValueGoal));
  text += line("a day of one series", times(figures.day), fmt::format("goal {} us", kDayGoal));
  text += line("the same in 24 parts", times(figures.day_hours), "");
  text += line("means of every hour, all series",
               fmt::format("{:.3f} s of CPU, {} means", figures.fleet_hours_seconds, figures.fleet_hours),
               fmt::format("goal {} s for 10 million points; here {:.3f}", kFleetHoursGoal,
                           fleet_seconds_of_ten_million(figures)));
  text += line("start", fmt::format("{:.3f} s", figures.start_seconds), "");
  text +=
      line("memory", fmt::format("{:.0f} MiB", static_cast<double>(figures.resident_bytes) / (1 << 20)), "");
  return text;
}

std::string series_report_json(const SeriesFigures& figures) {
  const boost::json::object all{{"points", figures.points},
                                {"points_per_cpu_second", figures.points_per_cpu_second()},
                                {"ingest_cpu_seconds", figures.ingest_cpu_seconds},
                                {"ingest_wall_seconds", figures.ingest_wall_seconds},
                                {"acknowledged_seconds", figures.acknowledged_seconds},
                                {"start_seconds", figures.start_seconds},
                                {"table_bytes", figures.table_bytes},
                                {"bytes_per_point", figures.bytes_per_point()},
                                {"chunks", figures.chunks},
                                {"last_value", json_of(figures.last_value)},
                                {"day", json_of(figures.day)},
                                {"day_hours", json_of(figures.day_hours)},
                                {"fleet_hours_cpu_seconds", figures.fleet_hours_seconds},
                                {"fleet_hours", figures.fleet_hours},
                                {"resident_bytes", figures.resident_bytes}};
  return boost::json::serialize(all);
}

}  // namespace dunlin::load
