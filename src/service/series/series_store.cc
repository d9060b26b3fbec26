#include "service/series/series_store.h"

#include <algorithm>
#include <cmath>

#include "model/cursors.h"
#include "model/keys.h"
#include "service/series/downsampler.h"
#include "service/series/piece.h"
#include "service/series/row.h"
#include "service/series/scan.h"
#include "service/series/sealer.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kDictionary = "series/";

std::string name_key(TenantId tenant, std::string_view device, std::string_view channel) {
  std::string key = model::tenant_key(tenant, device);
  key.push_back('\0');
  key.append(channel);
  return key;
}

/// version (1) | id (4) | unit.
std::string dictionary_entry(const SeriesInfo& info) {
  return '\1' + model::big_endian_32(info.id.value) + info.unit;
}

Result<SeriesInfo> read_dictionary_entry(std::string_view key, std::string_view value) {
  key.remove_prefix(kDictionary.size());
  const std::size_t separator = key.find('\0', 4);
  if (key.size() < 4 || separator == std::string_view::npos || value.size() < 5 || value[0] != 1) {
    return fail(Errc::corrupt, "an entry of the series dictionary has an unknown form");
  }
  SeriesInfo info;
  info.tenant = TenantId{model::read_big_endian_32(key.substr(0, 4))};
  info.device = key.substr(4, separator - 4);
  info.channel = key.substr(separator + 1);
  info.id = SeriesId{model::read_big_endian_32(value.substr(1, 4))};
  info.unit = value.substr(5);
  info.changes = info.stored_changes = 1;
  return info;
}

bool fits(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size() <= kMaxTextValueBytes;
  if (const auto* json = std::get_if<model::JsonText>(&value))
    return json->value.size() <= kMaxTextValueBytes;
  return true;
}

}  // namespace

SeriesStore::SeriesStore(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics)
    : executor_(executor), keyed_(keyed), sealer_(std::make_unique<Sealer>(executor, keyed, metrics)) {}
SeriesStore::~SeriesStore() = default;

void SeriesStore::open(std::move_only_function<void(Result<void>)> done) {
  load_dictionary(std::string(kDictionary), [this, done = std::move(done)](Result<void> loaded) mutable {
    if (!loaded) return done(std::move(loaded));
    sealer_->open(std::move(done));
  });
}

void SeriesStore::load_dictionary(std::string after, std::move_only_function<void(Result<void>)> done) {
  store::Range range{.begin = after, .end = model::prefix_end(std::string(kDictionary))};
  keyed_.range(executor_, store::Table::meta, std::move(range),
               [this, done = std::move(done)](Result<std::vector<store::Entry>> entries) mutable {
                 if (!entries) return done(std::unexpected(entries.error()));
                 for (const store::Entry& entry : *entries) {
                   auto info = read_dictionary_entry(entry.key, entry.value);
                   if (!info) return done(std::unexpected(info.error()));
                   next_id_ = std::max(next_id_, info->id.value + 1);
                   by_name_.insert_or_assign(entry.key.substr(kDictionary.size()), *std::move(info));
                 }
                 if (!entries->empty()) return load_dictionary(entries->back().key + '\0', std::move(done));
                 std::vector<SeriesInfo*> pending;
                 for (auto& [key, info] : by_name_) pending.push_back(&info);
                 load_last(std::move(pending), std::move(done));
               });
}

/// The newest point is in the window that the last key is of, but not always behind that key: a late row
/// stands behind the beginning of a chunk.
void SeriesStore::load_last(std::vector<SeriesInfo*> pending,
                            std::move_only_function<void(Result<void>)> done) {
  if (pending.empty()) return done({});
  SeriesInfo* info = pending.back();
  store::Range range;
  range.begin = row_key(info->tenant, info->id, WallTime::min());
  range.end = row_key(info->tenant, SeriesId{info->id.value + 1}, WallTime::min());
  range.max_entries = 1;
  range.order = store::Range::Order::descending;
  keyed_.range(executor_, store::Table::series, std::move(range),
               [this, pending = std::move(pending),
                done = std::move(done)](Result<std::vector<store::Entry>> entries) mutable {
                 if (!entries) return done(std::unexpected(entries.error()));
                 if (entries->empty()) {
                   pending.pop_back();
                   return load_last(std::move(pending), std::move(done));
                 }
                 load_last_of(time_of_row_key(entries->front().key), std::move(pending), std::move(done));
               });
}

