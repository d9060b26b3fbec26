#include "service/series/sample_record.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/hex.h"
#include "base/rng.h"
#include "service/series/series_key.h"

namespace dunlin::series {
namespace {

std::string hex(std::string_view bytes) {
  return to_hex(as_bytes(bytes));
}

SampleRecord one_of_each() {
  SampleRecord record;
  record.series.push_back({SeriesId{7}, TenantId{1}, "press-01", "temperature", "Cel", {}});
  record.tags.push_back({TenantId{1}, "press-01", {{"fleet", "East"}}});
  record.positions.push_back({"series", {2, 300}});
  const model::Value values[] = {1.5,  -0.0,  std::int64_t{-7},      std::numeric_limits<std::int64_t>::min(),
                                 true, false, std::string("\0x", 2), model::JsonText{"[1]"}};
  std::int64_t time = std::numeric_limits<std::int64_t>::max();
  for (const model::Value& value : values) {
    record.points.push_back(
        {SeriesId{7}, {from_unix_nanoseconds(time), value, model::Quality::uncertain, 63}});
    record.notes.push_back({static_cast<std::uint32_t>(record.points.size()), kMaxNotedHops,
                            time < 0 ? model::Watch::muted : model::Watch::watched});
    record.points.push_back({SeriesId{0xffffffff}, {from_unix_nanoseconds(time), value}});
    time = -time;
  }
  return record;
}

TEST(SampleRecordTest, TheStoredFormIsAsDocumented) {
  SampleRecord record;
  record.series.push_back({SeriesId{7}, TenantId{1}, "d", "c", "Cel", {}});
  record.tags.push_back({TenantId{1}, "d", {{"k", "v"}}});
  record.positions.push_back({"s", {2, 300}});
  record.points.push_back({SeriesId{7}, {from_unix_nanoseconds(64), 21.5}});
  record.points.push_back(
      {SeriesId{8}, {from_unix_nanoseconds(65), std::int64_t{-1}, model::Quality::bad, 1}});
  EXPECT_EQ(hex(encode_sample_record(record)),
            "01"
            "010701016401630343656c"
            "0201016401016b0176"
            "03017302ac02"
            "0402"
            "0e8001000000000000803540"
            "0202090601");
  record = {};
  record.notes = {{1, 2, model::Watch::watched}, {300, 0, model::Watch::muted}};
  EXPECT_EQ(hex(encode_sample_record(record)), "0106020104ac0201");
  EXPECT_EQ(hex(series_key(TenantId{1}, SeriesId{258}, from_unix_nanoseconds(1'000'000'000))),
            "0000000100000102800000003b9aca00");
}

TEST(SampleRecordTest, EverythingReadsBack) {
  const SampleRecord record = one_of_each();
  const std::string bytes = encode_sample_record(record);
  const auto read = decode_sample_record(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->notes, record.notes);
  ASSERT_EQ(read->points.size(), record.points.size());
  for (std::size_t i = 0; i < record.points.size(); ++i) {
    EXPECT_EQ(read->points[i].series, record.points[i].series);
    EXPECT_EQ(read->points[i].point, record.points[i].point);
  }
  EXPECT_EQ(read->series.at(0).unit, "Cel");
  EXPECT_EQ(read->tags.at(0).tags, record.tags.at(0).tags);
  EXPECT_EQ(read->positions.at(0).at.position, 300U);
  EXPECT_EQ(encode_sample_record(*read), bytes);
}

TEST(SampleRecordTest, WhateverIsCutOffOrChangedIsFoundOrReadsAsSomethingElse) {
  const std::string bytes = encode_sample_record(one_of_each());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto read = decode_sample_record(std::string_view(bytes).substr(0, size));
    EXPECT_TRUE(!read || encode_sample_record(*read) == bytes.substr(0, size));
  }
  SeededRng rng(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    damaged[rng.below(damaged.size())] ^= static_cast<char>(1U << rng.below(8));
    (void)decode_sample_record(damaged);  // the address sanitizer watches
  }
  for (const std::string_view bad : {"", "\2", "\1\5", "\1\4\xff\xff\xff\xff\x0f"})
    EXPECT_EQ(decode_sample_record(bad).error().code, Errc::corrupt);
}

TEST(SampleRecordTest, AValueOfTheDictionaryIsWholeOrDamaged) {
  const Point point{from_unix_milliseconds(5), std::string("hot"), model::Quality::bad, 3};
  const std::string bytes = encode_value(point);
  EXPECT_EQ(decode_value(point.time, bytes).value(), point);
  EXPECT_EQ(decode_value(point.time, bytes + "x").error().code, Errc::corrupt);
  EXPECT_EQ(decode_value(point.time, bytes.substr(1)).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace dunlin::series
