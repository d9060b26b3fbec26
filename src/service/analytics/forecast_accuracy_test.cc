// Forecasts of recorded series beside the seasonal naive one (the value one season before), on the same
// points: from every seventh value the next day is foretold, from what came before it alone.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cmath>
#include <iostream>
#include <map>

#include "base/fs.h"
#include "service/analytics/csv.h"
#include "service/analytics/forecaster.h"

namespace dunlin::analytics {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::string file(const std::string& name) {
  return *read_file(*make_system_fs(), std::string(DUNLIN_SOURCE_DIR) + "/data/nab/" + name);
}

std::map<WallTime, double> series(const std::string& name) {
  const std::string text = file(name);
  std::map<WallTime, double> values;
  CsvReader reader;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const auto row = *reader.read(std::string_view(text).substr(at, end - at)))
      values[row->time] = row->number;
    at = end + 1;
  }
  return values;
}

/// Times with labelled anomalies are nobody's to foretell.
class Labels {
 public:
  explicit Labels(const std::string& name) {
    const auto all = boost::json::parse(file("windows.json"));
    for (const auto& window : all.at(name).as_array())
      windows_.emplace_back(*parse_timestamp(std::string(window.at(0).as_string())),
                            *parse_timestamp(std::string(window.at(1).as_string())));
  }
  bool hold(WallTime time) const {
    return std::ranges::any_of(windows_, [time](auto& w) { return w.first <= time && time <= w.second; });
  }

 private:
  std::vector<std::pair<WallTime, WallTime>> windows_;
};

struct Accuracy {
  double model = 0;  // sums of the errors' sizes
  double naive = 0;
  double inside = 0;
  double points = 0;
  double mase() const { return model / naive; }
  double coverage() const { return inside / points; }
};

struct Trial {
  std::string name;
  Duration season;    // of the naive forecast
  std::size_t steps;  // foretold: a day
};

Accuracy judge(const Trial& trial) {
  constexpr int kLearning = 1200;  // values
  const auto values = series(trial.name);
  const Labels labels(trial.name);
  Forecaster forecaster;
  Accuracy accuracy;
  int seen = 0;
  for (const auto& [now, value] : values) {
    forecaster.add(now, value);
    if (++seen < kLearning || seen % 7 != 0) continue;
    for (const Forecast& forecast : forecaster.next(trial.steps)) {
      const WallTime before = forecast.time - trial.season;
      const auto truth = values.find(forecast.time);
      const auto naive = values.find(before);
      if (truth == values.end() || naive == values.end()) continue;
      if (labels.hold(forecast.time) || labels.hold(before)) continue;
      accuracy.model += std::abs(truth->second - forecast.value);
      accuracy.naive += std::abs(truth->second - naive->second);
      accuracy.points += 1;
      if (forecast.band.low <= truth->second && truth->second <= forecast.band.high) accuracy.inside += 1;
    }
  }
  std::cout << trial.name << ": MASE " << accuracy.mase() << ", " << 100 * accuracy.coverage() << " % of "
            << accuracy.points << " points inside of the band\n";
  return accuracy;
}

TEST(ForecastAccuracyTest, IsBetterThanTheSeasonalNaiveForecast) {
  const Accuracy taxi = judge({"nyc_taxi.csv", hours{24 * 7}, 48});
  EXPECT_GT(taxi.points, 40'000);
  EXPECT_LT(taxi.mase(), 0.95);
  EXPECT_GT(taxi.coverage(), 0.85);
  EXPECT_LT(taxi.coverage(), 0.97);

  const Accuracy room = judge({"ambient_temperature_system_failure.csv", hours{24}, 24});
  EXPECT_GT(room.points, 15'000);
  EXPECT_LT(room.mase(), 0.9);
  EXPECT_GT(room.coverage(), 0.85);
  EXPECT_LT(room.coverage(), 0.97);
}

}  // namespace
}  // namespace dunlin::analytics
