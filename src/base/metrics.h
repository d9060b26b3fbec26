#pragma once
// Counters and gauges. Each room owns plain integers per thread; they are summed when someone asks.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::metrics {

/// One label pair, e.g. {"protocol", "mqtt"}. Values come from a small fixed set, never from a peer.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A number that one thread changes and any thread reads: a plain load and store, no locked instruction.
class Cell {
 public:
  void add(std::int64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

enum class Kind { counter, gauge };

/// The program's metrics. Cells of the same name and labels (one per thread) are summed at exposition. Any
/// thread.
class Registry {
 public:
  /// The cell lives as long as the registry. Names follow Prometheus: dunlin_<room>_<what>_total for
  /// counters.
  Cell& counter(std::string name, std::string help, Labels labels = {});
  Cell& gauge(std::string name, std::string help, Labels labels = {});
  /// A value that is asked for at exposition. `read` may be called from any thread until the registry dies;
  /// it must not call the registry back.
  void gauge_function(std::string name, std::string help, Labels labels, std::function<double()> read);

  /// The text exposition format of Prometheus, version 0.0.4.
  std::string expose() const;
  /// The sum over all cells of that name whose labels include `labels`; 0 when there is none.
  double value(std::string_view name, const Labels& labels = {}) const;

 private:
  struct Series {
    Labels labels;
    std::vector<std::unique_ptr<Cell>> cells;
    std::function<double()> read;
  };
  struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::vector<Series> series;
  };
  Cell& cell(Kind kind, std::string name, std::string help, Labels labels);
  Series& series_of(Kind kind, std::string name, std::string help, Labels labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace dunlin::metrics
