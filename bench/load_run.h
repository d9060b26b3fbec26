#pragma once
// A load from its first connection to its report.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "base/rng.h"
#include "bench/load_client.h"
#include "bench/load_options.h"
#include "bench/load_report.h"
#include "bench/process_usage.h"
#include "bench/sequence_check.h"
#include "net/network.h"

namespace dunlin::bench {

/// Checks what the numbers allow and fills in those that follow from the mode. Errors: invalid_argument.
Result<LoadOptions> checked(LoadOptions options);

/// One thread: the executor's. Destroyed after the executor has stopped or has run everything.
class LoadRun final : private LoadClient::Events {
 public:
  using Done = std::move_only_function<void(Result<LoadReport>)>;
  /// `options` come from checked(). Network, executor and rng outlive the run.
  LoadRun(net::Network& network, Executor& executor, Rng& rng, LoadOptions options);

  /// Calls `done` once, later. Errors: unavailable (a connection failed), not_found (a process id).
  void start(Done done);

 private:
  struct Publisher {
    std::unique_ptr<LoadClient> client;
    std::uint64_t delivered = 0;  // to all of its subscribers
    bool waiting_for_turn = false;
  };
  struct Subscriber {
    std::unique_ptr<LoadClient> client;
    std::vector<SequenceCheck> publishers;  // pairs: one, of its own publisher
  };

  void client_ready(LoadClient& client) override;
  void client_received(LoadClient& client, ByteView payload) override;
  void client_confirmed(LoadClient& client) override;
  void client_failed(std::string why) override;

  void make_clients();
  void connect_next();
  void begin();
  void note_progress(std::size_t number);
  void publish_more();
  std::uint32_t room(const Publisher& publisher) const;
  bool complete() const;
  void watch();
  void finish();
  void conclude(Result<LoadReport> result);
  std::size_t receivers() const { return options_.mode == LoadMode::pairs ? 1 : options_.subscribers; }
  std::size_t client_count() const { return subscribers_.size() + publishers_.size(); }
  LoadClient& client(std::size_t number);

  net::Network& network_;
  Executor& executor_;
  LoadOptions options_;
  std::uint64_t run_;
  Done done_;
  std::vector<Publisher> publishers_;
  std::vector<Subscriber> subscribers_;
  std::size_t dialled_ = 0;
  std::size_t ready_ = 0;
  enum class Phase : std::uint8_t { connecting, publishing, draining, finished } phase_ = Phase::connecting;
  std::vector<std::size_t> due_;  // publishers with new room, until the end of the turn
  LoadReport report_;
  ProcessUsage at_start_;
  ProcessUsage at_begin_;
  Instant started_{};
  Instant began_{};
  Instant last_progress_{};
};

/// Runs the load on a reactor of the calling thread and waits for it.
Result<LoadReport> run_load(const LoadOptions& wanted);

}  // namespace dunlin::bench
