#include "service/query/query_service.h"

#include <algorithm>

namespace dunlin::query {

QueryService::QueryService(Executor& executor, series::SeriesStore& store, TagSource& tags,
                           metrics::Registry& metrics, std::vector<Executor*> threads)
    : environment_{executor, store, tags, std::move(threads)},
      answered_(metrics.counter("dunlin_query_answered_total", "Queries over series that were answered")),
      refused_(
          metrics.counter("dunlin_query_failed_total", "Queries over series that were refused or gave up")),
      points_(metrics.counter("dunlin_query_points_read_total", "Points that queries have read")),
      in_flight_(metrics.gauge("dunlin_query_running", "Queries that are being answered")) {}

QueryService::~QueryService() {
  auto runs = std::exchange(runs_, {});
  for (auto& [id, running] : runs) running.run->cancel();
}

QueryId QueryService::start(QueryOrder order, RowSink sink, QueryRun::Done done) {
  const TenantId tenant = order.tenant;
  const auto of_tenant =
      std::ranges::count_if(runs_, [tenant](const auto& entry) { return entry.second.tenant == tenant; });
  if (of_tenant >= static_cast<std::ptrdiff_t>(kMaxQueriesPerTenant)) {
    refused_.add();
    environment_.executor.post([done = std::move(done)]() mutable {
      done(fail(Errc::quota_exceeded, "4 queries run already; try again when one of them has ended"));
    });
    return {};
  }
  const QueryId id{next_id_++};
  auto ended = [this, id, done = std::move(done)](Result<QueryCost> cost) mutable {
    // The destructor has taken the runs away.
    if (const auto found = runs_.find(id); found != runs_.end()) {
      const auto keep = std::move(found->second.run);
      runs_.erase(found);
      in_flight_.set(static_cast<std::int64_t>(runs_.size()));
      environment_.executor.post([keep] {});
    }
    (cost ? answered_ : refused_).add();
    if (cost) points_.add(static_cast<std::int64_t>(cost->points_read));
    done(std::move(cost));
  };
  auto run = std::make_shared<QueryRun>(environment_, tenant, std::move(sink), std::move(ended));
  runs_.emplace(id, Running{tenant, run, std::move(order.asker), std::move(order.name)});
  in_flight_.set(static_cast<std::int64_t>(runs_.size()));
  // Later, so that `done` never runs inside of this call.
  environment_.executor.post(
      [run, sql = std::move(order.sql), most = order.most]() mutable { run->start(std::move(sql), most); });
  return id;
}

void QueryService::resume(QueryId query, RowSink::Go go) {
  const auto found = runs_.find(query);
  if (found == runs_.end()) return;
  const auto run = found->second.run;  // its end takes it out
  run->resume(go);
}

void QueryService::cancel(QueryId query) {
  const auto found = runs_.find(query);
  if (found == runs_.end()) return;
  const auto run = found->second.run;
  run->cancel();
}

}  // namespace dunlin::query
