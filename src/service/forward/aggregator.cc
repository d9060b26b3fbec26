#include "service/forward/aggregator.h"

#include <algorithm>
#include <bit>
#include <boost/json.hpp>
#include <cmath>

#include "hub/topic.h"
#include "service/forward/limits.h"
#include "service/forward/number_text.h"

namespace dunlin::forward {
namespace {

constexpr std::string_view kSuffix = ".summary";

/// Truth values have no mean: they go through as they are.
std::optional<double> measured_number(const model::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::nullopt;
}

bool can_be_level(std::string_view text) {
  return text.find_first_of(std::string_view("/+#\0", 4)) == std::string_view::npos;
}

/// The topic of a channel's summaries: the message's, its last level replaced.
std::string summary_topic(std::string_view topic, std::string_view channel) {
  const std::size_t slash = topic.rfind('/');
  std::string made(slash == std::string_view::npos ? std::string_view{} : topic.substr(0, slash + 1));
  made += channel;
  made += kSuffix;
  return made;
}

std::int64_t index_of(WallTime time, Duration window) {
  return unix_nanoseconds(time) / window.count();
}

bool is_anomaly(const AggregateRule& rule, const ChannelState& state, double value) {
  if (rule.low && value < *rule.low) return true;
  if (rule.high && value > *rule.high) return true;
  if (rule.anomaly_sigma <= 0 || state.base_count < 2 || state.base_deviation <= 0) return false;
  return std::abs(value - state.base_mean) > rule.anomaly_sigma * state.base_deviation;
}

}  // namespace

bool is_summary(const hub::Message& message) {
  return message.principal && message.principal->kind == PrincipalKind::service &&
         message.principal->name == kAggregatorName;
}

Result<void> check(const AggregateRule& rule) {
  if (auto valid = hub::check_filter(rule.filter); !valid) {
    return fail(Errc::invalid_argument, "aggregate filter: " + valid.error().message);
  }
  if (rule.count == 0 && rule.window == Duration{}) {
    return fail(Errc::invalid_argument, "aggregate " + rule.filter + ": needs a count or a window");
  }
  if (rule.count > kMaxWindowCount)
    return fail(Errc::limit_exceeded, "aggregate " + rule.filter + ": count is past 1000000");
  if (rule.window < Duration{} || rule.window > kMaxWindow) {
    return fail(Errc::limit_exceeded, "aggregate " + rule.filter + ": a window lasts at most 24 hours");
  }
  if (!(rule.anomaly_sigma >= 0))
    return fail(Errc::invalid_argument, "aggregate " + rule.filter + ": anomaly_sigma is below 0");
  return {};
}

void Statistics::add(double value) {
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  ++count_;
  const double delta = value - mean_;
  mean_ += delta / static_cast<double>(count_);
  m2_ += delta * (value - mean_);
}

double Statistics::deviation() const {
  if (count_ < 2) return 0;
  return std::sqrt(std::max(0.0, m2_ / static_cast<double>(count_ - 1)));
}

Aggregator::Aggregator(std::vector<AggregateRule> rules, model::Mapping mapping)
    : rules_(std::move(rules)), mapping_(std::move(mapping)) {}

std::vector<std::string> Aggregator::filters() const {
  std::vector<std::string> filters;
  for (const AggregateRule& rule : rules_) filters.push_back(rule.filter);
  return filters;
}

const AggregateRule* Aggregator::rule_for(std::string_view topic) const {
  const auto found = std::ranges::find_if(
      rules_, [&](const AggregateRule& rule) { return hub::filter_matches(rule.filter, topic); });
  return found == rules_.end() ? nullptr : &*found;
}

bool Aggregator::covers(const hub::Message& message) const {
  if (is_summary(message) || rule_for(message.topic.text()) == nullptr) return false;
  const auto mapped = mapping_.samples_of(message);
  if (!mapped || mapped->samples.empty()) return false;
  return std::ranges::all_of(mapped->samples, [](const model::Sample& sample) {
    return measured_number(sample.value).has_value() && can_be_level(sample.channel);
  });
}

std::vector<Summary> Aggregator::take(const hub::Message& message) {
  std::vector<Summary> ended;
  if (is_summary(message)) return ended;
  const AggregateRule* rule = rule_for(message.topic.text());
  if (rule == nullptr) return ended;
  const auto mapped = mapping_.samples_of(message);
  if (!mapped) return ended;
  for (const model::Sample& sample : mapped->samples) {
    if (!measured_number(sample.value) || !can_be_level(sample.channel)) continue;
    add(*rule, summary_topic(message.topic.text(), sample.channel), sample, message.received_at, ended);
  }
  return ended;
}

Aggregator::Channel* Aggregator::channel_for(const AggregateRule& rule, const std::string& key) {
  const auto found = channels_.find(key);
  if (found == channels_.end() && channels_.size() >= kMaxAggregatedChannels) {
    ++refused_;
    return nullptr;
  }
  Channel& channel = found == channels_.end() ? channels_[key] : found->second;
  channel.rule = &rule;
  channel.state.filter = rule.filter;
  return &channel;
}

void Aggregator::add(const AggregateRule& rule, const std::string& key, const model::Sample& sample,
                     WallTime arrived, std::vector<Summary>& ended) {
  Channel* channel = channel_for(rule, key);
  if (channel == nullptr) return;
  ChannelState& state = channel->state;
  mark(key, *channel);
  if (rule.window > Duration{}) {
    const std::int64_t index = index_of(arrived, rule.window);
    if (state.window.count() > 0 && index > state.window_index) {
      ended.push_back(
          close(key, *channel, from_unix_nanoseconds((state.window_index + 1) * rule.window.count())));
    }
    if (state.window.count() == 0) state.window_index = index;
  }
  const double value = *measured_number(sample.value);
  if (is_anomaly(rule, state, value)) ++state.anomalies;
  if (state.window.count() == 0) state.first = state.last = sample.t_source;
  state.first = std::min(state.first, sample.t_source);
  state.last = std::max(state.last, sample.t_source);
  state.window.add(value);
  if (rule.count > 0 && state.window.count() >= rule.count) ended.push_back(close(key, *channel, state.last));
}

std::vector<Summary> Aggregator::close_until(WallTime now) {
  std::vector<Summary> ended;
  for (auto& [key, channel] : channels_) {
    if (channel.rule == nullptr || channel.rule->window == Duration{} || channel.state.window.count() == 0)
      continue;
    const auto end = from_unix_nanoseconds((channel.state.window_index + 1) * channel.rule->window.count());
    if (now < end + kWindowGrace) continue;
    mark(key, channel);
    ended.push_back(close(key, channel, end));
  }
  return ended;
}

Summary Aggregator::close(const std::string& key, Channel& channel, WallTime stamp) {
  ChannelState& state = channel.state;
  // Rows of a series are told apart by their time as the payload states it: two windows must never share one.
  stamp = std::chrono::floor<std::chrono::milliseconds>(stamp);
  const bool just_behind = stamp <= state.last_stamp && state.last_stamp - stamp < std::chrono::seconds{1};
  if (just_behind) stamp = state.last_stamp + std::chrono::milliseconds{1};
  state.last_stamp = stamp;
  ++state.sequence;
  const Statistics& window = state.window;
  Summary summary;
  summary.topic = key;
  summary.payload = "{\"count\":" + std::to_string(window.count()) +
                    ",\"mean\":" + number_text(window.mean()) + ",\"max\":" + number_text(window.max()) +
                    ",\"min\":" + number_text(window.min()) + ",\"std\":" + number_text(window.deviation()) +
                    ",\"anomaly_count\":" + std::to_string(state.anomalies) +
                    ",\"t\":" + milliseconds_text(stamp) + ",\"t_first\":" + milliseconds_text(state.first) +
                    ",\"t_last\":" + milliseconds_text(state.last) +
                    ",\"seq\":" + std::to_string(state.sequence) + "}";
  state.base_mean = window.mean();
  state.base_deviation = window.deviation();
  state.base_count = window.count();
  state.window = {};
  state.anomalies = 0;
  return summary;
}

void Aggregator::mark(const std::string& key, Channel& channel) {
  if (channel.changed == Channel::Changed::yes) return;
  channel.changed = Channel::Changed::yes;
  changed_.push_back(key);
}

std::vector<std::string> Aggregator::take_changed() {
  for (const std::string& key : changed_) channels_.at(key).changed = Channel::Changed::no;
  return std::exchange(changed_, {});
}

const ChannelState* Aggregator::find(const std::string& key) const {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : &found->second.state;
}

void Aggregator::restore(const std::string& key, ChannelState state) {
  const auto rule = std::ranges::find(rules_, state.filter, &AggregateRule::filter);
  // Nobody asks for this channel's summaries any more.
  if (rule == rules_.end() || channels_.size() >= kMaxAggregatedChannels) return;
  Channel& channel = channels_[key];
  channel.rule = &*rule;
  channel.state = std::move(state);
}

// ---- the saved form ----

/// Numbers are saved as their bits: read back, they must give the same summary to the last digit.
struct ChannelCodec {
  static std::uint64_t bits(double number) { return std::bit_cast<std::uint64_t>(number); }
  static double number(const boost::json::object& object, std::string_view name) {
    return std::bit_cast<double>(object.at(name).to_number<std::uint64_t>());
  }
  static boost::json::object encode(const Statistics& window) {
    return {{"count", window.count_},
            {"mean", bits(window.mean_)},
            {"m2", bits(window.m2_)},
            {"min", bits(window.min_)},
            {"max", bits(window.max_)}};
  }
  static Statistics decode(const boost::json::object& object) {
    Statistics window;
    window.count_ = object.at("count").to_number<std::uint64_t>();
    window.mean_ = number(object, "mean");
    window.m2_ = number(object, "m2");
    window.min_ = number(object, "min");
    window.max_ = number(object, "max");
    return window;
  }
};

std::string encode_channel(const ChannelState& state) {
  return boost::json::serialize(
      boost::json::value{{"version", 1},
                         {"filter", state.filter},
                         {"window", ChannelCodec::encode(state.window)},
                         {"anomalies", state.anomalies},
                         {"index", state.window_index},
                         {"first", unix_nanoseconds(state.first)},
                         {"last", unix_nanoseconds(state.last)},
                         {"base_mean", ChannelCodec::bits(state.base_mean)},
                         {"base_deviation", ChannelCodec::bits(state.base_deviation)},
                         {"base_count", state.base_count},
                         {"sequence", state.sequence},
                         {"stamp", unix_nanoseconds(state.last_stamp)}});
}

Result<ChannelState> decode_channel(std::string_view bytes) try {
  const boost::json::value document = boost::json::parse(bytes);
  const auto& object = document.as_object();
  if (object.at("version").to_number<int>() != 1)
    return fail(Errc::unsupported, "a channel's state of another version");
  const auto time = [&](const char* name) {
    return from_unix_nanoseconds(object.at(name).to_number<std::int64_t>());
  };
  ChannelState state;
  state.filter = object.at("filter").as_string();
  state.window = ChannelCodec::decode(object.at("window").as_object());
  state.anomalies = object.at("anomalies").to_number<std::uint64_t>();
  state.window_index = object.at("index").to_number<std::int64_t>();
  state.first = time("first");
  state.last = time("last");
  state.base_mean = ChannelCodec::number(object, "base_mean");
  state.base_deviation = ChannelCodec::number(object, "base_deviation");
  state.base_count = object.at("base_count").to_number<std::uint64_t>();
  state.sequence = object.at("sequence").to_number<std::uint64_t>();
  state.last_stamp = time("stamp");
  return state;
} catch (const std::exception& error) {
  return fail(Errc::corrupt, std::string("a channel's state cannot be read: ") + error.what());
}

}  // namespace dunlin::forward
