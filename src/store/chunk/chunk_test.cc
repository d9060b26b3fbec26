// Chunks of points: every bit comes back, what is known without reading the points is true, and bytes that
// nobody encoded are refused.
#include "store/chunk/chunk.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/hex.h"
#include "store/chunk/limits.h"
#include "store/chunk/random_points.h"

namespace dunlin::store {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kSecond = 1'000'000'000;

ChunkPoints numbers(std::vector<double> values) {
  ChunkPoints points;
  for (std::size_t i = 0; i < values.size(); ++i)
    points.times.push_back(static_cast<std::int64_t>(i) * kSecond);
  points.values = std::move(values);
  return points;
}

ChunkPoints round_trip(const ChunkPoints& points) {
  auto decoded = decode_chunk(points.times.front(), encode_chunk(points));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? *std::move(decoded) : ChunkPoints{};
}

TEST(ChunkTest, GivesBackEveryBitOfRandomPoints) {
  SeededRng rng(1);
  for (int i = 0; i < 5000; ++i) {
    const ChunkPoints points = random_points(rng);
    ASSERT_TRUE(same_points(round_trip(points), points)) << "round " << i;
  }
}

TEST(ChunkTest, GivesBackEveryBitPatternOfADouble) {
  SeededRng rng(2);
  for (int i = 0; i < 200; ++i) {
    std::vector<double> values(1 + rng.below(300));
    for (double& value : values) value = std::bit_cast<double>(rng.next());
    const ChunkPoints points = numbers(values);
    ASSERT_TRUE(same_points(round_trip(points), points)) << "round " << i;
  }
}

TEST(ChunkTest, TheSummaryIsWhatThePointsSay) {
  SeededRng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const ChunkPoints points = random_points(rng);
    const auto summary = read_chunk_summary(points.times.front(), encode_chunk(points));
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->type, points.type);
    EXPECT_EQ(summary->points, points.times.size());
    EXPECT_EQ(summary->first_time, points.times.front());
    EXPECT_EQ(summary->last_time, points.times.back());
    const auto* values = std::get_if<std::vector<double>>(&points.values);
    if (values == nullptr) continue;
    std::vector<double> real;
    std::ranges::copy_if(*values, std::back_inserter(real), [](double value) { return !std::isnan(value); });
    ASSERT_EQ(summary->numbers, real.size());
    if (real.empty()) continue;
    EXPECT_EQ(summary->first, real.front());
    EXPECT_EQ(summary->last, real.back());
    EXPECT_EQ(summary->min, std::ranges::min(real));
    EXPECT_EQ(summary->max, std::ranges::max(real));
  }
}

TEST(ChunkTest, SumsOfDecimalNumbersAreExact) {
  // Ten times 0.1 is less than 1 where doubles are added.
  const auto summary = summarise(numbers(std::vector<double>(10, 0.1)));
  EXPECT_EQ(summary.sum, 1.0);
  EXPECT_EQ(summary.squares, 0.0);
  const auto spread = summarise(numbers({1000000.1, 1000000.2, 1000000.3}));
  EXPECT_DOUBLE_EQ(spread.sum, 3000000.6);
  EXPECT_DOUBLE_EQ(spread.squares, 0.02);
}

TEST(ChunkTest, StatisticsLeaveOutNan) {
  const double nan = std::nan("");
  const auto summary = summarise(numbers({nan, 2, nan, 4, nan}));
  EXPECT_EQ(summary.points, 5U);
  EXPECT_EQ(summary.numbers, 2U);
  EXPECT_EQ(summary.first, 2);
  EXPECT_EQ(summary.last, 4);
  EXPECT_EQ(summary.sum, 6);
  EXPECT_EQ(summary.squares, 2);
  EXPECT_EQ(summarise(numbers({nan, nan})).numbers, 0U);
}

TEST(ChunkTest, TruthValuesCountAsZeroAndOne) {
  ChunkPoints points{ChunkType::truth, {0, 1, 2, 3}, std::vector<std::int64_t>{0, 1, 1, 1}, {}};
  const auto summary = summarise(points);
  EXPECT_EQ(summary.sum, 3);
  EXPECT_EQ(summary.max, 1);
}

TEST(ChunkTest, TellsMinusZeroFromZero) {
  const ChunkPoints points = numbers({0.0, -0.0, 0.0});
  EXPECT_TRUE(same_points(round_trip(points), points));
  EXPECT_FALSE(same_points(round_trip(points), numbers({0.0, 0.0, 0.0})));
}

