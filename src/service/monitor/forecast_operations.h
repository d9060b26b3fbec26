#pragma once
// series.forecast and series.expected: where a series is going, and where it was expected, by what is stored
// of it.

#include <functional>
#include <vector>

#include "base/executor.h"
#include "model/operation.h"
#include "service/series/series_store.h"

namespace dunlin::monitor {

/// Points that are learned from.
inline constexpr std::size_t kMaxForecastPoints = 1'000'000;
/// What is learned from where the request does not say so, before the last point; less of a series with more
/// points in that time.
inline constexpr Duration kForecastPast = std::chrono::hours{24 * 28};
inline constexpr std::int64_t kDefaultForecastSteps = 24;
inline constexpr std::int64_t kMaxToldForecastSteps = 1000;
/// What the detector learns from before the time that is asked about.
inline constexpr Duration kExpectedPast = std::chrono::hours{24};
inline constexpr std::int64_t kDefaultExpectedParts = 600;
inline constexpr std::int64_t kMaxExpectedParts = 5000;
/// At once.
inline constexpr std::size_t kMaxForecasts = 4;

/// One executor's thread. The store must outlive it.
class ForecastOperations {
 public:
  ForecastOperations(Executor& executor, series::SeriesStore& store) : executor_(executor), store_(store) {}

  void declare(model::OperationTable& table);
  static std::vector<model::OperationSpec> operations();

 private:
  void forecast(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void expected(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  /// Tells `learn` of the series' numbers, then `done`.
  void learn(series::ScanSet set, std::function<void(WallTime, double)> learn,
             std::move_only_function<void(Result<void>)> done);

  Executor& executor_;
  series::SeriesStore& store_;
  std::size_t running_ = 0;
};

}  // namespace dunlin::monitor
