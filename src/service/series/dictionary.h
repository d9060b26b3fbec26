#pragma once
// The series there are: their names, numbers and last values, and the tags of devices.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "service/series/point.h"
#include "service/series/rollup.h"
#include "service/series/sample_record.h"
#include "service/series/table_index.h"
#include "store/keyed.h"
#include "store/log.h"

namespace dunlin::series {

inline constexpr std::size_t kMaxSeries = 1'000'000;
/// Tags of one device, and bytes of a tag's name and value.
inline constexpr std::size_t kMaxTags = 32;
inline constexpr std::size_t kMaxTagBytes = 256;

struct OpenWindow;

struct SeriesEntry {
  explicit SeriesEntry(SeriesInfo what);
  ~SeriesEntry();
  SeriesEntry(SeriesEntry&&) noexcept;

  SeriesInfo info;
  WallTime sealed_to = WallTime::min();    // no chunk has a later point
  WallTime sealed_from = WallTime::max();  // no chunk has an earlier one
  std::uint64_t points = 0;                // in chunks
  std::uint64_t bytes = 0;                 // of them
  store::Position forgotten_after = 0;     // while it is hidden
  RollupState rollups;
  /// All of it was deleted, or nothing has come yet: nobody sees it, but the log may speak of it.
  enum class Presence : std::uint8_t { hidden, shown } presence = Presence::hidden;
  const Tags* tags = nullptr;                        // of its device; null: it has none
  std::vector<std::unique_ptr<OpenWindow>> windows;  // with points that are not sealed
};

/// One thread. What it tells of stays where it is as long as the dictionary lives.
class Dictionary {
 public:
  Dictionary();
  ~Dictionary();

  const SeriesEntry* find(TenantId tenant, std::string_view device, std::string_view channel) const;
  /// Null: there is none.
  SeriesEntry* at(SeriesId id) { return id.value < by_id_.size() ? by_id_[id.value] : nullptr; }
  const SeriesEntry* at(SeriesId id) const { return id.value < by_id_.size() ? by_id_[id.value] : nullptr; }
  /// The series of that name, new if there was none; a unit that is not empty replaces its. Null: there are
  /// kMaxSeries others.
  SeriesEntry* define(TenantId tenant, std::string_view device, std::string_view channel,
                      std::string_view unit);
  /// A point of it has come.
  void show(SeriesEntry& entry);
  /// All of it was deleted, by the log's record behind `after`. It is defined anew with its next point.
  void forget(SeriesEntry& entry, store::Position after);
  /// The log was read from `position` on and will never be read from before it: what was forgotten before,
  /// and has not come back since, is no more.
  void drop_forgotten(store::Position position);
  /// Those with points. Of one device, sorted by channel; of all devices where `device` is empty.
  std::vector<const SeriesInfo*> list(TenantId tenant, std::string_view device) const;
  EntryList entries(TenantId tenant, std::string_view device) const;
  /// Of all series there are, seen or not, ascending.
  std::vector<TenantId> tenants() const;
  /// Those with points, as the tables of queries have them.
  const TableIndex& index() const { return index_; }
  /// Numbers that were ever given to series: at(), for each below this, is one or null.
  std::uint32_t end_of_numbers() const { return static_cast<std::uint32_t>(by_id_.size()); }
  std::size_t size() const { return by_name_.size(); }

  /// Whether they differ from those there are.
  bool changes_tags(const DeviceTags& of) const;
  /// Null: it has none.
  const Tags* tags_of(TenantId tenant, std::string_view device) const;
  /// How many devices of the tenant have a tag, by its name. Null: none has any.
  using TagNames = std::map<std::string, std::size_t, std::less<>>;
  const TagNames* tag_names(TenantId tenant) const;

  /// What a record of these points must tell: series that nobody sees yet, and other units. Nothing else
  /// speaks of a hidden series.
  std::vector<SeriesInfo> untold(std::span<const NewPoint> points) const;
  /// The log has it now.
  void told(const std::vector<SeriesInfo>& what);
  /// The log has said so.
  Result<void> take(const SeriesInfo& info);
  void take(DeviceTags of);

  /// What is in the log only, by number and by tenant | device.
  struct Unsaved {
    std::set<std::uint32_t> series;
    std::set<std::string, std::less<>> tags;
    std::set<std::string, std::less<>> dropped{};  // keys of the table meta
  };
  bool has_dropped() const { return !unsaved_.dropped.empty(); }
  Unsaved take_unsaved() { return std::exchange(unsaved_, {}); }
  /// What is known of the series has changed; its entry is written with the next.
  void changed(SeriesId id) { unsaved_.series.insert(id.value); }
  /// They were not saved after all.
  void give_back(Unsaved what);
  /// Their entries of the table meta.
  void put(store::Batch& batch, const Unsaved& what) const;

  /// Where the entries stand, and how they are read. Errors: corrupt.
  static std::string_view series_prefix();
  static std::string_view tags_prefix();
  Result<void> load_series(const store::Entry& entry);
  Result<void> load_tags(const store::Entry& entry);

 private:
  using ByName = std::map<std::string, SeriesEntry, std::less<>>;
  SeriesEntry& add(std::string name, SeriesInfo info);
  ByName::iterator remove(ByName::iterator at);
  store::Put entry_of(const SeriesEntry& entry) const;
  store::Put tags_entry_of(std::string_view key) const;
  void set_tags(std::string key, DeviceTags of);
  void count_tags(const DeviceTags& of, std::ptrdiff_t by);

  ByName by_name_;  // by tenant | device NUL channel
  std::vector<SeriesEntry*> by_id_;
  TableIndex index_;
  std::map<std::string, DeviceTags, std::less<>> tags_;  // by tenant | device
  std::map<TenantId, TagNames> tag_names_;
  std::set<std::string, std::less<>> untold_;  // names of series that have another unit
  Unsaved unsaved_;
};

}  // namespace dunlin::series
