#include "scripted_client.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"

namespace dunlin::sim {
namespace {

constexpr Duration kTick = std::chrono::milliseconds{500};
constexpr std::uint32_t kSessionExpirySeconds = 24 * 3600;

}  // namespace

ScriptedClient::ScriptedClient(ClientSetup setup, ClientEvents events)
    : setup_(std::move(setup)), events_(std::move(events)) {}

ScriptedClient::~ScriptedClient() {
  setup_.executor.cancel(timer_);
  setup_.executor.cancel(reconnect_);
}

template <class P>
void ScriptedClient::send(const P& packet) {
  std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, setup_.version));
  const auto written = mqtt::encode(packet, setup_.version, MutableByteView(bytes));
  DUNLIN_ASSERT(written.has_value());
  connection_->write(ByteView(bytes));
  last_sent_ = setup_.executor.now();
}

ScriptedClient::Taken ScriptedClient::publish(std::string topic, std::string payload, mqtt::QoS qos,
                                              bool retain, std::uint64_t tag) {
  Outgoing outgoing{std::move(topic), std::move(payload), qos, retain, tag};
  if (qos == mqtt::QoS::at_most_once) {
    if (!online_) return Taken::no;
    send_publish(outgoing, false);
    return Taken::yes;
  }
  queue_.push_back(std::move(outgoing));
  pump();
  return Taken::yes;
}

void ScriptedClient::subscribe(std::string filter, mqtt::QoS qos) {
  subscriptions_[std::move(filter)] = qos;
}

void ScriptedClient::start() {
  connect();
  timer_ = setup_.executor.schedule(kTick, [this] { tick(); });
}

void ScriptedClient::drop(Duration pause) {
  lose();
  setup_.executor.cancel(reconnect_);
  connect_later(pause);
}

void ScriptedClient::leave(Duration pause) {
  if (online_) {
    send(mqtt::Disconnect{});
    connection_->close();
    std::shared_ptr<net::Connection> closing = std::move(connection_);  // shared: std::function wants a copy
    closing->set_handler(nullptr);
    setup_.executor.schedule(std::chrono::seconds{1}, [closing] {});
  }
  drop(pause);
}

void ScriptedClient::pause_reading() {
  if (connection_) connection_->pause_reading();
}
void ScriptedClient::resume_reading() {
  if (connection_) connection_->resume_reading();
}

void ScriptedClient::connect() {
  connecting_ = true;
  last_heard_ = setup_.executor.now();
  net::ConnectOptions options;
  options.endpoint = setup_.server;
  options.deadline = std::chrono::seconds{5};
  setup_.network.connect(setup_.executor, std::move(options),
                         [this, attempt = ++attempt_, alive = std::weak_ptr<int>(alive_)](auto result) {
                           if (alive.expired() || attempt != attempt_) return;
                           connected(std::move(result));
                         });
}

void ScriptedClient::connect_later(Duration pause) {
  reconnect_ = setup_.executor.schedule(pause, [this] { connect(); });
}

void ScriptedClient::connected(Result<std::unique_ptr<net::Connection>> result) {
  if (!result) {
    connecting_ = false;
    return connect_later(std::chrono::milliseconds{200 + setup_.rng.below(1800)});
  }
  connection_ = std::move(*result);
  connection_->set_handler(this);
  mqtt::Connect packet;
  packet.version = setup_.version;
  packet.client_id = setup_.client_id;
  packet.clean_start = false;
  packet.keep_alive = setup_.keep_alive_seconds;
  if (setup_.version == mqtt::ProtocolVersion::v5)
    packet.properties.session_expiry_interval = kSessionExpirySeconds;
  if (!setup_.token.empty()) {
    packet.user_name = setup_.client_id;
    packet.password = as_bytes(setup_.token);
  }
  send(packet);
}

void ScriptedClient::lose() {
  connection_.reset();
  online_ = false;
  connecting_ = false;
  ++attempt_;
}

void ScriptedClient::on_closed(net::CloseReason) {
  lose();
  connect_later(std::chrono::milliseconds{200 + setup_.rng.below(1800)});
}

std::size_t ScriptedClient::on_data(ByteView bytes) {
  last_heard_ = setup_.executor.now();
  std::size_t used = 0;
  while (connection_) {
    const auto frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
    if (frame.status == mqtt::FrameResult::Status::need_more) return used;
    const ByteView packet_bytes =
        frame.status == mqtt::FrameResult::Status::complete ? bytes.subspan(used, frame.length) : ByteView{};
    const auto packet =
        packet_bytes.empty()
            ? mqtt::Decoded<mqtt::Packet>(std::unexpected(mqtt::DecodeError{frame.reason, frame.why}))
            : mqtt::decode(packet_bytes, setup_.version, mqtt::Sender::server);
    if (!packet) {
      events_.broken("protocol: " + setup_.client_id + " got a packet that is " +
                     std::string(packet.error().why));
      drop(std::chrono::seconds{1});
      return bytes.size();
    }
    handle(*packet);
    used += frame.length;
  }
  return bytes.size();
}

void ScriptedClient::handle(const mqtt::Packet& packet) {
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) return handle_connack(*connack);
  if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) return handle_publish(*publish);
  if (const auto* ack = std::get_if<mqtt::Ack>(&packet)) return handle_ack(*ack);
  if (std::holds_alternative<mqtt::Suback>(packet) && events_.subscribed)
    return std::exchange(events_.subscribed, nullptr)();
  if (std::holds_alternative<mqtt::Disconnect>(packet)) drop(std::chrono::seconds{1});
}

