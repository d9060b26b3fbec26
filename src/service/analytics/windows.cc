#include "service/analytics/windows.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "base/core/assert.h"
#include "service/analytics/condition.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

constexpr std::uint8_t kVersion = 1;

std::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

Result<void> check_span(Duration span, Duration least, const char* name) {
  if (span < least) return wrong(std::string(name) + " is too short");
  if (span > kMaxWindowLength)
    return fail(Errc::limit_exceeded, std::string(name) + " is longer than a year");
  return {};
}

Result<void> check_panes(std::uint64_t length, std::uint64_t hop) {
  const std::uint64_t panes = length / std::gcd(length, hop);
  if (panes <= kMaxPanes) return {};
  return fail(Errc::limit_exceeded, "length and hop of a window have no common part that is a " +
                                        std::to_string(kMaxPanes) + "th of the length or more");
}

struct Check {
  Result<void> operator()(const TumblingWindow& window) const {
    return (*this)(HoppingWindow{window.length, window.length, window.offset, window.zone});
  }
  Result<void> operator()(const HoppingWindow& window) const {
    DUNLIN_CHECK(check_span(window.length, kLeast, "the length of a window"));
    DUNLIN_CHECK(check_span(window.hop, kLeast, "the hop of a window"));
    if (window.offset <= -std::chrono::hours{24} || window.offset >= std::chrono::hours{24})
      return wrong("the offset of a window is a day or more");
    constexpr std::chrono::hours kDay{24};
    if (window.zone && (window.length % kDay != Duration::zero() || window.hop % kDay != Duration::zero()))
      return wrong("a window in a time zone is whole days long");
    return check_panes(static_cast<std::uint64_t>(window.length.count()),
                       static_cast<std::uint64_t>(window.hop.count()));
  }
  Result<void> operator()(const SlidingWindow& window) const {
    return check_span(window.length, kLeast, "the length of a window");
  }
  Result<void> operator()(const SessionWindow& window) const {
    DUNLIN_CHECK(check_span(window.gap, kLeast, "the gap of a session"));
    return check_span(window.longest, Duration::zero(), "the longest session");
  }
  Result<void> operator()(const CountWindow& window) const {
    if (window.count == 0) return wrong("a window of no events");
    if (window.count > kMaxCountWindow || window.hop > kMaxCountWindow)
      return fail(Errc::limit_exceeded,
                  "a window of more than " + std::to_string(kMaxCountWindow) + " events");
    return check_panes(window.count, window.hop == 0 ? window.count : window.hop);
  }
  static constexpr Duration kLeast = std::chrono::milliseconds{1};
};

struct Make {
  using Kind = std::variant<PaneWindows, SlidingWindows, SessionWindows, CountWindows>;
  const AggregateOptions& aggregate;
  Kind operator()(const TumblingWindow& window) const {
    return PaneWindows({window.length, window.length, window.offset, window.zone}, aggregate);
  }
  Kind operator()(const HoppingWindow& window) const { return PaneWindows(window, aggregate); }
  Kind operator()(const SlidingWindow& window) const { return SlidingWindows(window, aggregate); }
  Kind operator()(const SessionWindow& window) const { return SessionWindows(window, aggregate); }
  Kind operator()(const CountWindow& window) const { return CountWindows(window, aggregate); }
};

}  // namespace

Result<void> check(const WindowOptions& options) {
  DUNLIN_CHECK(check_span(options.lateness, Duration::zero(), "the allowed lateness"));
  DUNLIN_CHECK(check_span(options.ahead, Duration::zero(), "the time that events may be ahead"));
  DUNLIN_CHECK(check_span(options.idle, Duration::zero(), "the time until a key is idle"));
  if (const auto& state = options.aggregate.state; state && !(state->low <= state->high))
    return wrong("the lower end of a state is above the upper one");
  return std::visit(Check{}, options.kind);
}

KeyedWindows::KeyedWindows(WindowOptions options) : options_(options) {
  DUNLIN_ASSERT(check(options_).has_value());
}

KeyedWindows::State* KeyedWindows::state_of(std::string_view key) {
  if (const auto found = keys_.find(key); found != keys_.end()) return &found->second;
  if (keys_.size() >= kMaxWindowKeys || key.size() > kMaxWindowKeyBytes) return nullptr;
  return &keys_.emplace(key, State{std::visit(Make{options_.aggregate}, options_.kind)}).first->second;
}

void KeyedWindows::take(const std::string& key, WindowStep&& step, std::vector<WindowResult>& results) {
  counts_.crowded += step.crowded;
  for (WindowSpan& span : step.ended) results.push_back({key, std::move(span)});
}

// Events up to `time` go into windows, and windows that are over by then end.
std::vector<WindowResult> KeyedWindows::pass(const std::string& key, State& state, WallTime time) {
  std::vector<WindowResult> results;
  if (state.passed && time <= *state.passed) return results;
  state.passed = time;
  while (!state.waiting.empty() && state.waiting.front().time <= time) {
    const Event event = state.waiting.front();
    state.waiting.pop_front();
    take(key, std::visit([event](auto& windows) { return windows.add(event); }, state.windows), results);
  }
  take(key, std::visit([time](auto& windows) { return windows.advance(time); }, state.windows), results);
  changed_.emplace(key);
  return results;
}

