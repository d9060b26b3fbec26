#pragma once
// Retained messages: stored by the publishers, read by every subscriber at once with `#`, then cleared.

#include <vector>

#include "load/run.h"

namespace dunlin::load {

/// The duration does not count; a step that stalls ends, and what has not come is lost. There is no order
/// among topics, so nothing is reordered.
class RetainedRun final : public LoadRun {
 public:
  RetainedRun(const LoadEnvironment& environment, LoadOptions options);

 private:
  enum class Step : std::uint8_t { storing, reading, clearing };
  struct Publisher {
    LoadClient* client = nullptr;
    std::size_t next = 0;  // topics are dealt out in turn: publisher, publisher + P, ...
    bool done = false;
    bool ping_is_out = false;
  };
  struct Subscriber {
    LoadClient* client = nullptr;
    std::vector<bool> seen;
    std::size_t count = 0;
  };

  void begin() override;
  void stop_sending() override;
  bool complete() const override { return cleared_; }
  std::uint64_t arrived() const override { return delivered_ + answers_; }
  void stalled() override;
  void fill(LoadReport& report) const override;
  void fill(LoadProgress& progress) const override;
  void client_received(LoadClient& client, const Stamp& stamp, Instant now) override;
  void client_confirmed(LoadClient& client) override;
  void client_ponged(LoadClient& client) override;

  void begin_step(Step step);
  void send_next(Publisher& publisher);
  void end_step();
  void end_reading();
  double cpu_now() const;
  void note_stored();
  bool is_answered(const Publisher& publisher) const;
  std::string topic_of(std::size_t number) const;

  std::vector<Publisher> publishers_;
  std::vector<Subscriber> subscribers_;
  std::vector<std::uint8_t> payload_;
  Step step_ = Step::storing;
  bool cleared_ = false;
  std::uint64_t stored_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t doubled_ = 0;
  std::uint64_t answers_ = 0;
  std::size_t satisfied_ = 0;  // subscribers that have all
  double at_reading_ = 0;
  double read_cpu_seconds_ = 0;
};

}  // namespace dunlin::load
