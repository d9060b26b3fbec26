#include "devices.h"

#include <charconv>

namespace dunlin::sim {
namespace {

constexpr std::size_t kMaxBurst = 4;

}  // namespace

ClientEvents Device::events() {
  ClientEvents events;
  events.acknowledged = [this](std::uint64_t tag) {
    history_.note(tag + static_cast<std::uint64_t>(executor_.now().time_since_epoch().count()));
    acknowledged(tag);
  };
  events.refused = [this](std::uint64_t tag) { refused(tag); };
  events.message = [this](std::string_view topic, std::string_view payload) {
    history_.note(topic.size() * 31 + payload.size() +
                  static_cast<std::uint64_t>(executor_.now().time_since_epoch().count()));
    message(topic, payload);
  };
  events.broken = [this](std::string what) { history_.broken.push_back(std::move(what)); };
  return events;
}

void Device::start(std::unique_ptr<Client> client) {
  client_ = std::move(client);
  subscribe();
  client_->start();
  timer_ = executor_.schedule(pause(), [this] { turn(); });
}

void Device::turn() {
  if (!working_) return;
  work();
  timer_ = executor_.schedule(pause(), [this] { turn(); });
}

TelemetryDevice::TelemetryDevice(std::string name, std::string site, Stream::Way way, Executor& executor,
                                 Rng& rng, History& history)
    : Device(std::move(name), executor, rng, history), site_(std::move(site)), way_(way) {
  const std::size_t channels = 1 + rng.below(3);
  for (std::size_t i = 0; i < channels; ++i) {
    Stream stream;
    stream.device = name_;
    stream.channel = "c" + std::to_string(i);
    stream.qos = static_cast<hub::QoS>(rng.below(8) == 0 ? 0 : 1 + rng.below(2));
    stream.way = way;
    const auto shape = static_cast<Shape>(rng.below(3));
    Stream& kept = history.streams.emplace(name_ + "/" + stream.channel, stream).first->second;
    channels_.push_back({&kept, shape});
  }
}

void TelemetryDevice::work() {
  const std::size_t burst = 1 + rng_.below(kMaxBurst);
  for (std::size_t i = 0; i < burst; ++i) emit(rng_.below(channels_.size()));
}

void TelemetryDevice::emit(std::size_t index) {
  Channel& channel = channels_[index];
  Stream& stream = *channel.stream;
  const Sequence sequence = stream.sent + 1;
  const std::string topic = "demo/" + site_ + "/sensor/" + name_ + "/" + stream.channel;
  stream.sent = sequence;  // before the client sends it
  const auto taken = client_->publish(topic, payload(channel, sequence), static_cast<mqtt::QoS>(stream.qos),
                                      false, std::uint64_t{index} << 32 | sequence);
  if (taken == Client::Taken::no) stream.sent = sequence - 1;
}

std::string TelemetryDevice::payload(Channel& channel, Sequence sequence) {
  std::string number = std::to_string(sequence);
  if (channel.shape == Shape::number) return number;
  if (channel.shape == Shape::object) return "{\"value\":" + number + "}";
  channel.last_time = std::max(channel.last_time + 1, unix_milliseconds(executor_.wall_now()));
  return "{\"value\":" + number + ",\"t\":" + std::to_string(channel.last_time) + ",\"seq\":" + number + "}";
}

void TelemetryDevice::acknowledged(std::uint64_t tag) {
  channels_[tag >> 32].stream->acknowledged.insert(tag & 0xFFFF'FFFF);
}

void TelemetryDevice::refused(std::uint64_t tag) {
  channels_[tag >> 32].stream->refused.insert(tag & 0xFFFF'FFFF);
}

RetainedDevice::RetainedDevice(std::string name, Executor& executor, Rng& rng, History& history)
    : Device(std::move(name), executor, rng, history),
      topic_(history.retained[name_]),
      qos_(static_cast<mqtt::QoS>(1 + rng.below(2))) {
  topic_.topic = "state/" + name_;
}

void RetainedDevice::work() {
  if (!client_->idle()) return;
  const std::size_t number = topic_.writes.size() + 1;
  topic_.writes.push_back(rng_.below(6) == 0 ? "" : std::to_string(number));
  client_->publish(topic_.topic, topic_.writes.back(), qos_, true, number);
}

ShadowDevice::ShadowDevice(std::string name, Executor& executor, Rng& rng, History& history)
    : Device(std::move(name), executor, rng, history), thing_(history.shadows[name_]) {
  thing_.thing = name_;
}

void ShadowDevice::subscribe() {
  client_->subscribe("$dunlin/things/" + name_ + "/shadow/update/accepted", mqtt::QoS::at_least_once);
  client_->subscribe("$dunlin/things/" + name_ + "/shadow/update/delta", mqtt::QoS::at_least_once);
  client_->subscribe("$dunlin/things/" + name_ + "/shadow/update/rejected", mqtt::QoS::at_least_once);
}

void ShadowDevice::work() {
  if (!client_->idle()) return;
  thing_.reported.push_back(random_change(thing_.reported.size() + 1, rng_));
  client_->publish("$dunlin/things/" + name_ + "/shadow/update",
                   shadow_update("reported", thing_.reported.back()), mqtt::QoS::at_least_once, false,
                   thing_.reported.size());
}

void ShadowDevice::message(std::string_view topic, std::string_view payload) {
  if (topic.ends_with("/rejected")) {
    history_.broken.push_back("shadow_rejected: " + name_ + " was answered " + std::string(payload));
    return;
  }
  const std::size_t member = payload.rfind("\"version\":");
  std::uint64_t version = 0;
  if (member != std::string_view::npos)
    std::from_chars(payload.data() + member + 10, payload.data() + payload.size(), version);
  if (version == 0) {
    history_.broken.push_back("shadow_version: " + name_ + " was told no version: " + std::string(payload));
    return;
  }
  thing_.seen.push_back({version, ShadowThing::Seen::By::answer});
}

Subscriber::Subscriber(std::string name, mqtt::QoS qos, Executor& executor, Rng& rng, History& history)
    : Device(std::move(name), executor, rng, history), qos_(qos), reader_(history.readers[name_]) {
  reader_.name = name_;
  reader_.qos = static_cast<hub::QoS>(qos);
}

ClientEvents Subscriber::events() {
  ClientEvents events = Device::events();
  events.subscribed = [this] {
    reader_.subscribed = true;
    for (const auto& [name, stream] : history_.streams) reader_.owed_after[name] = stream.sent;
  };
  return events;
}

void Subscriber::message(std::string_view topic, std::string_view payload) {
  const auto stream = history_.streams.find(std::string(topic.substr(topic.find("/sensor/") + 8)));
  const Sequence sequence = sequence_of(payload);
  if (stream != history_.streams.end() && sequence >= 1 && sequence <= stream->second.sent)
    return reader_.received[stream->first].push_back(sequence);
  history_.broken.push_back("invented: " + name_ + " got " + std::string(topic) + " " + std::string(payload));
}

ShadowChange random_change(std::size_t number, Rng& rng) {
  const auto value = static_cast<std::int64_t>(number);
  ShadowChange change{{"n", value}};
  const std::string member = (rng.below(2) == 0 ? "k" : "deep.k") + std::to_string(rng.below(4));
  change[member] = rng.below(4) == 0 ? std::nullopt : std::optional(value);
  return change;
}

std::string shadow_update(std::string_view part, const ShadowChange& change) {
  std::string flat;
  std::string deep;
  for (const auto& [member, value] : change) {
    const bool is_deep = member.starts_with("deep.");
    std::string& into = is_deep ? deep : flat;
    if (!into.empty()) into += ',';
    into += "\"" + (is_deep ? member.substr(5) : member) + "\":" + (value ? std::to_string(*value) : "null");
  }
  if (!deep.empty()) flat += (flat.empty() ? "\"deep\":{" : ",\"deep\":{") + deep + "}";
  return "{\"state\":{\"" + std::string(part) + "\":{" + flat + "}}}";
}

Sequence sequence_of(std::string_view payload) {
  const std::size_t member = payload.find("\"value\":");
  if (member != std::string_view::npos) payload.remove_prefix(member + 8);
  Sequence sequence = 0;
  std::from_chars(payload.data(), payload.data() + payload.size(), sequence);
  return sequence;
}

}  // namespace dunlin::sim
