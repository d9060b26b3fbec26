#include "store/file_log.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

std::uint64_t sum_of_bytes(const std::vector<LogSegment>& segments) {
  std::uint64_t sum = 0;
  for (const LogSegment& segment : segments) sum += segment.bytes;
  return sum;
}

}  // namespace

FileLog::FileLog(LogEnvironment environment, LogOptions options, RecoveredLog recovered)
    : environment_(environment),
      options_(std::move(options)),
      salt_(recovered.salt),
      disk_(std::make_shared<LogDisk>(
          environment.fs, LogPlace{options_.folder, recovered.salt, options_.segment_bytes},
          std::move(recovered.lock),
          LogDisk::Active{recovered.segments.back().first, std::move(recovered.active)})),
      segment_bytes_(sum_of_bytes(recovered.segments)),
      committed_(recovered.committed),
      next_(recovered.next),
      tail_(recovered.salt),
      cursors_(std::move(recovered.cursors)),
      records_metric_(environment.metrics.counter("dunlin_store_log_records_total", "Records committed")),
      commits_metric_(environment.metrics.counter("dunlin_store_log_commits_total", "Groups synced")),
      bytes_metric_(environment.metrics.counter("dunlin_store_log_bytes_total", "Bytes committed")),
      refused_metric_(environment.metrics.counter("dunlin_store_log_refused_total", "Appends past a limit")),
      errors_metric_(environment.metrics.counter("dunlin_store_log_errors_total", "Errors of the disk")),
      size_metric_(environment.metrics.gauge("dunlin_store_log_size_bytes", "Bytes of all segments")) {
  for (LogSegment& segment : recovered.segments) segments_.push_back(std::move(segment));
  if (segments_.size() > 1)
    sealed_ = {segments_[segments_.size() - 2].first, segments_[segments_.size() - 2].bytes};
  size_metric_.set(static_cast<std::int64_t>(segment_bytes_));
  collect_passed_segments();
}

FileLog::~FileLog() {
  if (checkpoint_timer_) environment_.executor.cancel(checkpoint_timer_);
  if (idle_timer_) environment_.executor.cancel(idle_timer_);
}

std::optional<Error> FileLog::refusal(std::size_t bytes) {
  if (failed_) return failed_;
  if (bytes > options_.max_record_bytes) {
    return Error{Errc::limit_exceeded,
                 "the record is larger than " + std::to_string(options_.max_record_bytes)};
  }
  const std::size_t added = bytes + kRecordHeaderBytes;
  const std::size_t uncommitted = filling_->bytes.size() + in_flight_bytes_;
  if (uncommitted > 0 && uncommitted + added > options_.max_uncommitted_bytes) {
    return Error{Errc::unavailable, "the disk does not keep up with the journal"};
  }
  constexpr std::size_t kOverhead = kSegmentHeaderBytes + kLinkBytes + kGroupHeaderBytes;
  if (segment_bytes_ + uncommitted + added + kOverhead > options_.max_bytes) {
    return Error{Errc::no_space,
                 "the journal holds " + std::to_string(options_.max_bytes) + " bytes, its limit"};
  }
  return std::nullopt;
}

Result<Position> FileLog::append(std::uint8_t kind, ByteView bytes) {
  if (auto error = refusal(bytes.size())) {
    refused_metric_.add();
    return std::unexpected(*std::move(error));
  }
  const Position position = next_++;
  filling_->add(salt_, position, kind, bytes);
  if (job_running_) return position;
  if (filling_->bytes.size() >= options_.group_bytes) {
    start_job();
  } else {
    close_group_soon();
  }
  return position;
}

void FileLog::append(std::uint8_t kind, ByteView bytes, AppendDone done) {
  Result<Position> position = append(kind, bytes);
  if (position) return callers_.push_back({*position, std::move(done)});
  environment_.executor.post([done = std::move(done), error = std::move(position).error()]() mutable {
    done(std::unexpected(std::move(error)));
  });
}

/// The disk rests: the group closes at the end of this loop turn, so that everything the turn brings travels
/// together.
void FileLog::close_group_soon() {
  if (close_posted_) return;
  close_posted_ = true;
  environment_.executor.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    close_posted_ = false;
    start_job();
  });
}

