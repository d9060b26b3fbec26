#pragma once
// One query while it is answered.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "service/query/planner.h"

namespace dunlin::query {

/// Gets the answer. Columns come once, before all rows.
struct RowSink {
  std::move_only_function<void(const std::vector<std::string>& names, const std::vector<Type>& types)>
      columns;
  /// pause: nothing more until resume().
  enum class Go : std::uint8_t { on, enough, pause };
  std::move_only_function<Go(const Batch& batch, const TextPool& texts)> rows;
};

/// What a query has cost.
struct QueryCost {
  std::uint64_t rows = 0;
  std::uint64_t points_read = 0;
  std::uint64_t chunks_by_summary = 0;
  std::uint64_t parts_by_rollup = 0;
  std::uint64_t parts_left_out = 0;
  std::size_t memory = 0;
};

struct RunEnvironment {
  Executor& executor;
  series::SeriesStore& store;
  TagSource& tags;
  std::vector<Executor*> threads;  // that read and group; empty: the executor does so itself
};

/// Runs in slices, others in between. Owned by its own tasks until it has ended. One executor's thread.
class QueryRun : public std::enable_shared_from_this<QueryRun> {
 public:
  using Done = std::move_only_function<void(Result<QueryCost>)>;

  QueryRun(const RunEnvironment& environment, TenantId tenant, RowSink sink, Done done);
  ~QueryRun();
  QueryRun(const QueryRun&) = delete;
  QueryRun& operator=(const QueryRun&) = delete;

  /// `done` runs once, later. Errors: malformed, invalid_argument, not_found, unsupported, limit_exceeded,
  /// timed_out, cancelled, and the store's.
  void start(std::string sql, Duration most);
  /// `done` gets cancelled.
  void cancel();
  /// After `pause`: what the sink would answer now. `enough` ends the query within this call.
  void resume(RowSink::Go go);

 private:
  Result<void> plan();
  OperatorPtr told_plan();
  void go_on();
  void slice();
  /// False where the query has to wait or has ended.
  bool step();
  void end(Result<void> result);

  RunEnvironment environment_;
  TenantId tenant_;
  RowSink sink_;
  Done done_;
  std::string sql_;
  std::shared_ptr<Workspace> space_ = std::make_shared<Workspace>();
  std::shared_ptr<std::function<void()>> wake_ = std::make_shared<std::function<void()>>();
  OperatorPtr root_;
  TimerId timer_{};
  std::uint64_t rows_ = 0;
  bool is_posted_ = false;
  bool is_paused_ = false;
  bool has_ended_ = false;
};

}  // namespace dunlin::query
