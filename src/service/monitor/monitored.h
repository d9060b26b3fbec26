#pragma once
// What a monitor knows of one device.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "service/monitor/monitor.h"

namespace dunlin::monitor {

/// One thread.
class Monitored {
 public:
  explicit Monitored(const Monitor& monitor);

  /// A value; what begins or ends by it.
  std::optional<analytics::WatchEvent> add(WallTime time, double value);
  /// Between values.
  std::optional<analytics::WatchEvent> look(WallTime now);
  bool is_raised() const;

  /// Of the last value that was added since the start.
  struct Last {
    WallTime time;
    double value = 0;
    std::optional<double> score;              // of the kind anomaly
    std::optional<analytics::Band> expected;  // likewise
    std::optional<Reach> reach{};             // of the kind forecast
  };
  const std::optional<Last>& last() const { return last_; }

  std::string save() const;
  /// Of a monitor with the same kind and options. Errors: corrupt.
  static Result<Monitored> load(const Monitor& monitor, std::string_view bytes);

 private:
  struct Anomaly {
    double score;
    analytics::Detector detector;
    analytics::Condition condition;
  };
  using State = std::variant<Anomaly, analytics::Watch, ForecastWatch>;
  static State make(const Monitor& monitor);

  State state_;
  std::optional<Last> last_;
};

/// For people: "temperature is 91.3, expected 60 to 80 (threshold, since 2026-11-30T01:02:03.000Z)".
std::string reason(const Monitor& monitor, const analytics::WatchEvent& event);

}  // namespace dunlin::monitor
