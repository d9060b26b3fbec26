#pragma once
// A load from its first connection to its report: what all modes have in common.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "load/client.h"
#include "load/options.h"
#include "load/process_usage.h"
#include "load/report.h"
#include "net/network.h"

namespace dunlin::load {

/// All of it outlives the run.
struct LoadEnvironment {
  net::Network& network;
  Executor& executor;
  const Clock& clock;
  Rng& rng;
  Fs& fs;
};

/// One thread: the executor's. Destroyed after the executor has stopped or has run everything.
class LoadRun : protected LoadClient::Events {
 public:
  using Done = std::move_only_function<void(Result<LoadReport>)>;

  /// `options` come from checked().
  static std::unique_ptr<LoadRun> make(const LoadEnvironment& environment, LoadOptions options);
  ~LoadRun() override = default;
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  /// Calls `done` once, later. Errors: unavailable (a connection failed before the load began), not_found (a
  /// process id).
  void start(Done done);
  /// Ends it with the figures so far: the first time what is under way is waited for, the second time not.
  void interrupt();
  LoadProgress progress() const;

 protected:
  LoadRun(const LoadEnvironment& environment, LoadOptions options);

  enum class Phase : std::uint8_t { connecting, running, draining, finished };

  /// Every client is ready.
  virtual void begin() = 0;
  /// Time is up or the user wants the end: nothing new from now on.
  virtual void stop_sending() {}
  /// While draining: nothing is under way any more.
  virtual bool complete() const = 0;
  /// Grows as long as something arrives.
  virtual std::uint64_t arrived() const = 0;
  /// LoadOptions::patience has passed without progress.
  virtual void stalled() {
    if (phase_ == Phase::draining) finish();
  }
  virtual void fill(LoadReport& report) const = 0;
  virtual void fill(LoadProgress& progress) const = 0;

  void client_ready(LoadClient& client) override;
  void client_failed(LoadClient& client, std::string why) override;

  /// A client that is connected before begin().
  LoadClient& add_client(ClientRole role);
  std::unique_ptr<LoadClient> make_client(ClientRole role);
  void note_failure(std::string why);
  void drain();
  void finish();
  void conclude(Result<LoadReport> result);
  Duration since_start(Instant moment) const { return moment - started_; }
  Duration elapsed() const { return since_start(environment_.clock.now()); }
  const std::string& topic_prefix() const { return options_.topic_prefix; }

  LoadEnvironment environment_;
  const LoadOptions options_;
  const std::uint16_t run_;
  Phase phase_ = Phase::connecting;
  LoadReport report_;
  Histogram latency_;
  Instant began_{};
  Instant last_arrival_{};  // kept by the modes

 private:
  void connect_next();
  void begin_all();
  void watch();
  void ping_all();
  void measure_end();
  double own_cpu() const;

  std::vector<std::unique_ptr<LoadClient>> clients_;
  Done done_;
  std::size_t dialled_ = 0;
  std::size_t ready_ = 0;
  ProcessUsage at_start_;
  ProcessUsage at_begin_;
  double own_cpu_at_begin_ = 0;
  Instant started_{};
  Instant last_progress_{};
  std::uint64_t last_arrived_ = 0;
  Duration ping_interval_{};
};

}  // namespace dunlin::load
