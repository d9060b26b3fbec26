#pragma once
// Turns what devices publish into samples, stores them, and tells others of them.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/metrics.h"
#include "hub/bus.h"
#include "model/mapping.h"
#include "model/operation.h"
#include "model/retry.h"
#include "service/series/series_store.h"

namespace dunlin::series {

/// What one message held. Valid during the call.
struct Arrival {
  const hub::Message& message;
  const model::TopicFacts& facts;
  std::span<const model::Sample> samples;
};

/// One executor's thread.
class SeriesService {
 public:
  SeriesService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, store::Log& log,
                metrics::Registry& metrics, model::Mapping mapping);

  /// Opens the store and takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Times of arrival, which samples have whose source states none, become multiples of it, down; zero: they
  /// stay. Regular times take almost no room, and of two samples of a series in one step the later one stays.
  /// Before start().
  void round_arrivals(Duration step) { arrival_step_ = step; }

  /// Whether monitors pass over what a message holds, and what is derived of it. Before start(). Null: none.
  void mute_when(std::function<bool(const hub::Message&)> muted) { muted_ = std::move(muted); }

  /// Called for every message that held samples, after they are stored.
  void on_arrival(std::function<void(const Arrival&)> handler) { handlers_.push_back(std::move(handler)); }

  SeriesStore& store() { return store_; }

  /// Declares series.list, series.last, series.range.
  void declare(model::OperationTable& table);

 private:
  struct Work;
  void consume(std::vector<hub::JournalPosition> from);
  void take(std::vector<hub::Delivery> batch, Task done);
  void write(std::shared_ptr<Work> work);
  void finish(Work& work);

  Executor& executor_;
  hub::Bus& bus_;
  SeriesStore store_;
  model::Mapping mapping_;
  Duration arrival_step_ = Duration::zero();
  std::function<bool(const hub::Message&)> muted_;
  std::vector<std::function<void(const Arrival&)>> handlers_;
  std::unique_ptr<hub::Consumer> consumer_;
  model::Retry retry_;
  metrics::Cell& stored_;
  metrics::Cell& skipped_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::series
