// Queries over a time whose points are gone answer what they answered before, or say that they cannot.
#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

using std::chrono::days;
using std::chrono::hours;

class RollupQueryTest : public QueryTest {
 protected:
  void SetUp() override {
    QueryTest::SetUp();
    tags.set("truck_0", "fleet", "South");
    tags.set("truck_1", "fleet", "North");
    start_ = unix_nanoseconds(series::day_start(clock.wall_now())) / 1'000'000'000 - 8 * 86400;
    for (int truck = 0; truck < 2; ++truck) {
      for (int i = 0; i < 8 * 24 * 6; ++i)
        put("truck_" + std::to_string(truck), "readings/velocity", start_ + 600 * i,
            truck * 10 + (i % 13) / 2.0);
      write();
    }
    pass(hours{4});  // all is sealed; it is the next day
  }
  void roll_up(Duration keep) {
    std::vector<series::RollupOrder> orders;
    for (const series::SeriesInfo* info : store->list(kDefaultTenant, "")) {
      series::RollupOrder order;
      order.series = info->id;
      order.lengths.add(series::RollupLength::hour);
      order.lengths.add(series::RollupLength::day);
      order.points_before = clock.wall_now() - keep;
      orders.push_back(order);
    }
    store->roll_up(std::move(orders), [](const Result<void>& made) { ASSERT_TRUE(made); });
    settle();
    pass(std::chrono::seconds{1});
  }
  std::string at(int day, const std::string& time = "00:00:00") const {
    const auto text = time_text((start_ + day * 86400LL) * 1'000'000'000);
    return "'" + text.substr(0, 11) + time + "Z'";
  }
  std::int64_t start_ = 0;
};

TEST_F(RollupQueryTest, AnswersStayAsTheyWere) {
  const std::string folds =
      "count(*), count(velocity), sum(velocity), min(velocity), max(velocity), first(velocity, time), "
      "last(velocity, time), round(stddev(velocity), 6), round(avg(velocity), 6) FROM readings ";
  const std::vector<std::string> all = {
      "SELECT " + folds,
      "SELECT fleet, " + folds + "GROUP BY fleet ORDER BY fleet",
      "SELECT time_bucket('1 hour', time) AS t, device, " + folds + "GROUP BY t, device ORDER BY t, device",
      "SELECT time_bucket('6 hours', time) AS t, " + folds + "GROUP BY t ORDER BY t",
      "SELECT time_bucket('1 day', time) AS t, " + folds + "GROUP BY t ORDER BY t",
      "SELECT time_bucket('7 days', time) AS t, " + folds + "GROUP BY t ORDER BY t",
      "SELECT time_bucket('1 day', time) AS t, " + folds + "WHERE time >= " + at(1) + " AND time < " +
          at(6, "05:00:00") + " GROUP BY t ORDER BY t",
      "SELECT sum(value), count(*) FROM samples WHERE channel = 'readings/velocity' AND device = 'truck_1'",
  };
  std::vector<std::string> before;
  for (const std::string& sql : all) before.push_back(query(sql));
  const auto compare = [&](const std::string& where) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(query(all[i]), before[i]) << where << ": " << all[i];
      EXPECT_EQ(cost.parts_left_out, 0U) << all[i];
    }
  };
  roll_up(days{100});
  compare("the points are there");
  query(all[4]);
  EXPECT_LE(cost.chunks_by_summary, 2U * 8) << "a day is one part, not twelve chunks";
  EXPECT_EQ(cost.points_read, 0U);
  roll_up(days{3});
  compare("most points are gone");
  query(all[2]);
  EXPECT_EQ(cost.parts_by_rollup, 2U * 6 * 24);
}

TEST_F(RollupQueryTest, WhatCannotBeToldIsRefused) {
  roll_up(days{3});
  for (const std::string sql :
       {"SELECT percentile(velocity, 0.5) FROM readings",
        "SELECT avg(velocity) FROM readings WHERE velocity > 3",
        "SELECT time_bucket('20 minutes', time) AS t, avg(velocity) FROM readings GROUP BY t",
        "SELECT count(DISTINCT velocity) FROM readings", "SELECT rate(velocity) FROM readings"}) {
    EXPECT_TRUE(query(sql).starts_with("unsupported: ")) << sql;
    EXPECT_FALSE(query(sql.substr(0, sql.find(" GROUP")) + (sql.contains("WHERE") ? " AND" : " WHERE") +
                       " time >= " + at(6))
                     .starts_with("unsupported"))
        << sql;
  }
  EXPECT_NE(query("SELECT time, velocity FROM readings LIMIT 1").substr(0, 11), "unsupported")
      << "points are points";
}

TEST_F(RollupQueryTest, APartThatTheRangeCutsIsLeftOutAndCounted) {
  roll_up(days{3});
  EXPECT_EQ(query("SELECT count(*) FROM readings WHERE device = 'truck_0' AND time >= " + at(1, "00:30:00") +
                  " AND time < " + at(2)),
            "138\n");
  EXPECT_EQ(cost.parts_left_out, 1U);
  EXPECT_EQ(cost.parts_by_rollup, 23U);
}

TEST_F(RollupQueryTest, ExplainTellsOfRollups) {
  EXPECT_FALSE(query("EXPLAIN SELECT avg(velocity) FROM readings").contains("rollups"));
  roll_up(days{3});
  EXPECT_TRUE(query("EXPLAIN SELECT avg(velocity) FROM readings")
                  .contains("rollups of 2 series: minutes hours days; all points are there from " +
                            at(6).substr(1, 19)));
  EXPECT_TRUE(query("EXPLAIN SELECT time_bucket('1 hour', time), avg(velocity) FROM readings GROUP BY 1")
                  .contains("rollups of 2 series: minutes hours;"));
  EXPECT_TRUE(
      query("EXPLAIN SELECT median(velocity) FROM readings").contains("rollups of 2 series: not used;"));
}

}  // namespace
}  // namespace dunlin::query
