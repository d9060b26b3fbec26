// How far the detector's numbers are fitted to the series by which they were chosen: for each folder they are
// searched anew, from neutral ones, without that folder, and judged on it.
//
// usage: nab_left_out FOLDER STEPS       FOLDER: what bench/nab/left_out unpacks

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/rng.h"
#include "service/analytics/csv.h"
#include "service/analytics/detector.h"

namespace {

using namespace dunlin;
using analytics::Tuning;

constexpr double kFalseAlarm = 0.11;   // the standard profile; a missed window costs 1
constexpr std::size_t kVariants = 10;  // numbers near the tried ones, which count as much as they do

struct Window {
  std::size_t left = 0;
  std::size_t right = 0;
};
struct Series {
  std::string folder;
  std::vector<analytics::CsvRow> rows;
  std::vector<Window> windows;
  std::string text;  // what the rows are views of
};
using Corpus = std::vector<const Series*>;

double sigma(double y) {
  return y > 3 ? -1 : 2 / (1 + std::exp(5 * y)) - 1;
}

Result<Series> read_series(Fs& fs, const std::string& root, const std::string& name,
                           const boost::json::array& labels) {
  Series series;
  series.folder = name.substr(0, name.find('/'));
  DUNLIN_TRY(series.text, read_file(fs, root + '/' + name));
  analytics::CsvReader reader;
  for (std::size_t at = 0; at < series.text.size();) {
    const std::size_t end = std::min(series.text.find('\n', at), series.text.size());
    DUNLIN_TRY(const auto row, reader.read(std::string_view(series.text).substr(at, end - at)));
    if (row) series.rows.push_back(*row);
    at = end + 1;
  }
  const auto record = [&series](const boost::json::value& label) -> Result<std::size_t> {
    DUNLIN_TRY(const WallTime time, analytics::parse_timestamp(std::string(label.as_string())));
    return static_cast<std::size_t>(std::ranges::find(series.rows, time, &analytics::CsvRow::time) -
                                    series.rows.begin());
  };
  for (const auto& label : labels) {
    Window window;
    DUNLIN_TRY(window.left, record(label.at(0)));
    DUNLIN_TRY(window.right, record(label.at(1)));
    series.windows.push_back(window);
  }
  return series;
}

/// An alarm that a score of `score` or more would raise.
struct Alarm {
  double score;
  double worth;
  std::ptrdiff_t window;  // -1: outside of all
};

void append_alarms(const Series& series, const Tuning& tuning, std::ptrdiff_t windows,
                   std::vector<Alarm>& alarms) {
  analytics::Detector detector(tuning);
  const std::size_t probation = std::min<std::size_t>(series.rows.size() * 15 / 100, 750);
  std::size_t next = 0;
  for (std::size_t i = 0; i < series.rows.size(); ++i) {
    const double score = detector.add(series.rows[i].time, series.rows[i].number).score;
    while (next < series.windows.size() && i > series.windows[next].right) ++next;
    if (i < probation) continue;
    if (next < series.windows.size() && i >= series.windows[next].left) {
      const auto [left, right] = series.windows[next];
      const double y = -static_cast<double>(right - i + 1) / static_cast<double>(right - left + 1);
      alarms.push_back({score, sigma(y) / sigma(-1), windows + static_cast<std::ptrdiff_t>(next)});
    } else {
      double past = std::numeric_limits<double>::infinity();
      if (next > 0 && series.windows[next - 1].right > series.windows[next - 1].left) {
        const auto [left, right] = series.windows[next - 1];
        past = static_cast<double>(i - right) / static_cast<double>(right - left);
      }
      alarms.push_back({score, kFalseAlarm * sigma(past), -1});
    }
  }
}

struct Outcome {
  double gain = 0;  // over never raising an alarm; perfect is 2 a window
  double threshold = std::numeric_limits<double>::infinity();
  std::size_t windows = 0;
  double score() const { return windows == 0 ? 0 : 50 * gain / static_cast<double>(windows); }
};

/// With the threshold that suits best, or the given one.
Outcome judge(const Corpus& corpus, const Tuning& tuning, std::optional<double> fixed) {
  std::vector<Alarm> alarms;
  Outcome best;
  for (const Series* series : corpus) {
    append_alarms(*series, tuning, static_cast<std::ptrdiff_t>(best.windows), alarms);
    best.windows += series->windows.size();
  }
  std::ranges::stable_sort(alarms, std::greater{}, &Alarm::score);
  std::vector<double> credit(best.windows, -1);
  double gain = 0;
  for (std::size_t i = 0; i < alarms.size(); ++i) {
    const Alarm& alarm = alarms[i];
    if (fixed && alarm.score < *fixed) break;
    if (alarm.window < 0) gain += alarm.worth;
    if (alarm.window >= 0) {
      double& had = credit[static_cast<std::size_t>(alarm.window)];
      gain += std::max(0.0, alarm.worth - had);
      had = std::max(had, alarm.worth);
    }
    const bool last_of_equal = i + 1 == alarms.size() || alarms[i + 1].score != alarm.score;
    if (!fixed && last_of_equal && gain > best.gain) {
      best.gain = gain;
      best.threshold = alarm.score;
    }
  }
  if (fixed) best.gain = gain;
  if (fixed) best.threshold = *fixed;
  return best;
}

constexpr std::array kNumbers{&Tuning::slow_rate,      &Tuning::fast_rate,   &Tuning::slot_rate,
                              &Tuning::recent_rate,    &Tuning::usual_rate,  &Tuning::distance_weight,
                              &Tuning::outside_weight, &Tuning::slot_weight, &Tuning::shift_weight,
                              &Tuning::novelty_weight, &Tuning::plain_share, &Tuning::rarity_power,
                              &Tuning::alarm_rarity,   &Tuning::cool_weight, &Tuning::cool_rate};

/// What somebody would begin with who has seen no series: all parts weigh the same.
constexpr Tuning kNeutral{.slow_rate = 0.001,
                          .fast_rate = 0.05,
                          .slot_rate = 0.05,
                          .recent_rate = 0.05,
                          .usual_rate = 0.001,
                          .distance_weight = 1,
                          .outside_weight = 10,
                          .slot_weight = 1,
                          .shift_weight = 1,
                          .novelty_weight = 1,
                          .plain_share = 0.1,
                          .rarity_power = 2,
                          .alarm_rarity = 10,
                          .cool_weight = 1,
                          .cool_rate = 0.01};

/// Of a normal distribution (Box and Muller).
double normal(Rng& rng) {
  return std::sqrt(-2 * std::log(1 - rng.unit())) * std::cos(2 * std::numbers::pi * rng.unit());
}

/// Numbers of which all neighbours do well, not only they themselves.
class Search {
 public:
  explicit Search(Corpus corpus) : corpus_(std::move(corpus)) {
    for (auto& factors : variants_) {
      for (double& factor : factors) factor = std::exp(0.2 * normal(rng_));
    }
  }

