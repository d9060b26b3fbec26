#pragma once
// Windows over one key's events in order: which end when, and what is in them.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/time_zone.h"
#include "service/analytics/aggregate.h"

namespace dunlin::analytics {

/// [begin, end): whole multiples of `length` from 1970 plus `offset`. In a zone, where the length is whole
/// days, the days are local ones: of 23 and 25 hours where clocks are changed.
struct TumblingWindow {
  Duration length{};
  Duration offset{};
  std::shared_ptr<const TimeZone> zone{};  // null: UTC
};
/// [begin, end): of `length`, one begins every `hop`, which may be longer or shorter.
struct HoppingWindow {
  Duration length{};
  Duration hop{};
  Duration offset{};
  std::shared_ptr<const TimeZone> zone{};
};
/// (end - length, end]: one ends at each event, and one where an event leaves it and others stay.
struct SlidingWindow {
  Duration length{};
};
/// [first event, last event]: ends where no event comes for longer than `gap`, or one comes `longest` or more
/// after the first (zero: never).
struct SessionWindow {
  Duration gap{};
  Duration longest{};
};
/// [first event, last event]: `count` events, one begins every `hop` events (zero: `count`).
struct CountWindow {
  std::uint64_t count = 0;
  std::uint64_t hop = 0;
};

struct WindowSpan {
  WallTime begin;
  WallTime end;
  Aggregate values;
};
struct WindowStep {
  std::vector<WindowSpan> ended;  // in order; none is empty
  std::uint64_t crowded = 0;      // events that had no room (kMaxWindowEvents) and count no longer
};

/// Every kind: options that check() has accepted; add() takes events of ascending times, each after what
/// advance() was told; advance() says that no event at or before a time will come, close() that none will
/// come at all. save() and load() hold the state, not the options. One thread.

/// Tumbling and hopping ones: parts of the greatest length that fits, which neighbours share.
class PaneWindows {
 public:
  PaneWindows(const HoppingWindow& window, const AggregateOptions& options);
  WindowStep add(Event event);
  WindowStep advance(WallTime time);
  WindowStep close();
  /// Of the latest event that it holds.
  std::optional<WallTime> latest() const;
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  std::int64_t pane_of(WallTime time) const;
  std::int64_t pane_in_zone(WallTime time) const;
  WallTime begin_of(std::int64_t pane) const;
  void move_to(std::int64_t pane, WindowStep& step);
  void end_pane(WindowStep& step);
  bool is_quiet() const;

  HoppingWindow window_;
  AggregateOptions options_;
  Duration pane_length_;
  std::size_t panes_in_window_;
  /// Where a pane that was looked for last begins and ends: to ask a zone is long work.
  struct Known {
    std::int64_t pane = 0;
    WallTime begin{};
    WallTime end{};
  };
  mutable Known known_{};
  std::int64_t pane_ = 0;  // of panes_.back()
  std::optional<double> held_;
  std::deque<Aggregate> panes_;  // neighbours, the last one is being filled
};

class SlidingWindows {
 public:
  SlidingWindows(const SlidingWindow& window, const AggregateOptions& options);
  WindowStep add(Event event);
  WindowStep advance(WallTime time);
  WindowStep close();
  /// Of the latest event that it holds.
  std::optional<WallTime> latest() const;
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  void leave(WallTime end);
  WindowSpan span(WallTime end) const;

  SlidingWindow window_;
  AggregateOptions options_;
  std::optional<double> held_;  // of the last event that has left
  std::deque<Event> events_;
};

class SessionWindows {
 public:
  SessionWindows(const SessionWindow& window, const AggregateOptions& options);
  WindowStep add(Event event);
  WindowStep advance(WallTime time);
  WindowStep close();
  /// Of the latest event that it holds.
  std::optional<WallTime> latest() const;
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  SessionWindow window_;
  AggregateOptions options_;
  std::optional<Aggregate> open_;
};

class CountWindows {
 public:
  CountWindows(const CountWindow& window, const AggregateOptions& options);
  WindowStep add(Event event);
  WindowStep advance(WallTime /*time*/) { return {}; }
  /// A window that is not full is none.
  WindowStep close();
  /// Of the latest event that it holds.
  std::optional<WallTime> latest() const;
  void save(store::ByteWriter& out) const;
  void load(store::ByteReader& in);

 private:
  bool is_sane() const;

  AggregateOptions options_;
  std::uint64_t pane_events_;
  std::size_t panes_in_window_;
  std::size_t panes_in_hop_;
  std::size_t skip_ = 0;         // panes until the next window begins
  std::deque<Aggregate> panes_;  // full ones of windows that are open
  std::optional<Aggregate> filling_;
};

}  // namespace dunlin::analytics
