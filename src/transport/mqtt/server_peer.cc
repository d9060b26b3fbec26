// ServerPeer: the connection's events, and what leaves.

#include "transport/mqtt/server_peer.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "net/limits.h"

namespace dunlin::transport {

using mqtt::ReasonCode;

namespace {

/// The short form of PUBACK, PUBREC, PUBREL and PUBCOMP, the same in both versions (MQTT 5.0
/// section 3.4.2.1), without the detour over every kind of packet. frame_length() has checked the fixed
/// header; what is odd is left to decode().
std::optional<mqtt::Ack> plain_ack(ByteView frame) {
  const mqtt::PacketType type = mqtt::frame_type(frame);
  if (frame.size() != 4 || type < mqtt::PacketType::puback || type > mqtt::PacketType::pubcomp) return {};
  const auto packet_id = static_cast<std::uint16_t>(frame[2] << 8 | frame[3]);
  if (packet_id == 0) return {};
  return mqtt::Ack{type, packet_id, ReasonCode::success, {}};
}

std::string_view word_of(net::CloseReason reason) {
  if (reason == net::CloseReason::local_closed) return "protocol_error";
  return reason == net::CloseReason::timed_out ? "timed_out" : "connection_lost";
}

}  // namespace

void ServerPeer::on_closed(net::CloseReason reason) {
  close_session(word_of(reason), hub::Session::WillFate::publish);
  lane_.forget(id_);  // destroys this object and the connection
}

void ServerPeer::handle(ByteView frame) {
  using mqtt::PacketType;
  if (mqtt::frame_type(frame) == PacketType::publish) {
    if (publish_plainly(frame)) return;
    const auto publish = mqtt::decode_publish(frame, version_, mqtt::Sender::client);
    if (!publish) return fail(publish.error().reason, publish.error().why);
    lane_.metrics.publish_bytes_in.add(static_cast<std::int64_t>(frame.size()));
    conduct().add_message(frame.size());
    return handle_publish(*publish);
  }
  if (const auto ack = plain_ack(frame)) return handle_ack(*ack);
  // MQTT 5.0 section 3.1.0, whatever is wrong with it: not every reason that a CONNECT may be refused with is
  // one of DISCONNECT.
  if (mqtt::frame_type(frame) == PacketType::connect)
    return fail(ReasonCode::protocol_error, "a second CONNECT");
  const auto packet = mqtt::decode(frame, version_, mqtt::Sender::client);
  if (!packet) return fail(packet.error().reason, packet.error().why);
  if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) return handle_ack(*ack);
  if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&*packet)) return handle_subscribe(*subscribe);
  if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&*packet))
    return handle_unsubscribe(*unsubscribe);
  if (std::holds_alternative<mqtt::Pingreq>(*packet)) return send(mqtt::Pingresp{});
  if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&*packet)) return handle_disconnect(*disconnect);
  if (const auto* auth = std::get_if<mqtt::Auth>(&*packet)) return handle_auth(*auth);
  fail(ReasonCode::protocol_error, "a packet that only servers send");
}

void ServerPeer::handle_disconnect(const mqtt::Disconnect& disconnect) {
  const auto expiry = disconnect.properties.session_expiry_interval;
  if (expiry && *expiry != 0 && granted_expiry_ == 0) {
    return fail(ReasonCode::protocol_error, "the session expiry was 0 at CONNECT");  // section 3.14.2.2.2
  }
  const bool normal = disconnect.reason == ReasonCode::normal_disconnection;
  close_session("disconnected", normal ? hub::Session::WillFate::discard : hub::Session::WillFate::publish,
                expiry);
  state_ = State::closing;
  connection_->close();
}

void ServerPeer::close_session(std::string_view word, hub::Session::WillFate will,
                               std::optional<std::uint32_t> expiry) {
  if (session_ == nullptr) return;
  lane_.end_conduct(*this);
  std::exchange(session_, nullptr)->close({std::string(word), will, expiry});
}

void ServerPeer::log_refusal(ReasonCode reason, std::string_view why) {
  lane_.metrics.refusal(reason).add();
  std::string_view client_id;
  if (request_) client_id = request_->client_id;
  if (session_ != nullptr) client_id = session_->client_id();
  const net::PeerInfo& peer = connection_->peer();
  if (!peer.process.empty()) {
    return log::refusal("transport/mqtt", "refused", peer.address.host,
                        {{"reason", mqtt::reason_code_name(reason)},
                         {"why", why},
                         {"client_id", client_id},
                         {"process", peer.process}});
  }
  log::refusal("transport/mqtt", "refused", peer.address.host,
               {{"reason", mqtt::reason_code_name(reason)}, {"why", why}, {"client_id", client_id}});
}

