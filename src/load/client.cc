#include "load/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "load/quick_publish.h"
#include "wire/mqtt/decode.h"

namespace dunlin::load {
namespace {

constexpr std::uint16_t kSubscribeId = 65535;
constexpr std::size_t kAckBytes = 4;  // fixed header and packet identifier: success in both versions

std::string refusal(std::string_view packet, mqtt::ReasonCode reason,
                    const std::optional<std::string_view>& text) {
  std::string why = fmt::format("the server answers {}: {}", packet, mqtt::reason_code_name(reason));
  if (text) why += fmt::format(" ({})", *text);
  return why;
}

}  // namespace

LoadClient::LoadClient(Events& events, const Clock& clock, const LoadOptions& options, std::uint16_t run,
                       ClientRole role)
    : events_(events), clock_(clock), options_(options), run_(run), role_(std::move(role)) {}

void LoadClient::start(std::unique_ptr<net::Connection> connection) {
  connection_ = std::move(connection);
  open_ = true;
  connection_->set_handler(this);
  connection_->set_max_unconsumed(options_.payload_bytes + 1024 * 1024);
  keep_alive_ = role_.keep_alive;
  mqtt::Connect connect;
  connect.version = options_.version;
  connect.client_id = role_.client_id;
  connect.keep_alive = role_.keep_alive;
  connect.user_name = options_.username;
  if (options_.password) connect.password = as_bytes(*options_.password);
  // 3.1.1 has no password without a user name: [MQTT-3.1.2-22]. An empty one says that there is none.
  if (connect.password && !connect.user_name && options_.version == mqtt::ProtocolVersion::v3_1_1)
    connect.user_name = "";
  send(connect);
}

void LoadClient::stop() {
  if (!open_) return;
  open_ = false;
  connection_->set_handler(nullptr);
  connection_->abort();
}

void LoadClient::fail(std::string why) {
  if (!open_) return;
  stop();
  events_.client_failed(*this, std::move(why));
}

template <class P>
void LoadClient::send(const P& packet) {
  if (!open_) return;
  std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, options_.version));
  const auto written = mqtt::encode(packet, options_.version, bytes);
  if (!written) return fail(std::string(written.error().context));
  connection_->write(ByteView(bytes));
}

void LoadClient::queue_ack(mqtt::PacketType type, std::uint16_t packet_id) {
  const unsigned flags = type == mqtt::PacketType::pubrel ? 2 : 0;  // MQTT 5.0 section 3.6.1
  acks_.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  acks_.push_back(2);
  acks_.push_back(static_cast<std::uint8_t>(packet_id >> 8));
  acks_.push_back(static_cast<std::uint8_t>(packet_id));
}

bool LoadClient::prepare_publish() {
  const std::vector<std::uint8_t> payload(options_.payload_bytes);
  mqtt::Publish publish;
  publish.topic = role_.topic;
  publish.payload = payload;
  publish.qos = options_.qos;
  packet_.resize(mqtt::publish_header_size(publish, options_.version));
  const auto header = mqtt::encode_publish_header(publish, options_.version, packet_);
  if (!header) {
    fail(std::string(header.error().context));
    return false;
  }
  header_ = *header;
  packet_.insert(packet_.end(), payload.begin(), payload.end());
  return true;
}

void LoadClient::publish(std::uint64_t count, const Moment& moment) {
  if (!open_ || (packet_.empty() && !prepare_publish())) return;
  batch_.clear();
  for (; count > 0; --count, ++sent_) {
    if (options_.qos != mqtt::QoS::at_most_once) mqtt::set_packet_id(packet_, header_, packet_id_of(sent_));
    write_stamp({run_, role_.number, sent_, moment(sent_)}, packet_.data() + header_.size);
    batch_.insert(batch_.end(), packet_.begin(), packet_.end());
  }
  connection_->write(ByteView(batch_));
}

void LoadClient::publish_retained(std::string_view topic, const Stamp& stamp, ByteView payload) {
  std::vector<std::uint8_t> stamped(payload.begin(), payload.end());
  if (stamped.size() >= kStampBytes) write_stamp(stamp, stamped.data());
  mqtt::Publish publish;
  publish.topic = topic;
  publish.payload = stamped;
  publish.qos = options_.qos;
  publish.retain = true;
  if (options_.qos != mqtt::QoS::at_most_once) publish.packet_id = packet_id_of(sent_);
  ++sent_;
  send(publish);
}

void LoadClient::subscribe(std::string_view filter) {
  const mqtt::Subscription subscription{.filter = filter, .qos = options_.qos};
  send(mqtt::Subscribe{kSubscribeId, mqtt::Subscriptions(std::span(&subscription, 1)), {}});
}

void LoadClient::ping() {
  send(mqtt::Pingreq{});
}

void LoadClient::disconnect() {
  leaving_ = true;
  send(mqtt::Disconnect{});
}

std::size_t LoadClient::on_data(ByteView bytes) {
  const Instant now = clock_.now();
  std::size_t used = 0;
  while (open_) {
    const mqtt::FrameResult frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
    if (frame.status == mqtt::FrameResult::Status::error) fail(std::string(frame.why));
    if (frame.status != mqtt::FrameResult::Status::complete) break;
    take(bytes.subspan(used, frame.length), now);
    used += frame.length;
  }
  if (open_ && !acks_.empty()) connection_->write(ByteView(acks_));
  acks_.clear();
  return used;
}

void LoadClient::on_closed(net::CloseReason reason) {
  if (!open_) return;
  open_ = false;
  if (leaving_) return events_.client_ended(*this);
  events_.client_failed(*this, fmt::format("the server ended the connection of {}: {}", role_.client_id,
                                           net::close_reason_name(reason)));
}

