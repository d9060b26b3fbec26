#pragma once
// What is stored, told in order to those who follow it: monitors, derived channels, open pages, topics. It is
// read from the log of samples, so it is acknowledged before it is told, whatever protocol it came with.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/series/dictionary.h"
#include "service/series/sample_record.h"
#include "store/log.h"

namespace dunlin::series {

/// Samples that a follower gets at once.
inline constexpr std::size_t kMaxFeedBatch = 1024;
/// Records that are read for a follower in one turn, and their bytes.
inline constexpr std::size_t kFeedRecords = 256;
inline constexpr std::size_t kFeedBytes = 256 * 1024;
/// Records after which a page that is behind goes on with the newest.
inline constexpr store::Position kMaxFeedLag = 10'000;
inline constexpr Duration kFeedRetry = std::chrono::seconds{1};
/// How often the log is told how far a follower is that nothing was for.
inline constexpr Duration kFeedCursorInterval = std::chrono::seconds{1};

struct StoredSample {
  const SeriesInfo* series = nullptr;  // its `last` may be newer; it stays where it is
  Point point;
  int hops = 0;  // rules that what it came with has passed
  model::Watch watch = model::Watch::watched;
};

struct FeedBatch {
  std::vector<StoredSample> samples;  // as they were stored; none is left out, one may come again
  store::Position through = 0;        // with it, everything up to here was told
};

/// Handles one batch; the next is not told before `done` is called (once, on the store's thread).
using FeedHandler = std::move_only_function<void(FeedBatch batch, Task done)>;

struct FeedOptions {
  std::string name;  // unique; names its cursor in the log
  /// durable: the log keeps what it has not committed, and writes are refused where the log is full.
  /// passing: it begins with what comes now, and goes on with the newest where it is kMaxFeedLag behind.
  enum class Kind : std::uint8_t { durable, passing } kind = Kind::durable;
  /// Behind which record a durable one begins; nullopt: where the log was told last that it is, or with what
  /// comes now.
  std::optional<store::Position> start = std::nullopt;
  /// Asked before anything is read: false, and what comes is passed over at no cost. Null: it is awake.
  std::function<bool()> awake = {};
  /// Asked once for each series, until look_again(). Null: all.
  std::function<bool(const SeriesInfo&)> wants = {};
};

class SampleFeed;

/// Ends when it is destroyed, which its feed may be before it. The store's thread only.
class Follower {
 public:
  struct State;
  explicit Follower(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// What was made of everything up to here is durable.
  void commit(store::Position through);
  /// Everything up to here was told, and `done` called, or was for nobody.
  store::Position passed() const;
  /// It wants other series than before, or is awake now.
  void look_again();

 private:
  std::shared_ptr<State> state_;  // shared: with batches under way
};

/// One thread: that of the log.
class SampleFeed {
 public:
  SampleFeed(Executor& executor, store::Log& log, const Dictionary& dictionary, metrics::Registry& metrics);
  ~SampleFeed();

  /// A durable follower of that name will come: before open().
  void expect(std::string name) { expected_.push_back(std::move(name)); }
  /// What such followers may still read is behind this.
  store::Position oldest_expected(store::Position otherwise) const;

  std::unique_ptr<Follower> follow(FeedOptions options, FeedHandler handler);
  /// Records up to here are in the log, and known to the dictionary.
  void stored(store::Position through);

 private:
  friend class Follower;
  void pump(const std::shared_ptr<Follower::State>& state);
  void pump_soon(const std::shared_ptr<Follower::State>& state);
  void pump_later(const std::shared_ptr<Follower::State>& state);
  void skip(Follower::State& state);
  Result<void> read(Follower::State& state);
  Result<void> take(Follower::State& state, const store::Record& record);
  void hand_out(const std::shared_ptr<Follower::State>& state);
  bool wants(Follower::State& state, const SeriesInfo& series);
  void tell_log(Follower::State& state);

  Executor& executor_;
  store::Log& log_;
  const Dictionary& dictionary_;
  std::vector<std::string> expected_;
  std::vector<std::shared_ptr<Follower::State>> followers_;
  store::Position stored_ = 0;
  metrics::Cell& told_;
  metrics::Cell& skipped_;
  metrics::Cell& failures_;
};

/// The cursor of a durable follower in the log.
std::string feed_cursor(std::string_view name);

}  // namespace dunlin::series
