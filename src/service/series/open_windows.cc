#include "service/series/open_windows.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/core/assert.h"

namespace dunlin::series {

OpenWindows::Age OpenWindows::age_of(const OpenWindow& window) {
  return {window.open_after, window.series.info.id.value, unix_nanoseconds(window.start)};
}

OpenWindow& OpenWindows::window_for(SeriesEntry& series, WallTime time) {
  // The newest one is nearly always the one.
  for (auto at = series.windows.rbegin(); at != series.windows.rend(); ++at) {
    if (time >= (*at)->start && time <= (*at)->last) return **at;
  }
  const WallTime start = window_start(time);
  ++count_;
  return *series.windows.emplace_back(
      std::make_unique<OpenWindow>(OpenWindow{series, start, window_last(start)}));
}

OpenWindow& OpenWindows::put(SeriesEntry& series, Point point, store::Position after, WallTime now) {
  OpenWindow& window = window_for(series, point.time);
  if (window.open.empty()) {
    window.open_after = after;
    if (window.is_sealing()) {
      held_.insert(after);
    } else {
      waiting_.emplace(age_of(window), &window);
    }
  }
  const std::size_t before = window.open.bytes();
  window.open.put(std::move(point));
  std::size_t& bytes = window.is_sealing() ? sealing_bytes_ : waiting_bytes_;
  bytes += window.open.bytes() - before;
  window.last_put = now;
  return window;
}

void OpenWindows::begin_seal(OpenWindow& window) {
  DUNLIN_ASSERT(!window.is_sealing() && !window.open.empty());
  waiting_.erase(age_of(window));
  waiting_bytes_ -= window.open.bytes();
  sealing_bytes_ += window.open.bytes();
  window.sealing = std::exchange(window.open, {});
  window.state = OpenWindow::State::sealing;
  window.sealing_after = window.open_after;
  held_.insert(window.sealing_after);
}

void OpenWindows::sealed(OpenWindow& window) {
  held_.erase(held_.find(window.sealing_after));
  sealing_bytes_ -= window.sealing.bytes() + window.open.bytes();
  window.sealing = {};
  window.state = OpenWindow::State::waiting;
  if (window.open.empty()) return drop(window);
  held_.erase(held_.find(window.open_after));
  waiting_bytes_ += window.open.bytes();
  waiting_.emplace(age_of(window), &window);
}

void OpenWindows::give_up(OpenWindow& window) {
  held_.erase(held_.find(window.sealing_after));
  if (!window.open.empty()) held_.erase(held_.find(window.open_after));
  sealing_bytes_ -= window.sealing.bytes() + window.open.bytes();
  window.open.put_below(std::exchange(window.sealing, {}));
  window.state = OpenWindow::State::waiting;
  if (window.open.empty()) return drop(window);
  window.open_after = window.sealing_after;
  waiting_bytes_ += window.open.bytes();
  waiting_.emplace(age_of(window), &window);
}

void OpenWindows::drop(OpenWindow& window) {
  std::erase_if(window.series.windows, [&window](const auto& one) { return one.get() == &window; });
  --count_;
}

void OpenWindows::erase(SeriesEntry& series, WallTime from, WallTime to) {
  std::vector<OpenWindow*> emptied;
  for (const auto& one : series.windows) {
    OpenWindow& window = *one;
    if (window.last < from || (window.start >= to && to != WallTime::max())) continue;
    std::size_t& bytes = window.is_sealing() ? sealing_bytes_ : waiting_bytes_;
    const bool had_open = !window.open.empty();
    bytes -= window.open.bytes() + window.sealing.bytes();
    window.open.erase(from, to);
    window.sealing.erase(from, to);
    bytes += window.open.bytes() + window.sealing.bytes();
    if (!had_open || !window.open.empty()) continue;
    if (window.is_sealing()) {
      held_.erase(held_.find(window.open_after));
    } else {
      waiting_.erase(age_of(window));
      emptied.push_back(&window);
    }
  }
  for (OpenWindow* window : emptied) drop(*window);
}

std::optional<store::Position> OpenWindows::oldest() const {
  std::optional<store::Position> least;
  if (!waiting_.empty()) least = waiting_.begin()->first.after;
  if (!held_.empty()) least = std::min(least.value_or(*held_.begin()), *held_.begin());
  return least;
}

}  // namespace dunlin::series
