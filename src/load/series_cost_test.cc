#include "load/series_cost.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

namespace dunlin::load {
namespace {

TEST(SeriesCostTest, MeasuresARealStoreAndLosesNothing) {
  std::string pattern = (std::filesystem::temp_directory_path() / "dunlin-series-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  SeriesBenchOptions options{
      .folder = pattern + "/data", .series = 40, .points = 300, .batch = 1000, .questions = 20};
  const auto figures = run_series_bench(options, [](const std::string&) {});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->points, 12'000U);
  EXPECT_EQ(figures->chunks, 40U * 3);
  EXPECT_EQ(figures->fleet_hours, 40U * 5);
  EXPECT_GT(figures->table_bytes, 0U);
  EXPECT_GT(figures->points_per_cpu_second(), 0);
  EXPECT_LE(figures->day.median, figures->day.p99);
  const auto json = boost::json::parse(series_report_json(*figures));
  EXPECT_EQ(json.at("points").to_number<int>(), 12'000);
  EXPECT_NE(series_report_text(*figures).find("12000 points"), std::string::npos);
  EXPECT_EQ(run_series_bench(options, [](const std::string&) {}).error().code, Errc::conflict);
  std::filesystem::remove_all(pattern);
}

}  // namespace
}  // namespace dunlin::load
