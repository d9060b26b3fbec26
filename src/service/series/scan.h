#pragma once
// Reads the points of series in a range of time: chunks and what is not sealed yet, window after window.

#include <functional>
#include <memory>
#include <vector>

#include "base/executor.h"
#include "service/series/dictionary.h"
#include "service/series/read_gate.h"
#include "service/series/series_reader.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Read at once, and bytes of chunks of each then; the rest of a series is read alone.
inline constexpr std::size_t kSeriesPerRead = 64;
inline constexpr std::size_t kBytesPerSeries = 64 * 1024;
/// A series that is being changed (ReadGate) is asked for again after so long.
inline constexpr Duration kGateRetry = std::chrono::milliseconds{1};

/// Owned by its own completions: each page hands it to the next. What is open is copied before the chunks are
/// read, so that what is sealed meanwhile is in one of both.
class Scan : public std::enable_shared_from_this<Scan> {
 public:
  /// What a scan works with: `executor` is the dictionary's; visitor and completion run on the one that asks.
  /// That one waits for the disk, if it is another and the store has iterators.
  struct Parts {
    Executor& executor;
    Executor& asker;
    store::Keyed& keyed;
    const Dictionary& dictionary;
    std::shared_ptr<ReadGate> gate;  // outlives the store
  };
  Scan(Parts parts, ScanSet set, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  /// The dictionary's thread. Errors: not_found (no such series of the tenant), corrupt, io; limit_exceeded
  /// after max_points; unsupported (ScanSet::gone, or what is left is longer than the buckets).
  void start();

 private:
  enum class Next : std::uint8_t { added, later, rolled };
  void read_group();
  Result<Next> add_next();
  bool enters_gate() const;
  void leave_gate();
  void read_rolled(const SeriesEntry& series);
  enum class Told : std::uint8_t { nothing, page, all, enough };
  bool asks_elsewhere() const { return &parts_of_.asker != &parts_of_.executor; }
  void read_here();
  Result<Told> tell_here();
  Result<Told> tell_page(store::EntryIterator& chunks, SeriesReader& reader);
  void ask_for_group();
  void end_group();
  void group_read(Result<std::vector<store::RangePart>> parts);
  void take_parts(Result<std::vector<store::RangePart>> parts);
  void tell_group();
  void read_on();
  void end(Result<void> result);

  Parts parts_of_;
  const ScanSet set_;
  ScanVisitor visitor_;
  std::move_only_function<void(Result<void>)> done_;
  std::size_t next_ = 0;  // in the set: the first one behind the group
  std::size_t told_ = 0;
  std::vector<SeriesId> gated_;  // while they are read
  std::vector<SeriesReader> group_;
  std::vector<store::RangePart> parts_;  // of the group's readers
  std::size_t at_ = 0;                   // in the group
};

}  // namespace dunlin::series
