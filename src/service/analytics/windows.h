#pragma once
// Windows over keyed events in event time, whatever the order in which they arrive. Semantics: README.md;
// saved state: docs/formats/analytics.md.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "service/analytics/window_kinds.h"

namespace dunlin::analytics {

struct WindowOptions {
  std::variant<TumblingWindow, HoppingWindow, SlidingWindow, SessionWindow, CountWindow> kind;
  Duration lateness{};                       // how far an event may be behind the latest one of its key
  Duration ahead = std::chrono::minutes{1};  // and ahead of our clock; past it, its time is that of arrival
  Duration
      idle{};  // a key that has been silent so long goes on by our clock; zero: it waits for its next event
  AggregateOptions aggregate{};
};

/// Errors: invalid_argument, limit_exceeded.
Result<void> check(const WindowOptions& options);

struct WindowResult {
  std::string key;
  WindowSpan span;
};

/// What became of events that are in no window, or not as they came. Not saved.
struct WindowCounts {
  std::uint64_t late = 0;  // behind what has been ended
  std::uint64_t duplicates =
      0;                      // of an event of the same key and time that still waits; the first one counts
  std::uint64_t ahead = 0;    // taken, with the time of arrival
  std::uint64_t crowded = 0;  // taken, but for kMaxWindowEvents one waited less long, or left its window
  std::uint64_t refused = 0;  // no finite value, a time outside of 1900..2200, too many or too long keys
};

/// Each key has a clock of its own, its latest event less the lateness: none waits for another. Events wait
/// until this clock has passed them, and go into windows in order. One thread.
class KeyedWindows {
 public:
  /// `options` are ones that check() accepts.
  explicit KeyedWindows(WindowOptions options);

  /// The windows of the key that end by it. `arrived`: now, by our clock.
  std::vector<WindowResult> add(std::string_view key, Event event, WallTime arrived);
  /// To be called now and then: the windows of silent keys that are over.
  std::vector<WindowResult> look(WallTime now);
  /// No event will come any more: all windows end.
  std::vector<WindowResult> close();
  void remove(std::string_view key);

  const WindowCounts& counts() const { return counts_; }
  std::size_t keys() const { return keys_.size(); }

  /// Keys whose state is another than when this was asked last.
  std::vector<std::string> take_changed();
  /// Of one key; empty if it is not known.
  std::string save(std::string_view key) const;
  /// Of windows with the same options. Errors: corrupt, limit_exceeded.
  Result<void> restore(std::string_view key, std::string_view bytes);

 private:
  using Kind = std::variant<PaneWindows, SlidingWindows, SessionWindows, CountWindows>;
  struct State {
    Kind windows;
    std::deque<Event> waiting{};  // by time
    std::optional<WallTime> latest{};
    std::optional<WallTime> passed{};  // everything up to here is in the windows
    WallTime arrived{};
  };
  using Keys = std::map<std::string, State, std::less<>>;

  State* state_of(std::string_view key);
  std::vector<WindowResult> pass(const std::string& key, State& state, WallTime time);
  void take(const std::string& key, WindowStep&& step, std::vector<WindowResult>& results);

  WindowOptions options_;
  Keys keys_;
  std::set<std::string, std::less<>> changed_;
  WindowCounts counts_;
};

}  // namespace dunlin::analytics
