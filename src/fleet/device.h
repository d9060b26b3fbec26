#pragma once
// One simulated device: measures, moves its actuators, and speaks MQTT over a radio that may fail.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "fleet/actuator.h"
#include "fleet/credentials.h"
#include "fleet/fleet_metrics.h"
#include "fleet/generator.h"
#include "fleet/plant.h"
#include "fleet/radio.h"
#include "fleet/shadow_agent.h"
#include "fleet/site_config.h"
#include "transport/mqtt/client.h"

namespace dunlin::fleet {

enum class Power : std::uint8_t { on, off, charging };
/// Whether the device loses power and signal by itself.
enum class RandomFaults : std::uint8_t { no, yes };

struct DeviceStatus {
  std::string name;
  std::string type;
  Power power = Power::on;
  Signal signal = Signal::present;
  transport::ClientState connection = transport::ClientState::offline;
  double battery = 1;       // 0..1; 1 on mains
  std::size_t waiting = 0;  // messages that the server has not acknowledged
};

/// What the devices of a site have in common. Everything outlives the devices.
struct DeviceSurroundings {
  Executor& executor;
  net::Network& network;
  Plant& plant;
  FleetMetrics& metrics;
  const SiteConfig& site;
};

/// One thread: the executor's.
class Device {
 public:
  /// `config` outlives it. `connection` is where and how to connect; client id and keep alive are set here.
  Device(DeviceSurroundings surroundings, const DeviceConfig& config, net::ConnectOptions connection,
         Credentials credentials, std::uint64_t seed);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void start(RandomFaults faults);
  /// Orderly: sends DISCONNECT. Then wait until stopped().
  void stop();
  bool stopped() const;

  /// Takes the power or the signal away for a time, as a fault does. Power that is away stays away until the
  /// later of the two ends.
  void cut_power(Duration time);
  void cut_signal(Duration time);

  DeviceStatus status() const;
  const std::string& name() const { return config_.name; }

 private:
  struct Channel {
    const ChannelConfig& config;
    Generator generator;
    double& quantity;
    Slice topic;
    Instant due;
    std::uint64_t sequence = 0;
  };
  struct Motion {
    Actuator actuator;
    double& quantity;
    std::optional<std::string> reported;    // as JSON; since power came
    std::optional<ActuatorValue> repeated;  // a wish that was answered though nothing moved
  };

  void power_on();
  void power_off(Power state, Instant until);
  void connect();
  void wake();
  void arm();
  void update_faults(Instant now);
  void drain_battery(Instant now);
  void move_actuators(Instant now);
  void measure(Instant now);
  std::optional<Slice> payload(Channel& channel, Instant now);
  void publish(const Channel& channel, Slice bytes);
  void send_shadow(std::string topic, std::string payload);
  void begin_shadow();
  void take_shadow(const transport::ClientMessage& message);
  void take_wish(const Wish& wish);
  void report(Motion& motion);
  void changed(transport::ClientState state);

  DeviceSurroundings around_;
  const DeviceConfig& config_;
  net::ConnectOptions connection_;
  Credentials credentials_;
  SeededRng rng_;         // of what is measured
  SeededRng fault_rng_;   // of faults, so that they do not change what is measured
  SeededRng client_rng_;  // of pauses before reconnecting
  std::uint64_t scene_;
  Radio radio_;
  ShadowAgent shadow_;
  std::vector<Channel> channels_;
  std::vector<Motion> motions_;
  std::shared_ptr<const bool> alive_;              // shared: by answers that may come after this
  std::unique_ptr<transport::MqttClient> client_;  // null without power
  bool running_ = false;
  RandomFaults faults_ = RandomFaults::no;
  Power power_ = Power::on;
  double battery_ = 1;
  Instant started_{};
  Instant last_wake_{};
  Instant last_move_{};
  Instant power_returns_{};
  Instant signal_returns_{};
  std::optional<Instant> next_power_loss_;
  std::optional<Instant> next_signal_loss_;
  TimerId timer_;
  TimerId shadow_timer_;
};

}  // namespace dunlin::fleet
