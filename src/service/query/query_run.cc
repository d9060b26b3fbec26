#include "service/query/query_run.h"

#include "service/query/syntax.h"

namespace dunlin::query {

QueryRun::QueryRun(const RunEnvironment& environment, TenantId tenant, RowSink sink, Done done)
    : environment_(environment), tenant_(tenant), sink_(std::move(sink)), done_(std::move(done)) {}

QueryRun::~QueryRun() {
  *wake_ = [] {};
}

void QueryRun::start(std::string sql, Duration most) {
  if (has_ended_) return;
  sql_ = std::move(sql);
  timer_ = environment_.executor.schedule(most, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->end(fail(Errc::timed_out,
                     "the query took too long; ask for a shorter time, fewer devices or fewer columns"));
    }
  });
  *wake_ = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->go_on();
  };
  environment_.tags.load(tenant_, [self = shared_from_this()](Result<void> loaded) {
    if (self->has_ended_) return;
    if (loaded) loaded = self->plan();
    if (!loaded) return self->end(std::move(loaded));
    if (!self->has_ended_) self->go_on();
  });
}

Result<void> QueryRun::plan() {
  DUNLIN_TRY(const Query query, parse_query(sql_));
  const PlanEnvironment environment{
      tenant_,
      environment_.executor.wall_now(),
      {environment_.store, environment_.tags, space_, wake_, environment_.executor},
      environment_.threads.empty() ? std::vector{&environment_.executor} : environment_.threads};
  DUNLIN_TRY(Plan plan, make_plan(query, sql_, environment));
  root_ = std::move(plan.root);
  if (query.wanted == Query::Wanted::rows) {
    sink_.columns(plan.names, plan.types);
  } else {
    sink_.columns({"plan"}, {Type::text});
    root_ = told_plan();
  }
  return {};
}

/// Its rows are the lines of EXPLAIN.
OperatorPtr QueryRun::told_plan() {
  std::vector<std::string> lines;
  root_->explain(lines, 0);
  Column column = make_column(Type::text, 0);
  for (const std::string& line : lines) column.integers.push_back(space_->texts.place_of(line));
  Batch batch;
  batch.rows = lines.size();
  batch.columns.push_back(std::make_shared<const Column>(std::move(column)));
  return make_rows(std::move(batch));
}

/// Posts the next slice, unless one is on its way.
void QueryRun::go_on() {
  if (is_posted_ || has_ended_ || is_paused_) return;
  is_posted_ = true;
  environment_.executor.post([self = shared_from_this()] {
    self->is_posted_ = false;
    self->slice();
  });
}

void QueryRun::slice() {
  for (std::size_t i = 0; i < kBatchesPerSlice; ++i) {
    if (has_ended_ || !step()) return;
  }
  go_on();
}

bool QueryRun::step() {
  auto pulled = root_->next();
  if (!pulled) {
    end(std::unexpected(std::move(pulled).error()));
    return false;
  }
  if (auto fits = space_->check_memory(); !fits) {
    end(std::move(fits));
    return false;
  }
  switch (pulled->state) {
    case Pulled::State::busy:
      return true;
    case Pulled::State::wait:
      return false;
    case Pulled::State::end:
      end({});
      return false;
    case Pulled::State::rows:
      break;
  }
  if (pulled->batch.rows == 0) return true;
  rows_ += pulled->batch.rows;
  switch (sink_.rows(pulled->batch, space_->texts)) {
    case RowSink::Go::on:
      return true;
    case RowSink::Go::pause:
      is_paused_ = true;
      return false;
    case RowSink::Go::enough:
      break;
  }
  end({});
  return false;
}

void QueryRun::resume(RowSink::Go go) {
  if (go == RowSink::Go::pause || !std::exchange(is_paused_, false)) return;
  if (go == RowSink::Go::enough) return end({});
  go_on();
}

void QueryRun::cancel() {
  end(fail(Errc::cancelled, "the query was cancelled"));
}

void QueryRun::end(Result<void> result) {
  if (std::exchange(has_ended_, true)) return;
  environment_.executor.cancel(timer_);
  *wake_ = [] {};
  space_->is_cancelled = true;
  const QueryCost cost{rows_,
                       space_->points_read,
                       space_->chunks_by_summary,
                       space_->parts_by_rollup,
                       space_->parts_left_out,
                       space_->budget.used()};
  root_.reset();
  if (!result) return done_(std::unexpected(std::move(result).error()));
  done_(cost);
}

}  // namespace dunlin::query
