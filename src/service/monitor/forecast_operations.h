#pragma once
// series.forecast: where a series is going, by what is stored of it.

#include <vector>

#include "base/executor.h"
#include "model/operation.h"
#include "service/series/series_store.h"

namespace dunlin::monitor {

/// Points that are learned from; a series with more is asked from a later time on.
inline constexpr std::size_t kMaxForecastPoints = 500'000;
/// What is learned from where the request does not say so, before the last point.
inline constexpr Duration kForecastPast = std::chrono::hours{24 * 28};
inline constexpr std::int64_t kDefaultForecastSteps = 24;
inline constexpr std::int64_t kMaxToldForecastSteps = 1000;
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

  Executor& executor_;
  series::SeriesStore& store_;
  std::size_t running_ = 0;
};

}  // namespace dunlin::monitor
