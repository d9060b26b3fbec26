#include "service/series/series_store.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/core/assert.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "service/series/chunk_deletion.h"
#include "service/series/downsampler.h"
#include "store/keyed_scan.h"

namespace dunlin::series {
namespace {

constexpr std::size_t kReplayRecords = 4096;
constexpr std::size_t kReplayBytes = 4 * 1024 * 1024;
/// Between looks whether there is room for more.
constexpr Duration kReplayRest = std::chrono::milliseconds{10};

bool fits(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size() <= kMaxTextValueBytes;
  if (const auto* json = std::get_if<model::JsonText>(&value))
    return json->value.size() <= kMaxTextValueBytes;
  return true;
}

/// The bytes themselves stay out of the series (model/mapping.h); their length is the measurement.
model::Value stored_value(const model::Value& value) {
  if (const auto* bytes = std::get_if<model::Bytes>(&value))
    return static_cast<std::int64_t>(bytes->value.size());
  return value;
}

Result<void> check(const DeviceTags& of) {
  if (of.tags.size() > kMaxTags)
    return fail(Errc::limit_exceeded, "a device has at most " + std::to_string(kMaxTags) + " tags");
  const bool long_one = std::ranges::any_of(of.tags, [](const auto& tag) {
    return tag.first.size() > kMaxTagBytes || tag.second.size() > kMaxTagBytes;
  });
  if (!long_one) return {};
  return fail(Errc::limit_exceeded,
              "a tag's name and value have at most " + std::to_string(kMaxTagBytes) + " bytes");
}

}  // namespace

SeriesStore::SeriesStore(Executor& executor, store::Keyed& keyed, store::Log& log, metrics::Registry& metrics)
    : executor_(executor),
      keyed_(keyed),
      log_(log),
      sealer_({executor, keyed, log, dictionary_, windows_, metrics}),
      rollup_days_(metrics.counter("dunlin_series_rollup_days_total",
                                   "Days of series that rollups were made of, anew or for the first time")),
      feed_(executor, log, dictionary_, metrics) {}

SeriesStore::~SeriesStore() {
  executor_.cancel(replay_timer_);
}

void SeriesStore::open(std::move_only_function<void(Result<void>)> done) {
  const std::string_view series = Dictionary::series_prefix();
  load(series, &Dictionary::load_series, [this, done = std::move(done)](Result<void> loaded) mutable {
    if (!loaded) return done(std::move(loaded));
    const std::string_view tags = Dictionary::tags_prefix();
    load(tags, &Dictionary::load_tags, [this, done = std::move(done)](Result<void> tags_loaded) mutable {
      if (!tags_loaded) return done(std::move(tags_loaded));
      replay_from_ = log_.cursor(kSealedCursor).value_or(0);
      sealer_.begin_after(replay_from_);
      replay(std::move(done));
    });
  });
}

void SeriesStore::load(std::string_view prefix, Load load_entry,
                       std::move_only_function<void(Result<void>)> done) {
  store::Range range{.begin = std::string(prefix), .end = model::prefix_end(std::string(prefix))};
  store::for_each_entry(
      executor_, keyed_, store::Table::meta, std::move(range),
      [this, load_entry](const store::Entry& entry) { return (dictionary_.*load_entry)(entry); },
      std::move(done));
}

/// What is in the log and in chunks alike comes to the same end: the last write of a time counts.
void SeriesStore::replay(std::move_only_function<void(Result<void>)> done) {
  if (sealer_.is_behind()) {
    sealer_.consider();
    replay_timer_ = executor_.schedule(kReplayRest,
                                       [this, done = std::move(done)]() mutable { replay(std::move(done)); });
    return;
  }
  const auto records = log_.read(sealer_.applied(), kReplayRecords, kReplayBytes);
  if (!records) return done(std::unexpected(records.error()));
  if (records->empty()) {
    // A number may be given again only when nobody reads a record any more that means another series by it.
    dictionary_.drop_forgotten(feed_.oldest_expected(replay_from_));
    feed_.stored(sealer_.applied());
    sealer_.start();
    return done({});
  }
  for (const store::Record& record : *records) {
    if (record.kind != kSampleRecord)
      return done(fail(Errc::corrupt, "the log of samples has a record of another kind"));
    auto decoded = decode_sample_record(record.bytes.text());
    if (!decoded) return done(std::unexpected(decoded.error()));
    if (auto taken = take(*std::move(decoded), record.position, record.bytes.size()); !taken)
      return done(std::move(taken));
  }
  executor_.post([this, done = std::move(done)]() mutable { replay(std::move(done)); });
}

/// What a record that is in the log says.
Result<void> SeriesStore::take(SampleRecord record, store::Position at, std::size_t bytes) {
  for (const SeriesInfo& info : record.series) DUNLIN_CHECK(dictionary_.take(info));
  for (DeviceTags& tags : record.tags) dictionary_.take(std::move(tags));
  for (const ConsumerPosition& position : record.positions) sealer_.position(position);
  const WallTime now = executor_.wall_now();
  const store::Position before = sealer_.applied();
  for (NewPoint& one : record.points) {
    SeriesEntry* series = dictionary_.at(one.series);
    if (series == nullptr) return fail(Errc::corrupt, "the log of samples has a point of an unknown series");
    dictionary_.show(*series);
    if (one.point.time >= series->info.last.time) series->info.last = one.point;
    sealer_.grown(windows_.put(*series, std::move(one.point), before, now));
  }
  for (const Deletion& deletion : record.deletions) take_deletion(deletion, before, [] {});
  sealer_.logged(at, bytes);
  return {};
}

/// Points that are open go at once, those in chunks before the next seal. Till then the log keeps the record,
/// which is behind `before`.
void SeriesStore::take_deletion(const Deletion& deletion, store::Position before, Task done) {
  SeriesEntry* series = dictionary_.at(deletion.series);
  if (series == nullptr) return done();
  windows_.erase(*series, deletion.from, deletion.to);
  windows_.hold(before);
  sealer_.run_alone([this, deletion, before, done = std::move(done)](Task released) mutable {
    Task end = [this, before, done = std::move(done), released = std::move(released)]() mutable {
      windows_.release(before);
      released();
      done();
    };
    Task deleted = [this, deletion, end = std::move(end)]() mutable {
      SeriesEntry& of = *dictionary_.at(deletion.series);
      const bool shown = of.presence == SeriesEntry::Presence::shown;
      if (!shown || !deletion.holds(of.info.last.time)) return end();
      refresh_last(of, std::move(end));
    };
    std::make_shared<ChunkDeletion>(executor_, keyed_, dictionary_, deletion, before, std::move(deleted))
        ->start();
  });
}

/// The last one answers: they run one after another.
void SeriesStore::take_deletions(const std::vector<Deletion>& deletions, store::Position before,
                                 std::move_only_function<void(Result<void>)> done) {
  for (std::size_t i = 0; i + 1 < deletions.size(); ++i) take_deletion(deletions[i], before, [] {});
  take_deletion(deletions.back(), before, [done = std::move(done)]() mutable { done({}); });
}

/// The newest point that is left is in the last block, or the last chunk. Of a rollup its last number is
/// known.
void SeriesStore::refresh_last(SeriesEntry& series, Task done) {
  auto newest = std::make_shared<Point>();  // shared by the visitor and the completion
  ScanVisitor visitor;
  visitor.block = [newest](const Block& block) {
    newest->time = from_unix_nanoseconds(block.columns.times[block.end - 1]);
    return ScanGo::on;
  };
  visitor.chunk = [newest](const store::ChunkSummary& chunk) {
    newest->time = from_unix_nanoseconds(chunk.last_time);
    return true;
  };
  visitor.part = [newest](const store::ChunkSummary& part) {
    *newest = {from_unix_nanoseconds(part.last_time), part.last};
    return ScanGo::on;
  };
  const ScanRange all{series.info.tenant, series.info.id, WallTime::min(), WallTime::max()};
  scan(all, std::move(visitor),
       [this, newest, all, done = std::move(done)](const Result<void>& scanned) mutable {
         dictionary_.changed(all.series);
         dictionary_.at(all.series)->info.last = *newest;
         if (!scanned || newest->time == WallTime{}) return done();
         points(all.series, all.tenant, newest->time, WallTime::max(), 1,
                [this, id = all.series, done = std::move(done)](Result<std::vector<Point>> last) mutable {
                  SeriesInfo& info = dictionary_.at(id)->info;
                  if (last && !last->empty()) info.last = std::move(last->front());
                  done();
                });
       });
}

void SeriesStore::erase(TenantId tenant, const Deletion& deletion,
                        std::move_only_function<void(Result<void>)> done) {
  const SeriesEntry* series = dictionary_.at(deletion.series);
  if (series == nullptr || series->info.tenant != tenant || series->presence == SeriesEntry::Presence::hidden)
    return done(fail(Errc::not_found, "there is no such series"));
  erase(std::vector{deletion}, std::move(done));
}

void SeriesStore::erase(std::vector<Deletion> deletions, std::move_only_function<void(Result<void>)> done) {
  SampleRecord record;
  record.deletions = std::move(deletions);
  append(std::move(record), std::move(done));
}

const SeriesEntry* SeriesStore::entry(SeriesId id) const {
  const SeriesEntry* entry = dictionary_.at(id);
  return entry != nullptr && entry->presence == SeriesEntry::Presence::shown ? entry : nullptr;
}

WallTime SeriesStore::begin_of(const SeriesEntry& series) {
  WallTime begin = std::min(series.sealed_from, series.rollups.begin());
  for (const auto& window : series.windows) begin = std::min(begin, window->start);
  return begin;
}

void SeriesStore::roll_up(std::vector<RollupOrder> orders, std::move_only_function<void(Result<void>)> done) {
  std::make_shared<RollupMaker>(
      RollupMaker::Parts{executor_, keyed_, dictionary_, sealer_, gate_, rollup_days_}, std::move(orders),
      std::move(done))
      ->start();
}

void SeriesStore::append(SampleRecord record, std::move_only_function<void(Result<void>)> done) {
  record.series = dictionary_.untold(record.points);
  const std::string bytes = encode_sample_record(record);
  log_.append(kSampleRecord, as_bytes(bytes),
              [this, size = bytes.size(), record = std::move(record),
               done = std::move(done)](Result<store::Position> at) mutable {
                if (!at) return done(std::unexpected(at.error()));
                dictionary_.told(record.series);
                record.series.clear();
                const std::vector<Deletion> deletions = std::exchange(record.deletions, {});
                const store::Position before = sealer_.applied();
                const Result<void> taken = take(std::move(record), *at, size);
                DUNLIN_ASSERT(taken.has_value());
                if (deletions.empty()) {
                  done({});
                } else {
                  take_deletions(deletions, before, std::move(done));
                }
                feed_.stored(*at);
                sealer_.consider();
              });
}

std::optional<SeriesId> SeriesStore::resolve(TenantId tenant, std::string_view device,
                                             std::string_view channel, std::string_view unit) {
  const SeriesEntry* entry = dictionary_.define(tenant, device, channel, unit);
  if (entry == nullptr) return std::nullopt;
  return entry->info.id;
}

void SeriesStore::write(const std::vector<model::Sample>& samples, std::string_view consumer,
                        const std::vector<hub::JournalPosition>& positions,
                        std::move_only_function<void(Result<Written>)> done) {
  Written written;
  SampleRecord record;
  record.points.reserve(samples.size());
  for (const model::Sample& sample : samples) {
    const auto id = fits(sample.value) ? resolve(sample.tenant, sample.device, sample.channel, sample.unit)
                                       : std::nullopt;
    if (!id) {
      ++written.skipped;
      continue;
    }
    if (sample.hops != 0 || sample.watch != model::Watch::watched)
      record.notes.push_back({static_cast<std::uint32_t>(record.points.size()), sample.hops, sample.watch});
    record.points.push_back(
        {*id, {sample.t_source, stored_value(sample.value), sample.quality, sample.flags}});
    ++written.stored;
  }
  for (const hub::JournalPosition& at : positions) record.positions.push_back({std::string(consumer), at});
  if (record.points.empty() && record.positions.empty()) return done(written);
  append(std::move(record), [written, done = std::move(done)](Result<void> result) mutable {
    if (!result) return done(std::unexpected(result.error()));
    done(written);
  });
}

void SeriesStore::write_points(std::vector<NewPoint> points,
                               std::move_only_function<void(Result<void>)> done) {
  if (points.empty()) return done({});
  SampleRecord record;
  record.points = std::move(points);
  append(std::move(record), std::move(done));
}

void SeriesStore::set_tags(std::vector<DeviceTags> tags, std::move_only_function<void(Result<void>)> done) {
  for (const DeviceTags& of : tags)
    if (auto checked = check(of); !checked) return done(std::move(checked));
  std::erase_if(tags, [this](const DeviceTags& of) { return !dictionary_.changes_tags(of); });
  if (tags.empty()) return done({});
  SampleRecord record;
  record.tags = std::move(tags);
  append(std::move(record), std::move(done));
}

void SeriesStore::positions_of(
    std::string_view consumer,
    std::move_only_function<void(Result<std::vector<hub::JournalPosition>>)> done) {
  model::read_cursors(executor_, keyed_, consumer,
                      [this, consumer = std::string(consumer), done = std::move(done)](auto stored) mutable {
                        if (!stored) return done(std::move(stored));
                        for (const hub::JournalPosition& at : sealer_.positions_of(consumer))
                          model::advance(*stored, at);
                        done(std::move(stored));
                      });
}

const SeriesInfo* SeriesStore::find(TenantId tenant, std::string_view device,
                                    std::string_view channel) const {
  const SeriesEntry* entry = dictionary_.find(tenant, device, channel);
  const bool shown = entry != nullptr && entry->presence == SeriesEntry::Presence::shown;
  return shown ? &entry->info : nullptr;
}

const SeriesInfo* SeriesStore::find(SeriesId id) const {
  const SeriesEntry* entry = dictionary_.at(id);
  return entry == nullptr ? nullptr : &entry->info;
}

void SeriesStore::scan(ScanRange range, ScanVisitor visitor,
                       std::move_only_function<void(Result<void>)> done) {
  scan(ScanSet{range.tenant, {range.series}, range.from, range.to}, std::move(visitor), std::move(done));
}

void SeriesStore::scan(ScanSet set, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done) {
  scan_for(executor_, std::move(set), std::move(visitor), std::move(done));
}

void SeriesStore::scan_for(Executor& asker, ScanSet set, ScanVisitor visitor,
                           std::move_only_function<void(Result<void>)> done) {
  auto scan = std::make_shared<Scan>(Scan::Parts{executor_, asker, keyed_, dictionary_, gate_},
                                     std::move(set), std::move(visitor), std::move(done));
  if (&asker == &executor_ || executor_.is_current()) return scan->start();
  executor_.post([scan = std::move(scan)] { scan->start(); });
}

void SeriesStore::points(SeriesId series, TenantId tenant, WallTime from, WallTime to, std::size_t limit,
                         std::move_only_function<void(Result<std::vector<Point>>)> done) {
  auto found = std::make_shared<std::vector<Point>>();  // shared by the visitor and the completion
  ScanVisitor visitor;
  visitor.block = [found, limit](const Block& block) {
    for (std::size_t i = block.begin; i < block.end && found->size() < limit; ++i)
      found->push_back(point_at(block.columns, i));
    return found->size() < limit ? ScanGo::on : ScanGo::stop;
  };
  scan({tenant, series, from, to}, std::move(visitor),
       [found, done = std::move(done)](Result<void> result) mutable {
         if (!result) return done(std::unexpected(result.error()));
         done(std::move(*found));
       });
}

void SeriesStore::downsampled(SeriesId series, TenantId tenant, WallTime from, WallTime to,
                              std::size_t buckets,
                              std::move_only_function<void(Result<std::vector<Bucket>>)> done) {
  auto found = std::make_shared<Downsampler>(from, to, buckets);  // shared by the visitor and the completion
  ScanVisitor visitor;
  visitor.block = [found](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const auto value = number_at(block.columns, i);
      if (value && std::isfinite(*value)) found->add(from_unix_nanoseconds(block.columns.times[i]), *value);
    }
    return ScanGo::on;
  };
  visitor.chunk = [found](const store::ChunkSummary& chunk) { return found->add_whole(chunk); };
  visitor.part = [found](const store::ChunkSummary& part) {
    found->add_rest(part);
    return ScanGo::on;
  };
  ScanSet set{tenant, {series}, from, to};
  set.grid = {found->part_length(), 0, PartGrid::Fit::near};
  scan(std::move(set), std::move(visitor), [found, done = std::move(done)](Result<void> result) mutable {
    if (!result) return done(std::unexpected(result.error()));
    done(found->take());
  });
}

}  // namespace dunlin::series
