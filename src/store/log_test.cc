#include "store/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/log_fixture.h"

namespace dunlin::store {
namespace {

TEST_F(LogTest, AppendsAndReadsInOrder) {
  open();
  EXPECT_EQ(log_->committed(), 0U);
  EXPECT_EQ(log_->first(), 1U);
  EXPECT_EQ(append("one", 7).value(), 1U);
  EXPECT_EQ(append("").value(), 2U);
  EXPECT_EQ(append("three").value(), 3U);
  EXPECT_EQ(log_->committed(), 3U);
  const auto records = log_->read(0, 10, 1000).value();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].position, 1U);
  EXPECT_EQ(records[0].kind, 7U);
  EXPECT_EQ(text_of(records[0]), "one");
  EXPECT_EQ(text_of(records[1]), "");
  EXPECT_EQ(text_of(records[2]), "three");
  EXPECT_TRUE(log_->read(3, 10, 1000).value().empty());
}

TEST_F(LogTest, OneTurnIsOneGroup) {
  open();
  ASSERT_TRUE(append("first"));
  const auto before = machine_.fs.counts();
  int answered = 0;
  int woken = 0;
  Position told = 0;
  log_->on_answered([&](Position last, const Result<void>& result) {
    woken += result ? 1 : 0;
    told = last;
  });
  for (int i = 0; i < 20; ++i) {
    log_->append(1, as_bytes("x"), [&](Result<Position> result) { answered += result ? 1 : 0; });
  }
  EXPECT_EQ(log_->append(1, as_bytes("y")).value(), 22U);
  EXPECT_EQ(answered, 0);
  machine_.settle();
  EXPECT_EQ(answered, 20);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(told, 22U);
  EXPECT_EQ(machine_.fs.counts().syncs - before.syncs, 1U);
}

TEST_F(LogTest, OneGroupIsWrittenWhileTheNextFills) {
  HeldWorkerPool workers;
  auto environment = machine_.environment();
  log_ = open_log({environment.fs, environment.executor, workers, environment.metrics}, options_).value();
  int answered = 0;
  const auto count = [&](Result<Position> result) { answered += result ? 1 : 0; };
  log_->append(1, as_bytes("first"), count);
  machine_.settle();
  ASSERT_EQ(workers.waiting.size(), 1U);
  for (int i = 0; i < 5; ++i) log_->append(1, as_bytes("later"), count);
  machine_.settle();
  EXPECT_EQ(workers.waiting.size(), 1U);
  EXPECT_TRUE(log_->read(0, 10, 1000).value().empty());  // nothing is on the disk yet
  workers.run_one();
  machine_.settle();
  EXPECT_EQ(answered, 1);
  ASSERT_EQ(workers.waiting.size(), 1U);
  workers.run_one();
  machine_.settle();
  EXPECT_EQ(answered, 6);
  EXPECT_EQ(log_->committed(), 6U);
}

TEST_F(LogTest, MayGoWhileAWriteIsUnderWay) {
  HeldWorkerPool workers;
  auto environment = machine_.environment();
  log_ = open_log({environment.fs, environment.executor, workers, environment.metrics}, options_).value();
  int answered = 0;
  log_->append(1, as_bytes("first"), [&](Result<Position>) { ++answered; });
  machine_.settle();
  log_.reset();
  workers.run_one();
  machine_.settle();
  EXPECT_EQ(answered, 0);
  open();
  EXPECT_EQ(log_->committed(), 1U);
}

TEST_F(LogTest, KeepsRecordsAndPositionsOverReopening) {
  open();
  append_many(200, 100);
  EXPECT_GT(segments().size(), 4U);
  reopen();
  EXPECT_EQ(log_->committed(), 200U);
  EXPECT_EQ(append("next").value(), 201U);
  Position after = 0;
  std::size_t count = 0;
  while (true) {
    const auto records = log_->read(after, 7, 1'000'000).value();
    if (records.empty()) break;
    for (const Record& record : records) EXPECT_EQ(record.position, ++after);
    count += records.size();
  }
  EXPECT_EQ(count, 201U);
  EXPECT_EQ(text_of(log_->read(99, 1, 1000).value().at(0)),
            std::string(100, static_cast<char>('a' + 99 % 26)));
}

TEST_F(LogTest, ReadKeepsToItsLimitsButGivesOne) {
  open();
  append_many(10, 100);
  EXPECT_EQ(log_->read(0, 3, 1'000'000).value().size(), 3U);
  EXPECT_EQ(log_->read(0, 100, 250).value().size(), 2U);
  EXPECT_EQ(log_->read(4, 100, 1).value().size(), 1U);
  EXPECT_EQ(log_->read(4, 0, 100).value().size(), 0U);
  reopen();
  EXPECT_EQ(log_->read(0, 100, 250).value().size(), 2U);
  EXPECT_EQ(log_->read(4, 100, 1).value().size(), 1U);
}

