// Random data and random queries beside a naive model: every row as a map, every operation as it is defined.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "base/quantile_sketch.h"
#include "base/rng.h"
#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

constexpr std::int64_t kStart = 1'700'000'000 - 1'700'000'000 % 7200;

/// A row of the wide table `m`.
struct Row {
  std::int64_t time = 0;
  std::string device;
  std::string site;
  std::array<std::optional<double>, 2> values;
};

/// Cells that differ by less than rounding are the same; "~1 2" is anything from 1 to 2.
bool is_same_cell(const std::string& a, const std::string& b) {
  if (a == b) return true;
  if (b.starts_with('~'))
    return std::stod(a) >= std::stod(b.substr(1)) && std::stod(a) <= std::stod(b.substr(b.find(' ')));
  double x = 0;
  double y = 0;
  const auto read = [](const std::string& text, double& to) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), to);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
  };
  return read(a, x) && read(b, y) && std::abs(x - y) <= 1e-9 * std::max({1.0, std::abs(x), std::abs(y)});
}

std::vector<std::vector<std::string>> cells_of(const std::string& csv) {
  std::vector<std::vector<std::string>> lines;
  std::istringstream text(csv);
  for (std::string line; std::getline(text, line);) {
    lines.emplace_back();
    std::size_t begin = 0;
    for (std::size_t comma = line.find(','); comma != std::string::npos; comma = line.find(',', begin)) {
      lines.back().push_back(line.substr(begin, comma - begin));
      begin = comma + 1;
    }
    lines.back().push_back(line.substr(begin));
  }
  return lines;
}

void expect_same(const std::string& sql, std::vector<std::vector<std::string>> found,
                 std::vector<std::vector<std::string>> wanted) {
  std::ranges::sort(found);
  std::ranges::sort(wanted);
  ASSERT_EQ(found.size(), wanted.size()) << sql;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].size(), wanted[i].size()) << sql;
    for (std::size_t j = 0; j < found[i].size(); ++j)
      ASSERT_TRUE(is_same_cell(found[i][j], wanted[i][j]))
          << sql << ": " << found[i][j] << " is not " << wanted[i][j];
  }
}

std::string number(std::optional<double> value) {
  if (!value) return {};
  std::array<char, 40> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *value).ptr};
}

class ModelTest : public QueryTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  /// Devices with gaps, late points, points at the same time, and windows of which some are sealed.
  void fill(Rng& rng) {
    std::map<std::pair<std::string, std::int64_t>, Row> rows;
    for (int device = 0; device < 4; ++device) {
      const std::string name = "d" + std::to_string(device);
      if (device != 3) tags.set(name, "site", device % 2 == 0 ? "A" : "B");
      std::int64_t time = kStart + static_cast<std::int64_t>(rng.below(5000));
      const std::uint64_t points = 1 + rng.below(400);
      for (std::uint64_t i = 0; i < points; ++i) {
        time += static_cast<std::int64_t>(1 + rng.below(120));
        const std::int64_t at = rng.below(10) == 0 ? time - static_cast<std::int64_t>(rng.below(4000)) : time;
        const std::size_t channel = rng.below(2);
        const double value = static_cast<double>(rng.below(400)) / 10 - 10;
        put(name, channel == 0 ? "m/x" : "m/y", at, value);
        Row& row = rows[{name, at}];
        row.time = at;
        row.device = name;
        row.site = device == 3 ? "" : device % 2 == 0 ? "A" : "B";
        row.values[channel] = value;
      }
      if (rng.below(2) == 0) {
        write();
        pass(std::chrono::minutes{10});
      }
    }
    if (!pending.empty()) write();
    all.clear();
    for (auto& [key, row] : rows) all.push_back(row);
  }

  std::vector<Row> all;
};

enum class Fold : std::uint8_t { count, sum, avg, min, max, stddev, first, last, median };
constexpr std::string_view kFolds[] = {"count(x)",  "sum(x)",         "avg(x)",        "min(x)",   "max(x)",
                                       "stddev(x)", "first(x, time)", "last(x, time)", "median(x)"};

