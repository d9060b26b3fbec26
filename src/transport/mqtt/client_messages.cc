// MqttClient: messages out and in.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "net/limits.h"
#include "transport/mqtt/client.h"
#include "transport/mqtt/publish_bytes.h"
#include "wire/mqtt/topic.h"

namespace dunlin::transport {
namespace {

using mqtt::PacketType;
using mqtt::ReasonCode;

std::size_t size_of(const ClientMessage& message) {
  return message.topic.size() + message.payload.size();
}

Result<void> result_of(ReasonCode reason) {
  if (!mqtt::is_error(reason)) return {};
  const std::string text = "the server refused: " + std::string(mqtt::reason_code_name(reason));
  if (reason == ReasonCode::not_authorized) return fail(Errc::permission_denied, text);
  return fail(Errc::unavailable, text);
}

}  // namespace

void MqttClient::publish(ClientMessage message, PublishDone done, Exchange exchange) {
  const auto answer = [&done](Result<void> result) {
    if (done) done(std::move(result));
  };
  if (mqtt::check_topic_name(message.topic.text()) != mqtt::TopicFault::none) {
    return answer(fail(Errc::invalid_argument, "not a valid topic"));
  }
  if (message.qos == hub::QoS::at_most_once) {
    const bool ready = state_ == ClientState::online && connection_->pending_output() <= net::kOutputHighMark;
    if (!ready) return answer(fail(Errc::unavailable, "not connected, or the connection cannot follow"));
    Outgoing outgoing{.message = std::move(message), .done = {}};
    lower(outgoing.message);
    if (Result<void> sendable = check_sendable(outgoing); !sendable) return answer(std::move(sendable));
    send_publish(outgoing);
    return answer({});
  }
  if (queue_full()) return answer(fail(Errc::limit_exceeded, "too many messages are waiting"));
  queued_bytes_ += size_of(message);
  Outgoing outgoing{.message = std::move(message), .done = std::move(done), .packet_id = exchange.packet_id};
  outgoing.tag = exchange.tag;
  if (exchange.packet_id != 0) {
    // An earlier process may have sent it.
    outgoing.sent = Outgoing::Sent::before;
    if (exchange.step == Exchange::Step::received) outgoing.step = Outgoing::Step::release;
  }
  queue_.push_back(std::move(outgoing));
  send_queued();
}

std::uint16_t MqttClient::next_packet_id() {
  const auto in_use = [this](std::uint16_t id) {
    return subscribing_.contains(id) || reserved_.contains(id) ||
           std::ranges::any_of(in_flight_,
                               [id](const Outgoing& outgoing) { return outgoing.packet_id == id; });
  };
  do {
    if (++last_packet_id_ == 0) last_packet_id_ = 1;
  } while (in_use(last_packet_id_));
  return last_packet_id_;
}

void MqttClient::send_queued() {
  if (state_ != ClientState::online) return;
  send_again();
  while (!queue_.empty() && sent_in_flight_ == in_flight_.size() && in_flight_.size() < window_ &&
         connection_->pending_output() <= net::kOutputHighMark) {
    Outgoing next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= size_of(next.message);
    if (next.packet_id == 0) lower(next.message);
    if (Result<void> sendable = check_sendable(next); !sendable) {
      if (next.done) {
        executor_.post([done = std::move(next.done), sendable = std::move(sendable)]() mutable {
          done(std::move(sendable));
        });
      }
      continue;
    }
    begin(std::move(next));
  }
}

/// What the server cannot take (MQTT 5.0 sections 3.2.2.3.4 and 3.2.2.3.5), where that is wished for.
void MqttClient::lower(ClientMessage& message) const {
  if (options_.unsupported == ClientOptions::Unsupported::refuse) return;
  if (!server_retains_) message.retain = hub::Message::Retain::no;
  message.qos = std::min(message.qos, static_cast<hub::QoS>(server_max_qos_));
}

void MqttClient::begin(Outgoing next) {
  if (next.packet_id != 0) {
    reserved_.erase(next.packet_id);
    in_flight_.push_back(std::move(next));
    ++sent_in_flight_;
    Outgoing& resumed = in_flight_.back();
    if (resumed.step == Outgoing::Step::release) return send_ack(PacketType::pubrel, resumed.packet_id);
    return send_publish(resumed);
  }
  if (next.message.qos == hub::QoS::at_most_once) {  // lowered: nothing is left to acknowledge
    send_publish(next);
    if (next.done) executor_.post([done = std::move(next.done)]() mutable { done({}); });
    return;
  }
  next.packet_id = next_packet_id();
  in_flight_.push_back(std::move(next));
  ++sent_in_flight_;
  Outgoing& entry = in_flight_.back();
  if (options_.exchanges == nullptr || entry.message.qos != hub::QoS::exactly_once)
    return send_publish(entry);
  entry.step = Outgoing::Step::storing;
  const std::uint64_t tag = entry.tag;
  const std::uint16_t packet_id = entry.packet_id;
  options_.exchanges->assigned(tag, packet_id,
                               [this, alive = std::weak_ptr<const bool>(alive_), tag, packet_id] {
                                 if (!alive.expired()) stored(tag, packet_id);
                               });
}

MqttClient::Outgoing* MqttClient::find(std::uint64_t tag, std::uint16_t packet_id) {
  const auto entry = std::ranges::find(in_flight_, packet_id, &Outgoing::packet_id);
  return entry == in_flight_.end() || entry->tag != tag ? nullptr : &*entry;
}

void MqttClient::stored(std::uint64_t tag, std::uint16_t packet_id) {
  Outgoing* entry = find(tag, packet_id);
  if (entry == nullptr) return;
  // One that an earlier connection left has its turn in send_again().
  const auto place = static_cast<std::size_t>(std::ranges::find(in_flight_, packet_id, &Outgoing::packet_id) -
                                              in_flight_.begin());
  const bool online = state_ == ClientState::online && place < sent_in_flight_;
  if (entry->step == Outgoing::Step::storing) {
    entry->step = Outgoing::Step::publish;
    if (online) send_publish(*entry);
  } else if (entry->step == Outgoing::Step::storing_release) {
    entry->step = Outgoing::Step::release;
    if (online) send_ack(PacketType::pubrel, packet_id);
  }
}

namespace {

/// Points into the message and into `user`.
mqtt::Publish publish_packet(const ClientMessage& message, mqtt::ProtocolVersion version,
                             std::vector<mqtt::UserProperty>& user) {
  mqtt::Publish publish;
  publish.topic = message.topic.text();
  publish.payload = message.payload.view();
  publish.qos = static_cast<mqtt::QoS>(message.qos);
  publish.retain = message.retain == hub::Message::Retain::yes;
  if (message.properties && version == mqtt::ProtocolVersion::v5) {
    const hub::Properties& from = *message.properties;
    publish.properties.payload_format_indicator = from.payload_format;
    publish.properties.message_expiry_interval = from.expiry_seconds;
    if (!from.content_type.empty()) publish.properties.content_type = from.content_type;
    if (!from.response_topic.empty()) publish.properties.response_topic = from.response_topic;
    if (!from.correlation_data.empty()) publish.properties.correlation_data = as_bytes(from.correlation_data);
    for (const auto& [key, value] : from.user) user.push_back({key, value});
    publish.properties.user = mqtt::UserProperties(user);
  }
  return publish;
}

}  // namespace

void MqttClient::send_publish(Outgoing& outgoing) {
  std::vector<mqtt::UserProperty> user;
  mqtt::Publish publish = publish_packet(outgoing.message, dialect_.version, user);
  publish.packet_id = outgoing.packet_id;
  publish.dup = outgoing.sent == Outgoing::Sent::before;
  outgoing.sent = Outgoing::Sent::now;
  send(publish);
}

/// MQTT 5.0 sections 3.2.2.3.4 to 3.2.2.3.6: what the server does not take is not sent.
Result<void> MqttClient::check_sendable(const Outgoing& outgoing) const {
  std::vector<mqtt::UserProperty> user;
  mqtt::Publish publish = publish_packet(outgoing.message, dialect_.version, user);
  if (publish.qos > server_max_qos_) return fail(Errc::unavailable, "the server does not take this QoS");
  if (publish.retain && !server_retains_) return fail(Errc::unavailable, "the server retains no messages");
  publish.packet_id = 1;  // any one: they are all of one size
  if (mqtt::encoded_size(publish, dialect_.version) > server_max_packet_)
    return fail(Errc::limit_exceeded, "larger than the server takes");
  return {};
}

void MqttClient::resume_session(bool session_present) {
  if (!session_present) {
    incoming_.clear();
    pubrecs_due_.clear();
    ++session_number_;
    for (const auto& [filter, wanted] : subscriptions_) send_subscribe(filter, wanted.options);
    // The server has forgotten: what it had taken (PUBREC) is done, the rest is sent as if for the first
    // time.
    std::vector<PublishDone> taken;
    std::erase_if(in_flight_, [&](Outgoing& outgoing) {
      const bool theirs =
          outgoing.step == Outgoing::Step::release || outgoing.step == Outgoing::Step::storing_release;
      if (!theirs) return false;
      if (outgoing.done) taken.push_back(std::move(outgoing.done));
      return true;
    });
    for (Outgoing& outgoing : in_flight_) outgoing.sent = Outgoing::Sent::never;
    for (PublishDone& done : taken) executor_.post([done = std::move(done)]() mutable { done({}); });
  } else {
    for (const auto& [filter, wanted] : subscriptions_) {
      if (wanted.done) send_subscribe(filter, wanted.options);  // asked for while offline, or not answered
    }
  }
  send_queued();
}

/// Of what an earlier connection left: as much as the server's receive maximum allows.
void MqttClient::send_again() {
  while (sent_in_flight_ < std::min(in_flight_.size(), window_)) {
    Outgoing& outgoing = in_flight_[sent_in_flight_++];
    if (outgoing.step == Outgoing::Step::publish) {
      send_publish(outgoing);
    } else if (outgoing.step == Outgoing::Step::release) {
      send_ack(PacketType::pubrel, outgoing.packet_id);
    }
  }
}

void MqttClient::send_ack(PacketType type, std::uint16_t packet_id) {
  send(mqtt::Ack{type, packet_id, ReasonCode::success, {}});
}

void MqttClient::finish(std::deque<Outgoing>::iterator entry, Result<void> result) {
  PublishDone done = std::move(entry->done);
  if (static_cast<std::size_t>(entry - in_flight_.begin()) < sent_in_flight_) --sent_in_flight_;
  in_flight_.erase(entry);
  send_queued();
  if (done) done(std::move(result));
}

void MqttClient::handle_ack(const mqtt::Ack& ack) {
  if (ack.type == PacketType::pubrel) {
    incoming_.erase(ack.packet_id);
    if (!on_release_) return send_ack(PacketType::pubcomp, ack.packet_id);
    return on_release_(ack.packet_id, [this, alive = std::weak_ptr<const bool>(alive_),
                                       number = connection_number_, packet_id = ack.packet_id] {
      if (!alive.expired() && number == connection_number_) send_ack(PacketType::pubcomp, packet_id);
    });
  }
  const auto entry = std::ranges::find(in_flight_, ack.packet_id, &Outgoing::packet_id);
  if (entry == in_flight_.end()) {
    if (ack.type == PacketType::pubrec) send_ack(PacketType::pubrel, ack.packet_id);
    return;
  }
  const bool exactly_once = entry->message.qos == hub::QoS::exactly_once;
  if (ack.type == PacketType::puback && !exactly_once) return finish(entry, result_of(ack.reason));
  if (ack.type == PacketType::pubcomp && entry->step == Outgoing::Step::release) return finish(entry, {});
  if (ack.type != PacketType::pubrec || !exactly_once) return lose("an acknowledgement of the wrong kind");
  if (mqtt::is_error(ack.reason)) return finish(entry, result_of(ack.reason));
  if (entry->step == Outgoing::Step::storing_release) return;  // a second PUBREC
  entry->message.payload = {};
  if (options_.exchanges == nullptr || entry->step == Outgoing::Step::release) {
    entry->step = Outgoing::Step::release;
    return send_ack(PacketType::pubrel, ack.packet_id);
  }
  entry->step = Outgoing::Step::storing_release;
  const std::uint64_t tag = entry->tag;
  options_.exchanges->received(
      tag, ack.packet_id, [this, alive = std::weak_ptr<const bool>(alive_), tag, packet_id = ack.packet_id] {
        if (!alive.expired()) stored(tag, packet_id);
      });
}

void MqttClient::handle_publish(const mqtt::Publish& publish) {
  if (publish.properties.topic_alias) return lose("the server used a topic alias, which was not offered");
  if (publish.qos == mqtt::QoS::exactly_once) {
    const auto [exchange, fresh] = incoming_.emplace(publish.packet_id, Incoming::handling);
    if (!fresh) {
      // One that waits for its turn is answered then.
      const bool waits =
          std::ranges::find(pubrecs_due_, publish.packet_id, &Receipt::packet_id) != pubrecs_due_.end();
      if (exchange->second == Incoming::received && !waits) send_ack(PacketType::pubrec, publish.packet_id);
      return;
    }
  }
  ClientMessage message;
  message.topic = Slice::copy_of(publish.topic);
  message.payload = Slice::copy_of(publish.payload);
  message.qos = static_cast<hub::QoS>(publish.qos);
  message.retain = publish.retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
  message.properties = hub_properties(publish.properties);
  message.packet_id = publish.packet_id;
  const PacketType answer = publish.qos == mqtt::QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
  if (publish.qos != mqtt::QoS::at_most_once) {
    (answer == PacketType::puback ? pubacks_due_ : pubrecs_due_).push_back({publish.packet_id});
  }
  const std::weak_ptr<const bool> alive = alive_;
  const bool exactly_once = publish.qos == mqtt::QoS::exactly_once;
  // A QoS 2 exchange goes on over a new connection of the same session; a QoS 1 message is delivered again.
  const std::uint64_t number = exactly_once ? session_number_ : connection_number_;
  Task handled_task = [this, alive, number, answer, qos = publish.qos, packet_id = publish.packet_id] {
    if (alive.expired() || qos == mqtt::QoS::at_most_once) return;
    handled(number, answer, packet_id);
  };
  if (!on_message_) return handled_task();
  on_message_(std::move(message), std::move(handled_task));
}

void MqttClient::handled(std::uint64_t number, PacketType answer, std::uint16_t packet_id) {
  if (answer == PacketType::pubrec) {
    if (number != session_number_) return;
    incoming_[packet_id] = Incoming::received;
  } else if (number != connection_number_) {
    return;
  }
  auto& due = answer == PacketType::puback ? pubacks_due_ : pubrecs_due_;
  const auto receipt = std::ranges::find_if(
      due, [packet_id](const Receipt& one) { return one.packet_id == packet_id && !one.handled; });
  if (receipt == due.end()) return;
  receipt->handled = true;
  answer_in_order(answer);
}

void MqttClient::answer_in_order(PacketType answer) {
  auto& due = answer == PacketType::puback ? pubacks_due_ : pubrecs_due_;
  while (!due.empty() && due.front().handled) {
    // Offline, a PUBREC is sent when the server asks again.
    if (state_ == ClientState::online) send_ack(answer, due.front().packet_id);
    due.pop_front();
  }
}

void MqttClient::send_subscribe(const std::string& filter, const hub::SubscriptionOptions& options) {
  using Options = hub::SubscriptionOptions;
  mqtt::Subscription subscription;
  subscription.filter = filter;
  subscription.qos = static_cast<mqtt::QoS>(options.qos);
  subscription.no_local = options.no_local == Options::NoLocal::yes;
  subscription.retain_as_published = options.retain_as_published == Options::RetainAsPublished::yes;
  mqtt::Subscribe packet{next_packet_id(), mqtt::Subscriptions(std::span(&subscription, 1)), {}};
  if (options.identifier != 0) packet.properties.subscription_identifier = options.identifier;
  subscribing_.emplace(packet.packet_id, filter);
  send(packet);
}

void MqttClient::subscribe(std::string filter, hub::SubscriptionOptions options, SubscribeDone done) {
  if (mqtt::check_topic_filter(filter) != mqtt::TopicFault::none) {
    if (done) done(fail(Errc::invalid_argument, "not a valid topic filter"));
    return;
  }
  if (!done) done = [](const Result<void>&) {};
  subscriptions_.insert_or_assign(filter, Wanted{options, std::move(done)});
  if (state_ == ClientState::online) send_subscribe(filter, options);
}

void MqttClient::unsubscribe(const std::string& filter) {
  subscriptions_.erase(filter);
  if (state_ != ClientState::online) return;
  const std::string_view view = filter;
  send(mqtt::Unsubscribe{next_packet_id(), mqtt::TopicFilters(std::span(&view, 1)), {}});
}

void MqttClient::handle_suback(const mqtt::Suback& suback) {
  const auto asked = subscribing_.find(suback.packet_id);
  if (asked == subscribing_.end() || suback.reason_codes.size() != 1)
    return lose("a SUBACK that was not asked for");
  const auto wanted = subscriptions_.find(asked->second);
  subscribing_.erase(asked);
  if (wanted == subscriptions_.end() || !wanted->second.done) return;
  SubscribeDone done = std::exchange(wanted->second.done, {});
  const auto reason = static_cast<ReasonCode>(suback.reason_codes[0]);
  if (mqtt::is_error(reason)) subscriptions_.erase(wanted);
  // MQTT 3.1.1 has one code for every refusal; nearly always it is a missing right.
  const bool old = dialect_.version == mqtt::ProtocolVersion::v3_1_1 && mqtt::is_error(reason);
  done(result_of(old ? ReasonCode::not_authorized : reason));
}

}  // namespace dunlin::transport
