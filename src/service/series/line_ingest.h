#pragma once
// Lines of the line protocol into samples, all of a request in one atomic write.

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/series/line_keys.h"
#include "service/series/series_store.h"
#include "wire/line_protocol/decoder.h"

namespace dunlin::series {

/// Errors of one request that are told in words; further ones are counted.
inline constexpr std::size_t kMaxToldLineErrors = 10;
/// Bytes of requests that wait for the disk; past it further ones are refused.
inline constexpr std::size_t kMaxWaitingLineBytes = 64 * 1024 * 1024;

/// Points of one request.
inline constexpr std::size_t kMaxPointsPerLineWrite = 200'000;
/// Lines that are read in one turn of the loop: a few milliseconds.
inline constexpr std::size_t kLinesPerTurn = 5'000;

struct LineWrite {
  TenantId tenant = kDefaultTenant;
  std::string lines;
  std::int64_t tick = 1;  // nanoseconds in the unit of the lines' times
};

struct LineReport {
  std::size_t stored = 0;           // points
  std::size_t refused = 0;          // lines
  std::vector<std::string> errors;  // "line 2, column 5: a field has no value"
};

/// One executor's thread; completions run there. The store must outlive it.
class LineIngest {
 public:
  LineIngest(Executor& executor, SeriesStore& store, metrics::Registry& metrics, LineOptions options);

  /// `done` runs when the points are on the disk. A line that cannot be taken is left out and reported; the
  /// others are stored all the same. Errors (then nothing of the request is stored): io, no_space;
  /// limit_exceeded (kMaxPointsPerLineWrite); unavailable (too much waits for the disk).
  void write(LineWrite request, std::move_only_function<void(Result<LineReport>)> done);

  /// Called when lines of a device have been stored that come by a measurement and tags that were not seen
  /// before.
  void on_source(std::function<void(TenantId, const LineSource&)> handler) {
    source_handlers_.push_back(std::move(handler));
  }

 private:
  struct Work;
  void read_on(std::shared_ptr<Work> work);
  void end_reading(std::shared_ptr<Work> work);
  void give_up(Work& work, Error why);
  void take(Work& work, const line_protocol::Line& line);
  std::string_view find_targets(LineSource& source, const line_protocol::Line& line);
  bool resolve(TenantId tenant, const LineSource& source, LineSource::Target& target);
  void announce(Work& work, LineSource& source);
  void store(std::shared_ptr<Work> work);
  void finish(Work& work);

  Executor& executor_;
  SeriesStore& store_;
  LineKeys keys_;
  std::size_t waiting_bytes_ = 0;
  std::vector<std::function<void(TenantId, const LineSource&)>> source_handlers_;
  std::vector<std::size_t> targets_;  // of the fields of the line that is read
  metrics::Cell& stored_;
  metrics::Cell& refused_;
  metrics::Cell& key_bytes_;
};

}  // namespace dunlin::series
