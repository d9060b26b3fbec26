// Device: power, signal, connection and time.

#include "fleet/device.h"

#include <algorithm>

#include "base/core/assert.h"
#include "fleet/limits.h"
#include "fleet/random.h"

namespace dunlin::fleet {

using transport::ClientState;

Device::Device(DeviceSurroundings surroundings, const DeviceConfig& config, net::ConnectOptions connection,
               Credentials credentials, std::uint64_t seed)
    : around_(surroundings),
      config_(config),
      connection_(std::move(connection)),
      credentials_(std::move(credentials)),
      rng_(seed),
      fault_rng_(seed ^ 0x6661756c74ULL),
      client_rng_(seed ^ 0x636c69656e74ULL),
      scene_(seed),
      radio_(around_.network, around_.executor),
      shadow_(config.name),
      alive_(std::make_shared<const bool>(true)) {
  motions_.reserve(config.actuators.size());
  for (const ActuatorConfig& actuator : config.actuators) {
    double& quantity = around_.plant.quantity(config.name + "." + actuator.name);
    quantity = actuator.rest;
    motions_.push_back({Actuator(actuator), quantity, {}, {}});
  }
}

Device::~Device() {
  around_.executor.cancel(timer_);
  around_.executor.cancel(shadow_timer_);
  if (client_ != nullptr && client_->state() == ClientState::online) around_.metrics.online.add(-1);
}

void Device::start(RandomFaults faults) {
  if (std::exchange(running_, true)) return;
  faults_ = faults;
  started_ = around_.executor.now();
  if (channels_.empty()) {
    const std::string prefix =
        around_.site.project + "/" + around_.site.site + "/" + config_.type + "/" + config_.name + "/";
    channels_.reserve(config_.channels.size());
    for (const ChannelConfig& channel : config_.channels) {
      const auto phase = Duration{
          static_cast<std::int64_t>(fault_rng_.below(static_cast<std::uint64_t>(channel.interval.count())))};
      channels_.push_back(
          {channel, Generator(channel, {started_, around_.site.speed, config_.member}, around_.plant, rng_),
           around_.plant.quantity(config_.name + "." + channel.name), Slice::copy_of(prefix + channel.name),
           started_ + phase, 0});
    }
  }
  const FaultConfig& mean = config_.faults;
  if (faults == RandomFaults::yes) {
    if (mean.power_loss_every > Duration::zero())
      next_power_loss_ = started_ + waiting_time(fault_rng_, mean.power_loss_every);
    if (mean.signal_loss_every > Duration::zero())
      next_signal_loss_ = started_ + waiting_time(fault_rng_, mean.signal_loss_every);
  }
  power_on();
  arm();
}

void Device::stop() {
  if (!std::exchange(running_, false)) return;
  around_.executor.cancel(std::exchange(timer_, TimerId{}));
  around_.executor.cancel(std::exchange(shadow_timer_, TimerId{}));
  if (client_ != nullptr) client_->stop();
}

bool Device::stopped() const {
  return !running_ && (client_ == nullptr || client_->state() == ClientState::offline);
}

DeviceStatus Device::status() const {
  return {.name = config_.name,
          .type = config_.type,
          .power = power_,
          .signal = radio_.signal(),
          .connection = client_ == nullptr ? ClientState::offline : client_->state(),
          .battery = battery_,
          .waiting = client_ == nullptr ? 0 : client_->pending()};
}

void Device::power_on() {
  power_ = Power::on;
  last_wake_ = last_move_ = around_.executor.now();
  if (radio_.signal() == Signal::lost && signal_returns_ <= around_.executor.now())
    radio_.set_signal(Signal::present);
  connect();
}

void Device::power_off(Power state, Instant until) {
  power_returns_ = std::max(until, power_ == Power::on ? until : power_returns_);
  if (power_ != Power::on) return;
  power_ = state;
  // Nobody is told: the server finds out by the keep alive, or when the device is back.
  radio_.set_signal(Signal::lost);
  around_.executor.cancel(std::exchange(shadow_timer_, TimerId{}));
  if (client_ != nullptr) {
    around_.metrics.lost.add(static_cast<std::int64_t>(client_->pending()));
    if (client_->state() == ClientState::online) around_.metrics.online.add(-1);
    client_.reset();
  }
  for (Motion& motion : motions_) {
    motion.actuator.drop();
    motion.quantity = motion.actuator.position();
    motion.reported.reset();
    motion.repeated.reset();
  }
}

void Device::cut_power(Duration time) {
  if (!running_) return;
  around_.metrics.power_losses.add();
  power_off(Power::off, around_.executor.now() + time);
  arm();
}

void Device::cut_signal(Duration time) {
  if (!running_) return;
  around_.metrics.signal_losses.add();
  signal_returns_ = std::max(signal_returns_, around_.executor.now() + time);
  radio_.set_signal(Signal::lost);
  arm();
}

void Device::connect() {
  transport::ClientOptions options;
  options.connection = connection_;
  options.connection.tls = credentials_.tls;
  options.version = config_.version;
  options.client_id = config_.name;
  options.username = credentials_.username;
  options.password = credentials_.password;
  options.keep_alive_seconds = static_cast<std::uint16_t>(
      std::chrono::duration_cast<std::chrono::seconds>(around_.site.connect.keep_alive).count());
  options.max_queued_messages = kMaxQueuedSamples;
  options.max_queued_bytes = kMaxQueuedBytes;
  options.most_backoff = std::chrono::seconds{20};
  client_ =
      std::make_unique<transport::MqttClient>(radio_, around_.executor, client_rng_, std::move(options));
  client_->on_state([this, online = false](ClientState state, std::string_view) mutable {
    if (std::exchange(online, state == ClientState::online)) around_.metrics.online.add(-1);
    changed(state);
  });
  if (!motions_.empty()) {
    client_->on_message([this](transport::ClientMessage message, Task handled) {
      take_shadow(message);
      handled();
    });
    for (std::string& filter : shadow_.filters())
      client_->subscribe(std::move(filter), {.qos = hub::QoS::at_least_once}, {});
  }
  client_->start();
}

void Device::changed(ClientState state) {
  if (state != ClientState::online) return;
  around_.metrics.online.add();
  around_.metrics.connects.add();
  if (motions_.empty()) return;
  // A little later, so that the subscriptions are under way before the answers.
  around_.executor.cancel(shadow_timer_);
  shadow_timer_ = around_.executor.schedule(kShadowSyncDelay, [this] {
    shadow_timer_ = {};
    begin_shadow();
  });
}

void Device::wake() {
  const Instant now = around_.executor.now();
  update_faults(now);
  if (power_ == Power::on) {
    drain_battery(now);
    move_actuators(now);
  }
  measure(now);
  last_wake_ = now;
  arm();
}

void Device::update_faults(Instant now) {
  if (power_ != Power::on && now >= power_returns_) {
    battery_ = power_ == Power::charging ? 1 : battery_;
    if (next_power_loss_ && *next_power_loss_ <= now)
      next_power_loss_ = now + waiting_time(fault_rng_, config_.faults.power_loss_every);
    power_on();
  }
  if (power_ == Power::on && radio_.signal() == Signal::lost && now >= signal_returns_)
    radio_.set_signal(Signal::present);
  if (next_signal_loss_ && now >= *next_signal_loss_) {
    const Duration time = waiting_time(fault_rng_, config_.faults.signal_loss_lasts);
    next_signal_loss_ = now + time + waiting_time(fault_rng_, config_.faults.signal_loss_every);
    if (power_ == Power::on) cut_signal(time);
  }
  if (next_power_loss_ && now >= *next_power_loss_ && power_ == Power::on) {
    const Duration time = waiting_time(fault_rng_, config_.faults.power_loss_lasts);
    next_power_loss_ = now + time + waiting_time(fault_rng_, config_.faults.power_loss_every);
    cut_power(time);
  }
}

void Device::drain_battery(Instant now) {
  if (config_.battery.life <= Duration::zero()) return;
  battery_ -= std::chrono::duration<double>(now - last_wake_) / config_.battery.life;
  if (battery_ > 0) return;
  battery_ = 0;
  around_.metrics.flat_batteries.add();
  power_off(Power::charging, now + config_.battery.charge);
}

void Device::arm() {
  if (!running_) return;
  const Instant now = around_.executor.now();
  Instant next = now + std::chrono::minutes{1};
  const auto sooner = [&next](Instant at) { next = std::min(next, at); };
  if (power_ == Power::on) {
    for (const Channel& channel : channels_) sooner(channel.due);
    for (const Motion& motion : motions_) {
      if (motion.actuator.moving()) sooner(now + kActuatorStep);
    }
    if (radio_.signal() == Signal::lost) sooner(signal_returns_);
    if (next_power_loss_) sooner(*next_power_loss_);
    if (next_signal_loss_) sooner(*next_signal_loss_);
  } else {
    sooner(power_returns_);
  }
  around_.executor.cancel(timer_);
  timer_ = around_.executor.schedule(std::max(next - now, Duration::zero()), [this] {
    timer_ = {};
    wake();
  });
}

}  // namespace dunlin::fleet
