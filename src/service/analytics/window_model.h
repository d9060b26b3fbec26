#pragma once
// Windows as a plain computation over all events at once: what the streaming ones are judged by.

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "service/analytics/windows.h"

namespace dunlin::analytics {

struct ModelWindow {
  std::string key;
  WallTime begin;
  WallTime end;
  std::vector<Event> events;  // by time
  std::optional<Event> held;  // the last one before them, where the window reaches back to it
  WallTime filled;            // up to here values are held
};

inline double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Seconds, value times seconds, and seconds in the state.
struct ModelTime {
  double known = 0;
  double integral = 0;
  double in_state = 0;
};
inline ModelTime model_time(const ModelWindow& window, const Band& state) {
  std::vector<Event> steps;
  if (window.held) steps.push_back({window.begin, window.held->value});
  steps.insert(steps.end(), window.events.begin(), window.events.end());
  ModelTime time;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const WallTime until = i + 1 < steps.size() ? steps[i + 1].time : window.filled;
    const double seconds = seconds_of(until - steps[i].time);
    time.known += seconds;
    time.integral += seconds * steps[i].value;
    if (steps[i].value >= state.low && steps[i].value <= state.high) time.in_state += seconds;
  }
  return time;
}

/// One key's events, by time, in windows.
class WindowModel {
 public:
  WindowModel(std::string key, std::vector<Event> events)
      : key_(std::move(key)), events_(std::move(events)) {}

  std::vector<ModelWindow> operator()(const TumblingWindow& window) const {
    return (*this)(HoppingWindow{window.length, window.length, window.offset});
  }
  std::vector<ModelWindow> operator()(const HoppingWindow& window) const {
    std::vector<ModelWindow> found;
    // From far before the first event, a hop at a time.
    const std::int64_t hops =
        (unix_nanoseconds(events_.front().time) - window.length.count() - window.offset.count()) /
            window.hop.count() -
        3;
    for (WallTime begin = from_unix_nanoseconds(hops * window.hop.count()) + window.offset;
         begin <= events_.back().time; begin += window.hop) {
      const WallTime end = begin + window.length;
      add(found, begin, end, [=](WallTime t) { return t >= begin && t < end; }, end);
    }
    return found;
  }
  std::vector<ModelWindow> operator()(const SlidingWindow& window) const {
    std::set<WallTime> ends;
    for (const Event& event : events_) ends.insert({event.time, event.time + window.length});
    std::vector<ModelWindow> found;
    for (const WallTime end : ends) {
      const WallTime begin = end - window.length;
      add(found, begin, end, [=](WallTime t) { return t > begin && t <= end; }, end);
    }
    return found;
  }
  std::vector<ModelWindow> operator()(const SessionWindow& window) const {
    std::vector<ModelWindow> found;
    for (const Event& event : events_) {
      const bool joins =
          !found.empty() && event.time - found.back().end <= window.gap &&
          (window.longest == Duration::zero() || event.time - found.back().begin < window.longest);
      if (!joins) found.push_back({key_, event.time, event.time, {}, std::nullopt, event.time});
      found.back().end = found.back().filled = event.time;
      found.back().events.push_back(event);
    }
    return found;
  }
  std::vector<ModelWindow> operator()(const CountWindow& window) const {
    std::vector<ModelWindow> found;
    const std::size_t hop = window.hop == 0 ? window.count : window.hop;
    for (std::size_t at = 0; at + window.count <= events_.size(); at += hop) {
      const auto from = events_.begin() + static_cast<std::ptrdiff_t>(at);
      const auto to = from + static_cast<std::ptrdiff_t>(window.count);
      found.push_back({key_, from->time, (to - 1)->time, {from, to}, std::nullopt, (to - 1)->time});
    }
    return found;
  }

 private:
  template <class Inside>
  void add(std::vector<ModelWindow>& found, WallTime begin, WallTime end, Inside inside,
           WallTime filled) const {
    ModelWindow made{key_, begin, end, {}, std::nullopt, filled};
    for (const Event& event : events_) {
      if (inside(event.time)) made.events.push_back(event);
      // At the very beginning of a sliding window an event is out of it and still held.
      if (!inside(event.time) && event.time <= begin) made.held = event;
    }
    if (!made.events.empty()) found.push_back(std::move(made));
  }

  std::string key_;
  std::vector<Event> events_;
};

}  // namespace dunlin::analytics
