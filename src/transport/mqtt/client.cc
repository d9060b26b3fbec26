// MqttClient: the connection and its life.

#include "transport/mqtt/client.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "net/limits.h"
#include "transport/mqtt/publish_bytes.h"

namespace dunlin::transport {

using mqtt::ReasonCode;

namespace {

constexpr std::size_t kMaxScratchBytes = 64 * 1024;  // kept between packets

/// A server that knows 3.1.1 only answers a CONNECT of 5.0 so (MQTT 3.1.1 section 3.2.2.3, return code 1).
bool is_old_version_refusal(ByteView frame) {
  return frame.size() == 4 && frame[0] == 0x20 && frame[3] == 0x01;
}

}  // namespace

MqttClient::MqttClient(net::Network& network, Executor& executor, Rng& rng, ClientOptions options)
    : network_(network),
      executor_(executor),
      rng_(rng),
      options_(std::move(options)),
      dialect_{options_.version, options_.mark} {}

MqttClient::~MqttClient() {
  executor_.cancel(timer_);
}

void MqttClient::start() {
  if (std::exchange(wanted_, true)) return;
  failures_ = 0;
  if (connection_ == nullptr) connect();  // else: when the old connection has closed
}

void MqttClient::stop() {
  if (!std::exchange(wanted_, false)) return;
  executor_.cancel(std::exchange(timer_, TimerId{}));
  if (state_ == ClientState::online) send(mqtt::Disconnect{});
  if (connection_ != nullptr) return connection_->close();  // on_closed() reports it
  ++connection_number_;                                     // forgets an attempt under way
  set_state(ClientState::offline, "stopped");
}

void MqttClient::set_state(ClientState state, std::string_view reason) {
  if (state_ == state) return;
  state_ = state;
  if (on_state_) on_state_(state, reason);
}

void MqttClient::connect() {
  const std::uint64_t number = ++connection_number_;
  set_state(ClientState::connecting, "connecting");
  if (number != connection_number_) return;  // stopped by the handler
  const std::weak_ptr<const bool> alive = alive_;
  net::ConnectHandler done = [this, alive, number](Result<std::unique_ptr<net::Connection>> result) {
    if (alive.expired() || number != connection_number_) return;
    connected(std::move(result));
  };
  if (options_.dial) return options_.dial(executor_, std::move(done));
  network_.connect(executor_, options_.connection, std::move(done));
}

void MqttClient::connected(Result<std::unique_ptr<net::Connection>> result) {
  if (!result) {
    const std::string reason = std::move(result).error().message;
    return lose(reason);
  }
  connection_ = std::move(*result);
  heard_ = version_refused_ = false;
  connection_->set_max_unconsumed(options_.max_packet_bytes + net::kReadBufferBytes);
  connection_->set_handler(this);
  send_connect();
  timer_ = executor_.schedule(options_.answer_deadline, [this] {
    timer_ = {};
    lose("no CONNACK in time");
  });
}

void MqttClient::send_connect() {
  mqtt::Connect connect;
  connect.version = dialect_.version;
  connect.bridge = dialect_.mark == Dialect::Mark::bridge;
  connect.client_id = options_.client_id;
  // MQTT 3.1.1 section 3.1.3.1: without an identifier of its own a client keeps no session.
  const bool unnamed = dialect_.version == mqtt::ProtocolVersion::v3_1_1 && options_.client_id.empty();
  connect.clean_start = options_.start == ClientOptions::Start::clean || unnamed;
  connect.keep_alive = options_.keep_alive_seconds;
  if (options_.username) connect.user_name = *options_.username;
  if (options_.password) connect.password = as_bytes(*options_.password);
  if (dialect_.version == mqtt::ProtocolVersion::v5) {
    if (options_.start == ClientOptions::Start::resume) {
      connect.properties.session_expiry_interval = options_.session_expiry_seconds;
    }
    connect.properties.receive_maximum = options_.receive_maximum;
    connect.properties.maximum_packet_size = static_cast<std::uint32_t>(options_.max_packet_bytes);
  }
  if (options_.will) {
    mqtt::Will will;
    will.topic = options_.will->topic.text();
    will.payload = options_.will->payload.view();
    will.qos = static_cast<mqtt::QoS>(options_.will->qos);
    will.retain = options_.will->retain == hub::Message::Retain::yes;
    if (options_.will_delay_seconds > 0) will.properties.will_delay_interval = options_.will_delay_seconds;
    connect.will = will;
  }
  send(connect);
}

/// The server may not speak what was tried: older ones answer with a refusal, or with nothing.
void MqttClient::next_dialect() {
  const bool greeted = state_ == ClientState::connecting && connection_ != nullptr;
  if (!greeted || (heard_ && !version_refused_) || options_.fallbacks.empty()) return;
  const std::size_t place = next_fallback_++ % (options_.fallbacks.size() + 1);
  dialect_ = place < options_.fallbacks.size() ? options_.fallbacks[place]
                                               : Dialect{options_.version, options_.mark};
}

void MqttClient::lose(std::string_view reason) {
  next_dialect();
  executor_.cancel(std::exchange(timer_, TimerId{}));
  connection_.reset();
  ++connection_number_;
  subscribing_.clear();
  pubacks_due_.clear();
  sent_in_flight_ = 0;
  for (Outgoing& outgoing : in_flight_) {
    if (outgoing.sent == Outgoing::Sent::now) outgoing.sent = Outgoing::Sent::before;
  }
  if (wanted_) retry_later();
  set_state(ClientState::offline, reason);
}

void MqttClient::retry_later() {
  const unsigned doublings = std::min(failures_++, 16U);
  const Duration ceiling =
      std::min(options_.most_backoff, Duration{options_.least_backoff * (1LL << doublings)});
  // Between half and all of it, so that a fleet that lost its server together does not come back together.
  const auto pause = std::chrono::duration_cast<Duration>(ceiling * (0.5 + rng_.unit() / 2));
  timer_ = executor_.schedule(pause, [this] {
    timer_ = {};
    connect();
  });
}

void MqttClient::watch() {
  if (keep_alive_ <= Duration::zero()) return;
  const Instant now = executor_.now();
  const Duration quiet = now - std::min(last_sent_, last_heard_);
  if (!ping_open_ && quiet >= keep_alive_) {
    ping_open_ = true;
    send(mqtt::Pingreq{});
    timer_ = executor_.schedule(std::min(options_.answer_deadline, keep_alive_), [this] {
      timer_ = {};
      if (ping_open_) return lose("the server does not answer");
      watch();
    });
    return;
  }
  timer_ = executor_.schedule(std::max(keep_alive_ - quiet, Duration{std::chrono::milliseconds{10}}), [this] {
    timer_ = {};
    watch();
  });
}

std::size_t MqttClient::on_data(ByteView bytes) {
  last_heard_ = executor_.now();
  heard_ = true;
  ping_open_ = false;
  const std::uint64_t number = connection_number_;
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ByteView rest = bytes.subspan(used);
    const mqtt::FrameResult frame = mqtt::frame_length(rest, options_.max_packet_bytes);
    if (frame.status == mqtt::FrameResult::Status::need_more) break;
    if (frame.status == mqtt::FrameResult::Status::error) {
      lose(frame.why);
      return bytes.size();
    }
    used += frame.length;
    handle(rest.first(frame.length));
    if (number != connection_number_) return bytes.size();
  }
  return used;
}

