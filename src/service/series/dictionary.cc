#include "service/series/dictionary.h"

#include <algorithm>
#include <utility>

#include "model/keys.h"
#include "service/series/open_windows.h"
#include "store/chunk/bytes_io.h"

namespace dunlin::series {
namespace {

using store::ByteReader;
using store::ByteWriter;

constexpr std::string_view kSeries = "series/";
constexpr std::string_view kTags = "tags/";
/// Series are numbered from 1 on without gaps; a stored number far beyond is damage.
constexpr std::size_t kMaxSeriesNumber = 64 * kMaxSeries;

/// 1: number and unit only, of before chunks; the last value is unknown. 2: of before rollups.
constexpr std::uint8_t kFirstVersion = 1;
constexpr std::uint8_t kSecondVersion = 2;
constexpr std::uint8_t kVersion = 3;
constexpr std::uint8_t kTagsVersion = 1;

std::string name_of(TenantId tenant, std::string_view device, std::string_view channel) {
  std::string key = model::tenant_key(tenant, device);
  key.push_back('\0');
  key.append(channel);
  return key;
}

Error unknown_form() {
  return {Errc::corrupt, "an entry of the series dictionary has an unknown form"};
}

std::string time_text(WallTime time) {
  return model::big_endian_64(unix_nanoseconds(time));
}

WallTime read_time(ByteReader& from) {
  const std::string_view bytes = from.text(8);
  return bytes.size() == 8 ? from_unix_nanoseconds(model::read_big_endian_64(bytes)) : WallTime{};
}

/// 0: there are none; or 1, lengths that are made, bytes of the entries | times from which points are there,
/// and to which the entries were made | the day of the first one of each length.
void write_rollups(ByteWriter& to, const RollupState& rollups) {
  const bool has_any = rollups != RollupState{};
  to.byte(has_any ? 1 : 0);
  if (!has_any) return;
  to.byte(rollups.lengths.bits());
  to.varint(rollups.bytes);
  to.text(time_text(rollups.points_from));
  to.text(time_text(rollups.made_to));
  for (const WallTime from : rollups.from) to.text(time_text(from));
}

RollupState read_rollups(ByteReader& from) {
  RollupState rollups;
  if (from.byte() == 0) return rollups;
  rollups.lengths = RollupLengths{from.byte()};
  rollups.bytes = from.varint();
  rollups.points_from = read_time(from);
  rollups.made_to = read_time(from);
  for (WallTime& time : rollups.from) time = read_time(from);
  return rollups;
}

Result<SeriesInfo> read_name(std::string_view key) {
  const std::size_t separator = key.find('\0', 4);
  if (key.size() < 4 || separator == std::string_view::npos) return std::unexpected(unknown_form());
  SeriesInfo info;
  info.tenant = TenantId{model::read_big_endian_32(key.substr(0, 4))};
  info.device = key.substr(4, separator - 4);
  info.channel = key.substr(separator + 1);
  return info;
}

}  // namespace

SeriesEntry::SeriesEntry(SeriesInfo what) : info(std::move(what)) {}
SeriesEntry::~SeriesEntry() = default;
SeriesEntry::SeriesEntry(SeriesEntry&&) noexcept = default;

Dictionary::Dictionary() = default;
Dictionary::~Dictionary() = default;

const SeriesEntry* Dictionary::find(TenantId tenant, std::string_view device,
                                    std::string_view channel) const {
  const auto found = by_name_.find(name_of(tenant, device, channel));
  return found == by_name_.end() ? nullptr : &found->second;
}

SeriesEntry& Dictionary::add(std::string name, SeriesInfo info) {
  const std::size_t id = info.id.value;
  SeriesEntry& entry = by_name_.emplace(std::move(name), SeriesEntry(std::move(info))).first->second;
  if (id >= by_id_.size()) by_id_.resize(id + 1);
  by_id_[id] = &entry;
  entry.tags = tags_of(entry.info.tenant, entry.info.device);
  return entry;
}

SeriesEntry* Dictionary::define(TenantId tenant, std::string_view device, std::string_view channel,
                                std::string_view unit) {
  std::string name = name_of(tenant, device, channel);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    SeriesInfo& info = found->second.info;
    if (unit.empty() || info.unit == unit) return &found->second;
    info.unit = unit;
    if (found->second.presence == SeriesEntry::Presence::shown) untold_.insert(std::move(name));
    return &found->second;
  }
  if (by_name_.size() >= kMaxSeries) return nullptr;
  const SeriesId id{static_cast<std::uint32_t>(std::max<std::size_t>(by_id_.size(), 1))};
  return &add(std::move(name),
              {id, tenant, std::string(device), std::string(channel), std::string(unit), Point{}});
}

