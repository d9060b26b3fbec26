// The journal against a disk that loses its power: what was acknowledged is there, the rest is a prefix.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "store/test_machine.h"

namespace dunlin::store {
namespace {

/// One journal over several lives of its process, and what must be true of it.
class PowerCutRun {
 public:
  explicit PowerCutRun(std::uint64_t seed) : rng_(seed) {
    options_.folder = "journal";
    options_.segment_bytes = 1500;
    options_.group_bytes = 400;
  }

  VirtualFs& fs() { return machine_.fs; }

  /// The first broken promise, or nothing.
  std::optional<std::string> run(int lives) {
    for (int life = 0; life < lives; ++life) {
      if (auto broken = open_and_check()) return broken;
      machine_.fs.stop_at_call(1 + rng_.below(120));
      work();
      die();
    }
    return open_and_check();
  }

  /// One life in which the n-th change of the disk fails with `code`; then the power goes.
  std::optional<std::string> run_with_failure(std::uint64_t n, Errc code) {
    if (auto broken = open_and_check()) return broken;
    machine_.fs.fail_call(n, code);
    work();
    die();
    return open_and_check();
  }

  std::size_t acknowledged() const { return acknowledged_.size(); }

 private:
  void work() {
    for (std::uint64_t step = 0, steps = 5 + rng_.below(40); step < steps; ++step) {
      for (std::uint64_t i = 0, count = 1 + rng_.below(6); i < count; ++i) append_one();
      machine_.scheduler.run_for(std::chrono::milliseconds{rng_.below(400)});
      if (rng_.below(4) == 0) log_->set_cursor("reader", rng_.below(log_->committed() + 1));
    }
  }

  void append_one() {
    const std::uint64_t number = next_number_++;
    std::string text = std::to_string(number) + ":";
    text.append(rng_.below(20) == 0 ? rng_.below(3000) : rng_.below(80), '.');
    log_->append(static_cast<std::uint8_t>(number), as_bytes(text), [this, text](Result<Position> result) {
      if (result) acknowledged_[*result] = text;
      if (!result && result.error().code == Errc::no_space) refused_.insert(text);
    });
  }

  void die() {
    reader_ = log_->cursor("reader").value_or(reader_);
    log_.reset();
    machine_.restart_process();
    machine_.fs.cut_power(rng_);
  }

  std::optional<std::string> open_and_check() {
    auto opened = open_log(machine_.environment(), options_);
    if (!opened) return "does not open: " + opened.error().message;
    log_ = *std::move(opened);
    std::map<Position, std::string> found;
    Position after = 0;
    while (true) {
      const auto records = log_->read(after, 1 + rng_.below(20), 1 << 20);
      if (!records) return "does not read: " + records.error().message;
      if (records->empty()) break;
      for (const Record& record : *records) {
        if (record.position <= after) return "positions do not rise";
        after = record.position;
        found[after] = text_of(record);
      }
    }
    if (after > log_->committed()) return "reads past the committed position";
    return check(found);
  }

  std::optional<std::string> check(const std::map<Position, std::string>& found) {
    const Position first = log_->first();
    for (const auto& [position, text] : acknowledged_) {
      if (position < first) continue;  // passed by the cursor
      const auto record = found.find(position);
      if (record == found.end()) return "lost the acknowledged position " + std::to_string(position);
      if (record->second != text) return "changed the acknowledged position " + std::to_string(position);
    }
    std::uint64_t previous = 0;
    for (const auto& [position, text] : found) {
      // Who was told that the disk is full gives the record again.
      if (refused_.contains(text)) return "holds the refused record " + text.substr(0, 10);
      const std::uint64_t number = std::stoull(text);
      if (number <= previous) return "records are out of order";
      // What was not acknowledged is still a prefix of what was appended in that life.
      const bool begins = previous == 0 && first > 1;  // the cursor has passed what was before
      const bool skips = !begins && number > std::max(previous + 1, life_began_) && !failures_allowed_;
      if (skips) return "a hole before record " + std::to_string(number);
      previous = number;
    }
    life_began_ = next_number_;
    return std::nullopt;
  }

  SeededRng rng_;
  TestMachine machine_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
  std::uint64_t next_number_ = 1;
  std::uint64_t life_began_ = 1;
  Position reader_ = 0;
  bool failures_allowed_ = false;
  std::map<Position, std::string> acknowledged_;
  std::set<std::string> refused_;

 public:
  void allow_failures() { failures_allowed_ = true; }
};

TEST(LogPowerCut, KeepsWhatItAcknowledged) {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    PowerCutRun run(seed);
    const auto broken = run.run(4);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken;
    acknowledged += run.acknowledged();
  }
  EXPECT_GT(acknowledged, 5000U);  // the runs got somewhere before the power went
}

TEST(LogPowerCut, EveryFailingCall) {
  for (const Errc code : {Errc::io, Errc::no_space}) {
    for (std::uint64_t i = 0; i < 1500; ++i) {
      const std::uint64_t n = 1 + i % 150;
      PowerCutRun run(i * 7919);
      run.allow_failures();
      const auto broken = run.run_with_failure(n, code);
      ASSERT_FALSE(broken) << "seed " << i * 7919 << ", call " << n << ": " << *broken;
    }
  }
}

bool is_noticed(SyncIgnored what) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    PowerCutRun run(seed);
    run.fs().set_sync_ignored(what);
    if (run.run(4)) return true;
  }
  return false;
}

TEST(LogPowerCut, AForgottenSyncIsNoticed) {
  EXPECT_TRUE(is_noticed(SyncIgnored::files));
  EXPECT_TRUE(is_noticed(SyncIgnored::folders));
}

}  // namespace
}  // namespace dunlin::store
