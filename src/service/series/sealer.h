#pragma once
// Turns the rows of windows that are over into chunks: a tenth of the space, and one read for many points.

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/series/series_store.h"
#include "store/keyed.h"

namespace dunlin::series {

/// A window is sealed so long after its end by the clock, and after its last sample: late ones come till
/// then.
inline constexpr Duration kSealDelay = std::chrono::minutes{5};
/// A window with so many rows is sealed as far as it goes while it is still open.
inline constexpr std::size_t kSealRows = 4096;
inline constexpr Duration kSealInterval = std::chrono::seconds{5};
inline constexpr std::size_t kSealsAtOnce = 32;
/// Windows looked at in one turn.
inline constexpr std::size_t kWindowsPerLook = 20'000;
/// Windows that are remembered. What is written to further ones stays rows.
inline constexpr std::size_t kMaxUnsealedWindows = 4'000'000;

/// Remembers which windows hold rows (table meta, `unsealed/`, written together with the first row) and seals
/// them, each in one atomic write. A sample that is written meanwhile is never lost: a seal deletes only the
/// rows that it has read, and gives up if one of them may have been written again. One executor's thread.
class Sealer {
 public:
  struct Window {
    TenantId tenant;
    SeriesId series;
    WallTime start{};
    auto operator<=>(const Window& other) const {
      return std::tuple(tenant.value, series.value, start) <=>
             std::tuple(other.tenant.value, other.series.value, other.start);
    }
    bool operator==(const Window& other) const { return (*this <=> other) == 0; }
  };
  using Touched = std::set<Window>;  // by one write

  Sealer(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  /// Reads which windows hold rows, and begins to seal. Errors: corrupt, io.
  void open(std::move_only_function<void(Result<void>)> done);

  /// A row goes into a batch that is written before anything else is asked of the store.
  void touch(Touched& touched, TenantId tenant, SeriesId series, WallTime time);
  /// Adds what the batch has to say of its windows. Follows the last touch() of a batch.
  void mark(store::Batch& batch, const Touched& touched);
  /// The batch was written, or was not. Exactly once after mark().
  enum class Outcome : std::uint8_t { stored, failed };
  void written(const Touched& touched, Outcome outcome);

  /// Windows that hold rows.
  std::size_t unsealed() const { return windows_.size(); }

 private:
  struct Rows;
  struct Job;
  using Windows = std::map<Window, Rows>;

  void load(std::string after, std::move_only_function<void(Result<void>)> done);
  void look();
  void pump();
  bool is_due(const Window& window, const Rows& rows) const;
  void start(const Window& window, Rows& rows);
  void read_rows(std::shared_ptr<Job> job);
  void seal(std::shared_ptr<Job> job);
  Result<void> build(Job& job) const;
  void write(std::shared_ptr<Job> job);
  void end(const Window& window);
  void give_up(const Window& window, const Error& why);

  Executor& executor_;
  store::Keyed& keyed_;
  Windows windows_;
  std::deque<Window> due_;
  Window next_look_{};
  std::size_t sealing_ = 0;
  TimerId timer_;
  metrics::Cell& chunks_;
  metrics::Cell& points_;
  metrics::Cell& failures_;
};

}  // namespace dunlin::series
