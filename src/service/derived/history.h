#pragma once
// A definition over what is stored: the same results as those of samples that arrive.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "service/derived/derivation.h"
#include "service/series/series_store.h"

namespace dunlin::derived {

struct HistoryCounts {
  std::size_t devices = 0;  // that were begun
  std::size_t points = 0;   // that were read
  std::size_t results = 0;  // that the sink took
  bool is_cancelled = false;
};

/// One device after another, a slice of its time in one turn. Keeps itself until it is done; everything named
/// in Parts must outlive it. One executor's thread.
class History : public std::enable_shared_from_this<History> {
 public:
  enum class Go : std::uint8_t { on, enough };
  /// Takes results of one device, ascending in time, and says when it has.
  using Sink = std::move_only_function<void(std::vector<Derived>, std::move_only_function<void(Result<Go>)>)>;
  struct Parts {
    Executor& executor;
    series::SeriesStore& store;
    TenantId tenant;
    std::shared_ptr<const Definition> definition;
    std::vector<std::string> devices;
    WallTime from{};  // of results, inclusive
    WallTime to{};    // exclusive
    Sink sink;
  };
  using Done = std::move_only_function<void(Result<HistoryCounts>)>;
  History(Parts parts, Done done) : parts_(std::move(parts)), done_(std::move(done)) {}

  /// Errors: those of the store and the sink; limit_exceeded (kMaxSlicePoints).
  void start();
  /// Ends it behind the slice that is being computed; what the sink took stays.
  void cancel() { counts_.is_cancelled = true; }
  const HistoryCounts& counts() const { return counts_; }
  /// How much of the devices' times has been read: 0 to 1.
  double share() const;

 private:
  struct Sample {
    series::Point point;
    std::size_t input = 0;
  };
  void next_device();
  bool begin_device(const std::string& device);
  void next_slice();
  void read_input(std::size_t input);
  void compute();
  void end_device();
  void hand_on(std::move_only_function<void()> then);
  bool is_whole(const Derived& result) const;
  bool ends_here();
  void fail_with(Error why);

  Parts parts_;
  Done done_;
  std::size_t next_device_ = 0;
  std::unique_ptr<Derivation> derivation_;
  std::string device_;
  std::vector<series::SeriesId> series_;  // by input; none where there is no such series
  WallTime at_{};                         // read up to here
  WallTime end_{};
  WallTime slice_end_{};
  std::vector<Sample> slice_;
  WallTime begin_{};
  HistoryCounts counts_;
};

}  // namespace dunlin::derived
