#include "fleet/site_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "base/core/assert.h"
#include "fleet/limits.h"

namespace dunlin::fleet {
namespace {

template <class E>
struct Word {
  std::string_view text;
  E value;
};

constexpr std::array<Word<Source>, 9> kSources{{{"constant", Source::constant},
                                                {"replay", Source::replay},
                                                {"sine", Source::sine},
                                                {"square", Source::square},
                                                {"walk", Source::walk},
                                                {"integral", Source::integral},
                                                {"position", Source::position},
                                                {"battery", Source::battery},
                                                {"camera", Source::camera}}};
constexpr std::array<Word<PayloadTime>, 2> kTimes{
    {{"now", PayloadTime::now}, {"series", PayloadTime::series}}};
constexpr std::array<Word<ActuatorKind>, 2> kKinds{
    {{"number", ActuatorKind::number}, {"on_off", ActuatorKind::on_off}}};
constexpr std::array<Word<mqtt::ProtocolVersion>, 2> kVersions{
    {{"3.1.1", mqtt::ProtocolVersion::v3_1_1}, {"5", mqtt::ProtocolVersion::v5}}};

template <class E, std::size_t N>
Result<E> read_word(const std::array<Word<E>, N>& words, std::string_view key, std::string_view text) {
  const auto found = std::ranges::find(words, text, &Word<E>::text);
  if (found != words.end()) return found->value;
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + std::string(word.text);
  return fail(Errc::invalid_argument, std::string(key) + " must be one of " + all);
}

// "fan-01.speed:-0.12"
Result<Term> read_term(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Term term;
  term.quantity = text.substr(0, colon);
  if (colon == std::string_view::npos) return term;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, term.coefficient);
  if (read.ec != std::errc{} || read.ptr != end)
    return fail(Errc::invalid_argument, "follows must hold texts like \"fan-01.speed:-0.12\"");
  return term;
}

std::string replaced(std::string text, std::string_view mark, std::string_view by) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
  return text;
}

std::string numbered(std::string text, std::int64_t number) {
  const std::string plain = std::to_string(number);
  text = replaced(std::move(text), "{nn}", plain.size() < 2 ? "0" + plain : plain);
  return replaced(std::move(text), "{n}", plain);
}

struct ChannelRow {
  ChannelConfig channel;
  std::string source = "constant", series = "machine_temperature", time = "now";
  std::vector<std::string> follows;
  std::int64_t qos = 1;
  bool retain = false;

  void declare(config::Schema& keys) {
    constexpr Duration kDay = std::chrono::hours{24};
    keys.key("name", "Last level of the topic.", channel.name);
    keys.key("source", "constant, replay, sine, square, walk, integral, position, battery or camera.",
             source);
    keys.key("unit", "SenML's name of the unit.", channel.unit);
    keys.key("interval", "Between two samples.", channel.interval, kLeastInterval, kDay);
    keys.key("decimals", "Digits after the point.", channel.decimals, 0, 9);
    keys.key("series", "machine_temperature, ambient_temperature, processor_load or taxi_passengers.",
             series);
    keys.key("start_row", "The first row.", channel.start_row, 0, kMaxSeriesRows);
    keys.key("stagger", "Rows from one device of a group to the next.", channel.stagger, 0, kMaxSeriesRows);
    keys.key("time", "The payload's time: now or series.", time);
    keys.key("base", "The middle, or the beginning.", channel.base, -1e12, 1e12);
    keys.key("amplitude", "How far it swings.", channel.amplitude, -1e12, 1e12);
    keys.key("scale", "Factor of the series' values.", channel.scale, -1e12, 1e12);
    keys.key("noise", "Standard deviation of what is added.", channel.noise, 0, 1e12);
    keys.key("least", "No value is lower.", channel.least, -1e12, 1e12);
    keys.key("most", "No value is higher.", channel.most, -1e12, 1e12);
    keys.key("period", "Of sine, square and walk.", channel.period, kLeastInterval, 365 * kDay);
    keys.key("follows", "\"device.channel:factor\", added to the value.", follows);
    keys.key("lag", "With which follows acts.", channel.lag, Duration::zero(), kDay);
    keys.key("quality", "Of pictures.", channel.quality, 1, 100);
    keys.key("qos", "0, 1 or 2.", qos, 0, 2);
    keys.key("retain", "Whether the newest sample is kept by the server.", retain);
  }
  Result<ChannelConfig> take() {
    DUNLIN_TRY(channel.source, read_word(kSources, "source", source));
    DUNLIN_TRY(channel.time, read_word(kTimes, "time", time));
    const auto known = series_named(series);
    if (!known) return fail(Errc::invalid_argument, "series is not one that the program holds");
    channel.series = *known;
    for (const std::string& text : follows) {
      DUNLIN_TRY(Term term, read_term(text));
      channel.follows.push_back(std::move(term));
    }
    channel.qos = static_cast<hub::QoS>(qos);
    channel.retain = retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
    return channel;
  }
};

