#pragma once
// Runs the aggregator over the gateway's journal: readings in, summaries out, each reading counted once.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "service/forward/aggregator.h"
#include "store/keyed.h"

namespace dunlin::forward {

/// Everything it works with; all must outlive it.
struct AggregationEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  Aggregator& aggregator;
  metrics::Registry& metrics;
};

/// The windows' state and the journal's cursor are saved in one atomic write, after the summaries are in the
/// journal: after a crash between the two the same summaries, with the same times, are made again. One
/// executor's thread; completions run there.
class AggregationService {
 public:
  explicit AggregationService(AggregationEnvironment environment);
  ~AggregationService();
  AggregationService(const AggregationService&) = delete;
  AggregationService& operator=(const AggregationService&) = delete;

  /// Reads the windows and takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

 private:
  struct Round;
  void load(std::move_only_function<void(Result<void>)> loaded);
  void consume(std::vector<hub::JournalPosition> from);
  void take(std::vector<hub::Delivery> batch, Task done);
  void tick();
  void publish(std::shared_ptr<Round> round);
  void save(std::shared_ptr<Round> round);
  void finish(Round& round);
  void retry(std::shared_ptr<Round> round, void (AggregationService::*step)(std::shared_ptr<Round>));

  AggregationEnvironment environment_;
  PrincipalRef self_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>(0);  // shared: with completions that may come after the end
  std::unique_ptr<hub::Consumer> consumer_;
  enum class Busy : std::uint8_t { no, yes } busy_ = Busy::no;
  Task waiting_batch_;
  TimerId tick_timer_;
  TimerId retry_timer_;
  metrics::Cell& readings_;
  metrics::Cell& summaries_;
  metrics::Cell& retries_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::forward
