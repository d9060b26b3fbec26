#pragma once
// The journal over base::Fs: the half that runs on the executor. open_log() makes it.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/log.h"
#include "store/log_cursors.h"
#include "store/log_disk.h"
#include "store/log_group.h"
#include "store/log_tail.h"

namespace dunlin::store {

struct LogSegment {
  Position first = 0;
  std::uint64_t bytes = kSegmentHeaderBytes;  // that are committed
  std::vector<Mark> marks;                    // empty: not looked up yet
};

/// What opening found on the disk.
struct RecoveredLog {
  std::uint32_t salt = 0;
  std::vector<LogSegment> segments;  // never empty; the last one is written to
  Position committed = 0;
  Position next = 1;  // the position of the next record
  LogCursors cursors;
  std::unique_ptr<File> lock;
  BlockWriter active;
};

class FileLog final : public Log {
 public:
  FileLog(LogEnvironment environment, LogOptions options, RecoveredLog recovered);
  ~FileLog() override;

  Result<Position> append(std::uint8_t kind, ByteView bytes) override;
  void append(std::uint8_t kind, ByteView bytes, AppendDone done) override;
  void on_answered(Answered answered) override {
    answered_ = std::make_shared<Answered>(std::move(answered));
  }
  Position committed() const override { return committed_; }
  Position first() const override { return std::min(segments_.front().first, committed_ + 1); }
  std::uint64_t size_bytes() const override { return segment_bytes_; }
  Result<std::vector<Record>> read(Position after, std::size_t max_records, std::size_t max_bytes) override;
  void set_cursor(std::string_view name, Position position) override;
  Result<Position> cursor(std::string_view name) const override;
  void remove_cursor(std::string_view name) override;
  void flush(std::move_only_function<void(Result<void>)> done) override;

 private:
  /// One turn of the worker. At most one is under way.
  struct Job {
    std::unique_ptr<LogGroup> group;  // null: there is nothing to commit
    LogDisk::Commit commit;
    LogDisk::Outcome outcome;
    std::vector<std::uint8_t> cursors;  // empty: need not be saved
    std::vector<Position> removals;
    bool wants_next = false;  // LogDisk::wants_next() after it
    Result<void> upkeep;      // of cursors and removals
  };
  struct Flush {
    std::uint64_t job = 0;  // answered when this job has ended
    std::optional<Error> error;
    std::move_only_function<void(Result<void>)> done;
  };
  struct Caller {
    Position position = 0;
    AppendDone done;
  };
  struct ReadHint {
    Position after = 0;
    Position segment = 0;
    Mark place;
  };

  std::optional<Error> refusal(std::size_t bytes);
  void close_group_soon();
  void start_job();
  void prepare_next();
  void plan_commit(Job& job);
  static void run_job(const std::shared_ptr<LogDisk>& disk, std::unique_ptr<Job> job, Executor& executor,
                      FileLog* self, std::weak_ptr<int> alive);
  void committed_group(std::unique_ptr<LogGroup> group, LogDisk::Outcome outcome);
  void apply(const LogGroup& group, const LogDisk::Outcome& outcome);
  void ended_job(std::unique_ptr<Job> job);
  void answer(std::unique_ptr<LogGroup> group, const Result<void>& result);
  void answer_flushes();
  void fail_waiting();
  void recycle(std::unique_ptr<LogGroup> group);

  void cursors_changed();
  void checkpoint();
  void collect_passed_segments();
  void watch_idle();
  void idle_check();

  Result<std::vector<Record>> read_disk(Position after, ReadLimits limits);
  Result<bool> read_segment(std::size_t index, Position after, RecordCollector& collector);
  Result<Mark> place_of(const File& file, LogSegment& segment, Position after);

  LogEnvironment environment_;
  LogOptions options_;
  std::uint32_t salt_;
  // Shared with the job that is under way: it must be able to end after the log has gone.
  std::shared_ptr<LogDisk> disk_;
  // Completions check it before they touch the log; made and freed on the executor's thread.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);

  std::deque<LogSegment> segments_;
  std::uint64_t segment_bytes_ = 0;  // of all segments together
  Link sealed_;                      // the segment before the one that is written to
  Position committed_;
  Position next_;
  std::unique_ptr<LogGroup> filling_ = std::make_unique<LogGroup>();
  std::unique_ptr<LogGroup> spare_;
  std::size_t in_flight_bytes_ = 0;
  LogTail tail_;
  std::optional<Error> failed_;  // what broke the disk; the log stays readable

  bool job_running_ = false;
  bool preparing_ = false;  // the next segment, beside the jobs
  bool close_posted_ = false;
  std::uint64_t jobs_started_ = 0;
  std::uint64_t jobs_ended_ = 0;
  std::vector<Flush> flushes_;
  std::deque<Caller> callers_;          // in the order of their positions
  std::shared_ptr<Answered> answered_;  // shared with the call under way, in which the log may end

  LogCursors cursors_;
  bool cursors_dirty_ = false;
  bool checkpoint_due_ = false;
  std::vector<Position> passed_segments_;  // to be removed
  TimerId checkpoint_timer_;
  TimerId idle_timer_;
  Position idle_mark_ = 0;

  std::vector<ReadHint> hints_;
  std::size_t next_hint_ = 0;

  metrics::Cell& records_metric_;
  metrics::Cell& commits_metric_;
  metrics::Cell& bytes_metric_;
  metrics::Cell& refused_metric_;
  metrics::Cell& errors_metric_;
  metrics::Cell& size_metric_;
};

}  // namespace dunlin::store