struct ActuatorRow {
  ActuatorConfig actuator;
  std::string kind = "number";

  void declare(config::Schema& keys) {
    keys.key("name", "The key in the shadow.", actuator.name);
    keys.key("kind", "number or on_off.", kind);
    keys.key("least", "Lower end.", actuator.least, -1e9, 1e9);
    keys.key("most", "Upper end.", actuator.most, -1e9, 1e9);
    keys.key("rest", "Where it is without power.", actuator.rest, -1e9, 1e9);
    keys.key("travel", "From one end to the other.", actuator.travel, Duration::zero(),
             std::chrono::hours{1});
  }
  Result<ActuatorConfig> take() {
    DUNLIN_TRY(actuator.kind, read_word(kKinds, "kind", kind));
    if (actuator.kind == ActuatorKind::on_off) {
      actuator.least = 0;
      actuator.most = 1;
    }
    if (!(actuator.least < actuator.most && actuator.least <= actuator.rest &&
          actuator.rest <= actuator.most))
      return fail(Errc::invalid_argument, "least must be below most, and rest between them");
    return actuator;
  }
};

/// [[group]], and [[device]] as a group of one.
struct GroupRow {
  DeviceConfig device;
  std::int64_t count = 1, first = 1;
  std::string version = "5";

  void declare(config::Schema& keys) {
    constexpr Duration kYear = std::chrono::hours{24 * 365};
    FaultConfig& faults = device.faults;
    keys.key("name", "The device's name; {n} and {nn} stand for its number.", device.name);
    keys.key("type", "Third level of the topic.", device.type);
    keys.key("endpoint", "address:port; empty: one of [connect] endpoints.", device.endpoint);
    keys.key("mqtt", "3.1.1 or 5.", version);
    keys.key("signal_loss_every", "Mean time between losses of signal; 0s: never.", faults.signal_loss_every,
             Duration::zero(), kYear);
    keys.key("signal_loss_lasts", "Mean.", faults.signal_loss_lasts, kLeastInterval, kYear);
    keys.key("power_loss_every", "Mean time between losses of power; 0s: never.", faults.power_loss_every,
             Duration::zero(), kYear);
    keys.key("power_loss_lasts", "Mean.", faults.power_loss_lasts, kLeastInterval, kYear);
    keys.key("battery_life", "From full to empty; 0s: mains.", device.battery.life, Duration::zero(), kYear);
    keys.key("battery_charge", "From empty to full; the device is off.", device.battery.charge,
             kLeastInterval, kYear);
    declare_arrays(keys);
  }
  void declare_arrays(config::Schema& keys) {
    keys.table_array("channel", "What the device measures.", [this](config::Schema& row) {
      const auto made =
          std::make_shared<ChannelRow>();  // shared: the function that takes it must be copyable
      made->declare(row);
      return [this, made]() -> Result<void> {
        DUNLIN_TRY(ChannelConfig channel, made->take());
        device.channels.push_back(std::move(channel));
        return {};
      };
    });
    keys.table_array("actuator", "What the shadow moves.", [this](config::Schema& row) {
      const auto made = std::make_shared<ActuatorRow>();  // shared: as above
      made->declare(row);
      return [this, made]() -> Result<void> {
        DUNLIN_TRY(ActuatorConfig actuator, made->take());
        device.actuators.push_back(std::move(actuator));
        return {};
      };
    });
  }
  Result<std::vector<DeviceConfig>> take() {
    DUNLIN_TRY(device.version, read_word(kVersions, "mqtt", version));
    std::vector<DeviceConfig> made;
    for (std::int64_t member = 0; member < count; ++member) {
      DeviceConfig copy = device;
      copy.member = member;
      copy.name = numbered(device.name, first + member);
      for (ChannelConfig& channel : copy.channels) {
        for (Term& term : channel.follows) {
          if (term.quantity.starts_with("self.")) term.quantity.replace(0, 4, copy.name);
          term.quantity = numbered(std::move(term.quantity), first + member);
        }
      }
      made.push_back(std::move(copy));
    }
    return made;
  }
};

