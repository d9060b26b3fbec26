#pragma once
// Rows at the times of a device's samples: the last values of its channels, and windows that end there.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/analytics/aggregate.h"
#include "service/derived/definition.h"
#include "service/derived/due.h"

namespace dunlin::derived {

/// A value of a channel at its time.
struct Held {
  WallTime time;
  Cell number{};  // missing: it is none
  std::string text{};
};

/// What was stored last of a channel; nullopt: nothing.
using LastOf = std::function<std::optional<Held>(std::string_view device, std::string_view channel)>;

/// Each device has a clock of its own: its latest sample less the lateness. What is not later than that is
/// computed, in order of time; samples of one time are one row, which is computed again where one of them
/// comes behind the others. What is older is late. One thread.
class PointEngine {
 public:
  /// The definition must outlive it. `last` is asked when a device is seen first, and may be null.
  PointEngine(const Definition& definition, LastOf last);

  std::vector<Due> add(const std::string& device, std::size_t input, Held value, Trace trace, WallTime now);
  /// Of another device than those that are computed. It makes no row.
  void add_foreign(std::size_t input, Held value, WallTime now);
  /// To be called now and then: what waits of silent devices.
  std::vector<Due> look(WallTime now);
  /// No sample will come any more.
  std::vector<Due> close();

  const Counts& counts() const { return counts_; }
  std::size_t devices() const { return devices_.size(); }
  /// Those whose state is another than when this was asked last; "" stands for what is known of others.
  std::vector<std::string> take_changed();
  std::string save(std::string_view device) const;
  /// Errors: corrupt, limit_exceeded.
  Result<void> restore(const std::string& device, std::string_view bytes);

 private:
  struct Channel {
    std::optional<Held> last{};
    std::optional<Held> previous{};
    std::deque<analytics::Event> events{};  // of its longest window, and the one before
  };
  struct Waiting {
    std::size_t input = 0;
    Held value;
    Trace trace{};
  };
  struct Device {
    std::vector<Channel> channels{};
    std::deque<Waiting> waiting{};  // by time
    std::optional<WallTime> latest{};
    std::optional<WallTime> passed{};
    WallTime arrived{};
  };

  bool is_taken(WallTime time, WallTime now);
  Device* device_of(const std::string& name, WallTime first);
  std::vector<Due> pass(const std::string& name, Device& device, WallTime until);
  void take(Device& device, const Waiting& sample);
  Row row_at(const std::string& name, const Device& device, WallTime time) const;
  Cell cell_of(const Device& device, const FormulaColumn& column, WallTime time) const;
  Cell held_at(const std::optional<Held>& held, Take take, WallTime time) const;
  Cell window_at(const Channel& channel, const FormulaColumn& column, WallTime time) const;
  Cell foreign_at(const FormulaColumn& column, WallTime time) const;

  const Definition& definition_;
  LastOf last_;
  std::vector<Duration> reach_;  // by input, of its longest window
  std::map<std::string, Device, std::less<>> devices_;
  std::vector<std::deque<Held>> foreign_;  // by input
  std::set<std::string, std::less<>> changed_;
  Counts counts_;
};

}  // namespace dunlin::derived
