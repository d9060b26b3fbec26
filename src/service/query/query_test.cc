// Queries over a small store whose answers can be told by hand.

#include <gmock/gmock.h>

#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Three trucks of two fleets, a reading a minute for two hours from 2023-11-14 22:00 UTC on.
class TrucksTest : public QueryTest {
 protected:
  static constexpr std::int64_t kStart = 1'700'000'000 - 1'700'000'000 % 7200;

  void SetUp() override {
    QueryTest::SetUp();
    for (int truck = 0; truck < 3; ++truck) {
      const std::string device = "truck_" + std::to_string(truck);
      tags.set(device, "fleet", truck == 2 ? "North" : "South");
      for (int minute = 0; minute < 120; ++minute) {
        const std::int64_t time = kStart + minute * 60;
        put(device, "readings/velocity", time, static_cast<double>(truck * 10 + minute % 10));
        if (minute % 2 == 0) put(device, "readings/fuel", time, 25.5);
        put(device, "odometer", time, std::int64_t{100 * truck + minute % 50});
        if (minute == 7) put(device, "status", time, std::string("ok, \"fine\""));
      }
    }
    write();
  }
};

TEST_F(TrucksTest, CountsAndAveragesByTag) {
  EXPECT_EQ(
      query(
          "SELECT fleet, count(*), avg(velocity), min(velocity), max(velocity) FROM readings GROUP BY fleet "
          "ORDER BY fleet"),
      "North,120,24.5,20,29\nSouth,240,9.5,0,19\n");
}

TEST_F(TrucksTest, JoinsChannelsByTime) {
  EXPECT_EQ(query("SELECT device, time, velocity, fuel FROM readings WHERE device = 'truck_1' AND time < "
                  "'2023-11-14 22:03' "
                  "ORDER BY time"),
            "truck_1,2023-11-14T22:00:00Z,10,25.5\ntruck_1,2023-11-14T22:01:00Z,11,\n"
            "truck_1,2023-11-14T22:02:00Z,12,25.5\n");
  EXPECT_EQ(query("SELECT count(*), count(fuel), count(velocity) FROM readings"), "360,180,360\n");
}

TEST_F(TrucksTest, BucketsOfTime) {
  EXPECT_EQ(query("SELECT time_bucket('1 hour', time) AS hour, device, avg(velocity) FROM readings WHERE "
                  "fleet = 'South' "
                  "GROUP BY hour, device HAVING avg(velocity) > 5 ORDER BY 2, 1"),
            "2023-11-14T22:00:00Z,truck_1,14.5\n2023-11-14T23:00:00Z,truck_1,14.5\n");
}

TEST_F(TrucksTest, LastValuesComeFromMemory) {
  EXPECT_EQ(query("SELECT device, fleet, last(velocity, time) AS v FROM readings GROUP BY device, fleet "
                  "HAVING v > 10 "
                  "ORDER BY v DESC"),
            "truck_2,North,29\ntruck_1,South,19\n");
  EXPECT_EQ(cost.points_read, 0U);
}

TEST_F(TrucksTest, WholeChunksAreTakenByTheirSummary) {
  pass(std::chrono::hours{24 * 365});  // the windows are sealed
  const std::string sql =
      "SELECT device, time_bucket('2 hours', time), count(velocity), sum(velocity), min(velocity), "
      "max(velocity), "
      "stddev(velocity), first(velocity, time), last(velocity, time) FROM readings GROUP BY 1, 2 ORDER BY 1";
  const std::string by_summary = query(sql);
  EXPECT_EQ(cost.points_read, 0U);
  EXPECT_EQ(cost.chunks_by_summary, 3U);
  const std::string by_points = query(
      "SELECT device, time_bucket('2 hours', time), count(velocity), sum(velocity), min(velocity), "
      "max(velocity), "
      "stddev(velocity), first(velocity, time), last(velocity, time) FROM readings WHERE velocity >= 0 GROUP "
      "BY 1, 2 "
      "ORDER BY 1");
  EXPECT_EQ(cost.points_read, 360U);
  EXPECT_EQ(by_summary, by_points);
}

TEST_F(TrucksTest, SamplesShowWhatIsKnownOfAPoint) {
  EXPECT_EQ(query("SELECT * FROM samples WHERE channel = 'status' AND device LIKE '%_1'"),
            "2023-11-14T22:07:00Z,truck_1,status,,\"ok, \"\"fine\"\"\",good,0,,South\n");
  EXPECT_EQ(query("SELECT channel, count(*), count(value) FROM samples GROUP BY channel ORDER BY channel"),
            "odometer,360,360\nreadings/fuel,180,180\nreadings/velocity,360,360\nstatus,3,0\n");
}

TEST_F(TrucksTest, ChannelsWithoutASlashAreInPoints) {
  EXPECT_EQ(query("SELECT device, max(odometer), last(status, time) FROM points GROUP BY device ORDER BY "
                  "device LIMIT 2"),
            "truck_0,49,\"ok, \"\"fine\"\"\"\ntruck_1,149,\"ok, \"\"fine\"\"\"\n");
}

