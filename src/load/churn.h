#pragma once
// Connections that are opened and ended all the time: dial, CONNECT, CONNACK, DISCONNECT, and again.

#include <vector>

#include "load/run.h"

namespace dunlin::load {

/// LoadOptions::subscribers at once. LoadReport::connects counts those that got their CONNACK.
class ChurnRun final : public LoadRun {
 public:
  ChurnRun(const LoadEnvironment& environment, LoadOptions options);

 private:
  struct Slot {
    std::unique_ptr<LoadClient> client;
    Duration began{};
    bool busy = false;
  };

  void begin() override;
  bool complete() const override { return busy_ == 0; }
  std::uint64_t arrived() const override { return connects_; }
  void fill(LoadReport& report) const override;
  void fill(LoadProgress& progress) const override;
  void client_ready(LoadClient& client) override;
  void client_received(LoadClient&, const Stamp&, Instant) override {}
  void client_confirmed(LoadClient&) override {}
  void client_ended(LoadClient& client) override;
  void client_failed(LoadClient& client, std::string why) override;

  void open(std::size_t number);
  void release(std::size_t number, Duration pause);

  std::vector<Slot> slots_;
  std::size_t busy_ = 0;
  std::uint64_t connects_ = 0;
};

}  // namespace dunlin::load
