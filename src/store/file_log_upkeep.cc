// Cursors, removal of segments that every cursor has passed, memory given back when idle.
#include <algorithm>

#include "base/log.h"
#include "store/file_log.h"
#include "store/limits.h"

namespace dunlin::store {

void FileLog::set_cursor(std::string_view name, Position position) {
  if (!cursors_.set(name, position)) {
    refused_metric_.add();
    log::error("store", "journal cursor refused: too many, or its name is too long",
               {{"folder", options_.folder}, {"limit", static_cast<std::uint64_t>(kMaxCursors)}});
    return;
  }
  cursors_changed();
}

Result<Position> FileLog::cursor(std::string_view name) const {
  const auto position = cursors_.find(name);
  if (!position) return fail(Errc::not_found, "no cursor of this name");
  return *position;
}

void FileLog::remove_cursor(std::string_view name) {
  if (cursors_.remove(name)) cursors_changed();
}

void FileLog::cursors_changed() {
  cursors_dirty_ = true;
  if (checkpoint_timer_) return;
  checkpoint_timer_ = environment_.executor.schedule(kCheckpointDelay, [this] {
    checkpoint_timer_ = {};
    checkpoint();
  });
}

void FileLog::checkpoint() {
  if (!cursors_dirty_ || failed_) return;
  collect_passed_segments();
  checkpoint_due_ = true;
  start_job();
}

/// Takes segments that no cursor needs off the list; the next checkpoint removes their files. Without a
/// cursor all are kept.
void FileLog::collect_passed_segments() {
  const auto least = cursors_.least();
  if (!least) return;
  while (segments_.size() > 1 && segments_[1].first <= *least + 1) {
    passed_segments_.push_back(segments_.front().first);
    segment_bytes_ -= segments_.front().bytes;
    segments_.pop_front();
  }
  size_metric_.set(static_cast<std::int64_t>(segment_bytes_));
  if (!passed_segments_.empty()) cursors_changed();
}

void FileLog::watch_idle() {
  if (idle_timer_) return;
  idle_mark_ = next_;
  idle_timer_ = environment_.executor.schedule(kIdleDelay, [this] {
    idle_timer_ = {};
    idle_check();
  });
}

void FileLog::idle_check() {
  if (next_ != idle_mark_ || job_running_ || !filling_->empty()) return watch_idle();
  spare_.reset();
  filling_ = std::make_unique<LogGroup>();
  tail_.shrink(kIdleTailBytes);
}

}  // namespace dunlin::store