TEST_F(LogTest, RecentRecordsAreReadFromMemory) {
  open();
  append_many(100, 100);
  const auto before = machine_.fs.counts();
  EXPECT_EQ(log_->read(50, 100, 1'000'000).value().size(), 50U);
  EXPECT_EQ(machine_.fs.counts().reads, before.reads);
  EXPECT_EQ(machine_.fs.counts().opens, before.opens);
}

TEST_F(LogTest, TheTailIsBoundedAndGivenBackWhenIdle) {
  options_.segment_bytes = 1024 * 1024;
  open();
  append_many(60, 100 * 1000);  // more than kTailBytes
  auto before = machine_.fs.counts();
  EXPECT_EQ(log_->read(0, 1, 1'000'000).value().at(0).position, 1U);
  EXPECT_GT(machine_.fs.counts().reads, before.reads);
  machine_.scheduler.run_for(3 * kIdleDelay);
  before = machine_.fs.counts();
  EXPECT_EQ(log_->read(50, 10, 10'000'000).value().size(), 10U);
  EXPECT_GT(machine_.fs.counts().reads, before.reads);
}

TEST_F(LogTest, SegmentsGoWhenEveryCursorHasPassed) {
  open();
  log_->set_cursor("fast", 0);
  log_->set_cursor("slow", 0);
  append_many(200, 100);
  const std::size_t all = segments().size();
  log_->set_cursor("fast", 200);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_EQ(segments().size(), all);
  EXPECT_EQ(log_->first(), 1U);
  log_->set_cursor("slow", 100);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_LT(segments().size(), all);
  EXPECT_GT(log_->first(), 1U);
  EXPECT_LE(log_->first(), 101U);
  EXPECT_EQ(log_->read(100, 1, 1000).value().at(0).position, 101U);
  log_->remove_cursor("slow");
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_EQ(segments().size(), 1U);
  reopen();
  EXPECT_EQ(log_->cursor("fast").value(), 200U);
  EXPECT_EQ(log_->cursor("slow").error().code, Errc::not_found);
  EXPECT_EQ(append("on").value(), 201U);
}

TEST_F(LogTest, WithoutCursorsNothingIsRemoved) {
  open();
  append_many(200, 100);
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_EQ(log_->first(), 1U);
  EXPECT_EQ(log_->read(0, 1, 1000).value().size(), 1U);
}

TEST_F(LogTest, FlushSavesCursors) {
  open();
  ASSERT_TRUE(append("x"));
  log_->set_cursor("reader", 1);
  EXPECT_TRUE(flush());
  machine_.fs.kill_process();
  reopen();
  EXPECT_EQ(log_->cursor("reader").value(), 1U);
  EXPECT_TRUE(flush());
}

TEST_F(LogTest, RefusesPastItsLimits) {
  options_.max_record_bytes = 1000;
  options_.max_bytes = 20'000;
  open();
  EXPECT_EQ(append(std::string(1001, 'x')).error().code, Errc::limit_exceeded);
  Result<Position> last = 0;
  int accepted = 0;
  while ((last = append(std::string(1000, 'x')))) ++accepted;
  EXPECT_EQ(last.error().code, Errc::no_space);
  EXPECT_GT(accepted, 15);
  EXPECT_GT(machine_.metrics.value("dunlin_store_log_refused_total"), 1.0);
  log_->set_cursor("reader", log_->committed());
  machine_.scheduler.run_for(2 * kCheckpointDelay);
  EXPECT_TRUE(append(std::string(1000, 'x')));
}

TEST_F(LogTest, RefusesWhenTheDiskDoesNotKeepUp) {
  options_.max_uncommitted_bytes = 2000;
  open();
  std::vector<Errc> errors;
  int accepted = 0;
  for (int i = 0; i < 5; ++i) {
    log_->append(1, as_bytes(std::string(900, 'x')), [&](Result<Position> result) {
      if (result) ++accepted;
      if (!result) errors.push_back(result.error().code);
    });
  }
  machine_.settle();
  EXPECT_EQ(accepted, 2);
  EXPECT_EQ(errors, std::vector<Errc>(3, Errc::unavailable));
  EXPECT_TRUE(append(std::string(900, 'x')));
}

TEST_F(LogTest, GoesOnWhenAFullDiskHasRoomAgain) {
  open();
  ASSERT_TRUE(append("before"));
  machine_.fs.set_capacity(4096);
  Result<Position> last = 0;
  for (int i = 0; i < 100 && last; ++i) last = append(std::string(500, 'x'));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Errc::no_space);
  const Position committed = log_->committed();
  machine_.fs.set_capacity(1 << 20);
  const auto position = append("after");
  ASSERT_TRUE(position) << position.error().message;
  EXPECT_GT(*position, committed);
  reopen();
  const auto records = log_->read(committed, 10, 1000).value();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(text_of(records[0]), "after");
  EXPECT_EQ(records[0].position, *position);
}