  Tuning run(int steps) {
    Tuning best = kNeutral;
    double score = of_neighbours(best);
    for (int i = 0; i < steps; ++i) {
      Tuning tried = best;
      const std::uint64_t changes = 1 + rng_.below(4);
      for (std::uint64_t k = 0; k < changes; ++k)
        tried.*kNumbers[rng_.below(kNumbers.size())] *= std::exp(0.6 * normal(rng_));
      if (const double reached = of_neighbours(tried); reached > score) {
        score = reached;
        best = tried;
      }
    }
    return best;
  }

 private:
  double of_neighbours(const Tuning& tuning) const {
    double sum = 0;
    for (const auto& factors : variants_) {
      Tuning near = tuning;
      for (std::size_t i = 0; i < kNumbers.size(); ++i) near.*kNumbers[i] *= factors[i];
      for (const auto rate : {&Tuning::slow_rate, &Tuning::fast_rate, &Tuning::slot_rate,
                              &Tuning::recent_rate, &Tuning::usual_rate, &Tuning::cool_rate})
        near.*rate = std::min(near.*rate, 1.0);
      sum += judge(corpus_, near, std::nullopt).score();
    }
    return sum / kVariants;
  }

  Corpus corpus_;
  SeededRng rng_{1};
  std::array<std::array<double, kNumbers.size()>, kVariants> variants_{};
};

Result<void> run(const std::string& root, int steps) {
  const auto fs = make_system_fs();
  DUNLIN_TRY(const std::string text, read_file(*fs, root + "/windows.json"));
  const auto labels = boost::json::parse(text).as_object();
  std::vector<Series> all;
  for (const auto& [name, windows] : labels) {
    DUNLIN_TRY(Series series, read_series(*fs, root, std::string(name), windows.as_array()));
    all.push_back(std::move(series));
  }
  std::set<std::string> folders;
  Corpus whole;
  for (const Series& series : all) {
    folders.insert(series.folder);
    whole.push_back(&series);
  }
  const Outcome chosen = judge(whole, analytics::kTuning, std::nullopt);
  std::printf("the chosen numbers on all: %.2f\n", chosen.score());
  Outcome sum;
  Outcome threshold_only;
  for (const std::string& folder : folders) {
    Corpus others;
    Corpus left_out;
    for (const Series& series : all) (series.folder == folder ? left_out : others).push_back(&series);
    const double threshold = judge(others, analytics::kTuning, std::nullopt).threshold;
    threshold_only.gain += judge(left_out, analytics::kTuning, threshold).gain;
    const Tuning found = Search(others).run(steps);
    const Outcome fitted = judge(others, found, std::nullopt);
    const Outcome judged = judge(left_out, found, fitted.threshold);
    sum.gain += judged.gain;
    sum.windows += judged.windows;
    std::printf("%-24s others %.2f, itself %.2f (gain %.2f, %zu windows)\n", folder.c_str(), fitted.score(),
                judged.score(), judged.gain, judged.windows);
    std::fflush(stdout);
  }
  threshold_only.windows = sum.windows;
  std::printf("threshold without the judged folder: %.2f\n", threshold_only.score());
  std::printf("all numbers and threshold without the judged folder: %.2f\n", sum.score());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: nab_left_out FOLDER STEPS\n", stderr);
    return 2;
  }
  const auto done = run(argv[1], std::atoi(argv[2]));
  if (!done) std::fprintf(stderr, "nab_left_out: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
