#pragma once
// One alarm over one channel: a judge, and how long what it says must last. Saved state:
// docs/formats/analytics.md.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "service/analytics/judges.h"

namespace dunlin::analytics {

struct WatchOptions {
  std::variant<ThresholdOptions, RateOptions, FlatOptions, MissingOptions, RobustOptions, SeasonalOptions>
      kind;
  HoldTimes hold{};
};

/// "threshold", "rate", "flat", "missing", "robust" or "seasonal".
std::string_view kind_name(const WatchOptions& options);

/// Errors: invalid_argument, limit_exceeded.
Result<void> check(const WatchOptions& options);

/// Why an alarm begins or ends.
struct WatchEvent {
  Change change = Change::none;
  std::string_view detector;  // kind_name()
  WallTime time;              // of the value that did it, or of the look for one
  WallTime since;             // first of the values that led to it without interruption
  Judgement judgement;
};

/// Values that are not finite are not looked at, nor those before the last one. One thread.
class Watch {
 public:
  /// `options` are ones that check() accepts.
  explicit Watch(WatchOptions options);

  std::optional<WatchEvent> add(WallTime time, double value);
  /// To be called now and then: only silence is found by it.
  std::optional<WatchEvent> look(WallTime now);
  bool is_raised() const { return condition_.is_raised(); }

  std::string save() const;
  /// Of a watch with the same options. Errors: corrupt.
  static Result<Watch> load(WatchOptions options, std::string_view bytes);

 private:
  using Judge = std::variant<ThresholdJudge, RateJudge, FlatJudge, MissingJudge, RobustJudge, SeasonalJudge>;

  std::optional<WatchEvent> take(WallTime time, const Judgement& judgement);

  WatchOptions options_;
  Judge judge_;
  Condition condition_;
  std::optional<WallTime> last_;  // value
};

}  // namespace dunlin::analytics