TEST(ChunkTest, OneOddValueDoesNotMakeTheOthersDear) {
  SeededRng rng(4);
  ChunkPoints points = walk_points(0, 120, rng);
  const std::size_t before = encode_chunk(points).size();
  auto& values = std::get<std::vector<double>>(points.values);
  for (const double odd : {std::nan(""), 1e12, 1.0 / 3}) {
    const double kept = std::exchange(values[60], odd);
    // The statistics are no longer those of integers: 48 bytes instead of about ten.
    EXPECT_LT(encode_chunk(points).size(), before + 64) << odd;
    values[60] = kept;
  }
}

TEST(ChunkTest, AGapDoesNotMakeRegularTimesDear) {
  SeededRng rng(5);
  ChunkPoints points = walk_points(3, 120, rng);
  const std::size_t before = encode_chunk(points).size();
  for (std::size_t i = 60; i < points.times.size(); ++i) points.times[i] += 3600 * kSecond;
  EXPECT_LT(encode_chunk(points).size(), before + 20);
}

TEST(ChunkTest, WhatDoesNotChangeTakesNoSpaceByThePoint) {
  EXPECT_EQ(encode_chunk(numbers(std::vector<double>(1000, 21.5))).size(),
            encode_chunk(numbers(std::vector<double>(2000, 21.5))).size());
  ChunkPoints counter{ChunkType::integer, {}, std::vector<std::int64_t>{}, {}};
  for (std::int64_t i = 0; i < 1000; ++i) {
    counter.times.push_back(i * kSecond);
    std::get<std::vector<std::int64_t>>(counter.values).push_back(17 * i);
  }
  EXPECT_LT(encode_chunk(counter).size(), 48U);
}

// The figure is for two hours of points, without what the store adds and saves.
TEST(ChunkTest, SensorsTakeLittleSpace) {
  SeededRng rng(6);
  std::size_t bytes = 0;
  for (unsigned series = 0; series < 400; ++series)
    bytes += encode_chunk(walk_points(series % kWalks, 120, rng)).size();
  EXPECT_LT(static_cast<double>(bytes) / (400 * 120), 0.70);
}

// The example of docs/formats/chunk.md.
TEST(ChunkTest, TheFormatIsTheOneWrittenDown) {
  const std::string front =
      "017003"
      "02";  // version, head, points, two seconds
  const std::string summary =
      "019a03"
      "01"
      "01"
      "01"
      "00"
      "02";  // tenths: 205, -1, 1 below, 1 above, sum, squares
  const std::string times =
      "020002"
      "00";  // a line from 0 on, by 1; no bits
  const std::string values =
      "01"
      "009803"
      "02"
      "09";  // tenths; from 204 on, two bits each
  EXPECT_EQ(to_hex(as_bytes(encode_chunk(numbers({20.5, 20.6, 20.4})))), front + summary + times + values);
}

TEST(ChunkTest, RefusesWhatNobodyEncoded) {
  SeededRng rng(7);
  for (int i = 0; i < 300; ++i) {
    const ChunkPoints points = random_points(rng);
    const std::string chunk = encode_chunk(points);
    const std::size_t kept = rng.below(chunk.size());
    EXPECT_FALSE(decode_chunk(points.times.front(), chunk.substr(0, kept))) << "cut to " << kept;
    EXPECT_FALSE(decode_chunk(points.times.front(), chunk + "x"));
    std::string later = chunk;
    later[0] = 2;
    EXPECT_FALSE(decode_chunk(points.times.front(), later));
    EXPECT_FALSE(read_chunk_summary(points.times.front(), later));
  }
}

TEST(ChunkTest, RefusesMorePointsThanAChunkHas) {
  const std::string many("\x01\x70\xff\xff\xff\xff\x0f\x00", 8);
  EXPECT_FALSE(read_chunk_summary(0, many));
  EXPECT_FALSE(decode_chunk(0, many));
}

TEST(ChunkTest, AFlippedBitIsRefusedOrGivesPointsInOrder) {
  SeededRng rng(8);
  for (int i = 0; i < 3000; ++i) {
    const ChunkPoints points = random_points(rng);
    std::string chunk = encode_chunk(points);
    chunk[rng.below(chunk.size())] ^= static_cast<char>(1U << rng.below(8));
    const auto decoded = decode_chunk(points.times.front(), chunk);
    if (!decoded) continue;
    ASSERT_FALSE(decoded->times.empty());
    ASSERT_TRUE(std::ranges::is_sorted(decoded->times));
    ASSERT_LE(decoded->times.size(), kMaxChunkPoints);
  }
}

}  // namespace
}  // namespace dunlin::store
