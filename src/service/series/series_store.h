#pragma once
// Samples by series and time, over the keyed store. The one interface to stored measurements. Format:
// docs/formats/series.md.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/sample.h"
#include "store/chunk/chunk.h"
#include "store/keyed.h"

namespace dunlin::series {

inline constexpr std::size_t kMaxSeries = 1'000'000;
inline constexpr std::size_t kMaxTextValueBytes = 1024;
inline constexpr std::size_t kMaxRowsPerQuery =
    5'000'000;  // points read; a longer range is answered with limit_exceeded
inline constexpr std::size_t kMaxPointsPerAnswer = 10'000;

using SeriesId = Id<struct SeriesTag, std::uint32_t>;

struct Point {
  WallTime time{};
  model::Value value;
  model::Quality quality = model::Quality::good;
  std::uint8_t flags = 0;  // model::kHistorical ...
  friend bool operator==(const Point&, const Point&) = default;
};

/// One series: what is known of it without reading its rows.
struct SeriesInfo {
  SeriesId id;
  TenantId tenant;
  std::string device;
  std::string channel;
  std::string unit;
  Point last;
  // The dictionary's entry: how often it changed, and which of these is stored.
  std::uint64_t changes = 0;
  std::uint64_t stored_changes = 0;
};

/// A part of a downsampled range, or a single point (count 1).
struct Bucket {
  WallTime time{};  // of its first point
  double mean = 0;
  double min = 0;
  double max = 0;
  std::uint64_t count = 0;
};

/// A time of one series.
struct ScanRange {
  TenantId tenant;
  SeriesId series;
  WallTime from{};  // inclusive
  WallTime to{};    // exclusive
};

/// Points begin to end of the columns: a part of a range, all of one type. Valid during the call.
struct Block {
  const store::ChunkPoints& columns;
  std::size_t begin = 0;
  std::size_t end = 0;
};
/// Any of a block's points.
Point point_at(const store::ChunkPoints& columns, std::size_t i);
/// Its value as a number; truth values are 0 and 1, nullopt for texts.
std::optional<double> number_at(const store::ChunkPoints& columns, std::size_t i);

enum class ScanGo : std::uint8_t { on, stop };

/// Gets what is in a range, ascending by time.
struct ScanVisitor {
  std::move_only_function<ScanGo(const Block&)> block;
  /// May be empty. Of a chunk that is in the range as a whole and alone in its time: true if its points are
  /// not needed.
  std::move_only_function<bool(const store::ChunkSummary&)> chunk;
};

class Sealer;

/// One executor's thread; completions run there.
class SeriesStore {
 public:
  SeriesStore(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics);
  ~SeriesStore();

  /// Reads the dictionary of series and their last values, and begins to seal windows that are over. Errors:
  /// corrupt, io.
  void open(std::move_only_function<void(Result<void>)> done);

  /// Stores the samples and how far their consumer has come, in one atomic write. The same (series, time)
  /// again replaces the value, so a repeated delivery changes nothing. A late sample does not replace a newer
  /// last value. Errors: io, no_space; limit_exceeded for none of them: samples over a limit are left out and
  /// counted in `skipped`.
  struct Written {
    std::size_t stored = 0;
    std::size_t skipped = 0;
  };
  void write(const std::vector<model::Sample>& samples, std::string_view consumer,
             const std::vector<hub::JournalPosition>& positions,
             std::move_only_function<void(Result<Written>)> done);

  const SeriesInfo* find(TenantId tenant, std::string_view device, std::string_view channel) const;
  /// Of one device, sorted by channel; of all devices where `device` is empty.
  std::vector<const SeriesInfo*> list(TenantId tenant, std::string_view device) const;

  /// Tells the visitor of the range, then `done`. Errors: corrupt, io; limit_exceeded after kMaxRowsPerQuery
  /// points.
  void scan(ScanRange range, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done);

  /// Points with from <= time < to, ascending, at most `limit` (then the answer ends early).
  void points(SeriesId series, TenantId tenant, WallTime from, WallTime to, std::size_t limit,
              std::move_only_function<void(Result<std::vector<Point>>)> done);

  /// The points themselves where there are at most `buckets`, otherwise the range in at most `buckets` parts
  /// of equal length; text values are left out. Errors: limit_exceeded.
  void downsampled(SeriesId series, TenantId tenant, WallTime from, WallTime to, std::size_t buckets,
                   std::move_only_function<void(Result<std::vector<Bucket>>)> done);

  std::size_t size() const { return by_name_.size(); }

 private:
  using Touched =
      std::map<std::string, std::uint64_t>;  // dictionary entries in a batch, by name, with their change
  SeriesInfo* series_for(const model::Sample& sample, Touched& touched);
  void mark_stored(const Touched& touched);
  void load_dictionary(std::string after, std::move_only_function<void(Result<void>)> done);
  void load_last(std::vector<SeriesInfo*> pending, std::move_only_function<void(Result<void>)> done);
  void load_last_of(WallTime last_key, std::vector<SeriesInfo*> pending,
                    std::move_only_function<void(Result<void>)> done);

  Executor& executor_;
  store::Keyed& keyed_;
  std::map<std::string, SeriesInfo, std::less<>> by_name_;  // by tenant | device NUL channel
  std::uint32_t next_id_ = 1;
  std::unique_ptr<Sealer> sealer_;
};

}  // namespace dunlin::series
