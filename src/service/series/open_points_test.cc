#include "service/series/open_points.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "service/series/columns.h"

namespace dunlin::series {
namespace {

Point random_point(Rng& rng, std::uint64_t kinds) {
  const WallTime time = from_unix_nanoseconds(static_cast<std::int64_t>(rng.below(300)));
  const auto number = static_cast<std::int64_t>(rng.below(1000));
  Point point{time, static_cast<double>(number) / 10};
  switch (rng.below(kinds)) {
    case 1:
      point.value = number;
      break;
    case 2:
      point.quality = model::Quality::bad;
      break;
    case 3:
      point.value = (std::int64_t{1} << 53) + number;
      break;
    case 4:
      point.value = std::to_string(number);
      break;
    case 5:
      point.value = number % 2 == 0;
      break;
    default:
      break;
  }
  return point;
}

void expect_same(const OpenPoints& open, const std::map<WallTime, Point>& truth) {
  ASSERT_EQ(open.size(), truth.size());
  if (truth.empty()) return;
  EXPECT_EQ(open.first(), truth.begin()->first);
  EXPECT_EQ(open.last(), truth.rbegin()->first);
  std::vector<Point> read;
  for (const store::ChunkPoints& columns : open.columns())
    for (const Point& point : points_of(columns)) read.push_back(point);
  std::vector<Point> expected;
  for (const auto& [time, point] : truth) expected.push_back(point);
  EXPECT_EQ(read, expected);
  EXPECT_EQ(open.points(), expected);
  const WallTime from = from_unix_nanoseconds(100);
  const WallTime to = from_unix_nanoseconds(200);
  std::size_t inside = 0;
  for (const store::ChunkPoints& columns : open.columns(from, to)) inside += columns.times.size();
  EXPECT_EQ(inside, std::distance(truth.lower_bound(from), truth.lower_bound(to)));
}

TEST(OpenPointsTest, HoldsWhatWasPutLastWhateverTheOrderAndTheTypes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededRng rng(seed);
    const std::uint64_t kinds = 1 + seed % 6;
    OpenPoints open;
    OpenPoints older;
    std::map<WallTime, Point> truth;
    std::map<WallTime, Point> below;
    for (std::uint64_t i = rng.below(400); i > 0; --i) {
      Point point = random_point(rng, kinds);
      truth.insert_or_assign(point.time, point);
      open.put(std::move(point));
    }
    expect_same(open, truth);
    for (std::uint64_t i = rng.below(100); i > 0; --i) {
      Point point = random_point(rng, kinds);
      below.insert_or_assign(point.time, point);
      older.put(std::move(point));
    }
    open.put_below(std::move(older));
    truth.merge(below);
    expect_same(open, truth);
  }
}

TEST(OpenPointsTest, LongOnesAreSeveralChunks) {
  OpenPoints open;
  for (std::size_t i = 0; i < kSealedPoints + 10; ++i)
    open.put({from_unix_nanoseconds(static_cast<std::int64_t>(i)), static_cast<std::int64_t>(i)});
  const auto columns = open.columns();
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[0].type, store::ChunkType::integer);
  EXPECT_EQ(columns[1].times.size(), 10U);
}

}  // namespace
}  // namespace dunlin::series
