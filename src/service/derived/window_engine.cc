#include "service/derived/window_engine.h"

namespace dunlin::derived {

WindowEngine::WindowEngine(const Definition& definition)
    : definition_(definition), windows_(*definition.windows) {}

std::vector<Due> WindowEngine::add(const std::string& device, analytics::Event event, Trace trace,
                                   WallTime now) {
  if (trace.hops > 0 || trace.watch == model::Watch::muted) traces_[device].add(trace);
  return rows_of(windows_.add(device, event, now));
}

std::vector<Due> WindowEngine::rows_of(std::vector<analytics::WindowResult> results) {
  std::vector<Due> due;
  for (analytics::WindowResult& result : results) {
    Due one{{std::move(result.key), definition_.time_of(result.span)}};
    for (const FormulaColumn& column : definition_.formula.columns())
      one.row.cells.push_back(Cell::of(number_of(column.take, column.quantile, result.span.values)));
    if (const auto trace = traces_.find(one.row.device); trace != traces_.end()) one.trace = trace->second;
    due.push_back(std::move(one));
  }
  for (const Due& one : due) traces_.erase(one.row.device);
  return due;
}

Counts WindowEngine::counts() const {
  const analytics::WindowCounts& counts = windows_.counts();
  return {.late = counts.late, .ahead = counts.ahead, .crowded = counts.crowded, .refused = counts.refused};
}

}  // namespace dunlin::derived