enum class Rows : std::uint8_t { device, group };

void declare_rows(config::Schema& keys, Rows rows, SiteConfig& config) {
  keys.table_array(rows == Rows::device ? "device" : "group",
                   rows == Rows::device ? "One device." : "Devices of the same make.",
                   [rows, &config](config::Schema& row) {
                     const auto made =
                         std::make_shared<GroupRow>();  // shared: the function that takes it must be copyable
                     if (rows == Rows::group) {
                       row.key("count", "How many.", made->count, 1, kMaxDevices);
                       row.key("first", "The first one's number.", made->first, 0, 1'000'000);
                     }
                     made->declare(row);
                     return [made, &config]() -> Result<void> {
                       DUNLIN_TRY(std::vector<DeviceConfig> devices, made->take());
                       if (config.devices.size() + devices.size() > kMaxDevices) {
                         return fail(Errc::limit_exceeded,
                                     "a site has at most " + std::to_string(kMaxDevices) + " devices");
                       }
                       std::ranges::move(devices, std::back_inserter(config.devices));
                       return {};
                     };
                   });
}

void declare_keys(config::Schema& keys, SiteConfig& config) {
  ConnectConfig& connect = config.connect;
  keys.key("site.project", "First level of the topics.", config.project);
  keys.key("site.site", "Second level of the topics.", config.site);
  keys.key("site.speed", "Seconds of a recording per second.", config.speed, 0.001, 1e6);
  keys.key("site.seed", "The same seed repeats a run; 0: another run each time.", config.seed, 0, INT64_MAX);
  keys.key("site.faults", "Whether devices lose signal and power.", config.faults);
  keys.key("connect.endpoints", "address:port of gateway or server; devices take them in turn.",
           connect.endpoints);
  keys.key("connect.server_name", "Name in the server's certificate; empty: the endpoint's host.",
           connect.server_name);
  keys.key("connect.ca_file", "PEM of the server's root; with it the devices speak TLS.", connect.ca_file);
  keys.key("connect.certificate_file", "PEM; {device} stands for the device's name.",
           connect.certificate_file);
  keys.key("connect.key_file", "PEM; {device} stands for the device's name.", connect.key_file);
  keys.key("connect.token_file", "Holds a token; {device} stands for the device's name.", connect.token_file);
  keys.key("connect.keep_alive", "Of MQTT.", connect.keep_alive, std::chrono::seconds{1},
           std::chrono::seconds{65535});
  keys.key("connect.per_second", "Devices that begin to connect in one second.", connect.per_second, 1,
           100'000);
  declare_rows(keys, Rows::device, config);
  declare_rows(keys, Rows::group, config);
}

bool is_level(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && text.front() != '$' &&
         text.find_first_of("/+#{}. \t\r\n") == std::string_view::npos;
}

std::unexpected<Error> refuse(const DeviceConfig& device, std::string_view why) {
  return fail(Errc::invalid_argument, "device " + device.name + ": " + std::string(why));
}

Result<void> check_device(const DeviceConfig& device, std::set<std::string>& quantities) {
  if (!is_level(device.name))
    return refuse(device, "a name must be one level of a topic, without . and spaces");
  if (!is_level(device.type)) return refuse(device, "needs a type that is one level of a topic");
  if (device.channels.size() > kMaxChannelsPerDevice || device.actuators.size() > kMaxChannelsPerDevice)
    return fail(Errc::limit_exceeded, "device " + device.name + ": too many channels or actuators");
  std::set<std::string_view> moved, measured;
  for (const ActuatorConfig& actuator : device.actuators) {
    if (!is_level(actuator.name)) return refuse(device, "an actuator needs a name");
    if (!moved.insert(actuator.name).second) return refuse(device, "two actuators of one name");
    quantities.insert(device.name + "." + actuator.name);
  }
  for (const ChannelConfig& channel : device.channels) {
    if (!is_level(channel.name)) return refuse(device, "a channel needs a name that is one level of a topic");
    if (!measured.insert(channel.name).second) return refuse(device, "two channels of one name");
    if (channel.source == Source::position && !moved.contains(channel.name))
      return refuse(device, "channel " + channel.name + " has no actuator of that name");
    if (channel.source == Source::battery && device.battery.life == Duration::zero())
      return refuse(device, "channel " + channel.name + " needs a battery_life");
    if (channel.least > channel.most)
      return refuse(device, "channel " + channel.name + ": least is above most");
    if (channel.follows.size() > kMaxTermsPerChannel)
      return fail(Errc::limit_exceeded,
                  "device " + device.name + ": channel " + channel.name + " follows too many");
    quantities.insert(device.name + "." + channel.name);
  }
  return {};
}

}  // namespace

