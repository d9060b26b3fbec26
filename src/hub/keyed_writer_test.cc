// Which rows share a write, and when it begins.

#include "hub/keyed_writer.h"

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using std::chrono::milliseconds;
using store::Table;

class KeyedWriterTest : public ::testing::Test {
 protected:
  KeyedWriter::Done told(const std::string& name) {
    return [this, name](const Result<void>& result) { told_ += name + (result ? " " : "! "); };
  }
  void put(const std::string& key, const std::string& value) { writer_.put(Table::queue, key, value); }
  void run(Duration time) { scheduler_.run_for(time); }

  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualExecutor executor_{scheduler_};
  VirtualExecutor disk_thread_{scheduler_};
  testing::KeyedDisk disk_;
  testing::MemoryKeyed keyed_{disk_thread_, disk_};
  KeyedWriter writer_{executor_, &keyed_};
  std::string told_;
};

TEST_F(KeyedWriterTest, EachRowThatNobodyWaitedForCostASync) {
  for (int i = 0; i < 40; ++i) {
    put(std::to_string(i), "v");
    run(milliseconds{1});
  }
  EXPECT_EQ(keyed_.writes(), 0U);
  run(kUnhurriedWrite);
  EXPECT_EQ(keyed_.writes(), 1U);
  EXPECT_EQ(disk_[Table::queue].size(), 40U);
  EXPECT_EQ(writer_.bytes(), 0U);
}

TEST_F(KeyedWriterTest, ARowThatSomebodyWaitsForGoesAtOnceAndTakesTheOthersAlong) {
  put("a", "1");
  writer_.put(Table::session, "s", "row", told("s"));
  run(milliseconds{2});
  EXPECT_EQ(told_, "s ");
  EXPECT_EQ(keyed_.writes(), 1U);
  EXPECT_EQ(disk_[Table::queue].at("a"), "1");
  run(kUnhurriedWrite * 2);
  EXPECT_EQ(keyed_.writes(), 1U) << "nothing was left";
}

TEST_F(KeyedWriterTest, ASessionsRowGoesAtOnceThoughNobodyWaits) {
  writer_.put(Table::session, "s", "row");
  run(milliseconds{2});
  EXPECT_EQ(disk_[Table::session].at("s"), "row");
}

TEST_F(KeyedWriterTest, WhatComesDuringAWriteWaitsAsLongAsItsOwnHurrySays) {
  writer_.put(Table::session, "s", "1", told("first"));
  run(Duration{1});
  put("later", "v");
  run(milliseconds{10});
  EXPECT_EQ(keyed_.writes(), 1U);
  writer_.put(Table::session, "s", "2", told("second"));
  run(Duration{1});
  writer_.put(Table::session, "s", "3", told("third"));
  run(milliseconds{3});
  EXPECT_EQ(told_, "first second third ");
  EXPECT_EQ(keyed_.writes(), 3U);
  EXPECT_EQ(disk_[Table::session].at("s"), "3");
  EXPECT_TRUE(disk_[Table::queue].contains("later"));
}

TEST_F(KeyedWriterTest, FlushHurriesAndAnswersWhenAllBeforeItIsDurable) {
  writer_.flush(told("empty"));
  EXPECT_EQ(told_, "empty ");
  put("a", "1");
  writer_.flush(told("flushed"));
  put("b", "2");
  run(milliseconds{2});
  EXPECT_EQ(told_, "empty flushed ");
  EXPECT_EQ(disk_[Table::queue].at("a"), "1");
}

TEST_F(KeyedWriterTest, FlushAnsweredThoughARowBeforeItHadMovedBehindIt) {
  put("a", "old");
  for (int i = 0; i < 600; ++i) put("other" + std::to_string(i), "v");
  std::string found = "unanswered";
  writer_.flush([&](const Result<void>&) { found = disk_[Table::queue]["a"]; });
  put("a", "new");
  run(milliseconds{20});
  EXPECT_EQ(found, "new");
}

TEST_F(KeyedWriterTest, MuchOrManyHurryByThemselves) {
  put("big", std::string(1024 * 1024, 'x'));
  run(milliseconds{2});
  EXPECT_EQ(keyed_.writes(), 1U);
  for (int i = 0; i < 512; ++i) writer_.put(Table::queue, std::to_string(i), std::nullopt);
  run(milliseconds{2});
  EXPECT_EQ(keyed_.writes(), 2U);
}

TEST_F(KeyedWriterTest, CollectIsAskedBeforeEachWrite) {
  int rounds = 0;
  writer_.set_collect([&] { writer_.put(Table::session, "made", std::to_string(++rounds), told("made")); });
  writer_.write_soon();
  run(milliseconds{2});
  EXPECT_EQ(told_, "made ");
  EXPECT_EQ(disk_[Table::session].at("made"), "1");
  writer_.write_soon();
  run(milliseconds{2});
  EXPECT_EQ(told_, "made made ");
  EXPECT_EQ(disk_[Table::session].at("made"), "2");
}

}  // namespace
}  // namespace dunlin::hub
