#pragma once
// Which device and channels the lines of the line protocol speak of: read once for each measurement and set
// of tags, and then found by their bytes.

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hub/principal.h"
#include "service/series/point.h"
#include "wire/line_protocol/key.h"

namespace dunlin::series {

/// What is remembered of keys, in bytes; past it all is forgotten and read again.
inline constexpr std::size_t kMaxLineKeyBytes = 256 * 1024 * 1024;

/// Tags of a kind that the configuration may name.
inline constexpr std::size_t kMaxNamedTags = 16;

struct LineOptions {
  /// The first of these tags that a line has names the device.
  std::vector<std::string> device_tags{"device", "thing", "name", "host"};
  /// The values of these tags are part of the channel: of what a device has several of, like processors.
  std::vector<std::string> channel_tags;
  /// The fields of this measurement are channels by themselves; empty: none.
  std::string plain_measurement;
};

/// The lines of one measurement and set of tags.
struct LineSource {
  std::string device;
  std::string prefix;                                     // of the channels
  std::vector<std::pair<std::string, std::string>> tags;  // those that name neither device nor channel
  struct Target {
    std::string field;  // as written
    std::string channel;
    SeriesId series;  // none: the store was not asked so far
  };
  std::vector<Target> targets;
  /// Which source of the same device and channels spoke last: its tags are the device's.
  const LineSource** speaker = nullptr;
  std::string_view key;        // as written, of the tenant's known ones
  LineSource* next = nullptr;  // whose lines came behind this one's last
};

/// One thread.
class LineKeys {
 public:
  explicit LineKeys(LineOptions options) : options_(std::move(options)) {}

  /// Valid until the next forget() or make_room(). Errors: what is wrong with the key, and where.
  std::expected<LineSource*, line_protocol::KeyError> find(TenantId tenant, std::string_view key);

  /// Which of the targets a field is; `at` is where it stands among the line's fields, and most often among
  /// the targets too. Errors: why it names no channel (static text).
  std::expected<std::size_t, std::string_view> target(LineSource& source, std::size_t at,
                                                      const line_protocol::Text& field);

  /// Forgets everything where too much is remembered.
  void make_room();
  void forget();
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
  };
  struct Known {
    std::unordered_map<std::string, LineSource, Hash, std::equal_to<>> sources;
    std::unordered_map<std::string, const LineSource*> speakers;  // by device NUL prefix
  };

  std::expected<LineSource, line_protocol::KeyError> read(std::string_view key) const;
  LineSource* look_up(TenantId tenant, std::string_view key);
  LineSource* add(TenantId tenant, std::string_view key, LineSource source);

  const LineOptions options_;
  std::unordered_map<std::uint32_t, Known> known_;  // by tenant
  // Lines come in the same order again and again: the one found last, and whose it is.
  LineSource* last_ = nullptr;
  TenantId last_tenant_;
  std::size_t bytes_ = 0;
};

}  // namespace dunlin::series
