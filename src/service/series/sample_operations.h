#pragma once
// series.write and series.points: samples in and out, one by one, with every bit of them.

#include <functional>
#include <span>
#include <vector>

#include "base/metrics.h"
#include "model/operation.h"
#include "service/series/series_store.h"

namespace dunlin::series {

inline constexpr std::size_t kMaxSamplesPerWrite = 10'000;

/// One executor's thread. The store must outlive it.
class SampleOperations {
 public:
  SampleOperations(Executor& executor, SeriesStore& store, metrics::Registry& metrics);

  void declare(model::OperationTable& table);
  static std::vector<model::OperationSpec> operations();

  /// What series.write does with samples that have been read. Errors: limit_exceeded (kMaxSeries), no_space,
  /// io, unavailable; then none of them is stored.
  void store(std::vector<model::Sample> samples, std::move_only_function<void(Result<void>)> done);

  /// Called with what a call of series.write has stored. Valid during the call.
  void on_stored(std::function<void(std::span<const model::Sample>)> handler) {
    handlers_.push_back(std::move(handler));
  }

 private:
  void write(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void points(const model::Caller& caller, const boost::json::object& request, model::Reply reply);

  Executor& executor_;
  SeriesStore& store_;
  std::vector<std::function<void(std::span<const model::Sample>)>> handlers_;
  metrics::Cell& stored_;
};

}  // namespace dunlin::series
