#pragma once
// What is known of the points of a minute, an hour or a day (UTC): kept beside the points, and longer than
// these. Format: docs/formats/series.md.

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "service/series/point.h"
#include "store/chunk/chunk.h"
#include "store/keyed.h"

namespace dunlin::series {

enum class RollupLength : std::uint8_t { minute, hour, day };
/// From the shortest to the longest.
inline constexpr std::array kRollupLengths{RollupLength::minute, RollupLength::hour, RollupLength::day};

/// Where it stands in an array of all lengths.
constexpr std::size_t index_of(RollupLength length) {
  return static_cast<std::size_t>(length);
}

inline constexpr Duration kRollupDay = std::chrono::hours{24};
constexpr Duration duration_of(RollupLength length) {
  if (length == RollupLength::minute) return std::chrono::minutes{1};
  return length == RollupLength::hour ? Duration{std::chrono::hours{1}} : kRollupDay;
}

/// Some of the lengths.
class RollupLengths {
 public:
  constexpr RollupLengths() = default;
  constexpr explicit RollupLengths(std::uint8_t bits) : bits_(bits & kAll) {}
  constexpr void add(RollupLength length) { bits_ |= bit(length); }
  constexpr bool has(RollupLength length) const { return (bits_ & bit(length)) != 0; }
  /// Whether all of the others are among them.
  constexpr bool has_all(RollupLengths others) const { return (others.bits_ & ~bits_) == 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint8_t bits() const { return bits_; }
  friend constexpr bool operator==(RollupLengths, RollupLengths) = default;

 private:
  static constexpr std::uint8_t kAll = 7;
  static constexpr std::uint8_t bit(RollupLength length) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(length));
  }
  std::uint8_t bits_ = 0;
};

/// The begin of the part of time that `time` is in. The first one of all is shorter.
WallTime part_start(WallTime time, Duration length);
inline WallTime day_start(WallTime time) {
  return part_start(time, kRollupDay);
}
/// `time` is a day's start; the last day of all ends with time.
WallTime next_day(WallTime time);

/// Parts that have points, ascending, each in a part of time of its own.
using Parts = std::vector<store::ChunkSummary>;

/// What both say, as of all their points; those of `other` are before, between or behind those of `into`.
void add_summary(store::ChunkSummary& into, const store::ChunkSummary& other);
/// Adds points begin to end, which ascend.
void add_points(Parts& parts, RollupLength length, const store::ChunkPoints& columns, std::size_t begin,
                std::size_t end);
/// The same as parts of a longer or equal length.
Parts as_parts(const Parts& parts, RollupLength length);

/// Parts of one day as an entry's value, and back. Errors: corrupt, also of a later version.
std::string encode_parts(WallTime day, const Parts& parts);
Result<Parts> decode_parts(WallTime day, RollupLength length, std::string_view value);

/// tenant (4) | series (4) | length (1) | the day's begin (8): of the table `rollup`.
std::string rollup_key(const SeriesInfo& series, RollupLength length, WallTime day);
/// The entries of the days `first` to `last`, of one length, and of each from the shortest on.
store::Range rollup_range(const SeriesInfo& series, RollupLength length, WallTime first, WallTime last);
std::vector<store::Range> rollup_ranges(const SeriesInfo& series, WallTime first, WallTime last);
inline constexpr std::size_t kRollupKeyBytes = 17;
/// Of a key of that size.
WallTime day_of_rollup_key(std::string_view key);

/// What is there of one day of a series.
class RollupDay {
 public:
  explicit RollupDay(WallTime day) : day_(day) {}

  WallTime start() const { return day_; }
  bool has(RollupLength length) const { return at(length).has_value(); }
  /// Of a length that it has.
  const Parts& parts(RollupLength length) const { return *at(length); }

  /// Takes an entry as it is stored. Errors: corrupt.
  Result<void> load(RollupLength length, std::string_view value);
  /// Begins anew, without parts, in these lengths.
  void begin(RollupLengths lengths);
  /// Adds points, ascending from call to call. Those that may be among what was loaded already, because they
  /// lie between the first and the last of the finest part that is there, are left out: they cannot be told
  /// from those.
  void add(const store::ChunkPoints& columns, std::size_t begin, std::size_t end);
  /// Takes out the parts of the finest length that have a time from <= time < to within them, and makes the
  /// others anew.
  void take_out(WallTime from, WallTime to);
  bool has_changed() const { return has_changed_; }

 private:
  using Slot = std::optional<Parts>;
  const Slot& at(RollupLength length) const { return parts_[index_of(length)]; }
  Slot& at(RollupLength length) { return parts_[index_of(length)]; }
  /// The part of what was loaded whose time the point is in; null: there is none.
  const store::ChunkSummary* loaded_at(std::int64_t time) const;
  void add_run(const store::ChunkPoints& columns, std::size_t begin, std::size_t end);
  std::optional<RollupLength> finest() const;

  WallTime day_;
  std::array<Slot, kRollupLengths.size()> parts_;
  Parts loaded_;  // the finest, as it was stored
  RollupLength loaded_length_ = RollupLength::day;
  bool has_changed_ = false;
};

/// What is known of a series' rollups without reading them.
struct RollupState {
  /// Of the days before this the entries are all that counts: their points are gone, or on their way into
  /// the entries or out of the store.
  WallTime points_from = WallTime::min();
  /// The days from there to here that have points have their entries, and these say what the points say.
  WallTime made_to = WallTime::min();
  /// No entry of the length is of an earlier day; max: there is none.
  std::array<WallTime, kRollupLengths.size()> from{WallTime::max(), WallTime::max(), WallTime::max()};
  std::uint64_t bytes = 0;  // of all entries
  RollupLengths lengths;    // that are made

  bool has_any() const { return begin() != WallTime::max() || points_from != WallTime::min(); }
  WallTime begin() const;
  bool has(RollupLength length) const { return from[index_of(length)] != WallTime::max(); }
  /// Points of the day have changed: what was made of it may be wrong.
  void touch(WallTime time);
  friend bool operator==(const RollupState&, const RollupState&) = default;
};

}  // namespace dunlin::series