void FileLog::plan_commit(Job& job) {
  job.group = std::exchange(filling_, spare_ ? std::move(spare_) : std::make_unique<LogGroup>());
  job.group->seal(salt_);
  in_flight_bytes_ = job.group->bytes.size();
  job.commit.bytes = job.group->bytes;
  const LogSegment& active = segments_.back();
  const bool unused = active.bytes == kSegmentHeaderBytes;
  if (!unused && active.bytes + in_flight_bytes_ > options_.segment_bytes) {
    job.commit.new_segment = job.group->first;
    job.commit.link = Link{active.first, active.bytes};
  } else if (unused) {
    job.commit.link = sealed_;
  }
}

void FileLog::start_job() {
  if (job_running_ || failed_) return;
  if (filling_->empty() && !checkpoint_due_) return;
  auto job = std::make_unique<Job>();
  if (!filling_->empty()) plan_commit(*job);
  if (checkpoint_due_) {
    job->cursors = cursors_.encode(segments_.front().first);
    job->removals = passed_segments_;
    checkpoint_due_ = false;
    cursors_dirty_ = false;
  }
  job_running_ = true;
  ++jobs_started_;
  environment_.workers.run([disk = disk_, job = std::move(job), &executor = environment_.executor,
                            self = this, alive = std::weak_ptr<int>(alive_)]() mutable {
    run_job(disk, std::move(job), executor, self, std::move(alive));
  });
}

/// On a worker thread: `self` is only carried, never used here.
void FileLog::run_job(const std::shared_ptr<LogDisk>& disk, std::unique_ptr<Job> job, Executor& executor,
                      FileLog* self, std::weak_ptr<int> alive) {
  if (job->group) job->outcome = disk->commit(job->commit);
  job->wants_next = job->outcome.usable && disk->wants_next();
  const bool clears = job->outcome.usable && disk->wants_clearing();
  const bool keeps_up = clears || !job->cursors.empty();
  if (keeps_up && job->group) {
    // Whoever waits for the commit need not wait for the upkeep.
    executor.post([self, alive, group = std::move(job->group), outcome = job->outcome]() mutable {
      if (!alive.expired()) self->committed_group(std::move(group), std::move(outcome));
    });
  }
  if (clears) disk->clear_ahead();
  if (!job->cursors.empty()) {
    job->upkeep = disk->save_cursors(job->cursors);
    if (job->upkeep && !job->removals.empty()) job->upkeep = disk->remove_segments(job->removals);
  }
  executor.post([self, alive = std::move(alive), job = std::move(job)]() mutable {
    if (!alive.expired()) self->ended_job(std::move(job));
  });
}

/// Beside the jobs, and one step for each at most: zeros for the next segment should not hold up the commits.
void FileLog::prepare_next() {
  if (std::exchange(preparing_, true)) return;
  environment_.workers.run(
      [disk = disk_, &executor = environment_.executor, this, alive = std::weak_ptr<int>(alive_)] {
        disk->prepare_next();
        executor.post([this, alive] {
          if (alive.expired()) return;
          preparing_ = false;
          answer_flushes();
        });
      });
}

void FileLog::apply(const LogGroup& group, const LogDisk::Outcome& outcome) {
  const std::uint64_t old_bytes = segments_.back().bytes;
  in_flight_bytes_ = 0;
  if (outcome.segment_begun) {
    sealed_ = {segments_.back().first, segments_.back().bytes};
    segments_.push_back({.first = group.first, .bytes = kSegmentHeaderBytes, .marks = {}});
    segment_bytes_ += kSegmentHeaderBytes;
    collect_passed_segments();
  }
  if (!outcome.result) {
    errors_metric_.add();
    log::error("store", "journal write failed",
               {{"folder", options_.folder}, {"error", outcome.result.error().message}});
    if (!outcome.usable) failed_ = outcome.result.error();
    if (failed_ && environment_.broken) environment_.broken(*failed_);
    return;
  }
  LogSegment& active = segments_.back();
  const bool first_write = outcome.segment_begun || old_bytes == kSegmentHeaderBytes;
  const std::uint64_t begin = active.bytes + (first_write ? kLinkBytes : 0);
  if (active.marks.empty() || begin - active.marks.back().offset >= kMarkSpacing) {
    active.marks.push_back({group.first, begin});
  }
  segment_bytes_ += begin - active.bytes + group.bytes.size();
  active.bytes = begin + group.bytes.size();
  committed_ = group.last();
  records_metric_.add(group.count);
  bytes_metric_.add(static_cast<std::int64_t>(group.bytes.size()));
  commits_metric_.add();
  size_metric_.set(static_cast<std::int64_t>(segment_bytes_));
}

