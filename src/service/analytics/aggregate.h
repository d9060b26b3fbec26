#pragma once
// What is known of the values of a window, mergeable with what is known of the next one.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/quantile_sketch.h"
#include "service/analytics/detector.h"
#include "store/chunk/bytes_io.h"

namespace dunlin::analytics {

/// A value at its time.
struct Event {
  WallTime time;
  double value = 0;
  friend bool operator==(const Event&, const Event&) = default;
};

struct AggregateOptions {
  enum class Percentiles : std::uint8_t { none, kept } percentiles = Percentiles::none;
  std::optional<Band> state{};  // how long the value was in here, ends included
};

/// A span of time that is filled from its beginning to its end: begin(), add() by time, end(). Between two
/// events the value is that of the earlier one. One thread.
class Aggregate {
 public:
  Aggregate() = default;
  /// `held`: the value at the beginning, of an event before it.
  Aggregate(const AggregateOptions& options, WallTime begin, std::optional<double> held);

  /// Finite, within kMostEventValue. A time before the event before, or the beginning, is taken for that.
  void add(Event event);
  /// The value is held until then; nothing is added afterwards.
  void end(WallTime time);
  /// `later` begins where this one ends.
  void merge(const Aggregate& later);

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double mean() const { return mean_; }
  /// Of the sample (divisor n - 1); 0 of fewer than two.
  double deviation() const;
  double min() const { return min_; }
  double max() const { return max_; }
  const Event& first() const { return first_; }
  const Event& last() const { return last_; }
  /// `q` from 0 to 1; 0 where percentiles are not kept. Error: base/quantile_sketch.h.
  double percentile(double q) const { return sketch_.quantile(q); }
  /// From the first to the last event, per second; 0 where they are at one time.
  double rate() const;
  /// Value times seconds.
  double integral() const { return integral_; }
  /// integral() by the seconds that a value was known; the mean where there are none.
  double time_weighted_mean() const;
  /// Seconds in AggregateOptions::state.
  double in_state() const { return in_state_; }

  void save(store::ByteWriter& out) const;
  /// Leaves the reader broken where the bytes are none of save().
  static Aggregate load(const AggregateOptions& options, store::ByteReader& in);

 private:
  void hold_until(WallTime time);

  AggregateOptions options_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean (Welford)
  double min_ = 0;
  double max_ = 0;
  Event first_;
  Event last_;
  double known_ = 0;  // seconds with a value
  double integral_ = 0;
  double in_state_ = 0;
  WallTime at_{};  // filled up to here
  std::optional<double> held_;
  QuantileSketch sketch_;
};

/// At most kMaxWindowEvents, of ascending times.
void save_events(store::ByteWriter& out, const std::deque<Event>& events);
/// Leaves the reader broken where the bytes are none of save_events().
std::deque<Event> load_events(store::ByteReader& in);

}  // namespace dunlin::analytics