EntryList Dictionary::entries(TenantId tenant, std::string_view device) const {
  EntryList found;
  const std::string begin = device.empty() ? model::tenant_key(tenant, "") : name_of(tenant, device, "");
  for (auto at = by_name_.lower_bound(begin); at != by_name_.end() && at->first.starts_with(begin); ++at)
    if (at->second.presence == SeriesEntry::Presence::shown) found.push_back(&at->second);
  return found;
}

std::vector<TenantId> Dictionary::tenants() const {
  std::vector<TenantId> found;
  for (auto at = by_name_.begin(); at != by_name_.end();) {
    found.push_back(at->second.info.tenant);
    if (found.back().value == UINT32_MAX) break;
    at = by_name_.lower_bound(model::tenant_key(TenantId{found.back().value + 1}, ""));
  }
  return found;
}

std::vector<const SeriesInfo*> Dictionary::list(TenantId tenant, std::string_view device) const {
  std::vector<const SeriesInfo*> found;
  for (const SeriesEntry* entry : entries(tenant, device)) found.push_back(&entry->info);
  return found;
}

void Dictionary::show(SeriesEntry& entry) {
  if (entry.presence == SeriesEntry::Presence::shown) return;
  index_.show(entry);
  entry.presence = SeriesEntry::Presence::shown;
}

void Dictionary::forget(SeriesEntry& entry, store::Position after) {
  const SeriesInfo& info = entry.info;
  const auto before = std::exchange(entry.presence, SeriesEntry::Presence::hidden);
  if (before == SeriesEntry::Presence::shown) index_.hide(entry);
  entry.info.last = {};
  entry.sealed_from = WallTime::max();
  entry.sealed_to = WallTime::min();
  entry.points = entry.bytes = 0;
  entry.rollups = {};
  entry.forgotten_after = after;
  unsaved_.series.insert(info.id.value);
  untold_.erase(name_of(info.tenant, info.device, info.channel));
}

Dictionary::ByName::iterator Dictionary::remove(ByName::iterator at) {
  const std::uint32_t id = at->second.info.id.value;
  index_.forget(at->second);
  by_id_[id] = nullptr;
  unsaved_.series.erase(id);
  return by_name_.erase(at);
}

void Dictionary::drop_forgotten(store::Position position) {
  for (auto at = by_name_.begin(); at != by_name_.end();) {
    const SeriesEntry& entry = at->second;
    const bool gone = entry.presence == SeriesEntry::Presence::hidden && entry.forgotten_after < position;
    if (!gone) {
      ++at;
      continue;
    }
    unsaved_.dropped.insert(entry_of(entry).key);
    at = remove(at);
  }
}

bool Dictionary::changes_tags(const DeviceTags& of) const {
  const Tags* present = tags_of(of.tenant, of.device);
  return present == nullptr ? !of.tags.empty() : *present != of.tags;
}

const Tags* Dictionary::tags_of(TenantId tenant, std::string_view device) const {
  const auto found = tags_.find(model::tenant_key(tenant, device));
  return found == tags_.end() ? nullptr : &found->second.tags;
}

