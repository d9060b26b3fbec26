// series.forecast and series.expected over a store with a day of points.
#include "service/monitor/forecast_operations.h"

#include <boost/json.hpp>
#include <cmath>

#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"

namespace dunlin::monitor {
namespace {

struct ForecastOperationsTest : model::testing::ServiceTest {
  void SetUp() override {
    store = std::make_unique<series::SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    store->open([](Result<void> opened) { ASSERT_TRUE(opened.has_value()); });
    settle();
    forecasts = std::make_unique<ForecastOperations>(*executor, *store);
    forecasts->declare(table);
  }
  /// A point a minute.
  void fill(int minutes, const std::function<double(int)>& value) {
    const auto number = store->resolve(kDefaultTenant, "tank", "level", "m");
    std::vector<series::NewPoint> points;
    for (int i = 0; i < minutes; ++i)
      points.push_back({*number, {begin + std::chrono::minutes{i}, value(i)}});
    store->write_points(std::move(points), [](Result<void> stored) { ASSERT_TRUE(stored.has_value()); });
    settle();
  }
  std::string error(std::string_view operation, boost::json::object request) {
    const auto answer = call(operation, std::move(request));
    return answer ? "" : std::string(errc_name(answer.error().code));
  }

  const WallTime begin = clock.wall_now() - std::chrono::hours{24};
  series::SampleDisk disk;
  std::unique_ptr<series::SeriesStore> store;
  std::unique_ptr<ForecastOperations> forecasts;
};

TEST_F(ForecastOperationsTest, ForetellsAndSaysWhenALimitIsReached) {
  fill(600, [](int minute) { return 20 + minute / 10.0; });
  const auto answer =
      call("series.forecast", {{"device", "tank"}, {"channel", "level"}, {"steps", 10}, {"limit", 83}});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->at("unit").as_string(), "m");
  EXPECT_EQ(answer->at("step_seconds").to_number<double>(), 60);
  EXPECT_EQ(answer->at("points").to_number<int>(), 600);
  ASSERT_EQ(answer->at("value").as_array().size(), 10U);
  EXPECT_NEAR(answer->at("value").at(9).to_number<double>(), 80.9, 0.5);
  EXPECT_LE(answer->at("low").at(9).to_number<double>(), answer->at("high").at(9).to_number<double>());
  EXPECT_TRUE(answer->as_object().contains("reaches"));
}

TEST_F(ForecastOperationsTest, OfAPointEveryFourHoursNothingWasRead) {
  const auto number = store->resolve(kDefaultTenant, "tank", "level", "m");
  std::vector<series::NewPoint> points;
  for (int i = 0; i < 200; ++i)
    points.push_back({*number, {begin - std::chrono::hours{4 * (200 - i)}, 20.0 + i}});
  store->write_points(std::move(points), [](Result<void> stored) { ASSERT_TRUE(stored.has_value()); });
  settle();
  for (int i = 0; i < 40; ++i) pass(std::chrono::minutes{10});
  const series::SeriesInfo* info = store->find(kDefaultTenant, "tank", "level");
  ASSERT_GT(store->entry(info->id)->points, 0U) << "they are counted once they are sealed";
  const auto answer = call("series.forecast", {{"device", "tank"}, {"channel", "level"}, {"steps", 10}});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_GT(answer->at("points").to_number<int>(), 100);
}

TEST_F(ForecastOperationsTest, TellsWhereValuesWereExpected) {
  fill(1440, [](int minute) { return minute == 1000 ? 90.0 : 20 + 5 * std::sin(minute / 10.0); });
  const auto at = [this](int minute) { return unix_milliseconds(begin + std::chrono::minutes{minute}); };
  const auto answer =
      call("series.expected",
           {{"device", "tank"}, {"channel", "level"}, {"from", at(900)}, {"to", at(1100)}, {"points", 100}});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  const auto& times = answer->at("t").as_array();
  ASSERT_EQ(times.size(), 100U);
  EXPECT_EQ(times[0].to_number<std::int64_t>(), at(900));
  for (int i = 0; i < 45; ++i) {
    EXPECT_LT(answer->at("low").at(i).to_number<double>(), 26) << i;
    EXPECT_GT(answer->at("high").at(i).to_number<double>(), 14) << i;
    EXPECT_LT(answer->at("score").at(i).to_number<double>(), 0.5) << i;
  }
  EXPECT_GE(answer->at("score").at(50).to_number<double>(), 0.5) << "the minute 1000";
}

TEST_F(ForecastOperationsTest, RefusesWhatMakesNoSense) {
  fill(10, [](int) { return 1.0; });
  const boost::json::object tank{{"device", "tank"}, {"channel", "level"}};
  const auto with = [&tank](std::string_view name, boost::json::value value) {
    boost::json::object made = tank;
    made[name] = std::move(value);
    return made;
  };
  EXPECT_EQ(error("series.forecast", {{"device", "tank"}, {"channel", "none"}}), "not_found");
  EXPECT_EQ(error("series.forecast", with("steps", 0)), "invalid_argument");
  EXPECT_EQ(error("series.forecast", with("steps", 1001)), "invalid_argument");
  EXPECT_EQ(error("series.expected", with("points", 0)), "invalid_argument");
  EXPECT_EQ(error("series.expected", with("to", 5)), "");
  EXPECT_EQ(error("series.expected", {{"device", "none"}, {"channel", "level"}}), "not_found");
  const auto few = call("series.forecast", tank);
  EXPECT_TRUE(few->at("time").as_array().empty()) << "too few points to know";
}

}  // namespace
}  // namespace dunlin::monitor