void ScriptedClient::handle_connack(const mqtt::Connack& connack) {
  if (connack.reason != mqtt::ReasonCode::success) return drop(std::chrono::seconds{1});
  if (had_session_ && !connack.session_present)
    events_.broken("session_kept: " + setup_.client_id + " came back and its session was gone");
  if (!connack.session_present) receiving_.clear();
  had_session_ = true;
  online_ = true;
  connecting_ = false;
  std::uint16_t packet_id = 60'000;
  for (const auto& [filter, qos] : subscriptions_) {
    const mqtt::Subscription subscription{.filter = filter, .qos = qos};
    send(mqtt::Subscribe{packet_id++, mqtt::Subscriptions(std::span(&subscription, 1)), {}});
  }
  // MQTT 5.0 section 4.4: in the original order.
  for (const Outgoing& outgoing : in_flight_) {
    if (outgoing.step == Outgoing::Step::publish) {
      send_publish(outgoing, true);
    } else {
      send(mqtt::Ack{mqtt::PacketType::pubrel, outgoing.packet_id, mqtt::ReasonCode::success, {}});
    }
  }
  pump();
}

void ScriptedClient::handle_publish(const mqtt::Publish& publish) {
  if (publish.qos != mqtt::QoS::exactly_once || receiving_.insert(publish.packet_id).second) {
    if (events_.message) events_.message(publish.topic, as_text(publish.payload));
  }
  if (!connection_ || publish.qos == mqtt::QoS::at_most_once) return;
  const auto type =
      publish.qos == mqtt::QoS::at_least_once ? mqtt::PacketType::puback : mqtt::PacketType::pubrec;
  send(mqtt::Ack{type, publish.packet_id, mqtt::ReasonCode::success, {}});
}

void ScriptedClient::handle_ack(const mqtt::Ack& ack) {
  if (ack.type == mqtt::PacketType::pubrel) {
    receiving_.erase(ack.packet_id);
    return send(mqtt::Ack{mqtt::PacketType::pubcomp, ack.packet_id, mqtt::ReasonCode::success, {}});
  }
  const auto entry = std::ranges::find(in_flight_, ack.packet_id, &Outgoing::packet_id);
  if (entry == in_flight_.end()) return;
  const bool exactly_once = entry->qos == mqtt::QoS::exactly_once;
  if (ack.type == mqtt::PacketType::pubrec && exactly_once &&
      ack.reason < mqtt::ReasonCode::unspecified_error) {
    entry->step = Outgoing::Step::release;
    return send(mqtt::Ack{mqtt::PacketType::pubrel, ack.packet_id, mqtt::ReasonCode::success, {}});
  }
  // PUBCOMP with "packet identifier not found" answers a PUBREL whose first answer was lost: MQTT 5.0
  // section 4.3.3.
  if ((ack.type == mqtt::PacketType::puback) == exactly_once) {
    events_.broken("protocol: " + setup_.client_id + " got the wrong kind of acknowledgement");
    return;
  }
  finish(entry, ack.type == mqtt::PacketType::pubcomp ? mqtt::ReasonCode::success : ack.reason);
}

void ScriptedClient::finish(std::deque<Outgoing>::iterator entry, mqtt::ReasonCode reason) {
  Outgoing outgoing = std::move(*entry);
  in_flight_.erase(entry);
  if (reason >= mqtt::ReasonCode::unspecified_error) {
    events_.refused(outgoing.tag);
    outgoing.step = Outgoing::Step::publish;
    queue_.push_front(std::move(outgoing));
    return;  // tick() goes on: a server whose disk is full should not be hurried
  }
  events_.acknowledged(outgoing.tag);
  pump();
}

void ScriptedClient::pump() {
  while (online_ && !queue_.empty() && in_flight_.size() < setup_.window) {
    in_flight_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    in_flight_.back().packet_id = take_packet_id();
    send_publish(in_flight_.back(), false);
  }
}

void ScriptedClient::send_publish(const Outgoing& outgoing, bool again) {
  mqtt::Publish packet;
  packet.topic = outgoing.topic;
  packet.payload = as_bytes(outgoing.payload);
  packet.qos = outgoing.qos;
  packet.retain = outgoing.retain;
  packet.packet_id = outgoing.packet_id;
  packet.dup = again;
  send(packet);
}

void ScriptedClient::tick() {
  timer_ = setup_.executor.schedule(kTick, [this] { tick(); });
  if (!connection_) return;
  const Instant now = setup_.executor.now();
  const Duration keep_alive = std::chrono::seconds{setup_.keep_alive_seconds};
  if (now - last_heard_ > keep_alive * 2) return drop(std::chrono::milliseconds{200 + setup_.rng.below(800)});
  if (!online_) return;
  if (now - last_heard_ > keep_alive / 2 || now - last_sent_ > keep_alive / 2) send(mqtt::Pingreq{});
  pump();
}

std::uint16_t ScriptedClient::take_packet_id() {
  do {
    last_packet_id_ = static_cast<std::uint16_t>(last_packet_id_ % 50'000 + 1);
  } while (std::ranges::find(in_flight_, last_packet_id_, &Outgoing::packet_id) != in_flight_.end());
  return last_packet_id_;
}

}  // namespace dunlin::sim