std::vector<SeriesInfo> Dictionary::untold(std::span<const NewPoint> points) const {
  std::set<std::uint32_t> hidden;
  for (const NewPoint& one : points)
    if (at(one.series)->presence == SeriesEntry::Presence::hidden) hidden.insert(one.series.value);
  std::vector<SeriesInfo> all;
  for (const std::uint32_t id : hidden) all.push_back(by_id_[id]->info);
  for (const std::string& name : untold_) all.push_back(by_name_.find(name)->second.info);
  return all;
}

void Dictionary::told(const std::vector<SeriesInfo>& what) {
  for (const SeriesInfo& info : what) {
    const SeriesEntry* entry = at(info.id);
    unsaved_.series.insert(info.id.value);
    if (entry->info.unit == info.unit) untold_.erase(name_of(info.tenant, info.device, info.channel));
  }
}

Result<void> Dictionary::take(const SeriesInfo& info) {
  if (info.id.value == 0 || info.id.value > kMaxSeriesNumber) return std::unexpected(unknown_form());
  unsaved_.series.insert(info.id.value);
  SeriesEntry* present = at(info.id);
  if (present != nullptr) {
    if (present->info.device != info.device || present->info.channel != info.channel)
      return fail(Errc::corrupt, "two series have one number");
    present->info.unit = info.unit;
    return {};
  }
  std::string name = name_of(info.tenant, info.device, info.channel);
  if (const auto named = by_name_.find(name); named != by_name_.end()) {
    // One that was forgotten, and dropped at a start, got another number when it came back.
    if (named->second.presence == SeriesEntry::Presence::shown)
      return fail(Errc::corrupt, "a series has two numbers");
    remove(named);
  }
  add(std::move(name), info);
  return {};
}

void Dictionary::take(DeviceTags of) {
  std::string key = model::tenant_key(of.tenant, of.device);
  unsaved_.tags.insert(key);
  set_tags(std::move(key), std::move(of));
}

void Dictionary::set_tags(std::string key, DeviceTags of) {
  count_tags(of, 1);
  const auto [at, is_new] = tags_.try_emplace(std::move(key));
  count_tags(at->second, -1);
  at->second = std::move(of);
  if (!is_new) return;
  const std::string begin = name_of(at->second.tenant, at->second.device, "");
  for (auto series = by_name_.lower_bound(begin);
       series != by_name_.end() && series->first.starts_with(begin); ++series)
    series->second.tags = &at->second.tags;
}

void Dictionary::count_tags(const DeviceTags& of, std::ptrdiff_t by) {
  if (of.tags.empty()) return;
  TagNames& names = tag_names_[of.tenant];
  for (const auto& [name, value] : of.tags) {
    const auto at = names.try_emplace(name).first;
    at->second += static_cast<std::size_t>(by);
    if (at->second == 0) names.erase(at);
  }
}

const Dictionary::TagNames* Dictionary::tag_names(TenantId tenant) const {
  const auto found = tag_names_.find(tenant);
  return found == tag_names_.end() ? nullptr : &found->second;
}

std::string_view Dictionary::series_prefix() {
  return kSeries;
}

std::string_view Dictionary::tags_prefix() {
  return kTags;
}

/// version | number | length of the unit, unit | whether it is shown; if not, behind which position of the
/// log it was forgotten | points in chunks, bytes of these | rollups | times from and up to which chunks
/// reach (8 each) | time of the last point (8) | its value.
store::Put Dictionary::entry_of(const SeriesEntry& entry) const {
  const SeriesInfo& info = entry.info;
  ByteWriter to;
  to.byte(kVersion);
  to.varint(info.id.value);
  to.counted_text(info.unit);
  to.byte(std::to_underlying(entry.presence));
  if (entry.presence == SeriesEntry::Presence::hidden) to.varint(entry.forgotten_after);
  to.varint(entry.points);
  to.varint(entry.bytes);
  write_rollups(to, entry.rollups);
  to.text(time_text(entry.sealed_from));
  to.text(time_text(entry.sealed_to));
  to.text(time_text(info.last.time));
  to.text(encode_value(info.last));
  return {store::Table::meta, std::string(kSeries) + name_of(info.tenant, info.device, info.channel),
          to.take()};
}

