#pragma once
// One definition at work: samples in, results out. The same for what arrives and for history.

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/derived/definition.h"
#include "service/derived/due.h"
#include "service/derived/point_engine.h"
#include "service/derived/window_engine.h"
#include "service/series/point.h"

namespace dunlin::derived {

/// A sample of the derived channel. Rows without a result make none.
struct Derived {
  std::string device;
  WallTime time;
  model::Value value;
  Trace trace{};
};

/// One thread.
class Derivation {
 public:
  explicit Derivation(std::shared_ptr<const Definition> definition, LastOf last = {});
  Derivation(const Derivation&) = delete;
  Derivation& operator=(const Derivation&) = delete;

  /// `input` is one of formula.inputs(), and `device` the sample's. What becomes ready by it waits for
  /// take_results().
  void add(const std::string& device, std::size_t input, const series::Point& point, Trace trace,
           WallTime now);
  void look(WallTime now);
  void close();
  std::size_t waiting_results() const { return due_.size(); }
  /// Computes what is ready, in the order in which it became so.
  std::vector<Derived> take_results();

  Counts counts() const;
  std::size_t devices() const;
  std::vector<std::string> take_changed();
  std::string save(std::string_view device) const;
  Result<void> restore(const std::string& device, std::string_view bytes);

 private:
  void keep(std::vector<Due> due);

  std::shared_ptr<const Definition> definition_;
  std::variant<PointEngine, WindowEngine> engine_;
  std::vector<Due> due_;
};

/// A stored point as the engines take it.
Held held_of(const series::Point& point);

}  // namespace dunlin::derived
