#pragma once
// The one interface to stored measurements: a log of samples, what is open in memory, and chunks in the keyed
// store. Formats: docs/formats/series.md, docs/formats/samples.md.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/sample.h"
#include "service/series/dictionary.h"
#include "service/series/open_windows.h"
#include "service/series/point.h"
#include "service/series/read_gate.h"
#include "service/series/rollup_maker.h"
#include "service/series/sample_feed.h"
#include "service/series/scan.h"
#include "service/series/sealer.h"
#include "store/keyed.h"
#include "store/log.h"

namespace dunlin::series {

inline constexpr std::size_t kMaxTextValueBytes = 1024;
inline constexpr std::size_t kMaxPointsPerAnswer = 10'000;

/// One executor's thread; completions run there. What was answered is in the log; a crash loses nothing of it
/// and doubles nothing.
class SeriesStore {
 public:
  /// The log must be the store's own, opened with the same executor.
  SeriesStore(Executor& executor, store::Keyed& keyed, store::Log& log, metrics::Registry& metrics);
  ~SeriesStore();

  /// Reads the dictionary of series and what the log has behind it, and begins to seal. Errors: corrupt, io.
  void open(std::move_only_function<void(Result<void>)> done);

  /// Stores the samples and how far their consumer has come, in one atomic write. The same (series, time)
  /// again replaces the value, so a repeated delivery changes nothing. A late sample does not replace a newer
  /// last value. Errors: io, no_space, unavailable (too much waits for the disk); limit_exceeded for none of
  /// them: samples over a limit are left out and counted in `skipped`.
  struct Written {
    std::size_t stored = 0;
    std::size_t skipped = 0;
  };
  void write(const std::vector<model::Sample>& samples, std::string_view consumer,
             const std::vector<hub::JournalPosition>& positions,
             std::move_only_function<void(Result<Written>)> done);

  /// The number of a series, for write_points(); it may be new. A unit that is not empty becomes its unit.
  /// nullopt: there are kMaxSeries others.
  std::optional<SeriesId> resolve(TenantId tenant, std::string_view device, std::string_view channel,
                                  std::string_view unit);
  /// Likewise of numbers that resolve() has given. Texts are at most kMaxTextValueBytes long. Errors: as
  /// write().
  void write_points(std::vector<NewPoint> points, std::move_only_function<void(Result<void>)> done);

  /// What is stored, from when on it is durable.
  SampleFeed& feed() { return feed_; }

  /// Replaces the tags of devices. Errors: limit_exceeded (kMaxTags, kMaxTagBytes); as write().
  void set_tags(std::vector<DeviceTags> tags, std::move_only_function<void(Result<void>)> done);
  /// Null: none. Valid until the next turn.
  const Tags* tags_of(TenantId tenant, std::string_view device) const {
    return dictionary_.tags_of(tenant, device);
  }

  /// Deletes what there is in a time: durable when it is answered, and gone from the chunks. What comes later
  /// for the same time stays. A series deleted as a whole is not listed any more. Errors: not_found, as
  /// write().
  void erase(TenantId tenant, const Deletion& deletion, std::move_only_function<void(Result<void>)> done);
  /// Likewise of several series, which there are.
  void erase(std::vector<Deletion> deletions, std::move_only_function<void(Result<void>)> done);

  /// Makes rollups of series, one order after another in the background, and lets go of what the orders say
  /// is kept no longer. Errors: those of the keyed store: what was not done is done by the next order.
  void roll_up(std::vector<RollupOrder> orders, std::move_only_function<void(Result<void>)> done);

  /// How far a consumer had come when the process began. Once after open().
  void positions_of(std::string_view consumer,
                    std::move_only_function<void(Result<std::vector<hub::JournalPosition>>)> done);

