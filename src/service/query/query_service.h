#pragma once
// Queries over stored series, each tenant a few at once.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "model/operation.h"
#include "service/query/query_run.h"

namespace dunlin::query {

using QueryId = Id<struct QueryTag>;

struct QueryOrder {
  TenantId tenant;
  std::string sql;
  Duration most = kMaxQueryTime;
  PrincipalRef asker{};  // who may cancel it by its name; may be null
  std::string name{};    // given by the asker; may be empty
};

/// One executor's thread.
class QueryService {
 public:
  /// `threads` read and group; empty: the executor does so itself. They must have stopped, or be the
  /// executor, before the store goes.
  QueryService(Executor& executor, series::SeriesStore& store, TagSource& tags, metrics::Registry& metrics,
               std::vector<Executor*> threads = {});
  ~QueryService();
  QueryService(const QueryService&) = delete;
  QueryService& operator=(const QueryService&) = delete;

  /// `done` runs once, later. Errors: quota_exceeded (kMaxQueriesPerTenant run already), and those of
  /// QueryRun::start.
  QueryId start(QueryOrder order, RowSink sink, QueryRun::Done done);
  /// Goes on with a query whose sink has said `pause`; another one does not notice.
  void resume(QueryId query, RowSink::Go go);
  /// Its `done` gets cancelled, if it runs still.
  void cancel(QueryId query);
  std::size_t running() const { return runs_.size(); }

  /// Declares series.query and series.cancel.
  void declare(model::OperationTable& table);
  /// Of a query that the caller is about to ask. Errors: invalid_argument, already_exists.
  Result<void> check_name(const model::Caller& caller, std::string_view name);

 private:
  struct Running {
    TenantId tenant;
    std::shared_ptr<QueryRun> run;
    PrincipalRef asker{};
    std::string name{};
  };
  using Runs = std::map<QueryId, Running>;
  void answer(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void cancel_named(const model::Caller& caller, std::string_view name, model::Reply reply);
  Runs::iterator find_named(const model::Caller& caller, std::string_view name);

  RunEnvironment environment_;
  Runs runs_;
  std::uint64_t next_id_ = 1;
  metrics::Cell& answered_;
  metrics::Cell& refused_;
  metrics::Cell& points_;
  metrics::Cell& in_flight_;
};

}  // namespace dunlin::query
