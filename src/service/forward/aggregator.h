#pragma once
// Sums up the readings of a channel in windows. Pure: no clock, no store; what it knows is handed out to be saved and taken
// back after a restart.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hub/message.h"
#include "model/mapping.h"

namespace dunlin::forward {

/// Which channels are summed up, and how. A window ends with `count` readings or at a whole multiple of `window` since 1970 (by
/// the time of arrival), whichever is set; both may be.
struct AggregateRule {
  std::string filter{};
  std::uint64_t count = 60;  // 0: by time only
  Duration window{};         // zero: by count only
  double anomaly_sigma = 3;  // a reading further from the last window's mean than this many of its std is an anomaly; 0: never
  std::optional<double> low{};  // a reading below, or above `high`, is one too
  std::optional<double> high{};
};

/// Errors: invalid_argument, limit_exceeded.
Result<void> check(const AggregateRule& rule);

/// Running numbers by Welford's method.
class Statistics {
 public:
  void add(double value);
  std::uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  /// Of the sample (divisor n - 1); 0 for fewer than two readings.
  double deviation() const;
  double min() const { return min_; }
  double max() const { return max_; }

 private:
  friend struct ChannelCodec;
  std::uint64_t count_ = 0;
  double mean_ = 0;
  double m2_ = 0;
  double min_ = 0;
  double max_ = 0;
};

/// What is known of one channel between two readings.
struct ChannelState {
  std::string filter;  // of the rule that it follows
  Statistics window;
  std::uint64_t anomalies = 0;
  std::int64_t window_index = 0;  // windows of time: since 1970; meaningless while the window is empty
  WallTime first{};               // source times of the window's readings
  WallTime last{};
  double base_mean = 0;  // of the window before
  double base_deviation = 0;
  std::uint64_t base_count = 0;
  std::uint64_t sequence = 0;  // of the last summary
  WallTime last_stamp{};       // its `t`
};
std::string encode_channel(const ChannelState& state);
/// Errors: corrupt.
Result<ChannelState> decode_channel(std::string_view bytes);

/// To be published. The same window gives the same summary however often it is made.
struct Summary {
  std::string topic;
  std::string payload;  // {"count","mean","max","min","std","anomaly_count","t","t_first","t_last","seq"}; times in Unix ms
};

/// One thread.
class Aggregator {
 public:
  Aggregator(std::vector<AggregateRule> rules, model::Mapping mapping);

  /// Whether every sample of the message is a number of a channel that is summed up, so that the message itself need not go up.
  bool covers(const hub::Message& message) const;
  std::vector<std::string> filters() const;

  /// Adds a message's readings. Readings that are not numbers are left out. Returns the summaries of windows that ended.
  std::vector<Summary> take(const hub::Message& message);
  /// Ends windows of time that are over at `now`.
  std::vector<Summary> close_until(WallTime now);

  /// Keys (channels' summary topics) whose state differs from what was handed out last; forgets them.
  std::vector<std::string> take_changed();
  const ChannelState* find(const std::string& key) const;
  void restore(const std::string& key, ChannelState state);
  std::size_t size() const { return channels_.size(); }
  std::uint64_t refused() const { return refused_; }  // readings of channels past kMaxAggregatedChannels

 private:
  const AggregateRule* rule_for(std::string_view topic) const;
  void add(const AggregateRule& rule, const std::string& key, const model::Sample& sample, WallTime arrived,
           std::vector<Summary>& ended);
  struct Channel {
    const AggregateRule* rule = nullptr;  // null: the rule that made it is gone
    ChannelState state;
    enum class Changed : std::uint8_t { no, yes } changed = Changed::no;
  };
  Channel* channel_for(const AggregateRule& rule, const std::string& key);
  Summary close(const std::string& key, Channel& channel, WallTime stamp);
  void mark(const std::string& key, Channel& channel);

  std::vector<AggregateRule> rules_;
  model::Mapping mapping_;
  std::map<std::string, Channel> channels_;
  std::vector<std::string> changed_;
  std::uint64_t refused_ = 0;
};

/// The name of the service that publishes summaries.
inline constexpr std::string_view kAggregatorName = "aggregate";
bool is_summary(const hub::Message& message);

}  // namespace dunlin::forward
