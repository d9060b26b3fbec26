#pragma once
// Devices that are all connected, are cut off at one moment, and all come back.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "load/client.h"
#include "load/histogram.h"
#include "load/report.h"
#include "load/run.h"

namespace dunlin::load {

enum class Resumption : std::uint8_t { when_possible, never };  // of TLS sessions

struct StormDevice {
  std::string name;                            // its client identifier
  std::shared_ptr<net::TlsClientContext> tls;  // its own: certificate and session
};

struct StormOptions {
  ServerAddress server;
  std::vector<StormDevice> devices;
  Resumption resumption = Resumption::when_possible;
  /// The first attempt of each comes at a random moment in this time. After a refusal a device waits a random
  /// time up to `first_pause`, then up to twice that and so on up to `longest_pause`, as well made ones do.
  Duration spread = std::chrono::seconds{1};
  Duration first_pause = std::chrono::seconds{1};
  Duration longest_pause = std::chrono::seconds{4};
  Duration patience = std::chrono::seconds{60};  // those that are not back by then are left out
};

/// What one return of all devices was.
struct StormWave {
  std::uint64_t devices = 0;
  std::uint64_t connected = 0;  // at the end
  std::uint64_t attempts = 0;
  std::uint64_t refused = 0;  // attempts that ended without CONNACK, or with one that says no
  std::uint64_t lost = 0;     // connections that ended after CONNACK; they dial again
  std::string refusal;        // the first one's reason
  double seconds = 0;         // from the cut to the last CONNACK
  Latency until_connected;    // of each device, from its first attempt
};

/// One thread: the executor's. Destroyed after the executor has stopped or has run everything.
class Storm final : LoadClient::Events {
 public:
  using Done = std::move_only_function<void(StormWave)>;

  Storm(const LoadEnvironment& environment, StormOptions options);
  ~Storm() override;

  /// Breaks every connection that there is, and lets all devices connect: kMaxConnecting at once (`gather`),
  /// or each at its own moment (`strike`). Calls `done` when all are connected or patience is over. One at a
  /// time.
  void gather(Done done);
  void strike(Done done);
  std::uint64_t connected() const { return connected_; }

 private:
  struct Seat {
    std::unique_ptr<LoadClient> client;
    Instant first_attempt{};
    Duration pause{};
    TimerId timer;
    enum class State : std::uint8_t { away, dialling, connected } state = State::away;
  };
  enum class Pace : std::uint8_t { few_at_once, storm };

  void begin(Pace pace, Done done);
  void cut();
  void dial_later(std::size_t number, Duration pause);
  void dial_now(std::size_t number);
  void dial_next();
  void come_back(std::size_t number, std::string why);
  void finish();

  void client_ready(LoadClient& client) override;
  void client_received(LoadClient&, const Stamp&, Instant) override {}
  void client_confirmed(LoadClient&) override {}
  void client_failed(LoadClient& client, std::string why) override;

  LoadEnvironment environment_;
  const StormOptions options_;
  const LoadOptions client_options_;  // what a client wants to know beside its role
  std::vector<Seat> seats_;
  std::uint64_t generation_ = 0;  // of the wave: what an older one began is dropped
  Pace pace_ = Pace::few_at_once;
  Done done_;
  TimerId limit_;
  StormWave wave_;
  Histogram until_connected_;
  Instant began_{};
  std::size_t next_ = 0;  // few_at_once: the next device to dial
  std::uint64_t connected_ = 0;
};

}  // namespace dunlin::load