void LoadClient::take(ByteView frame, Instant now) {
  const mqtt::PacketType type = mqtt::frame_type(frame);
  if (type == mqtt::PacketType::publish) {
    if (const auto publish = quick_publish(frame, options_.version))
      return take_publish(publish->qos, publish->packet_id, publish->payload, now);
  }
  const bool ack = type >= mqtt::PacketType::puback && type <= mqtt::PacketType::pubcomp;
  if (ack && frame.size() == kAckBytes)
    return take_ack(type, static_cast<std::uint16_t>(frame[2] << 8 | frame[3]));
  take_other(frame, now);
}

void LoadClient::take_publish(mqtt::QoS qos, std::uint16_t packet_id, ByteView payload, Instant now) {
  if (qos == mqtt::QoS::at_least_once) queue_ack(mqtt::PacketType::puback, packet_id);
  if (qos == mqtt::QoS::exactly_once) queue_ack(mqtt::PacketType::pubrec, packet_id);
  if (payload.size() < kStampBytes) return fail("a message came that no publisher has sent");
  const Stamp stamp = read_stamp(payload);
  if (stamp.run != run_ || payload.size() != options_.payload_bytes)
    return fail("a message came that no publisher of this load has sent");
  events_.client_received(*this, stamp, now);
}

void LoadClient::take_ack(mqtt::PacketType type, std::uint16_t packet_id) {
  if (type == mqtt::PacketType::pubrec) return queue_ack(mqtt::PacketType::pubrel, packet_id);
  if (type == mqtt::PacketType::pubrel) return queue_ack(mqtt::PacketType::pubcomp, packet_id);
  if (confirmed_ == sent_) return fail("the server confirms what was not sent");
  if (packet_id != packet_id_of(confirmed_)) ++confirmed_out_of_order_;
  ++confirmed_;
  events_.client_confirmed(*this);
}

void LoadClient::take_other(ByteView frame, Instant now) {
  const auto packet = mqtt::decode(frame, options_.version, mqtt::Sender::server);
  if (!packet) return fail("the server sends what is not MQTT: " + std::string(packet.error().why));
  if (const auto* publish = std::get_if<mqtt::Publish>(&*packet))
    return take_publish(publish->qos, publish->packet_id, publish->payload, now);
  if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) {
    if (mqtt::is_error(ack->reason))
      return fail(refusal(mqtt::packet_type_name(ack->type), ack->reason, ack->properties.reason_string));
    return take_ack(ack->type, ack->packet_id);
  }
  if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) return take_connack(*connack);
  if (const auto* suback = std::get_if<mqtt::Suback>(&*packet)) return take_suback(*suback);
  if (std::holds_alternative<mqtt::Pingresp>(*packet)) return events_.client_ponged(*this);
  if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet))
    return fail(refusal("DISCONNECT", disconnect->reason, disconnect->properties.reason_string));
}

/// What this load needs and the server does not offer, or nothing: MQTT 5.0 section 3.2.2.3.
std::string_view LoadClient::unsupported(const mqtt::Connack& connack) const {
  const mqtt::ConnackProperties& offer = connack.properties;
  if (options_.qos > static_cast<mqtt::QoS>(offer.maximum_qos.value_or(2))) return "that QoS";
  if (options_.mode == LoadMode::retained && !offer.retain_available.value_or(true))
    return "retained messages";
  if (options_.mode == LoadMode::shared && !offer.shared_subscription_available.value_or(true))
    return "shared subscriptions";
  // The payload comes with its topic and a few bytes more.
  if (options_.payload_bytes > offer.maximum_packet_size.value_or(mqtt::kMaxPacketBytes))
    return "payloads of that size";
  return "";
}

void LoadClient::take_connack(const mqtt::Connack& connack) {
  if (connack.reason != mqtt::ReasonCode::success)
    return fail(refusal("CONNECT", connack.reason, connack.properties.reason_string));
  if (const std::string_view lack = unsupported(connack); !lack.empty())
    return fail(fmt::format("the server does not offer {}", lack));
  receive_maximum_ = connack.properties.receive_maximum.value_or(65'535);
  keep_alive_ = connack.properties.server_keep_alive.value_or(keep_alive_);
  if (!role_.filter.empty()) return subscribe(role_.filter);
  if (!role_.others.empty()) return subscribe_others();
  ready_ = true;
  events_.client_ready(*this);
}

/// The next packet of filters; its SUBACK brings the one after it.
void LoadClient::subscribe_others() {
  std::vector<mqtt::Subscription> packet;
  while (packet.size() < kFiltersPerPacket && others_done_ < role_.others.size())
    packet.push_back({.filter = role_.others[others_done_++], .qos = mqtt::QoS::at_most_once});
  send(mqtt::Subscribe{kSubscribeId, mqtt::Subscriptions(std::span(packet)), {}});
}

void LoadClient::take_suback(const mqtt::Suback& suback) {
  if (!role_.others.empty()) {
    for (const std::uint8_t granted : suback.reason_codes) {
      if (granted > 2) return fail(refusal("SUBSCRIBE", static_cast<mqtt::ReasonCode>(granted), {}));
    }
    if (others_done_ < role_.others.size()) return subscribe_others();
    if (!std::exchange(ready_, true)) events_.client_ready(*this);
    return;
  }
  const std::uint8_t code = suback.reason_codes[0];
  if (code > 2)
    return fail(refusal("SUBSCRIBE", static_cast<mqtt::ReasonCode>(code), suback.properties.reason_string));
  if (code != static_cast<std::uint8_t>(options_.qos))
    return fail(fmt::format("the server grants only QoS {} to the subscription", code));
  if (!std::exchange(ready_, true)) events_.client_ready(*this);
}

}  // namespace dunlin::load