  const SeriesInfo* find(TenantId tenant, std::string_view device, std::string_view channel) const;
  /// Null: there is no such series.
  const SeriesInfo* find(SeriesId id) const;
  /// Of one device, sorted by channel; of all devices where `device` is empty.
  std::vector<const SeriesInfo*> list(TenantId tenant, std::string_view device) const {
    return dictionary_.list(tenant, device);
  }

  /// Tells the visitor of the range, then `done`. Errors: not_found (no such series), corrupt, io;
  /// limit_exceeded after kMaxPointsPerQuery points.
  void scan(ScanRange range, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done);
  void scan(ScanSet set, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done);
  /// Likewise for `asker`, on whose thread visitor and completion run, and which waits for the disk if it is
  /// another one. Any thread; on the store's own, what is open is copied within the call.
  void scan_for(Executor& asker, ScanSet set, ScanVisitor visitor,
                std::move_only_function<void(Result<void>)> done);

  /// Points with from <= time < to, ascending, at most `limit` (then the answer ends early).
  void points(SeriesId series, TenantId tenant, WallTime from, WallTime to, std::size_t limit,
              std::move_only_function<void(Result<std::vector<Point>>)> done);

  /// The points themselves where there are at most `buckets`, otherwise the range in at most `buckets` parts
  /// of equal length; text values are left out. Errors: limit_exceeded.
  void downsampled(SeriesId series, TenantId tenant, WallTime from, WallTime to, std::size_t buckets,
                   std::move_only_function<void(Result<std::vector<Bucket>>)> done);

  /// All of a tenant, or of a device, with points.
  EntryList entries(TenantId tenant, std::string_view device) const {
    return dictionary_.entries(tenant, device);
  }
  /// Those that have series, or had some.
  std::vector<TenantId> tenants() const { return dictionary_.tenants(); }
  /// Valid, as what is in it, until the next turn.
  const TableIndex& index() const { return dictionary_.index(); }
  const Dictionary::TagNames* tag_names(TenantId tenant) const { return dictionary_.tag_names(tenant); }
  /// Null: nobody sees such a series.
  const SeriesEntry* entry(SeriesId id) const;
  /// No point of the series is earlier, nor what is left of one.
  static WallTime begin_of(const SeriesEntry& series);
  /// What is not sealed, in memory; and the log that holds it, on the disk.
  std::size_t open_bytes() const { return windows_.bytes(); }
  std::uint64_t log_bytes() const { return log_.size_bytes(); }

  /// Puts into chunks whatever is open, over or not. Errors: those of the keyed store.
  void seal_all(std::move_only_function<void(Result<void>)> done) { sealer_.seal_all(std::move(done)); }

  /// So that the next start reads less of the log; for an orderly shutdown.
  void flush(std::move_only_function<void(Result<void>)> done) { log_.flush(std::move(done)); }

  std::size_t size() const { return dictionary_.size(); }

 private:
  using Load = Result<void> (Dictionary::*)(const store::Entry&);
  void load(std::string_view prefix, Load load_entry, std::move_only_function<void(Result<void>)> done);
  void replay(std::move_only_function<void(Result<void>)> done);
  void append(SampleRecord record, std::move_only_function<void(Result<void>)> done);
  Result<void> take(SampleRecord record, store::Position at, std::size_t bytes);
  void take_deletion(const Deletion& deletion, store::Position before, Task done);
  void take_deletions(const std::vector<Deletion>& deletions, store::Position before,
                      std::move_only_function<void(Result<void>)> done);
  void refresh_last(SeriesEntry& series, Task done);

  Executor& executor_;
  store::Keyed& keyed_;
  store::Log& log_;
  Dictionary dictionary_;
  OpenWindows windows_;
  Sealer sealer_;
  std::shared_ptr<ReadGate> gate_ = std::make_shared<ReadGate>();
  metrics::Cell& rollup_days_;
  SampleFeed feed_;
  store::Position replay_from_ = 0;
  TimerId replay_timer_;
};

}  // namespace dunlin::series