void ServerPeer::fail(ReasonCode reason, std::string_view why, std::string_view word) {
  if (state_ == State::closing) return;
  log_refusal(reason, why);
  tell_refusal(kind_of(reason), why);
  if (state_ == State::open && v5()) {
    mqtt::Disconnect disconnect{reason, {}};
    disconnect.properties.reason_string = why;
    send(disconnect);
  }
  state_ = State::closing;
  close_session(word, hub::Session::WillFate::publish);
  connection_->close();
}

void ServerPeer::trace(hub::TraceKind kind, std::string_view topic, std::string_view detail,
                       hub::QoS qos) const {
  const Principal* principal = session_ != nullptr ? session_->principal().get() : nullptr;
  if (principal == nullptr && request_) principal = request_->principal.get();
  hub::TracePoint point;
  point.kind = kind;
  point.topic = topic;
  point.detail = detail;
  point.qos = qos;
  // Who has not been recognised belongs to nobody else.
  point.tenant = principal != nullptr ? principal->tenant : kDefaultTenant;
  if (session_ != nullptr) {
    point.client_id = session_->client_id();
  } else if (request_) {
    point.client_id = request_->client_id;
  }
  lane_.server.hub().tracer().report(point, lane_.executor.wall_now());
}

// ---- hub::SessionLink ----

void ServerPeer::deliver(const hub::Outbound& publish, hub::EncodingCache& cache) {
  const bool free = receives_ == Receives::all && lane_.rights_are_settled();
  if (!free && !may_receive(publish.message.topic.text())) [[unlikely]] {
    lane_.metrics.dropped_not_received.add();
    return discard(publish, hub::DropReason::not_authorized);
  }
  const TopicAliases::Choice alias =
      outbound_aliases_maximum_ == 0 ? TopicAliases::Choice{} : choose_alias(publish);
  const std::size_t sent = lane_.writer.write(
      *connection_, publish, {version_, max_packet_bytes_, lane_.executor.wall_now(), alias}, cache);
  if (sent > 0) {
    if (alias.alias != 0) outbound_aliases_->sent(alias, publish.message.topic.text());
    lane_.metrics.bytes_out.add(static_cast<std::int64_t>(sent));
    lane_.metrics.messages_out[static_cast<std::size_t>(publish.qos)]->add();
    return;
  }
  // MQTT 5.0 section 3.1.2.11.4: discarded, and then treated as if it had been sent and answered.
  lane_.metrics.dropped_too_large.add();
  discard(publish, hub::DropReason::packet_too_large);
}

void ServerPeer::discard(const hub::Outbound& publish, hub::DropReason reason) {
  lane_.executor.post(
      [&lane = lane_, id = id_, reason, packet_id = publish.packet_id,
       message = publish.shared != nullptr ? *publish.shared : hub::keep_message(publish.message)] {
        ServerPeer* peer = lane.find(id);
        if (peer == nullptr || peer->session_ == nullptr) return;
        peer->session_->dropped(reason, *message);
        if (packet_id != 0) peer->session_->acknowledged(packet_id);
      });
}

TopicAliases::Choice ServerPeer::choose_alias(const hub::Outbound& publish) {
  if (!outbound_aliases_) outbound_aliases_ = std::make_unique<TopicAliases>(outbound_aliases_maximum_);
  const TopicAliases::Choice choice = outbound_aliases_->choose(publish.message.topic.text());
  if (choice.topic == TopicAliases::Choice::Topic::left_out) lane_.metrics.topics_left_out.add();
  return choice;
}

void ServerPeer::release(std::uint16_t packet_id) {
  send_ack(mqtt::PacketType::pubrel, packet_id, ReasonCode::success);
}

bool ServerPeer::can_take() const {
  return connection_->pending_output() <= net::kOutputHighMark;
}

void ServerPeer::pause() {
  held_ = true;
}

