#pragma once
// A simulated site as a TOML file describes it. Reading: start-up, one thread. Keys: docs/guide/simulator.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "fleet/series.h"
#include "hub/message.h"
#include "wire/mqtt/packet.h"

namespace dunlin::fleet {

/// Where a channel's value comes from.
enum class Source : std::uint8_t {
  constant,  // base
  replay,    // an embedded series, a row at a time, `speed` times as fast as it was recorded; ends: from the
             // start again
  sine,      // base + amplitude * sin, with `period`
  square,    // base + amplitude, base - amplitude, half a `period` each
  walk,      // a random walk that is drawn back to base within `period`; amplitude is its standard deviation
  integral,  // base, and from then on the sum over time (per second) of what it follows
  position,  // of the device's own actuator of that name
  battery,   // its charge in percent
  camera,    // a JPEG picture of a conveyor
};

/// Adds `coefficient` times the present value of another channel or actuator.
struct Term {
  std::string quantity;  // "device.channel"; in a file also "self.channel", and {n} and {nn} for the number
  double coefficient = 1;
};

enum class PayloadTime : std::uint8_t { now, series };

struct ChannelConfig {
  std::string name;
  Source source = Source::constant;
  std::string unit;
  Duration interval = std::chrono::seconds{1};
  std::int64_t decimals = 3;
  SeriesName series = SeriesName::machine_temperature;
  std::int64_t start_row = 0;  // of the first device of a group
  std::int64_t stagger = 0;    // rows from one device of the group to the next
  PayloadTime time = PayloadTime::now;
  double base = 0;
  double amplitude = 1;
  double scale = 1;  // of the series' values; base is added
  double noise = 0;  // standard deviation, added at the end
  double least = -1e12;
  double most = 1e12;
  Duration period = std::chrono::seconds{60};
  std::vector<Term> follows;
  Duration lag{};             // with which the sum of `follows` acts (time constant)
  std::int64_t quality = 75;  // of pictures
  hub::QoS qos = hub::QoS::at_least_once;
  hub::Message::Retain retain = hub::Message::Retain::no;
};

enum class ActuatorKind : std::uint8_t { number, on_off };

struct ActuatorConfig {
  std::string name;  // the key in the shadow
  ActuatorKind kind = ActuatorKind::number;
  double least = 0;
  double most = 100;
  double rest = 0;                            // where it is without power
  Duration travel = std::chrono::seconds{5};  // from least to most
};

/// Mean times; what happens when is random. Zero `every`: never.
struct FaultConfig {
  Duration signal_loss_every{};
  Duration signal_loss_lasts = std::chrono::seconds{20};
  Duration power_loss_every{};
  Duration power_loss_lasts = std::chrono::seconds{30};
};

struct BatteryConfig {
  Duration life{};  // from full to empty; zero: mains power
  Duration charge = std::chrono::seconds{60};
};

struct DeviceConfig {
  std::string name;
  std::string type;
  std::string endpoint;
  std::int64_t member = 0;  // its place in the group, from 0
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::vector<ChannelConfig> channels;
  std::vector<ActuatorConfig> actuators;
  FaultConfig faults;
  BatteryConfig battery;
};

struct ConnectConfig {
  std::vector<std::string> endpoints{"127.0.0.1:1883"};  // devices take them in turn
  std::string server_name;                               // in the certificate; empty: the endpoint's host
  std::string ca_file;                                   // with it: TLS
  // {device} in a path stands for the device's name. Empty: none.
  std::string certificate_file;
  std::string key_file;
  std::string token_file;
  Duration keep_alive = std::chrono::seconds{15};
  std::int64_t per_second = 100;  // devices that begin to connect in one second
};

struct SiteConfig {
  std::string project = "demo";
  std::string site = "plant1";
  double speed = 300;     // of replayed series: seconds of the recording per second
  std::int64_t seed = 1;  // 0: another run each time
  bool faults = true;     // false: no device loses signal or power by itself
  ConnectConfig connect;
  std::vector<DeviceConfig> devices;
};

/// Reads a site file; errors name file and line. Errors: malformed, invalid_argument, limit_exceeded.
Result<SiteConfig> load_site(const config::Schema::Source& source);

/// The site of factory_toml().
SiteConfig default_factory();

/// What the keys alone do not show: names, counts, quantities that nobody has. Errors: invalid_argument,
/// limit_exceeded.
Result<void> check_site(const SiteConfig& config);

}  // namespace dunlin::fleet
