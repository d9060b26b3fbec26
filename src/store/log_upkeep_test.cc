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
  const std::size_t most = 8 * 1024;
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

TEST_F(LogUpkeepTest, TheNextSegmentIsFilledWithZerosBeforeItIsNeeded) {
  options_.segment_bytes = 4 * kClearedStep;
  open();
  const std::string large(64 * 1024, 'z');
  const auto next_size = [&] {
    const auto file = machine_.fs.open(options_.folder + "/" + std::string{kNextSegmentName}, OpenMode::read);
    return file ? (*file)->size().value() : 0;
  };
  std::uint64_t largest_growth = 0;
  std::uint64_t before = 0;
  for (std::size_t written = 0; written < 3 * kClearedStep; written += large.size()) {
    ASSERT_TRUE(append(large));
    largest_growth = std::max(largest_growth, next_size() - before);
    before = next_size();
  }
  EXPECT_EQ(segments().size(), 1U);
  EXPECT_EQ(next_size(), options_.segment_bytes);
  EXPECT_LE(largest_growth, kClearedStep + kDirectBlock);  // a step beside each commit
  while (segments().size() < 2) ASSERT_TRUE(append(large));
  const std::string path = options_.folder + "/" + segments().back();
  EXPECT_EQ(machine_.fs.open(path, OpenMode::read).value()->size().value(), options_.segment_bytes);
  SeededRng rng(1);
  machine_.fs.cut_power(rng);
  const Position last = log_->committed();
  reopen();
  EXPECT_EQ(log_->committed(), last);
  EXPECT_EQ(append("on").value(), last + 1);
}

TEST_F(LogUpkeepTest, ACommitIsOneWriteOfWholeBlocks) {
  options_.segment_bytes = kClearedAhead;
  open();
  ASSERT_TRUE(append("x"));
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, 2 * kDirectBlock, std::size_t{1}}) {
    const auto before = machine_.fs.counts();
    ASSERT_TRUE(append(std::string(size, 'y')));
    const auto after = machine_.fs.counts();
    EXPECT_EQ(after.writes - before.writes, 1U);
    EXPECT_EQ((after.bytes_written - before.bytes_written) % kDirectBlock, 0U);
    EXPECT_LE(after.bytes_written - before.bytes_written, size + 2 * kDirectBlock);
  }
}

TEST_F(LogUpkeepTest, RecordsLargerThanAWriteAreWhole) {
  options_.segment_bytes = 16 * kMaxWriteBytes;
  open();
  ASSERT_TRUE(append("before"));
  const std::string large = [] {
    std::string text;
    for (int i = 0; text.size() < 3 * kMaxWriteBytes; ++i) text.append(std::to_string(i)).push_back(' ');
    return text;
  }();
  ASSERT_TRUE(append(large));
  ASSERT_TRUE(append("behind"));
  reopen();
  ASSERT_TRUE(append("after"));
  reopen();
  const auto records = log_->read(0, 10, 16 * kMaxWriteBytes).value();
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(text_of(records[1]), large);
  EXPECT_EQ(text_of(records[2]), "behind");
  EXPECT_EQ(text_of(records[3]), "after");
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
