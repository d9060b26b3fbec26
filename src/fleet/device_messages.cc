// Device: what it measures and what its shadow wants.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "fleet/camera.h"
#include "fleet/device.h"
#include "fleet/limits.h"

namespace dunlin::fleet {
namespace {

const std::shared_ptr<const hub::Properties>& picture_properties() {
  static const auto kProperties = [] {
    auto properties = std::make_shared<hub::Properties>();  // shared: by every picture's message
    properties->content_type = "image/jpeg";
    return std::shared_ptr<const hub::Properties>(std::move(properties));
  }();
  return kProperties;
}

// Units come from the site file: only quotes, backslashes and control characters need care.
std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') made += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) made += c;
  }
  return made + '"';
}

}  // namespace

void Device::measure(Instant now) {
  for (Channel& channel : channels_) {
    if (channel.due > now) continue;
    channel.due += channel.config.interval;
    // After a pause (no power, a halted machine) what was missed is not made up for.
    if (channel.due <= now) {
      const auto missed = (now - channel.due) / channel.config.interval + 1;
      channel.due += missed * channel.config.interval;
    }
    if (power_ != Power::on) continue;
    if (auto bytes = payload(channel, now)) publish(channel, *std::move(bytes));
  }
}

std::optional<Slice> Device::payload(Channel& channel, Instant now) {
  const ChannelConfig& config = channel.config;
  if (config.source == Source::camera) {
    const Picture picture = draw_conveyor(now - started_, around_.executor.wall_now(), scene_);
    return Slice::copy_of(ByteView(encode_jpeg(picture, static_cast<int>(config.quality))));
  }
  Reading reading;
  if (config.source == Source::position) {
    reading.value = channel.quantity;  // the actuator's, which bears the same name
  } else if (config.source == Source::battery) {
    reading.value = battery_ * 100;
  } else {
    reading = channel.generator.read(now);
  }
  if (config.source != Source::position) channel.quantity = reading.value;
  const bool recorded = config.time == PayloadTime::series && reading.recorded;
  const WallTime time = recorded ? *reading.recorded : around_.executor.wall_now();
  std::string text = "{\"value\":" + Generator::to_text(reading.value, config.decimals);
  if (!config.unit.empty()) text += ",\"unit\":" + quoted(config.unit);
  text += ",\"t\":" + std::to_string(unix_milliseconds(time)) +
          ",\"seq\":" + std::to_string(++channel.sequence) + "}";
  return Slice::copy_of(text);
}

void Device::publish(const Channel& channel, Slice bytes) {
  transport::ClientMessage message;
  message.topic = channel.topic;
  message.payload = std::move(bytes);
  message.qos = channel.config.qos;
  message.retain = channel.config.retain;
  if (channel.config.source == Source::camera) message.properties = picture_properties();
  around_.metrics.published.add();
  client_->publish(std::move(message), [alive = std::weak_ptr<const bool>(alive_),
                                        &metrics = around_.metrics](Result<void> result) {
    if (alive.expired()) return;
    if (result) return metrics.acknowledged.add();
    (result.error().code == Errc::limit_exceeded ? metrics.dropped : metrics.refused).add();
  });
}

void Device::move_actuators(Instant now) {
  const Duration time = now - std::exchange(last_move_, now);
  for (Motion& motion : motions_) {
    const bool arrived = motion.actuator.advance(time);
    motion.quantity = motion.actuator.position();
    if (arrived) report(motion);
  }
}

void Device::send_shadow(std::string topic, std::string payload) {
  transport::ClientMessage message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(payload);
  message.qos = hub::QoS::at_least_once;
  client_->publish(std::move(message), [alive = std::weak_ptr<const bool>(alive_),
                                        this](Result<void> result) {
    if (alive.expired() || result) return;
    log::refusal("fleet", "a shadow message was refused", config_.name, {{"why", result.error().message}});
  });
}

void Device::begin_shadow() {
  // The state first: after a loss of power the shadow may hold another one. The answer to `get` follows it.
  for (Motion& motion : motions_) {
    motion.repeated.reset();
    if (!motion.reported && !motion.actuator.moving()) report(motion);
  }
  send_shadow(shadow_.get_topic(), "");
}

void Device::report(Motion& motion) {
  motion.reported = motion.actuator.to_json();
  around_.metrics.reports.add();
  send_shadow(shadow_.update_topic(), ShadowAgent::report({{motion.actuator.name(), *motion.reported}}));
}

void Device::take_shadow(const transport::ClientMessage& message) {
  const auto wishes = shadow_.take(message.topic.text(), message.payload.text());
  if (!wishes) {
    around_.metrics.bad_wishes.add();
    return;
  }
  for (const Wish& wish : *wishes) take_wish(wish);
  arm();
}

void Device::take_wish(const Wish& wish) {
  const auto motion =
      std::ranges::find(motions_, wish.name, [](const Motion& one) { return one.actuator.name(); });
  move_actuators(around_.executor.now());  // what moved until now moved towards its old target
  if (motion == motions_.end() || !motion->actuator.want(wish.value)) {
    around_.metrics.bad_wishes.add();
    return;
  }
  around_.metrics.wishes.add();
  if (motion->actuator.moving()) {
    motion->repeated.reset();
    return;
  }
  // It is there already, or the wish lies past its end. One report tells so; a second would only bring the
  // same delta again.
  if (motion->repeated == wish.value) return;
  motion->repeated = wish.value;
  report(*motion);
}

}  // namespace dunlin::fleet
