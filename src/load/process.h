#pragma once
// A load or a null forwarder on a reactor of its own.

#include <functional>
#include <memory>

#include "base/result.h"
#include "load/forwarder.h"
#include "load/options.h"
#include "load/report.h"

namespace dunlin::load {

class LoadProcess {
 public:
  /// Called once a second on the thread inside run().
  using OnProgress = std::function<void(const LoadProgress&)>;

  /// `options` come from checked(). Throws std::system_error when the kernel gives no descriptors.
  explicit LoadProcess(const LoadOptions& options, OnProgress on_progress = {});
  ~LoadProcess();

  /// Runs the load on the calling thread, once. Errors: those of LoadRun.
  Result<LoadReport> run();
  /// As LoadRun::interrupt(). Any thread, until run() has returned.
  void interrupt();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// A forwarder on a thread of its own, until it is destroyed.
class ForwarderProcess {
 public:
  /// Errors: those of Forwarder::listen().
  static Result<std::unique_ptr<ForwarderProcess>> start(const ForwarderOptions& options);
  ~ForwarderProcess();
  net::Endpoint local() const;

 private:
  struct Parts;
  explicit ForwarderProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace dunlin::load