void SeriesStore::load_last_of(WallTime last_key, std::vector<SeriesInfo*> pending,
                               std::move_only_function<void(Result<void>)> done) {
  SeriesInfo* info = pending.back();
  pending.pop_back();
  ScanVisitor visitor;
  visitor.block = [info](const Block& block) {
    info->last = point_at(block.columns, block.end - 1);
    return ScanGo::on;
  };
  scan({info->tenant, info->id, window_start(last_key), WallTime::max()}, std::move(visitor),
       [this, pending = std::move(pending), done = std::move(done)](Result<void> read) mutable {
         if (!read) return done(std::move(read));
         load_last(std::move(pending), std::move(done));
       });
}

SeriesInfo* SeriesStore::series_for(const model::Sample& sample, Touched& touched) {
  std::string key = name_key(sample.tenant, sample.device, sample.channel);
  auto found = by_name_.find(key);
  if (found == by_name_.end()) {
    if (by_name_.size() >= kMaxSeries) return nullptr;
    SeriesInfo info{
        SeriesId{next_id_++}, sample.tenant, sample.device, sample.channel, sample.unit, {}, 1, 0};
    found = by_name_.emplace(std::move(key), std::move(info)).first;
  }
  SeriesInfo& info = found->second;
  if (!sample.unit.empty() && info.unit != sample.unit) {
    info.unit = sample.unit;
    ++info.changes;
  }
  // Until a write of it has succeeded it goes with every batch: the rows mean nothing without it.
  if (info.stored_changes != info.changes) touched[found->first] = info.changes;
  return &info;
}

void SeriesStore::mark_stored(const Touched& touched) {
  for (const auto& [key, change] : touched) {
    SeriesInfo& info = by_name_.find(key)->second;
    info.stored_changes = std::max(info.stored_changes, change);
  }
}

void SeriesStore::write(const std::vector<model::Sample>& samples, std::string_view consumer,
                        const std::vector<hub::JournalPosition>& positions,
                        std::move_only_function<void(Result<Written>)> done) {
  store::Batch batch;
  Written written;
  Touched touched;
  Sealer::Touched windows;
  for (const model::Sample& sample : samples) {
    SeriesInfo* info = fits(sample.value) ? series_for(sample, touched) : nullptr;
    if (info == nullptr) {
      ++written.skipped;
      continue;
    }
    Point point{sample.t_source, sample.value, sample.quality, sample.flags};
    batch.puts.push_back(
        {store::Table::series, row_key(sample.tenant, info->id, point.time), encode_point(point)});
    sealer_->touch(windows, sample.tenant, info->id, point.time);
    if (const auto* bytes = std::get_if<model::Bytes>(&point.value)) {
      point.value = static_cast<std::int64_t>(bytes->value.size());
    }
    if (point.time >= info->last.time) info->last = std::move(point);
    ++written.stored;
  }
  for (const auto& [key, change] : touched) {
    const SeriesInfo& info = by_name_.find(key)->second;
    batch.puts.push_back({store::Table::meta, std::string(kDictionary) + key, dictionary_entry(info)});
  }
  model::put_cursors(batch, consumer, positions);
  sealer_->mark(batch, windows);
  if (batch.empty()) return done(written);
  keyed_.write(executor_, std::move(batch),
               [this, written, touched = std::move(touched), windows = std::move(windows),
                done = std::move(done)](Result<void> result) mutable {
                 sealer_->written(windows, result ? Sealer::Outcome::stored : Sealer::Outcome::failed);
                 if (!result) return done(std::unexpected(result.error()));
                 mark_stored(touched);
                 done(written);
               });
}

const SeriesInfo* SeriesStore::find(TenantId tenant, std::string_view device,
                                    std::string_view channel) const {
  const auto found = by_name_.find(name_key(tenant, device, channel));
  return found == by_name_.end() ? nullptr : &found->second;
}

std::vector<const SeriesInfo*> SeriesStore::list(TenantId tenant, std::string_view device) const {
  std::vector<const SeriesInfo*> found;
  const std::string begin = device.empty() ? model::tenant_key(tenant, "") : name_key(tenant, device, "");
  for (auto at = by_name_.lower_bound(begin); at != by_name_.end() && at->first.starts_with(begin); ++at) {
    found.push_back(&at->second);
  }
  return found;
}

void SeriesStore::scan(ScanRange range, ScanVisitor visitor,
                       std::move_only_function<void(Result<void>)> done) {
  std::make_shared<Scan>(executor_, keyed_, range, std::move(visitor), std::move(done))->start();
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
  scan({tenant, series, from, to}, std::move(visitor),
       [found, done = std::move(done)](Result<void> result) mutable {
         if (!result) return done(std::unexpected(result.error()));
         done(found->take());
       });
}

}  // namespace dunlin::series
