#pragma once
// Reads the chunks of one series page by page.

#include <functional>
#include <string>

#include "base/executor.h"
#include "service/series/series_reader.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Where pages are read, and whom they are told: all outlive the reading.
struct PageTarget {
  Executor& asker;
  store::Keyed& keyed;
  SeriesReader& reader;
  ScanVisitor& visitor;
  std::size_t& told;
};

/// Tells what the reader has from the key `begin` on (empty: all of it). The asker's thread, `done` as well.
/// Errors: corrupt, io; limit_exceeded.
void tell_pages(PageTarget target, std::string begin, std::move_only_function<void(Result<ScanGo>)> done);

}  // namespace dunlin::series
