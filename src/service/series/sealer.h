#pragma once
// Turns the points of open windows into chunks, so that memory and the log stay small.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/series/open_windows.h"
#include "store/keyed.h"
#include "store/log.h"

namespace dunlin::series {

/// A window is sealed so long after its end by the clock, and after its last sample: late ones come till
/// then.
inline constexpr Duration kSealDelay = std::chrono::minutes{5};
/// A window with so many points is sealed while it is still open.
inline constexpr std::size_t kSealPoints = 4096;
/// Past these the oldest windows are sealed, over or not: memory of open points, and bytes of the log.
inline constexpr std::size_t kMaxOpenBytes = 128 * 1024 * 1024;
inline constexpr std::uint64_t kMaxLogBytes = 256 * 1024 * 1024;
inline constexpr Duration kSealInterval = std::chrono::seconds{5};
inline constexpr Duration kSealRetry = std::chrono::seconds{1};
/// In one write.
inline constexpr std::size_t kWindowsPerSeal = 512;
inline constexpr std::size_t kPointsPerSeal = 65'536;
/// Windows looked at in one turn.
inline constexpr std::size_t kWindowsPerLook = 20'000;

/// The name of the position in the log up to which everything is in the keyed store.
inline constexpr std::string_view kSealedCursor = "sealed";

/// One seal at a time, in one atomic write with the dictionary's entries and the consumers' positions; then
/// the log may forget. What is put into a window meanwhile waits for the next. One executor's thread.
class Sealer {
 public:
  struct Parts {
    Executor& executor;
    store::Keyed& keyed;
    store::Log& log;
    Dictionary& dictionary;
    OpenWindows& windows;
    metrics::Registry& metrics;
  };
  explicit Sealer(Parts parts);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  /// The log's records up to here are in the keyed store.
  void begin_after(store::Position sealed) { applied_ = sealed; }
  /// From now on windows that are over are sealed.
  void start();

  /// A record was committed, and what is in it is in the windows, the dictionary and the positions.
  void logged(store::Position position, std::size_t bytes);
  void position(const ConsumerPosition& position);
  /// A window has become longer.
  void grown(const OpenWindow& window);
  /// Begins a seal if one is due. Follows the calls above.
  void consider();

  /// Runs `work` when no seal is under way, and begins none before it is done: it changes chunks itself.
  using Alone = std::move_only_function<void(Task done)>;
  void run_alone(Alone work);

  /// Seals all that is open, over or not; `done` runs when nothing is. Errors: those of the keyed store.
  void seal_all(std::move_only_function<void(Result<void>)> done);

  /// The last record of which this is true. The log may have committed later ones already.
  store::Position applied() const { return applied_; }

  /// Memory is so far over its limit that nothing should be added.
  bool is_behind() const { return parts_.windows.bytes() > 2 * kMaxOpenBytes; }
  /// What consumers have said last. None: nothing in this life, nor in what was replayed.
  std::vector<hub::JournalPosition> positions_of(std::string_view consumer) const;

 private:
  struct Item;
  struct Job;
  struct LogMark {
    store::Position position;
    std::uint64_t bytes;  // of the records up to it
  };

  void look();
  bool is_over(const OpenWindow& window) const;
  std::uint64_t held_log_bytes();
  void choose_due(Job& job);
  void choose_oldest(Job& job);
  void add(Job& job, OpenWindow& window);
  void read_next(std::shared_ptr<Job> job);
  void read_before(std::shared_ptr<Job> job);
  void read_after(std::shared_ptr<Job> job, std::string begin);
  void build(Job& job, Item& item);
  void write(std::shared_ptr<Job> job);
  void end(Job& job, const Result<void>& result);
  void checkpoint();
  void run_next_alone();
  void answer_all(const Result<void>& result);

  Parts parts_;
  std::set<OpenWindows::Age> due_;
  OpenWindows::Age next_look_{};
  enum class State : std::uint8_t { idle, sealing, resting } state_ = State::idle;
  std::map<std::pair<std::string, std::uint16_t>, std::uint64_t, std::less<>> positions_;
  std::deque<LogMark> log_marks_;
  std::uint64_t log_bytes_ = 0;
  store::Position applied_ = 0;
  std::vector<std::move_only_function<void(Result<void>)>> waiting_for_all_;
  std::deque<Alone> alone_;
  TimerId look_timer_;
  TimerId rest_timer_;
  metrics::Cell& chunks_;
  metrics::Cell& points_;
  metrics::Cell& failures_;
  metrics::Cell& open_bytes_;
  metrics::Cell& open_windows_;
};

}  // namespace dunlin::series