TEST_F(TrucksTest, ThingsOfTheRegistry) {
  EXPECT_EQ(query("SELECT name, type, fleet FROM things WHERE fleet <> 'North' ORDER BY name DESC"),
            "truck_1,truck,South\ntruck_0,truck,South\n");
}

TEST_F(TrucksTest, SubSelectsAndDistinct) {
  EXPECT_EQ(query("SELECT fleet, avg(top) FROM (SELECT fleet, device, max(velocity) AS top FROM readings "
                  "GROUP BY fleet, "
                  "device) AS t GROUP BY fleet ORDER BY fleet"),
            "North,29\nSouth,14\n");
  EXPECT_EQ(query("SELECT DISTINCT fleet FROM readings ORDER BY fleet"), "North\nSouth\n");
}

TEST_F(TrucksTest, CountersGainOverTheirResets) {
  EXPECT_EQ(
      query("SELECT device, increase(odometer), delta(odometer) FROM points GROUP BY device ORDER BY device"),
      "truck_0,117,19\ntruck_1,317,19\ntruck_2,517,19\n");
  EXPECT_EQ(query("SELECT rate(odometer) * 7140 FROM points WHERE device = 'truck_0'"), "117\n");
}

TEST_F(TrucksTest, TheFourPointsOfAPixel) {
  EXPECT_EQ(
      query("SELECT first(velocity), last(velocity), min(velocity), arg_min(time, velocity), max(velocity), "
            "arg_max(time, velocity) FROM readings WHERE device = 'truck_1' AND time >= '2023-11-14 22:05'"),
      "15,19,10,2023-11-14T22:10:00Z,19,2023-11-14T22:09:00Z\n");
}

TEST_F(TrucksTest, LooksBackAndAhead) {
  EXPECT_EQ(
      query("SELECT device, velocity, lag(velocity) OVER (PARTITION BY device ORDER BY time) AS before, "
            "lead(velocity, 2) OVER (PARTITION BY device ORDER BY time) FROM readings WHERE time < "
            "'2023-11-14 22:03' "
            "AND device <> 'truck_2' ORDER BY device, time"),
      "truck_0,0,,2\ntruck_0,1,0,\ntruck_0,2,1,\ntruck_1,10,,12\ntruck_1,11,10,\ntruck_1,12,11,\n");
}

TEST_F(TrucksTest, FillsGaps) {
  EXPECT_EQ(query("SELECT time_bucket_gapfill('30s', time) AS t, avg(velocity), locf(avg(velocity)), "
                  "interpolate(avg(velocity)) FROM readings WHERE device = 'truck_0' AND time >= '2023-11-14 "
                  "22:00' AND "
                  "time < '2023-11-14 22:02' GROUP BY t ORDER BY t"),
            "2023-11-14T22:00:00Z,0,0,0\n2023-11-14T22:00:30Z,,0,0.5\n2023-11-14T22:01:00Z,1,1,1\n"
            "2023-11-14T22:01:30Z,,1,\n");
}

TEST_F(TrucksTest, ErrorsSayWhereAndWhatWasExpected) {
  EXPECT_EQ(query("SELECT a b c FROM readings"),
            "malformed: line 1, column 12: expected FROM but found \"c\"");
  EXPECT_THAT(query("SELECT x\nFROM nowhere"),
              StartsWith("not_found: line 2, column 6: there is no table \"nowhere\"; there are "
                         "samples, things, points, readings"));
  EXPECT_THAT(query("SELECT speed FROM readings"),
              StartsWith("not_found: line 1, column 8: there is no column \"speed\"; there are time, device, "
                         "fuel, velocity"));
  EXPECT_THAT(query("SELECT velocity FROM readings GROUP BY device"), HasSubstr("must stand in GROUP BY"));
  EXPECT_THAT(query("SELECT avg(device) FROM readings"), HasSubstr("expected a value of type number"));
  EXPECT_THAT(query("SELECT blah(velocity) FROM readings"), HasSubstr("there is no function \"blah\""));
  EXPECT_THAT(query("SELECT velocity FROM readings WHERE avg(velocity) > 1"), HasSubstr("cannot stand here"));
  EXPECT_THAT(query("SELECT 'a"), HasSubstr("line 1, column 8"));
  EXPECT_THAT(query("SELECT time_bucket('3 months', time) FROM readings"),
              HasSubstr("months and years have no fixed length"));
}

TEST_F(TrucksTest, ExplainsItsPlan) {
  const std::string plan = query(
      "EXPLAIN SELECT device, avg(velocity) FROM readings WHERE velocity > 1 AND fleet = 'South' GROUP BY "
      "device");
  EXPECT_THAT(plan, HasSubstr("group by 1 keys, 1 aggregates"));
  EXPECT_THAT(plan, HasSubstr("filter (velocity > 1)"));
  EXPECT_THAT(plan, HasSubstr("1 conditions on devices"));
}

