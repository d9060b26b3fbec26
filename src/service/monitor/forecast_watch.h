#pragma once
// An alarm before a limit is reached: by where a channel is going.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "service/analytics/forecaster.h"
#include "service/analytics/watch.h"

namespace dunlin::monitor {

inline constexpr std::string_view kForecastKind = "forecast";

struct ForecastOptions {
  std::optional<double> low{};  // at least one of the two
  std::optional<double> high{};
  Duration within{};  // ahead
  analytics::HoldTimes hold{};
};

/// Errors: invalid_argument, limit_exceeded.
Result<void> check(const ForecastOptions& options);

/// When which of the limits will be passed; `expected` is now where it is passed already.
struct Reach {
  double limit = 0;
  WallTime expected;
  std::optional<WallTime> earliest{};  // by the forecast's band
};

/// Values are to be in order of time; what is no later than the last one is not looked at. One thread.
class ForecastWatch {
 public:
  /// `options` are ones that check() accepts.
  explicit ForecastWatch(ForecastOptions options);

  /// The event's value is the seconds until the limit, which is the one end of its band.
  std::optional<analytics::WatchEvent> add(WallTime time, double value);
  bool is_raised() const { return condition_.is_raised(); }
  /// As it was found last.
  const std::optional<Reach>& reach() const { return reach_; }

  std::string save() const;
  /// Of a watch with the same options. Errors: corrupt.
  static Result<ForecastWatch> load(ForecastOptions options, std::string_view bytes);

 private:
  std::optional<Reach> look_ahead(WallTime time, double value) const;
  std::optional<Reach> look_for(double limit, WallTime time) const;

  ForecastOptions options_;
  analytics::Forecaster forecaster_;
  analytics::Condition condition_;
  std::optional<WallTime> first_{};  // value: it looks no farther ahead than it can look back
  std::optional<WallTime> last_{};
  // Not saved: it is looked ahead again with the next value.
  std::optional<WallTime> looked_{};
  std::optional<Reach> reach_{};
};

}  // namespace dunlin::monitor
