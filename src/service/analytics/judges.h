#pragma once
// What operators ask for first: of each value, whether it is as it should be, and where it should be.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "service/analytics/condition.h"
#include "service/analytics/detector.h"
#include "service/analytics/holt_winters.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {

struct Judgement {
  Zone zone = Zone::usual;
  double value = 0;              // what was judged: the value, a rate, seconds, a number of deviations
  std::optional<Band> expected;  // of the same
};

/// Every judge: options that check() has accepted; values are finite, times ascend; judge() judges by what
/// came before and then learns. save() and load() hold what was learned, not the options. One thread.

/// A value above `high` or below `low` is unusual, and usual again `hysteresis` inside of them.
struct ThresholdOptions {
  std::optional<double> low{};
  std::optional<double> high{};
  double hysteresis = 0;
};
class ThresholdJudge {
 public:
  explicit ThresholdJudge(const ThresholdOptions& options) : options_(options) {}
  Judgement judge(WallTime time, double value);
  void save(store::ByteWriter&) const {}
  void load(store::ByteReader&) {}

 private:
  ThresholdOptions options_;
};

/// How fast the value changes, in units a second over the last `over` (zero: since the value before).
struct RateOptions {
  std::optional<double> falling{};  // slowest rate allowed, e.g. -0.5
  std::optional<double> rising{};   // fastest one
  Duration over{};
};
class RateJudge {
 public:
  explicit RateJudge(const RateOptions& options) : options_(options) {}
  Judgement judge(WallTime time, double value);
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  struct Point {
    WallTime time;
    double value;
  };
  void remember(WallTime time, double value);

  RateOptions options_;
  std::vector<Point> points_;  // oldest first, at most kMaxRatePoints
};

/// Values that stay within `tolerance` of each other for `after` come from a sensor that is stuck.
struct FlatOptions {
  Duration after = std::chrono::hours{1};
  double tolerance = 0;
};
class FlatJudge {
 public:
  explicit FlatJudge(const FlatOptions& options) : options_(options) {}
  Judgement judge(WallTime time, double value);
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  FlatOptions options_;
  std::optional<WallTime> since_;
  double low_ = 0;
  double high_ = 0;
};

/// No value for `after`, or, where that is zero, for ten times as long as is usual.
struct MissingOptions {
  Duration after{};
};
class MissingJudge {
 public:
  explicit MissingJudge(const MissingOptions& options) : options_(options) {}
  Judgement judge(WallTime time, double value);
  /// Between two values.
  Judgement judge_silence(WallTime now) const;
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  Duration longest() const;

  MissingOptions options_;
  std::optional<WallTime> last_;
  double usual_ = 0;  // seconds between values
  double count_ = 0;
};

/// Distance from the median of the last `window` values in deviations, which their median absolute deviation
/// stands for: neither is moved by outliers.
struct RobustOptions {
  double deviations = 6;
  double clear_deviations = 3;
  std::size_t window = 128;
};
class RobustJudge {
 public:
  explicit RobustJudge(const RobustOptions& options) : options_(options) {}
  Judgement judge(WallTime time, double value);
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  void learn(double value);
  double median() const;
  double deviation(double median) const;

  RobustOptions options_;
  std::vector<double> sorted_;
  std::vector<double> in_order_;  // a ring
  std::size_t oldest_ = 0;
};

/// Distance from the forecast of Holt-Winters in deviations of its errors.
struct SeasonalOptions {
  Duration step = std::chrono::minutes{30};
  std::size_t season = 48;  // steps
  double deviations = 6;
  double clear_deviations = 3;
};
class SeasonalJudge {
 public:
  explicit SeasonalJudge(const SeasonalOptions& options);
  Judgement judge(WallTime time, double value);
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  SeasonalOptions options_;
  HoltWinters model_;
  std::optional<std::int64_t> last_step_;
  double judged_ = 0;
};

}  // namespace dunlin::analytics