std::vector<WindowResult> KeyedWindows::add(std::string_view key, Event event, WallTime arrived) {
  const bool ahead = between(arrived, event.time) > options_.ahead;
  if (ahead) event.time = arrived;
  State* state = std::isfinite(event.value) && is_event_time(event.time) && is_event_time(arrived)
                     ? state_of(key)
                     : nullptr;
  if (state == nullptr) {
    ++counts_.refused;
    return {};
  }
  if (state->passed && event.time <= *state->passed) {
    ++counts_.late;
    return {};
  }
  auto& waiting = state->waiting;
  const auto at = std::ranges::lower_bound(waiting, event.time, {}, &Event::time);
  if (at != waiting.end() && at->time == event.time) {
    ++counts_.duplicates;
    return {};
  }
  if (ahead) ++counts_.ahead;
  event.value = std::clamp(event.value, -kMostEventValue, kMostEventValue);
  waiting.insert(at, event);
  state->latest = std::max(state->latest.value_or(event.time), event.time);
  state->arrived = std::max(state->arrived, arrived);
  WallTime until = std::max<WallTime>(*state->latest - options_.lateness, kFirstEventTime);
  if (waiting.size() > kMaxWindowEvents) {
    ++counts_.crowded;
    until = std::max(until, waiting.front().time);
  }
  changed_.emplace(key);
  return pass(std::string(key), *state, until);
}

std::vector<WindowResult> KeyedWindows::look(WallTime now) {
  std::vector<WindowResult> all;
  if (options_.idle == Duration::zero() || !is_event_time(now)) return all;
  for (auto& [key, state] : keys_) {
    const Duration silent = between(state.arrived, now);
    if (!state.latest || silent <= options_.idle) continue;
    // The key's clock goes on with ours from the moment at which it became idle.
    const WallTime clock = *state.latest + (silent - options_.idle) - options_.lateness;
    auto results = pass(key, state, std::min(clock, WallTime{kLastEventTime}));
    std::ranges::move(results, std::back_inserter(all));
  }
  return all;
}

std::vector<WindowResult> KeyedWindows::close() {
  std::vector<WindowResult> all;
  for (auto& [key, state] : keys_) {
    if (state.latest) std::ranges::move(pass(key, state, *state.latest), std::back_inserter(all));
    take(key, std::visit([](auto& windows) { return windows.close(); }, state.windows), all);
    changed_.emplace(key);
  }
  return all;
}

void KeyedWindows::remove(std::string_view key) {
  if (const auto found = keys_.find(key); found != keys_.end()) keys_.erase(found);
  if (const auto found = changed_.find(key); found != changed_.end()) changed_.erase(found);
}

std::vector<std::string> KeyedWindows::take_changed() {
  std::vector<std::string> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

std::string KeyedWindows::save(std::string_view key) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {};
  const State& state = found->second;
  store::ByteWriter out;
  out.byte(kVersion);
  out.byte(static_cast<std::uint8_t>(options_.kind.index()));
  save_time(out, state.latest);
  save_time(out, state.passed);
  out.signed_varint(unix_nanoseconds(state.arrived));
  save_events(out, state.waiting);
  std::visit([&out](const auto& windows) { windows.save(out); }, state.windows);
  return out.take();
}

Result<void> KeyedWindows::restore(std::string_view key, std::string_view bytes) {
  store::ByteReader in(bytes);
  State state{std::visit(Make{options_.aggregate}, options_.kind)};
  bool sane = in.byte() == kVersion && in.byte() == options_.kind.index();
  if (sane) {
    state.latest = load_time(in);
    state.passed = load_time(in);
    state.arrived = from_unix_nanoseconds(in.signed_varint());
    state.waiting = load_events(in);
    std::visit([&in](auto& windows) { windows.load(in); }, state.windows);
    sane = is_event_time(state.latest.value_or(kFirstEventTime)) &&
           is_event_time(state.passed.value_or(kFirstEventTime)) && is_event_time(state.arrived);
    // What waits comes after what is in the windows.
    const auto inside = std::visit([](const auto& windows) { return windows.latest(); }, state.windows);
    if (inside && (!state.passed || *inside > *state.passed)) sane = false;
    if (!state.waiting.empty() && state.passed && state.waiting.front().time <= *state.passed) sane = false;
  }
  if (!sane || !in.at_end()) return fail(Errc::corrupt, "the saved state of a window is damaged");
  if (keys_.size() >= kMaxWindowKeys || key.size() > kMaxWindowKeyBytes)
    return fail(Errc::limit_exceeded, "more keys of windows than can be kept");
  keys_.insert_or_assign(std::string(key), std::move(state));
  return {};
}

}  // namespace dunlin::analytics
