#include "labelled.h"

#include <algorithm>
#include <cmath>

#include "service/analytics/detector.h"

namespace dunlin::nab {
namespace {

constexpr double kFalseAlarm = 0.11;  // a missed window costs 1

double sigma(double y) {
  return y > 3 ? -1 : 2 / (1 + std::exp(5 * y)) - 1;
}

double worth_inside(const Window& window, std::size_t at) {
  const double y =
      -static_cast<double>(window.right - at + 1) / static_cast<double>(window.right - window.left + 1);
  return sigma(y) / sigma(-1);
}

// Just behind a window a false alarm costs little.
double worth_outside(const Series& series, std::size_t next, std::size_t at) {
  if (next == 0) return -kFalseAlarm;
  const auto [left, right] = series.windows[next - 1];
  if (right == left) return -kFalseAlarm;
  return kFalseAlarm * sigma(static_cast<double>(at - right) / static_cast<double>(right - left));
}

}  // namespace

void Outcome::add(const Outcome& other) {
  gain += other.gain;
  windows += other.windows;
  false_alarms += other.false_alarms;
  outside += other.outside;
}

double Outcome::score() const {
  return windows == 0 ? 0 : 50 * gain / static_cast<double>(windows);
}

Outcome judge(const Series& series, const analytics::Tuning& tuning) {
  analytics::Detector detector(tuning);
  Outcome outcome{.windows = series.windows.size()};
  std::vector<double> best(series.windows.size(), -1);
  const std::size_t probation = std::min<std::size_t>(series.points.size() * 15 / 100, 750);
  std::size_t next = 0;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const auto& [time, value] = series.points[i];
    const bool alarm = detector.add(time, value).score >= analytics::kAlarmScore;
    while (next < series.windows.size() && i > series.windows[next].right) ++next;
    if (i < probation) continue;
    if (next < series.windows.size() && i >= series.windows[next].left) {
      if (alarm) best[next] = std::max(best[next], worth_inside(series.windows[next], i));
      continue;
    }
    ++outcome.outside;
    if (!alarm) continue;
    ++outcome.false_alarms;
    outcome.gain += worth_outside(series, next, i);
  }
  for (const double worth : best) outcome.gain += worth + 1;
  return outcome;
}

}  // namespace dunlin::nab