Result<void> check_site(const SiteConfig& config) {
  if (!is_level(config.project) || !is_level(config.site))
    return fail(Errc::invalid_argument, "site.project and site.site must each be one level of a topic");
  if (config.connect.endpoints.empty() || config.connect.endpoints.size() > kMaxEndpoints)
    return fail(Errc::invalid_argument,
                "connect.endpoints must hold 1 to " + std::to_string(kMaxEndpoints) + " addresses");
  if (config.connect.certificate_file.empty() != config.connect.key_file.empty())
    return fail(Errc::invalid_argument, "connect.certificate_file and connect.key_file belong together");
  if (config.devices.empty())
    return fail(Errc::invalid_argument, "the site has no [[device]] and no [[group]]");
  if (config.devices.size() > kMaxDevices) return fail(Errc::limit_exceeded, "the site has too many devices");
  std::set<std::string> quantities;
  std::set<std::string_view> names;
  for (const DeviceConfig& device : config.devices) {
    DUNLIN_CHECK(check_device(device, quantities));
    if (!names.insert(device.name).second) return refuse(device, "there are two of that name");
  }
  for (const DeviceConfig& device : config.devices) {
    for (const ChannelConfig& channel : device.channels) {
      for (const Term& term : channel.follows) {
        if (!quantities.contains(term.quantity))
          return refuse(device,
                        "channel " + channel.name + " follows " + term.quantity + ", which nobody has");
      }
    }
  }
  return {};
}

Result<SiteConfig> load_site(const config::Schema::Source& source) {
  SiteConfig config;
  config::Schema keys;
  declare_keys(keys, config);
  DUNLIN_CHECK(keys.load(source));
  DUNLIN_CHECK(check_site(config));
  return config;
}

SiteConfig default_factory() {
  config::Schema::Source source;
  source.file_name = "factory.toml";
  source.file_text = factory_toml();
  auto config = load_site(source);
  DUNLIN_ASSERT(config.has_value());  // part of the program, and a test reads it
  return *std::move(config);
}

}  // namespace dunlin::fleet
