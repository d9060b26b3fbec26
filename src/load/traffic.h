#pragma once
// The modes in which publishers write and subscribers read, and idle, in which nobody does.

#include <vector>

#include "load/run.h"
#include "load/sequence_check.h"
#include "load/ticker.h"

namespace dunlin::load {

class TrafficRun final : public LoadRun {
 public:
  TrafficRun(const LoadEnvironment& environment, LoadOptions options);

 private:
  struct Publisher {
    LoadClient* client = nullptr;
    std::uint64_t arrived = 0;  // at all of its subscribers, doubles left out
    std::uint64_t due = 0;      // with a rate: messages whose moment has come
    bool waiting_for_turn = false;
  };
  struct Subscriber {
    LoadClient* client = nullptr;
    std::vector<SequenceCheck> streams;  // by publisher; pairs: of its own one; shared: none
    std::vector<std::uint64_t> next;     // shared: by publisher, behind the highest number it has seen
  };

  void begin() override;
  void stop_sending() override;
  bool complete() const override;
  std::uint64_t arrived() const override { return delivered_ + confirmed_; }
  void stalled() override;
  void fill(LoadReport& report) const override;
  void fill(LoadProgress& progress) const override;
  void client_received(LoadClient& client, const Stamp& stamp, Instant now) override;
  void client_confirmed(LoadClient& client) override;

  void make_clients();
  bool is_paced() const { return options_.rate > 0; }
  bool is_confirmed() const { return options_.qos != mqtt::QoS::at_most_once; }

  // Closed loop.
  void note_room(std::size_t publisher);
  void publish_due();
  std::uint64_t room(const Publisher& publisher) const;
  std::uint64_t unconfirmed_room(const Publisher& publisher) const;

  // Open loop: burst b is publisher b % P's, at b times batch / rate.
  void begin_pace();
  void pace();
  void spin();
  void send_due(Publisher& publisher);
  void give_up_due();
  Duration moment_of(std::uint64_t burst) const;
  Duration moment_of(std::size_t publisher, std::uint64_t number) const;

  SequenceCheck::Arrival check(Subscriber& subscriber, const Stamp& stamp);

  std::vector<Publisher> publishers_;
  std::vector<Subscriber> subscribers_;
  std::vector<SequenceCheck> shared_streams_;  // by publisher, over all subscribers
  std::uint64_t shared_reordered_ = 0;
  std::vector<std::size_t> due_;   // closed loop: publishers with new room, until the end of the turn
  std::vector<std::size_t> held_;  // open loop: publishers that the server does not take more from
  std::uint64_t next_burst_ = 0;
  std::uint64_t bursts_ = 0;
  std::uint64_t unsent_ = 0;
  Duration first_moment_{};
  Histogram send_delay_;
  std::unique_ptr<Ticker> ticker_;  // null: the reactor turns without sleeping
  std::uint64_t delivered_ = 0;
  std::uint64_t confirmed_ = 0;
};

}  // namespace dunlin::load