void FileLog::committed_group(std::unique_ptr<LogGroup> group, LogDisk::Outcome outcome) {
  apply(*group, outcome);
  answer(std::move(group), outcome.result);
}

void FileLog::ended_job(std::unique_ptr<Job> job) {
  job_running_ = false;
  ++jobs_ended_;
  std::unique_ptr<LogGroup> group = std::move(job->group);
  if (group) apply(*group, job->outcome);
  if (!job->upkeep) {
    errors_metric_.add();
    cursors_dirty_ = true;
    log::warning("store", "journal cursors not saved",
                 {{"folder", options_.folder}, {"error", job->upkeep.error().message}});
    for (Flush& flush : flushes_) flush.error = job->upkeep.error();
  } else {
    std::erase_if(passed_segments_, [&](Position passed) {
      return std::ranges::find(job->removals, passed) != job->removals.end();
    });
  }
  // The disk works on the next group while the callers of this one are answered.
  start_job();
  if (job->wants_next) prepare_next();
  const std::weak_ptr<int> alive = alive_;
  if (group) answer(std::move(group), job->outcome.result);
  if (!alive.expired()) fail_waiting();
  if (!alive.expired()) answer_flushes();
  if (alive.expired()) return;
  if (!job_running_) watch_idle();
}

void FileLog::answer(std::unique_ptr<LogGroup> group, const Result<void>& result) {
  const Position last = group->last();
  if (result) {
    tail_.add(*group);
  } else {
    for (Flush& flush : flushes_) flush.error = result.error();
  }
  recycle(std::move(group));
  // Whoever is told may end the log.
  const std::weak_ptr<int> alive = alive_;
  while (!callers_.empty() && callers_.front().position <= last) {
    Caller caller = std::move(callers_.front());
    callers_.pop_front();
    caller.done(result ? Result<Position>{caller.position} : std::unexpected(result.error()));
    if (alive.expired()) return;
  }
  const std::shared_ptr<Answered> answered = answered_;
  if (answered && *answered) (*answered)(last, result);
}

void FileLog::recycle(std::unique_ptr<LogGroup> group) {
  group->clear();
  if (group->bytes.capacity() == 0) group->bytes = tail_.take_spare();
  if (group->bytes.capacity() <= kKeptBufferBytes) spare_ = std::move(group);
}

/// After the disk broke: what waits behind the broken group is refused as well.
void FileLog::fail_waiting() {
  if (!failed_ || filling_->empty()) return;
  auto group = std::exchange(filling_, std::make_unique<LogGroup>());
  answer(std::move(group), std::unexpected(*failed_));
}

void FileLog::flush(std::move_only_function<void(Result<void>)> done) {
  if (cursors_dirty_ || !passed_segments_.empty()) checkpoint_due_ = true;
  const bool more = !failed_ && (checkpoint_due_ || !filling_->empty());
  flushes_.push_back({jobs_started_ + (more ? 1 : 0), failed_, std::move(done)});
  start_job();
  environment_.executor.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) answer_flushes();
  });
}

void FileLog::answer_flushes() {
  for (std::size_t i = 0; i < flushes_.size();) {
    const bool ended = (flushes_[i].job <= jobs_ended_ || (failed_ && !job_running_)) && !preparing_;
    if (!ended) {
      ++i;
      continue;
    }
    Flush flush = std::move(flushes_[i]);
    flushes_.erase(flushes_.begin() + static_cast<std::ptrdiff_t>(i));
    if (failed_ && !flush.error) flush.error = failed_;
    const std::weak_ptr<int> alive = alive_;
    flush.done(flush.error ? Result<void>{std::unexpected(*flush.error)} : Result<void>{});
    if (alive.expired()) return;
  }
}

}  // namespace dunlin::store
