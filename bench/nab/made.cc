// The detector over series of known making: twelve kinds of noise, in each nothing or one of nine kinds of
// anomalies. It judges the detector by what was not recorded anywhere, and counts alarms where nothing
// happens.
//
// usage: nab_made

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include "base/rng.h"
#include "labelled.h"
#include "service/analytics/detector.h"

namespace {

using namespace dunlin;
using nab::Outcome;
using nab::Series;

using Values = std::vector<double>;
constexpr WallTime kStart{std::chrono::seconds{1'399'939'200}};  // a midnight

/// A series that is being made.
struct Maker {
  SeededRng rng;
  std::chrono::seconds step;
  double phase;  // of its day

  double normal() {
    return std::sqrt(-2 * std::log(1 - rng.unit())) * std::cos(2 * std::numbers::pi * rng.unit());
  }
  /// The day's wave, -1 to 1.
  double wave(int i) const {
    const double days = static_cast<double>((step * i).count()) / 86'400;
    return std::sin(2 * std::numbers::pi * (days + phase));
  }
  bool is_working_day(int i) const { return (step * i / std::chrono::hours{24}) % 7 < 5; }
};

struct Noise {
  const char* name;
  bool has_wave;
  /// The value after `last`.
  double (*next)(Maker& maker, int i, double last);
};

/// Of Poisson's distribution (Knuth).
double events(Maker& maker, double mean) {
  const double limit = std::exp(-mean);
  double count = -1;
  for (double product = 1; product > limit; product *= maker.rng.unit()) ++count;
  return count;
}

double heavy_tailed(Maker& maker) {
  double squares = 0;
  for (int k = 0; k < 3; ++k) squares += std::pow(maker.normal(), 2);
  return maker.normal() / std::sqrt(squares / 3);
}

double on_and_off(Maker& maker, double last) {
  const bool on = (last > 2) != (maker.rng.unit() < 0.02);
  return (on ? 4 : 0) + std::clamp(0.3 * maker.normal(), -1.5, 1.5);
}

double decaying_peaks(Maker& maker, double last) {
  const double peak = maker.rng.unit() < 0.01 ? -20 * std::log(1 - maker.rng.unit()) : last / 2;
  return peak + 0.5 * maker.normal();
}

constexpr std::array kNoises{
    Noise{"normal", false, [](Maker& maker, int, double) { return maker.normal(); }},
    Noise{"day", true, [](Maker& maker, int i, double) { return 5 * maker.wave(i) + maker.normal(); }},
    Noise{"log-normal", false, [](Maker& maker, int, double) { return std::exp(maker.normal()); }},
    Noise{"events by day", true,
          [](Maker& maker, int i, double) { return events(maker, 10 * std::exp(maker.wave(i))); }},
    Noise{"walk of hours", false,
          [](Maker& maker, int, double last) { return 0.95 * last + maker.normal(); }},
    Noise{"walk of days", false,
          [](Maker& maker, int, double last) { return 0.995 * last + maker.normal(); }},
    Noise{"heavy tails", false, [](Maker& maker, int, double) { return heavy_tailed(maker); }},
    Noise{"on and off", false, [](Maker& maker, int, double last) { return on_and_off(maker, last); }},
    Noise{"peaks", false, [](Maker& maker, int, double last) { return decaying_peaks(maker, last); }},
    Noise{"working days", true,
          [](Maker& maker, int i, double) {
            return (maker.is_working_day(i) ? 3 : 1) * (1.2 + maker.wave(i)) + 0.4 * maker.normal();
          }},
    Noise{"saw teeth", false,
          [](Maker& maker, int i, double) { return i % 60 / 10.0 + 0.2 * maker.normal(); }},
    Noise{"whole numbers", true,
          [](Maker& maker, int i, double) { return std::round(3 * maker.wave(i) + 2 * maker.normal()); }},
};

/// Of a series before anything happens to it.
struct Usual {
  double mean;
  double deviation;
  double low;  // one in a hundred is below
  double high;
};

Usual usual(Values values) {
  double mean = 0;
  double squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += std::pow(value - mean, 2) / static_cast<double>(values.size());
  std::ranges::sort(values);
  return {mean, std::sqrt(squares), values[values.size() / 100], values[values.size() * 99 / 100]};
}

struct Anomaly {
  const char* name;
  /// What the value becomes, `age` values after the begin of an anomaly that is `length` long; `first` is the
  /// value at its begin.
  double (*change)(double value, int age, int length, double first, const Usual& is);
};

constexpr std::array kAnomalies{
    Anomaly{"nothing", [](double value, int, int, double, const Usual&) { return value; }},
    Anomaly{"one peak", [](double value, int age, int, double,
                           const Usual& is) { return age == 0 ? is.high + 4 * is.deviation : value; }},
    Anomaly{"ten high values", [](double value, int age, int, double,
                                  const Usual& is) { return age < 10 ? is.high + is.deviation : value; }},
    Anomaly{"another level",
            [](double value, int, int, double, const Usual& is) { return value + 3 * is.deviation; }},
    Anomaly{"more noise",
            [](double value, int age, int length, double, const Usual& is) {
              return age < length ? is.mean + 3 * (value - is.mean) : value;
            }},
    Anomaly{"stuck", [](double value, int age, int length, double first,
                        const Usual&) { return age < length ? first : value; }},
    Anomaly{"fallen out", [](double value, int age, int length, double,
                             const Usual& is) { return age < length ? is.low - is.deviation : value; }},
    Anomaly{"slow rise",
            [](double value, int age, int length, double, const Usual& is) {
              return value + 4 * is.deviation * std::min(1.0, static_cast<double>(age) / length);
            }},
    Anomaly{"calm",
            [](double value, int age, int length, double, const Usual& is) {
              return age < length / 2 ? is.mean + (value - is.mean) / 10 : value;
            }},
    Anomaly{"mirrored", [](double value, int age, int length, double,
                           const Usual& is) { return age < length ? 2 * is.mean - value : value; }},
};

Series make(const Noise& noise, const Anomaly& anomaly, int count, Maker maker) {
  Values values;
  double last = 0;
  for (int i = 0; i < count; ++i) values.push_back(last = noise.next(maker, i, last));
  const Usual is = usual(values);
  const int half = count / 20;
  const int begin = static_cast<int>(count * (0.3 + 0.5 * maker.rng.unit()));
  const double first = values[static_cast<std::size_t>(begin)];
  Series series;
  for (int i = 0; i < count; ++i) {
    const double value = values[static_cast<std::size_t>(i)];
    const double changed = i < begin ? value : anomaly.change(value, i - begin, half, first, is);
    series.points.push_back({kStart + maker.step * i, changed});
  }
  if (&anomaly != kAnomalies.data())
    series.windows.push_back(
        {static_cast<std::size_t>(begin - half), static_cast<std::size_t>(begin + half)});
  return series;
}

/// Over all that the noise, or else the anomaly, is in.
Outcome judge_all(const std::function<bool(const Noise&, const Anomaly&)>& wanted) {
  Outcome sum;
  std::uint64_t seed = 0;
  for (const Noise& noise : kNoises) {
    for (const Anomaly& anomaly : kAnomalies) {
      for (int variant = 0; variant < 3; ++variant) {
        ++seed;
        // A mirrored value is unusual only where the time of the day says what it should be.
        const bool makes_sense = noise.has_wave || &anomaly != &kAnomalies.back();
        if (!makes_sense || !wanted(noise, anomaly)) continue;
        Maker maker{SeededRng(seed), std::chrono::minutes{variant < 2 ? 5 : 60}, 0};
        maker.phase = maker.rng.unit();
        sum.add(nab::judge(make(noise, anomaly, variant < 2 ? 5000 : 2000, maker), analytics::kTuning));
      }
    }
  }
  return sum;
}

}  // namespace

int main() {
  const auto is_nothing = [](const Anomaly& anomaly) { return &anomaly == kAnomalies.data(); };
  fmt::print("{:16} score  alarms in 1000 values without an anomaly\n", "noise");
  for (const Noise& noise : kNoises) {
    const Outcome all = judge_all([&](const Noise& has, const Anomaly&) { return &has == &noise; });
    const Outcome calm =
        judge_all([&](const Noise& has, const Anomaly& with) { return &has == &noise && is_nothing(with); });
    fmt::print("{:16} {:5.1f}  {:.2f}\n", noise.name, all.score(),
               1000.0 * static_cast<double>(calm.false_alarms) / static_cast<double>(calm.outside));
  }
  fmt::print("\n{:16} score\n", "anomaly");
  for (const Anomaly& anomaly : kAnomalies) {
    if (is_nothing(anomaly)) continue;
    const Outcome all = judge_all([&](const Noise&, const Anomaly& has) { return &has == &anomaly; });
    fmt::print("{:16} {:5.1f}\n", anomaly.name, all.score());
  }
  const Outcome all = judge_all([](const Noise&, const Anomaly&) { return true; });
  const Outcome calm = judge_all([&](const Noise&, const Anomaly& has) { return is_nothing(has); });
  fmt::print("{:16} {:5.1f}  {:.2f}\n", "all", all.score(),
             1000.0 * static_cast<double>(calm.false_alarms) / static_cast<double>(calm.outside));
}
