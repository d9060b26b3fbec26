#pragma once
// The windows that hold points which are not sealed yet: in memory, and in the log from a position on.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "service/series/dictionary.h"
#include "service/series/open_points.h"
#include "service/series/window.h"
#include "store/log.h"

namespace dunlin::series {

struct OpenWindow {
  SeriesEntry& series;
  WallTime start{};
  WallTime last{};               // of the window, inclusive
  WallTime last_put{};           // by the clock
  OpenPoints open{};             // newer than what is being sealed
  OpenPoints sealing{};          // on their way into chunks
  store::Position open_after{};  // the log has the points behind these positions
  store::Position sealing_after{};
  enum class State : std::uint8_t { waiting, sealing } state = State::waiting;

  bool is_sealing() const { return state == State::sealing; }
};

/// One thread.
class OpenWindows {
 public:
  /// Ages of windows, the oldest first.
  struct Age {
    store::Position after{};
    std::uint32_t series{};
    std::int64_t start{};
    auto operator<=>(const Age&) const = default;
  };
  using Ages = std::map<Age, OpenWindow*>;
  /// Of its open points.
  static Age age_of(const OpenWindow& window);

  /// A point that is in the log behind `after`. The window that it is in now.
  OpenWindow& put(SeriesEntry& series, Point point, store::Position after, WallTime now);

  /// What is open becomes what is being sealed.
  void begin_seal(OpenWindow& window);
  /// It is in chunks. The window may be gone afterwards.
  void sealed(OpenWindow& window);
  /// It is not: it is open again.
  void give_up(OpenWindow& window);

  /// Takes out points of a series, of what is being sealed, too: that may be empty then.
  void erase(SeriesEntry& series, WallTime from, WallTime to);
  /// The log keeps what is behind the position until it is released.
  void hold(store::Position after) { held_.insert(after); }
  void release(store::Position after) { held_.erase(held_.find(after)); }

  /// Windows with open points that are not being sealed.
  const Ages& waiting() const { return waiting_; }
  /// Everything up to this position is sealed; nullopt: everything.
  std::optional<store::Position> oldest() const;
  /// About, of what is open and not being sealed; and of everything.
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  std::size_t bytes() const { return waiting_bytes_ + sealing_bytes_; }
  std::size_t size() const { return count_; }

 private:
  OpenWindow& window_for(SeriesEntry& series, WallTime time);
  void drop(OpenWindow& window);

  Ages waiting_;
  std::multiset<store::Position> held_;  // of windows that are being sealed: both their positions
  std::size_t waiting_bytes_ = 0;
  std::size_t sealing_bytes_ = 0;
  std::size_t count_ = 0;
};

}  // namespace dunlin::series