void ServerPeer::resume() {
  held_ = false;
  // The end of the session lets go of what it held, too: behind DISCONNECT nothing is sent (MQTT 5.0 section
  // 3.14.4).
  if (!publishing_ || state_ != State::open) return;
  for (const HeldAck& ack : std::exchange(publishing_->held_acks, {}))
    answer(ack.type, ack.packet_id, ack.reason);
}

void ServerPeer::ended(hub::EndReason reason, std::string_view detail) {
  session_ = nullptr;
  lane_.end_conduct(*this);
  if (state_ == State::closing) return;
  ReasonCode code = ReasonCode::administrative_action;
  if (reason == hub::EndReason::taken_over) code = ReasonCode::session_taken_over;
  if (reason == hub::EndReason::shutdown) code = ReasonCode::server_shutting_down;
  if (reason == hub::EndReason::slow_consumer || reason == hub::EndReason::queue_full)
    code = ReasonCode::quota_exceeded;
  if (state_ == State::authenticating) return refuse_connect(ReasonCode::server_unavailable, detail);
  if (v5()) {
    mqtt::Disconnect disconnect{code, {}};
    disconnect.properties.reason_string = detail;
    send(disconnect);
  }
  state_ = State::closing;
  connection_->close();
}

hub::LinkInfo ServerPeer::describe() const {
  hub::LinkInfo info;
  info.transport = connection_->peer().transport;
  info.version = v5() ? "5.0" : "3.1.1";
  info.keep_alive_seconds = static_cast<std::uint32_t>(keep_alive_ms_ / 1500);
  info.max_packet_bytes = max_packet_bytes_;
  info.output_bytes = connection_->pending_output();
  info.silent_for = lane_.executor.now() - last_packet_;
  return info;
}

// ---- output ----

template <class P>
void ServerPeer::send(const P& packet) {
  std::array<std::uint8_t, 512> small;
  std::vector<std::uint8_t> large;
  ByteView bytes;
  if (const auto written = mqtt::encode(packet, version_, MutableByteView(small)); written) {
    bytes = ByteView(small).first(*written);
  } else {
    large.resize(mqtt::encoded_size(packet, version_));
    const auto long_form = mqtt::encode(packet, version_, MutableByteView(large));
    if (!DUNLIN_EXPECT(long_form.has_value())) return;
    bytes = ByteView(large).first(*long_form);
  }
  if (bytes.size() <= max_packet_bytes_) {
    count_control(bytes.size());
    return connection_->write(bytes);
  }
  // MQTT 5.0 sections 3.2.2.3.9 and 3.14.2.2.3: a reason string must not make the packet too long.
  if constexpr (requires { packet.properties.reason_string; }) {
    if (!packet.properties.reason_string) return;
    P shorter = packet;
    shorter.properties.reason_string.reset();
    send(shorter);
  }
}

template void ServerPeer::send(const mqtt::Auth&);
template void ServerPeer::send(const mqtt::Connack&);
template void ServerPeer::send(const mqtt::Suback&);
template void ServerPeer::send(const mqtt::Unsuback&);

void ServerPeer::count_control(std::size_t bytes) {
  lane_.metrics.control_packets_out.add();
  lane_.metrics.control_bytes_out.add(static_cast<std::int64_t>(bytes));
  answered_bytes_ += static_cast<std::uint32_t>(bytes);
}

void ServerPeer::send_ack(mqtt::PacketType type, std::uint16_t packet_id, ReasonCode reason) {
  if (v5() && reason != ReasonCode::success) return send(mqtt::Ack{type, packet_id, reason, {}});
  // Both versions, MQTT 5.0 section 3.4.2.1: the reason may be left out of a success.
  const auto first = static_cast<std::uint8_t>((static_cast<unsigned>(type) << 4) |
                                               (type == mqtt::PacketType::pubrel ? 2U : 0U));
  count_control(4);
  const std::array<std::uint8_t, 4> bytes{first, 2, static_cast<std::uint8_t>(packet_id >> 8),
                                          static_cast<std::uint8_t>(packet_id)};
  connection_->write(ByteView(bytes));
}

void ServerPeer::answer(mqtt::PacketType type, std::uint16_t packet_id, ReasonCode reason) {
  if (held_) return publishing().held_acks.push_back({type, packet_id, reason});
  if (type == mqtt::PacketType::puback) {
    DUNLIN_ASSERT(unanswered_ > 0);
    --unanswered_;
  }
  send_ack(type, packet_id, reason);
  account_inbound();
}

}  // namespace dunlin::transport
