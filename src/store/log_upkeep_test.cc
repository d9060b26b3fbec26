// What the journal makes ready for later commits: spare segments and zeros.
#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/log_fixture.h"

namespace dunlin::store {
namespace {

using LogUpkeepTest = LogTest;

TEST_F(LogUpkeepTest, RemovedSegmentsAreWrittenAnew) {
  open();
  log_->set_cursor("reader", 0);
  append_many(400, 100);
  log_->set_cursor("reader", 400);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_EQ(spares(), kMaxSpareSegments);
  // Larger records than before, so that nothing stands where it stood.
  std::size_t written = 0;
  for (; spares() > 0 && written < 1000; ++written) ASSERT_TRUE(append(std::string(130, 'n')));
  ASSERT_LT(written, 1000U);
  // The process dies with a segment half full of what it held before.
  log_.reset();
  machine_.restart_process();
  open();
  ASSERT_EQ(log_->committed(), 400 + written);
  const auto records = log_->read(400, 10'000, 1 << 24).value();
  ASSERT_EQ(records.size(), written);
  for (const Record& record : records) EXPECT_EQ(text_of(record), std::string(130, 'n'));
  EXPECT_EQ(append("on").value(), 401 + written);
}

TEST_F(LogUpkeepTest, WritesZerosAheadInLargeSteps) {
  options_.segment_bytes = 4 * kClearedAhead;
  open();
  const std::string name = segments().back();
  const auto size = [&] {
    return machine_.fs.open(options_.folder + "/" + name, OpenMode::read).value()->size().value();
  };
  ASSERT_TRUE(append("x"));
  const std::uint64_t first = size();
  EXPECT_GE(first, kClearedAhead);
  ASSERT_TRUE(append("y"));
  EXPECT_EQ(size(), first);
  const std::size_t most = kLargestClearingCommit / 2;
  append_many(kClearedAhead / 2 / most, most);
  EXPECT_GE(size(), first + kClearedAhead / 2);
  append_many(3 * kClearedAhead / most, most);
  EXPECT_EQ(segments().size(), 1U);
  EXPECT_EQ(size(), options_.segment_bytes);
  const Position last = log_->committed();
  SeededRng rng(1);
  machine_.fs.cut_power(rng);
  reopen();
  EXPECT_EQ(log_->committed(), last);
  EXPECT_EQ(append("on").value(), last + 1);
}

TEST_F(LogUpkeepTest, WritesNoZerosWhereCommitsAreUsuallyLarge) {
  options_.segment_bytes = 4 * kClearedAhead;
  open();
  const std::string path = options_.folder + "/" + segments().back();
  const auto size = [&] { return machine_.fs.open(path, OpenMode::read).value()->size().value(); };
  const std::string large(static_cast<std::size_t>(4 * kLargestClearingCommit), 'z');
  for (std::size_t written = 0; written < 2 * kClearedAhead; written += large.size())
    ASSERT_TRUE(append(large));
  const std::uint64_t first = size();
  ASSERT_TRUE(append("x"));
  EXPECT_LT(size(), first + kClearedAhead / 2);
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(append("x"));
  EXPECT_GE(size(), first + kClearedAhead / 2);
}

TEST_F(LogUpkeepTest, ADiskThatCannotTakeTheZerosTakesTheRecords) {
  options_.segment_bytes = 4 * kClearedAhead;
  machine_.fs.set_capacity(64 * 1024);
  open();
  EXPECT_EQ(append("x").value(), 1U);
  EXPECT_EQ(append("y").value(), 2U);
  reopen();
  EXPECT_EQ(log_->committed(), 2U);
}

TEST_F(LogUpkeepTest, NoMoreSpareSegmentsThanWereBegunLately) {
  open();
  log_->set_cursor("reader", 0);
  append_many(200, 100);
  log_->set_cursor("reader", 200);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  const std::size_t before = segments().size();
  while (segments().size() < before + 2) ASSERT_TRUE(append(std::string(100, 'n')));
  log_->set_cursor("reader", log_->committed());
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_EQ(spares(), 2U);
  reopen();
  EXPECT_EQ(spares(), 0U);
}

TEST_F(LogUpkeepTest, AFullDiskTakesTheSpareSegmentsBack) {
  open();
  log_->set_cursor("reader", 0);
  append_many(200, 100);
  log_->set_cursor("reader", 200);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  ASSERT_GT(spares(), 0U);
  machine_.fs.set_capacity(0);
  EXPECT_EQ(append(std::string(2 * options_.segment_bytes, 'x')).error().code, Errc::no_space);
  EXPECT_EQ(spares(), 0U);
}

}  // namespace
}  // namespace dunlin::store
