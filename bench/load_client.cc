#include "bench/load_client.h"

#include <array>
#include <cstring>
#include <span>

#include "wire/mqtt/decode.h"

namespace dunlin::bench {
namespace {

constexpr std::uint16_t kSubscribeId = 65535;
constexpr std::uint16_t kIdleKeepAlive = 60;  // a device would ask for it, so its memory counts

void write_little(std::uint64_t value, std::size_t bytes, std::uint8_t* out) {
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t read_little(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

}  // namespace

void write_stamp(const Stamp& stamp, std::uint8_t* out) {
  write_little(stamp.run, 8, out);
  write_little(stamp.publisher, 4, out + 8);
  write_little(stamp.number, 4, out + 12);
}

Stamp read_stamp(ByteView payload) {
  return {read_little(payload.data(), 8), static_cast<std::uint32_t>(read_little(payload.data() + 8, 4)),
          static_cast<std::uint32_t>(read_little(payload.data() + 12, 4))};
}

LoadClient::LoadClient(Events& events, const LoadOptions& options, std::uint64_t run, ClientRole role)
    : events_(events), options_(options), run_(run), role_(std::move(role)) {}

void LoadClient::start(std::unique_ptr<net::Connection> connection) {
  connection_ = std::move(connection);
  connection_->set_handler(this);
  connection_->set_max_unconsumed(options_.payload_bytes + 1024 * 1024);
  mqtt::Connect connect;
  connect.version = options_.version;
  connect.client_id = role_.client_id;
  connect.keep_alive = options_.mode == LoadMode::idle ? kIdleKeepAlive : std::uint16_t{0};
  send(connect);
}

void LoadClient::stop() {
  if (!connection_) return;
  connection_->set_handler(nullptr);
  connection_->abort();
  connection_.reset();
}

template <class P>
void LoadClient::send(const P& packet) {
  std::array<std::uint8_t, 512> bytes;
  const auto written = mqtt::encode(packet, options_.version, bytes);
  if (!written) return events_.client_failed(std::string(written.error().context));
  connection_->write(ByteView(bytes).first(*written));
}

void LoadClient::send_ack(mqtt::PacketType type, std::uint16_t packet_id) {
  send(mqtt::Ack{type, packet_id, mqtt::ReasonCode::success, {}});
}

void LoadClient::prepare_publish() {
  const std::vector<std::uint8_t> payload(options_.payload_bytes);
  mqtt::Publish publish;
  publish.topic = role_.topic;
  publish.payload = payload;
  publish.qos = options_.qos;
  packet_.resize(mqtt::publish_header_size(publish, options_.version));
  const auto header = mqtt::encode_publish_header(publish, options_.version, packet_);
  if (!header) return events_.client_failed(std::string(header.error().context));
  header_ = *header;
  packet_.insert(packet_.end(), payload.begin(), payload.end());
}

void LoadClient::publish(std::uint32_t count) {
  if (!connection_) return;
  if (packet_.empty()) prepare_publish();
  batch_.clear();
  for (; count > 0; --count, ++sent_) {
    if (options_.qos != mqtt::QoS::at_most_once) mqtt::set_packet_id(packet_, header_, packet_id_of(sent_));
    write_stamp({run_, role_.number, sent_}, packet_.data() + header_.size);
    batch_.insert(batch_.end(), packet_.begin(), packet_.end());
  }
  connection_->write(ByteView(batch_));
}

std::size_t LoadClient::on_data(ByteView bytes) {
  std::size_t used = 0;
  while (connection_) {
    const mqtt::FrameResult frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
    if (frame.status == mqtt::FrameResult::Status::error) events_.client_failed(std::string(frame.why));
    if (frame.status != mqtt::FrameResult::Status::complete) break;
    handle(bytes.subspan(used, frame.length));
    used += frame.length;
  }
  return used;
}

void LoadClient::on_closed(net::CloseReason reason) {
  connection_.reset();
  events_.client_failed("the server ended a connection: " + std::string(net::close_reason_name(reason)));
}

void LoadClient::handle(ByteView frame) {
  if (mqtt::frame_type(frame) == mqtt::PacketType::publish) {
    const auto publish = mqtt::decode_publish(frame, options_.version, mqtt::Sender::server);
    if (!publish) return events_.client_failed(std::string(publish.error().why));
    return handle_publish(*publish);
  }
  const auto packet = mqtt::decode(frame, options_.version, mqtt::Sender::server);
  if (!packet) return events_.client_failed(std::string(packet.error().why));
  if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) return handle_ack(*ack);
  if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) {
    if (connack->reason != mqtt::ReasonCode::success) {
      return events_.client_failed("CONNACK says " + std::string(mqtt::reason_code_name(connack->reason)));
    }
    if (role_.filter.empty()) return events_.client_ready(*this);
    const mqtt::Subscription subscription{.filter = role_.filter, .qos = options_.qos};
    return send(mqtt::Subscribe{kSubscribeId, mqtt::Subscriptions(std::span(&subscription, 1)), {}});
  }
  if (const auto* suback = std::get_if<mqtt::Suback>(&*packet)) {
    if (suback->reason_codes[0] == static_cast<std::uint8_t>(options_.qos))
      return events_.client_ready(*this);
    return events_.client_failed("SUBACK does not grant the QoS");
  }
  if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet)) {
    return events_.client_failed("DISCONNECT says " +
                                 std::string(mqtt::reason_code_name(disconnect->reason)));
  }
}

void LoadClient::handle_publish(const mqtt::Publish& publish) {
  if (publish.qos == mqtt::QoS::at_least_once) send_ack(mqtt::PacketType::puback, publish.packet_id);
  if (publish.qos == mqtt::QoS::exactly_once) send_ack(mqtt::PacketType::pubrec, publish.packet_id);
  events_.client_received(*this, publish.payload);
}

void LoadClient::handle_ack(const mqtt::Ack& ack) {
  if (mqtt::is_error(ack.reason)) {
    return events_.client_failed(std::string(mqtt::packet_type_name(ack.type)) + " says " +
                                 std::string(mqtt::reason_code_name(ack.reason)));
  }
  if (ack.type == mqtt::PacketType::pubrec) return send_ack(mqtt::PacketType::pubrel, ack.packet_id);
  if (ack.type == mqtt::PacketType::pubrel) return send_ack(mqtt::PacketType::pubcomp, ack.packet_id);
  if (ack.packet_id != packet_id_of(confirmed_)) ++confirmed_out_of_order_;
  ++confirmed_;
  events_.client_confirmed(*this);
}

}  // namespace dunlin::bench