std::string folded(Fold fold, std::vector<std::pair<std::int64_t, double>> points) {
  if (fold == Fold::count) return std::to_string(points.size());
  if (points.empty()) return {};
  double sum = 0;
  std::vector<double> values;
  for (const auto& [time, value] : points) {
    sum += value;
    values.push_back(value);
  }
  const double mean = sum / static_cast<double>(points.size());
  std::ranges::sort(values);
  switch (fold) {
    case Fold::sum:
      return number(sum);
    case Fold::avg:
      return number(mean);
    case Fold::min:
      return number(values.front());
    case Fold::max:
      return number(values.back());
    case Fold::first:
      return number(points.front().second);
    case Fold::last:
      return number(points.back().second);
    case Fold::median: {
      const std::size_t half = values.size() / 2;
      if (values.size() > QuantileSketch::kExactValues) {
        const double low = values[(values.size() - 1) / 2];
        const double margin = 0.0051;
        return "~" + number(low - std::abs(low) * margin) + " " +
               number(values[half] + std::abs(values[half]) * margin);
      }
      return number(values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2);
    }
    default:
      break;
  }
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return values.size() < 2 ? std::string()
                           : number(std::sqrt(squares / static_cast<double>(values.size() - 1)));
}

TEST_P(ModelTest, GroupsAreWhatANaiveModelMakes) {
  constexpr std::int64_t kWidths[] = {60, 600, 3600, 7200, 86400};
  SeededRng rng(GetParam());
  fill(rng);
  for (int round = 0; round < 12; ++round) {
    const auto fold = static_cast<Fold>(rng.below(std::size(kFolds)));
    const std::int64_t width = kWidths[rng.below(std::size(kWidths))];
    const std::int64_t from = kStart + static_cast<std::int64_t>(rng.below(10'000));
    const std::int64_t to = from + static_cast<std::int64_t>(rng.below(40'000));
    const bool is_bounded = rng.below(2) == 0;
    const bool by_time = rng.below(2) == 0;
    const bool is_filtered = rng.below(3) == 0;
    const double least = static_cast<double>(rng.below(30)) - 10;
    std::string sql = "SELECT device";
    if (by_time) sql += ", time_bucket('" + std::to_string(width) + " s', time) AS t";
    sql += ", " + std::string(kFolds[static_cast<std::size_t>(fold)]);
    sql += " FROM m WHERE device < 'd3'";
    if (is_bounded)
      sql += " AND time >= '" + time_text(from * 1'000'000'000) + "' AND time < '" +
             time_text(to * 1'000'000'000) + "'";
    if (is_filtered) sql += " AND x > " + number(least);
    sql += " GROUP BY device";
    if (by_time) sql += ", t";
    std::map<std::pair<std::string, std::int64_t>, std::vector<std::pair<std::int64_t, double>>> groups;
    for (const Row& row : all) {
      if (row.device == "d3" || !row.values[0] || (is_filtered && *row.values[0] <= least)) continue;
      if (is_bounded && (row.time < from || row.time >= to)) continue;
      const std::int64_t bucket = by_time ? row.time - row.time % width : 0;
      groups[{row.device, bucket}].emplace_back(row.time, *row.values[0]);
    }
    std::vector<std::vector<std::string>> wanted;
    for (const auto& [key, points] : groups) {
      wanted.push_back({key.first});
      if (by_time) wanted.back().push_back(time_text(key.second * 1'000'000'000));
      wanted.back().push_back(folded(fold, points));
    }
    expect_same(sql, cells_of(query(sql)), wanted);
  }
}

TEST_P(ModelTest, RowsAreJoinedByTime) {
  SeededRng rng(GetParam());
  fill(rng);
  std::vector<std::vector<std::string>> wanted;
  for (const Row& row : all)
    wanted.push_back({time_text(row.time * 1'000'000'000), row.device, number(row.values[0]),
                      number(row.values[1]), row.site});
  expect_same("all", cells_of(query("SELECT time, device, x, y, site FROM m")), wanted);
  std::ranges::sort(all, {}, [](const Row& row) {
    return std::tuple(row.values[1] ? -*row.values[1] : 1e9, row.time, row.device);
  });
  const std::string top =
      query("SELECT y, time, device FROM m ORDER BY y DESC, time, device LIMIT 7 OFFSET 2");
  const auto found = cells_of(top);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_TRUE(is_same_cell(found[i][0], number(all[i + 2].values[1]))) << top;
    EXPECT_EQ(found[i][2], all[i + 2].device);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range<std::uint64_t>(0, 25));

}  // namespace
}  // namespace dunlin::query
