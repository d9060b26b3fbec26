// What was deleted is gone from memory and from chunks and stays gone, and what came later stays.
#include "service/series/store_fixture.h"

namespace dunlin::series {
namespace {

class DeletionTest : public SealingTest {
 protected:
  SeriesId id() { return store->find(kDefaultTenant, "press-01", "temperature")->id; }
  Result<void> erase(WallTime from, WallTime to) {
    Result<void> answer = fail(Errc::internal, "no answer");
    store->erase(kDefaultTenant, {id(), from, to}, [&](Result<void> result) { answer = std::move(result); });
    settle();
    return answer;
  }
  bool is_there() { return store->find(kDefaultTenant, "press-01", "temperature") != nullptr; }
};

TEST_F(DeletionTest, APartGoesFromMemoryAndFromChunksAndStaysGone) {
  const WallTime start = now_window();
  write(window_of(start));
  write(window_of(start + kWindow));
  pass(hours{5});
  write(window_of(start + 3 * kWindow));  // open
  settle();
  ASSERT_EQ(points().size(), 360U);
  ASSERT_TRUE(
      erase(start + minutes{60}, start + kWindow + minutes{60}));  // the end of one chunk, half of another
  ASSERT_TRUE(erase(start + 3 * kWindow + minutes{100}, WallTime::max()));
  const auto check = [&] {
    const auto all = points();
    ASSERT_EQ(all.size(), 60U + 60 + 100);
    EXPECT_EQ(all[60].time, start + kWindow + minutes{60});
    EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature")->last.time,
              start + 3 * kWindow + minutes{99});
  };
  check();
  EXPECT_EQ(store->entries(kDefaultTenant, "")[0]->points, 120U);
  restart();
  check();
  pass(hours{5});
  check();
  restart();
  check();
  EXPECT_EQ(store->entries(kDefaultTenant, "")[0]->points, 220U);
}

TEST_F(DeletionTest, ASeriesIsGoneAndComesBackWithItsNextPoint) {
  const WallTime start = now_window();
  write(window_of(start));
  pass(hours{3});
  write({sample(start + minutes{200}, 1.0)});
  settle();
  ASSERT_TRUE(erase(WallTime::min(), WallTime::max()));
  EXPECT_FALSE(is_there());
  EXPECT_TRUE(store->list(kDefaultTenant, "").empty());
  EXPECT_EQ(count_chunks(), 0U);
  restart();
  EXPECT_FALSE(is_there());
  write({sample(start + minutes{210}, 2.0)});
  settle();
  ASSERT_TRUE(is_there());
  EXPECT_EQ(points().size(), 1U);
  restart();
  EXPECT_EQ(points().size(), 1U);
  pass(hours{5});
  restart();
  EXPECT_EQ(points().size(), 1U);
}

// The entry was dropped before the log was read, whose later point of the series then was of none.
TEST_F(DeletionTest, ADeletedSeriesThatCameBackStoppedTheNextStart) {
  write(window_of(now_window()));
  settle();
  ASSERT_TRUE(erase(WallTime::min(), WallTime::max()));
  write({sample(now_window(), 1.0, "pressure")});  // its record speaks of the deleted series, too
  settle();
  store->seal_all([](Result<void> sealed) { ASSERT_TRUE(sealed); });  // the log forgets up to here
  settle();
  pass(seconds{10});
  write({sample(now_window() + minutes{1}, 2.0)});
  settle();
  restart();
  EXPECT_EQ(points().size(), 1U);
  pass(hours{3});
  restart();
  EXPECT_EQ(points().size(), 1U);
}

TEST_F(DeletionTest, NothingOfADeletedSeriesIsKeptForEver) {
  write(window_of(now_window()));
  settle();
  ASSERT_TRUE(erase(WallTime::min(), WallTime::max()));
  pass(minutes{1});
  restart();
  EXPECT_FALSE(is_there());
  pass(minutes{1});
  restart();
  pass(minutes{1});
  EXPECT_TRUE(keyed.rows(store::Table::meta).empty());
  EXPECT_EQ(store->size(), 0U);
}

TEST_F(DeletionTest, WhatIsWrittenAgainAfterwardsOutlivesTheReplay) {
  const WallTime start = now_window();
  write(window_of(start));
  settle();
  ASSERT_TRUE(erase(start, start + minutes{60}));
  write({sample(start + minutes{5}, 7.0)});
  settle();
  const auto check = [&] {
    const auto all = points();
    ASSERT_EQ(all.size(), 61U);
    EXPECT_EQ(all[0].value, model::Value{7.0});
  };
  check();
  restart();  // points, deletion and the point after it come again
  check();
  pass(hours{3});
  check();
}

TEST_F(DeletionTest, ASealUnderWayBringsNothingBack) {
  const WallTime start = now_window();
  write(window_of(start));
  settle();
  keyed.hold_writes = true;
  pass(hours{3});  // the seal's write is held
  Result<void> answer = fail(Errc::internal, "no answer");
  store->erase(kDefaultTenant, {id(), start, start + minutes{60}},
               [&](Result<void> result) { answer = result; });
  settle();
  EXPECT_EQ(answer.error().code, Errc::internal) << "not before the chunks are without them";
  keyed.fail_writes = 1;
  keyed.release_writes();
  pass(seconds{10});
  EXPECT_TRUE(answer);
  EXPECT_EQ(points().size(), 60U);
  pass(hours{1});
  EXPECT_EQ(points().size(), 60U);
}

TEST_F(DeletionTest, AFailedDeletionIsTriedAgainAndOutlivesACrash) {
  const WallTime start = now_window();
  write(window_of(start));
  pass(hours{3});
  keyed.fail_writes = 1000;
  EXPECT_EQ(erase(start, start + minutes{60}).error().code, Errc::internal) << "not answered yet";
  pass(seconds{5});
  restart();
  keyed.fail_writes = 0;
  pass(seconds{5});
  EXPECT_EQ(points().size(), 60U);
  EXPECT_TRUE(erase(start, start + minutes{90}));
  EXPECT_EQ(points().size(), 30U);
}

}  // namespace
}  // namespace dunlin::series
