#pragma once
// The records of the log of samples: what is acknowledged before it is sealed. Format:
// docs/formats/samples.md.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/bus.h"
#include "service/series/point.h"

namespace dunlin::series {

/// Kind of such a record in store::Log.
inline constexpr std::uint8_t kSampleRecord = 1;

/// What a device is filed under, of whoever writes its samples: "fleet" -> "East".
using Tags = std::map<std::string, std::string, std::less<>>;

/// How far a consumer's results are in the log.
struct ConsumerPosition {
  std::string consumer;
  hub::JournalPosition at;
};

struct DeviceTags {
  TenantId tenant;
  std::string device;
  Tags tags;
};

/// Points of a series with from <= time < to are gone; to == max: that time, too.
struct Deletion {
  SeriesId series;
  WallTime from{};
  WallTime to{};
  bool holds(WallTime time) const { return time >= from && (time < to || to == WallTime::max()); }
  bool is_whole() const { return from == WallTime::min() && to == WallTime::max(); }
};

/// What is known of a point beside what is measured: for those that follow the log, not for chunks.
struct PointNote {
  std::uint32_t point = 0;  // its place among the record's
  int hops = 0;             // rules that what it came with has passed, to kMaxNotedHops
  model::Watch watch = model::Watch::watched;
  friend bool operator==(const PointNote&, const PointNote&) = default;
};
inline constexpr int kMaxNotedHops = 127;

/// One atomic write.
struct SampleRecord {
  std::vector<SeriesInfo> series;  // defined here, or with another unit; `last` is not part of it
  std::vector<DeviceTags> tags;    // all of these devices'
  std::vector<ConsumerPosition> positions;
  std::vector<NewPoint> points;
  std::vector<Deletion> deletions;  // of what was there before
  std::vector<PointNote> notes{};   // ascending; points without one have none
};

std::string encode_sample_record(const SampleRecord& record);
/// Errors: corrupt.
Result<SampleRecord> decode_sample_record(std::string_view bytes);

/// A point without its time, as it stands in the dictionary.
std::string encode_value(const Point& point);
/// Errors: corrupt.
Result<Point> decode_value(WallTime time, std::string_view bytes);

}  // namespace dunlin::series