Result<void> Dictionary::load_series(const store::Entry& entry) {
  const std::string_view name = std::string_view(entry.key).substr(kSeries.size());
  DUNLIN_TRY(SeriesInfo info, read_name(name));
  ByteReader from(entry.value);
  const std::uint8_t version = from.byte();
  WallTime sealed_from = WallTime::min();
  WallTime sealed_to = WallTime::max();
  auto presence = SeriesEntry::Presence::shown;
  store::Position forgotten_after = 0;
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  RollupState rollups;
  if (version == kFirstVersion && entry.value.size() >= 5) {
    info.id = SeriesId{model::read_big_endian_32(from.text(4))};
    info.unit = std::string_view(entry.value).substr(5);
  } else if (version == kSecondVersion || version == kVersion) {
    info.id = SeriesId{static_cast<std::uint32_t>(from.varint())};
    info.unit = from.counted_text();
    if (from.byte() == std::to_underlying(SeriesEntry::Presence::hidden)) {
      presence = SeriesEntry::Presence::hidden;
      forgotten_after = from.varint();
    }
    points = from.varint();
    bytes = from.varint();
    if (version == kVersion) rollups = read_rollups(from);
    sealed_from = read_time(from);
    sealed_to = read_time(from);
    const WallTime last = read_time(from);
    if (!from.ok()) return std::unexpected(unknown_form());
    DUNLIN_TRY(info.last, decode_value(last, from.rest()));
  } else {
    return std::unexpected(unknown_form());
  }
  if (info.id.value == 0 || info.id.value > kMaxSeriesNumber || at(info.id) != nullptr)
    return std::unexpected(unknown_form());
  SeriesEntry& added = add(std::string(name), std::move(info));
  added.sealed_from = sealed_from;
  added.sealed_to = sealed_to;
  added.points = points;
  added.bytes = bytes;
  added.rollups = rollups;
  if (presence == SeriesEntry::Presence::shown) show(added);
  added.forgotten_after = forgotten_after;
  return {};
}

void Dictionary::give_back(Unsaved what) {
  unsaved_.series.merge(what.series);
  unsaved_.tags.merge(what.tags);
  unsaved_.dropped.merge(what.dropped);
}

void Dictionary::put(store::Batch& batch, const Unsaved& what) const {
  for (const std::string& key : what.dropped) batch.deletes.push_back({store::Table::meta, key});
  for (const std::uint32_t id : what.series) batch.puts.push_back(entry_of(*by_id_[id]));
  for (const std::string& key : what.tags) batch.puts.push_back(tags_entry_of(key));
}

store::Put Dictionary::tags_entry_of(std::string_view key) const {
  ByteWriter to;
  to.byte(kTagsVersion);
  for (const auto& [name, value] : tags_.find(key)->second.tags) {
    to.counted_text(name);
    to.counted_text(value);
  }
  return {store::Table::meta, std::string(kTags).append(key), to.take()};
}

Result<void> Dictionary::load_tags(const store::Entry& entry) {
  const std::string_view key = std::string_view(entry.key).substr(kTags.size());
  ByteReader from(entry.value);
  if (key.size() < 4 || from.byte() != kTagsVersion) return std::unexpected(unknown_form());
  DeviceTags of{TenantId{model::read_big_endian_32(key.substr(0, 4))}, std::string(key.substr(4)), {}};
  while (from.ok() && !from.at_end()) {
    std::string name(from.counted_text());
    of.tags.insert_or_assign(std::move(name), std::string(from.counted_text()));
  }
  if (!from.ok()) return std::unexpected(unknown_form());
  set_tags(std::string(key), std::move(of));
  return {};
}

}  // namespace dunlin::series
