#pragma once
// When an alarm begins and ends: not at once, and not at the first value that looks better.

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "store/chunk/bytes_io.h"

namespace dunlin::analytics {

/// Where a value lies. `between` (hysteresis) neither begins an alarm nor ends one.
enum class Zone : std::uint8_t { usual, between, unusual };

enum class Change : std::uint8_t { none, raised, cleared };

struct HoldTimes {
  Duration raise_after{};  // so long it must have been unusual without interruption
  Duration clear_after{};  // and usual
};

/// One alarm. A time before the last one is taken for the last one. One thread.
class Condition {
 public:
  explicit Condition(HoldTimes hold) : hold_(hold) {}

  Change update(WallTime time, Zone zone);

  bool is_raised() const { return raised_ == Raised::yes; }
  /// Since when it has been unusual, or usual again; nothing where neither is about to change anything.
  std::optional<WallTime> pending_since() const { return pending_; }

  void save(store::ByteWriter& out) const;
  /// Leaves the reader broken where the bytes are none of save().
  void load(store::ByteReader& in);

 private:
  enum class Raised : std::uint8_t { no, yes };

  HoldTimes hold_;
  Raised raised_ = Raised::no;
  std::optional<WallTime> last_;
  std::optional<WallTime> pending_;
};

/// Times in saved states: a byte, then nanoseconds since 1970 if it is 1.
void save_time(store::ByteWriter& out, std::optional<WallTime> time);
std::optional<WallTime> load_time(store::ByteReader& in);

/// Whether windows and conditions take a sample of that time (limits.h).
bool is_event_time(WallTime time);

/// `later` less `earlier`; the longest duration where that is even longer.
Duration between(WallTime earlier, WallTime later);

}  // namespace dunlin::analytics