TEST_F(LogTest, AFailedSyncStopsAppendsUntilReopened) {
  open();
  ASSERT_TRUE(append("good"));
  machine_.fs.fail_call(2, Errc::io);  // the write succeeds, the sync does not
  EXPECT_THAT(broken_, ::testing::IsEmpty());
  EXPECT_EQ(append("bad").error().code, Errc::io);
  EXPECT_THAT(broken_, ::testing::ElementsAre(Errc::io));
  EXPECT_EQ(append("later").error().code, Errc::io);
  EXPECT_FALSE(flush());
  EXPECT_EQ(log_->read(0, 10, 1000).value().size(), 1U);
  reopen();
  EXPECT_EQ(log_->committed(), 1U);
  EXPECT_TRUE(append("again"));
}

TEST_F(LogTest, CutsATornTail) {
  open();
  append_many(5, 100);
  log_.reset();
  const std::string path = options_.folder + "/" + segments().back();
  auto file = machine_.fs.open(path, OpenMode::read_write).value();
  ASSERT_TRUE(file->truncate(used_bytes(segments().back()) - 3));
  reopen();
  EXPECT_EQ(log_->committed(), 4U);
  EXPECT_EQ(append("new").value(), 5U);
}

TEST_F(LogTest, DamageBeforeCommittedGroupsIsNoTornTail) {
  open();
  append_many(5, 100);
  log_.reset();
  damage(segments().back(), kSegmentHeaderBytes + kLinkBytes + kGroupHeaderBytes + 50);
  EXPECT_EQ(open_error(), Errc::corrupt);
}

TEST_F(LogTest, DamageInTheLastGroupIsCut) {
  open();
  append_many(5, 100);
  log_.reset();
  const std::string name = segments().back();
  damage(name, used_bytes(name) - 20);
  open();
  EXPECT_EQ(log_->committed(), 4U);
}

TEST_F(LogTest, DamageInAnOldSegmentIsToldByRead) {
  open();
  append_many(200, 100);
  log_.reset();
  damage(segments().at(1), 2000);
  open();
  Position after = 0;
  Result<std::vector<Record>> records = log_->read(after, 10, 1'000'000);
  while (records && !records->empty()) {
    after = records->back().position;
    records = log_->read(after, 10, 1'000'000);
  }
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, Errc::corrupt);
  EXPECT_NE(records.error().message.find(segments().at(1)), std::string::npos);
  EXPECT_GT(after, 20U);
  EXPECT_EQ(log_->read(150, 1, 1000).value().at(0).position, 151U);
}

TEST_F(LogTest, ALostOrCutOldSegmentIsNoticedAtOpening) {
  open();
  append_many(200, 100);
  log_.reset();
  const std::string path = options_.folder + "/" + segments().at(1);
  auto file = machine_.fs.open(path, OpenMode::read_write).value();
  ASSERT_TRUE(file->truncate(used_bytes(segments().at(1)) - 1));
  EXPECT_EQ(open_error(), Errc::corrupt);
  ASSERT_TRUE(machine_.fs.remove(path));
  EXPECT_EQ(open_error(), Errc::corrupt);
}

TEST_F(LogTest, DamagedHeadersAndCursorsAreNoticed) {
  open();
  append_many(5, 100);
  log_->set_cursor("reader", 2);
  ASSERT_TRUE(flush());
  log_.reset();
  damage("cursors", 20);
  EXPECT_EQ(open_error(), Errc::corrupt);
  damage("cursors", 20);
  damage(segments().front(), 3);
  EXPECT_EQ(open_error(), Errc::corrupt);
}

TEST_F(LogTest, OneProcessAtATime) {
  open();
  EXPECT_EQ(open_error(), Errc::conflict);
}

TEST_F(LogTest, OpeningReadsOnlyHeadsAndTheLastSegment) {
  open();
  append_many(1000, 100);
  log_.reset();
  const auto before = machine_.fs.counts();
  open();
  const std::size_t count = segments().size();
  EXPECT_GT(count, 25U);
  EXPECT_LE(machine_.fs.counts().reads - before.reads, count + 10);
}

TEST_F(LogTest, RecordsLargerThanASegment) {
  open();
  ASSERT_TRUE(append("small"));
  const std::string large(100'000, 'L');
  ASSERT_TRUE(append(large));
  ASSERT_TRUE(append("small again"));
  reopen();
  const auto records = log_->read(0, 10, 1'000'000).value();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(text_of(records[1]), large);
}

TEST_F(LogTest, TooManyCursorsAreRefusedAndCounted) {
  open();
  log_->set_cursor(std::string(kMaxCursorName + 1, 'n'), 0);
  EXPECT_EQ(log_->cursor(std::string(kMaxCursorName + 1, 'n')).error().code, Errc::not_found);
  EXPECT_EQ(machine_.metrics.value("dunlin_store_log_refused_total"), 1.0);
}

}  // namespace
}  // namespace dunlin::store
