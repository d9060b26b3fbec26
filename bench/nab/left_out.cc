// Searches the detector's numbers on labelled series: on all of them, as those of tuning.h were found, and
// for each folder without it, which is then judged with what was found. The difference is what is owed to the
// choice.
//
// usage: nab_left_out FOLDER       FOLDER: what bench/nab/left_out unpacks

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/fs.h"
#include "labelled.h"
#include "service/analytics/csv.h"

namespace {

using namespace dunlin;
using analytics::Tuning;
using nab::Outcome;
using nab::Series;
using nab::Window;

// Each number in steps that nobody would argue about.
constexpr std::array kRecentValues{10.0, 20.0, 40.0, 80.0};
constexpr std::array kQuietValues{50.0, 100.0, 200.0, 400.0};
constexpr std::array kAlarmDecades{2.0, 3.0, 4.0, 5.0, 6.0};

Result<std::vector<nab::Point>> read_points(const std::string& text) {
  std::vector<nab::Point> points;
  analytics::CsvReader reader;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    DUNLIN_TRY(const auto row, reader.read(std::string_view(text).substr(at, end - at)));
    if (row) points.push_back({row->time, row->number});
    at = end + 1;
  }
  return points;
}

Result<Series> read_series(Fs& fs, const std::string& root, const std::string& name,
                           const boost::json::array& labels) {
  DUNLIN_TRY(const std::string text, read_file(fs, root + '/' + name));
  DUNLIN_TRY(auto points, read_points(text));
  Series series{name.substr(0, name.find('/')), std::move(points), {}};
  const auto record = [&series](const boost::json::value& label) -> Result<std::size_t> {
    DUNLIN_TRY(const WallTime time, analytics::parse_timestamp(std::string(label.as_string())));
    return static_cast<std::size_t>(std::ranges::find(series.points, time, &nab::Point::time) -
                                    series.points.begin());
  };
  for (const auto& label : labels) {
    Window window;
    DUNLIN_TRY(window.left, record(label.at(0)));
    DUNLIN_TRY(window.right, record(label.at(1)));
    series.windows.push_back(window);
  }
  return series;
}

double two_digits(double number) {
  const double scale = std::pow(10, std::floor(std::log10(number)) - 1);
  return std::round(number / scale) * scale;
}

/// Which series something is about, one for each of all.
using Choice = std::vector<char>;

/// Every combination of the numbers, and what each series gains by it.
class Search {
 public:
  explicit Search(const std::vector<Series>& all) {
    for (const double recent : kRecentValues) {
      for (const double quiet : kQuietValues) {
        for (const double decades : kAlarmDecades) try_out(all, {recent, quiet, decades});
      }
    }
  }

  /// The middle of what does well on the chosen ones: the mean of all combinations (of the times their
  /// logarithms'), each by e to the power of its gain, so that one window found or missed does not decide.
  Tuning run(const Choice& chosen) const {
    std::vector<double> gains;
    for (const Tried& tried : tried_)
      gains.push_back(std::inner_product(tried.gains.begin(), tried.gains.end(), chosen.begin(), 0.0));
    const double best = *std::ranges::max_element(gains);
    double sum = 0;
    double recent = 0;
    double quiet = 0;
    double decades = 0;
    for (std::size_t i = 0; i < tried_.size(); ++i) {
      const Tuning& tuning = tried_[i].tuning;
      const double weight = std::exp(gains[i] - best);
      sum += weight;
      recent += weight * std::log(tuning.recent_values);
      quiet += weight * std::log(tuning.quiet_values);
      decades += weight * tuning.alarm_decades;
    }
    return {two_digits(std::exp(recent / sum)), two_digits(std::exp(quiet / sum)), two_digits(decades / sum)};
  }

 private:
  struct Tried {
    Tuning tuning;
    std::vector<double> gains;
  };
  void try_out(const std::vector<Series>& all, const Tuning& tuning) {
    Tried tried{tuning, {}};
    for (const Series& series : all) tried.gains.push_back(nab::judge(series, tuning).gain);
    tried_.push_back(std::move(tried));
  }

  std::vector<Tried> tried_;
};

Outcome judge(const std::vector<Series>& all, const Choice& chosen, const Tuning& tuning) {
  Outcome outcome;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (chosen[i] != 0) outcome.add(nab::judge(all[i], tuning));
  }
  return outcome;
}

std::string show(const Tuning& tuning) {
  return fmt::format("{:g} values recent, {:g} quiet, {:g} decades", tuning.recent_values,
                     tuning.quiet_values, tuning.alarm_decades);
}

Result<std::vector<Series>> read_all(const std::string& root) {
  const auto fs = make_system_fs();
  DUNLIN_TRY(const std::string text, read_file(*fs, root + "/windows.json"));
  const auto labels = boost::json::parse(text).as_object();
  std::vector<Series> all;
  for (const auto& [name, windows] : labels) {
    DUNLIN_TRY(Series series, read_series(*fs, root, std::string(name), windows.as_array()));
    all.push_back(std::move(series));
  }
  return all;
}

Result<void> run(const std::string& root) {
  DUNLIN_TRY(const std::vector<Series> all, read_all(root));
  std::set<std::string> folders;
  for (const Series& series : all) folders.insert(series.folder);
  const Choice whole(all.size(), 1);
  const auto print = [](const std::string& what, const Tuning& tuning, const Outcome& outcome) {
    fmt::print("{:24} {:48} {:5.2f} ({:.2f} of {})\n", what, show(tuning), outcome.score(), outcome.gain,
               2 * outcome.windows);
  };
  print("as they are", analytics::kTuning, judge(all, whole, analytics::kTuning));
  const Search search(all);
  const Tuning found = search.run(whole);
  print("searched on all", found, judge(all, whole, found));

  Outcome sum;
  for (const std::string& folder : folders) {
    Choice others;
    Choice left_out;
    for (const Series& series : all) {
      left_out.push_back(series.folder == folder ? 1 : 0);
      others.push_back(series.folder == folder ? 0 : 1);
    }
    const Tuning without = search.run(others);
    const Outcome judged = judge(all, left_out, without);
    sum.add(judged);
    print(folder, without, judged);
  }
  fmt::print("each folder with what was searched without it: {:.2f}\n", sum.score());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: nab_left_out FOLDER\n", stderr);
    return 2;
  }
  const auto done = run(argv[1]);
  if (!done) std::fprintf(stderr, "nab_left_out: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