void MqttClient::on_closed(net::CloseReason reason) {
  lose(net::close_reason_name(reason));
}

void MqttClient::handle(ByteView frame) {
  if (state_ == ClientState::connecting && is_old_version_refusal(frame)) {
    version_refused_ = true;
    return lose("the server does not speak this version of MQTT");
  }
  const auto packet = mqtt::decode(frame, dialect_.version, mqtt::Sender::server);
  if (!packet) return lose(packet.error().why);
  if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) return handle_connack(*connack);
  if (state_ != ClientState::online) return lose("the server's first packet is not CONNACK");
  if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) return handle_publish(*publish);
  if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) return handle_ack(*ack);
  if (const auto* suback = std::get_if<mqtt::Suback>(&*packet)) return handle_suback(*suback);
  if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet)) {
    return lose(mqtt::reason_code_name(disconnect->reason));
  }
  if (std::holds_alternative<mqtt::Auth>(*packet)) return lose("no authentication method was agreed");
}

void MqttClient::handle_connack(const mqtt::Connack& connack) {
  if (state_ != ClientState::connecting) return lose("a second CONNACK");
  executor_.cancel(std::exchange(timer_, TimerId{}));
  if (connack.reason != ReasonCode::success) {
    version_refused_ = connack.reason == ReasonCode::unsupported_protocol_version;
    return lose(mqtt::reason_code_name(connack.reason));
  }
  if (connack.session_present && options_.start == ClientOptions::Start::clean) {
    return lose("the server resumes a session that was not wanted");  // MQTT 5.0 section 3.2.2.1.1
  }
  failures_ = 0;
  const auto& properties = connack.properties;
  const bool v5 = dialect_.version == mqtt::ProtocolVersion::v5;
  server_max_packet_ = properties.maximum_packet_size.value_or(mqtt::kMaxPacketBytes);
  server_max_qos_ = static_cast<mqtt::QoS>(properties.maximum_qos.value_or(2));
  server_retains_ = properties.retain_available.value_or(true);
  window_ = std::min<std::size_t>(options_.max_in_flight,
                                  properties.receive_maximum.value_or(v5 ? 65535 : kMaxOldInFlight));
  keep_alive_ = std::chrono::seconds{properties.server_keep_alive.value_or(options_.keep_alive_seconds)};
  last_sent_ = last_heard_ = executor_.now();
  ping_open_ = false;
  watch();
  const std::uint64_t number = connection_number_;
  if (on_session_) on_session_(connack.session_present ? hub::Present::yes : hub::Present::no);
  set_state(ClientState::online, "connected");
  if (number != connection_number_) return;
  resume_session(connack.session_present);
}

template <class P>
void MqttClient::send(const P& packet) {
  if (connection_ == nullptr) return;
  last_sent_ = executor_.now();
  const std::size_t size = mqtt::encoded_size(packet, dialect_.version);
  if (scratch_.size() < size) scratch_.resize(size);
  const auto written = mqtt::encode(packet, dialect_.version, MutableByteView(scratch_));
  if (DUNLIN_EXPECT(written.has_value())) connection_->write(ByteView(scratch_).first(*written));
  if (scratch_.size() > kMaxScratchBytes)
    scratch_ = std::vector<std::uint8_t>();  // "= {}" would keep the memory
}

template void MqttClient::send(const mqtt::Subscribe&);
template void MqttClient::send(const mqtt::Unsubscribe&);
template void MqttClient::send(const mqtt::Ack&);
template void MqttClient::send(const mqtt::Publish&);

}  // namespace dunlin::transport