TEST_F(TrucksTest, EachOfSeveralChannelsByItsSummaries) {
  pass(std::chrono::hours{3});
  EXPECT_EQ(
      query("SELECT device, max(fuel), avg(velocity), last(velocity, time) FROM readings GROUP BY device"),
      "truck_0,25.5,4.5,9\ntruck_1,25.5,14.5,19\ntruck_2,25.5,24.5,29\n");
  EXPECT_EQ(cost.points_read, 0U);
  EXPECT_EQ(cost.chunks_by_summary, 6U);
  // Rows are those of both.
  EXPECT_EQ(query("SELECT count(*), count(fuel), count(velocity) FROM readings WHERE device = 'truck_0'"),
            "120,60,120\n");
  EXPECT_EQ(cost.chunks_by_summary, 0U);
}

TEST_F(TrucksTest, TablesFollowTheSeries) {
  EXPECT_THAT(query("SELECT x FROM other"), HasSubstr("there are samples, things, points, readings"));
  put("truck_1", "other.x", kStart, 1.0);
  put("truck_0", "other/x", kStart, 2.0);
  put("truck_0", "other.x", kStart, 3.0);  // the slash comes first
  put("truck_0", "line/motor/rpm", kStart, 4.0);
  put("truck_0", "line/motor.on", kStart, true);
  write();
  EXPECT_EQ(query("SELECT device, x FROM other"), "truck_0,2\ntruck_1,1\n");
  EXPECT_EQ(query("SELECT rpm, \"on\" FROM \"line/motor\""), "4,1\n");
  EXPECT_EQ(query("SELECT \"motor/rpm\" FROM line"), "4\n");
  for (const char* channel : {"other/x", "other.x"}) {
    const auto* found = store->find(kDefaultTenant, "truck_0", channel);
    ASSERT_NE(found, nullptr);
    store->erase(kDefaultTenant, {found->id, WallTime::min(), WallTime::max()}, [](Result<void>) {});
    settle();
  }
  EXPECT_EQ(query("SELECT device, x FROM other"), "truck_1,1\n");
  put("truck_0", "other/x", kStart, 5.0);
  write();
  EXPECT_EQ(query("SELECT device, x FROM other"), "truck_0,5\ntruck_1,1\n");
  EXPECT_EQ(query("SELECT device, value FROM samples WHERE channel = 'other.x'"), "truck_1,1\n");
}

TEST_F(TrucksTest, TheOperationAnswersJsonAndCsv) {
  EXPECT_EQ(
      ask("series.query",
          {{"sql",
            "SELECT device, max(velocity) AS v FROM readings GROUP BY device ORDER BY v DESC LIMIT 1"}}),
      R"({"columns":[{"name":"device","type":"text"},{"name":"v","type":"number"}],"rows":[["truck_2",29]],)"
      R"("truncated":false,"points_read":360,"chunks_by_summary":0,"parts_by_rollup":0,"parts_left_out":0})");
  EXPECT_EQ(
      ask("series.query",
          {{"sql", "SELECT DISTINCT device FROM readings ORDER BY 1"}, {"format", "csv"}, {"limit", 2}}),
      R"({"csv":"device\r\ntruck_0\r\ntruck_1\r\n","truncated":true,"points_read":540,"chunks_by_summary":0,)"
      R"("parts_by_rollup":0,"parts_left_out":0})");
  EXPECT_EQ(ask("series.query", {{"sql", "SELECT"}}), "malformed");
  EXPECT_EQ(ask("series.query", {{"sql", "SELECT 1 FROM readings"}, {"format", "xml"}}), "invalid_argument");
}

/// More series than one scan reads, one that is longer than is read ahead, and together more than one scan
/// may.
TEST_F(QueryTest, ManySeriesAreReadTogetherHoweverLongTheyAre) {
  std::size_t points = 0;
  for (int device = 0; device < 150; ++device) {
    const int count = device == 70 ? 40'000 : device >= 100 && device < 120 ? 14'000 : 3;
    for (int i = 0; i < count; ++i) put("d" + std::to_string(device), "m/x", 1'700'000'000 + i * 7, 2.0);
    points += static_cast<std::size_t>(count);
    if (pending.size() > 10'000) write();
  }
  write();
  const std::string wanted = std::to_string(points);
  EXPECT_EQ(query("SELECT count(*), count(DISTINCT device), sum(x) / 2 FROM m"),
            wanted + ",150," + wanted + "\n");
  EXPECT_EQ(query("SELECT count(x) FROM m WHERE x > 1"), wanted + "\n");
  EXPECT_EQ(
      query("SELECT count(*) FROM m WHERE time >= '2023-11-14 22:13:27' AND time < '2023-11-14 22:13:41'"),
      "300\n");
  EXPECT_EQ(query("SELECT device, count(*) AS n FROM samples GROUP BY device ORDER BY n DESC LIMIT 1"),
            "d70,40000\n");
}

}  // namespace
}  // namespace dunlin::query
