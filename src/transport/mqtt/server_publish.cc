// ServerPeer: publishes, acknowledgements and subscriptions.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "hub/topic.h"
#include "transport/mqtt/server_peer.h"
#include "wire/mqtt/topic.h"

namespace dunlin::transport {
namespace {

using mqtt::PacketType;
using mqtt::ReasonCode;

ReasonCode publish_reason(Errc code) {
  switch (code) {
    case Errc::no_space:
    case Errc::limit_exceeded:
    case Errc::unavailable:
      return ReasonCode::quota_exceeded;
    default:
      return ReasonCode::unspecified_error;
  }
}

hub::SubscriptionOptions hub_options(const mqtt::Subscription& subscription, std::uint32_t identifier) {
  using Options = hub::SubscriptionOptions;
  Options options;
  options.qos = static_cast<hub::QoS>(subscription.qos);
  options.no_local = subscription.no_local ? Options::NoLocal::yes : Options::NoLocal::no;
  options.retain_as_published =
      subscription.retain_as_published ? Options::RetainAsPublished::yes : Options::RetainAsPublished::no;
  options.identifier = identifier;
  return options;
}

}  // namespace

ServerPeer::KnownTopic& ServerPeer::topic_slot(std::string_view topic) {
  static_assert(kAuthorizedTopics <= 256);
  if (topics_.empty()) topics_.resize(kAuthorizedTopics);
  if (topics_[last_topic_].topic.text() != topic)
    last_topic_ = static_cast<std::uint8_t>(hub::stable_hash(topic) % kAuthorizedTopics);
  return topics_[last_topic_];
}

ServerPeer::KnownTopic& ServerPeer::known_topic(std::string_view topic, const Slice* shared) {
  KnownTopic& known = topic_slot(topic);
  const Instant now = lane_.executor.now();
  const bool same = known.topic.text() == topic;
  if (same && known.verdict != Verdict::unknown && now - known.at < kAuthorizationLifetime) return known;
  if (!same) known.topic = shared != nullptr ? *shared : Slice::copy_of(topic);
  known.at = now;
  const Result<void> may = lane_.server.authorize()(*session_->principal(), hub::Action::publish, topic);
  known.verdict = may ? Verdict::allowed : Verdict::refused;
  if (!may) log_refusal(ReasonCode::not_authorized, may.error().message);
  return known;
}

bool ServerPeer::resolve_alias(const mqtt::Publish& publish, Slice& topic) {
  const std::uint16_t alias = *publish.properties.topic_alias;
  if (alias > lane_.server.limits().topic_alias_maximum) return false;
  if (aliases_.size() < alias) aliases_.resize(alias);
  Slice& known = aliases_[alias - 1U];
  if (!publish.topic.empty()) known = Slice::copy_of(publish.topic);
  topic = known;
  return !known.empty();
}

void ServerPeer::handle_publish(const mqtt::Publish& publish) {
  lane_.metrics.messages_in[static_cast<std::size_t>(publish.qos)]->add();
  Slice aliased;
  if (publish.properties.topic_alias && !resolve_alias(publish, aliased)) {
    return fail(ReasonCode::topic_alias_invalid, "the topic alias is past the maximum or not known");
  }
  const bool is_aliased = !aliased.empty();
  const KnownTopic& known =
      known_topic(is_aliased ? aliased.text() : publish.topic, is_aliased ? &aliased : nullptr);
  if (known.verdict == Verdict::refused) return refuse_publish(publish);
  hub::Message message;
  message.topic = known.topic;
  message.payload = Slice::copy_of(publish.payload);
  message.properties = hub_properties(publish.properties);
  message.qos = static_cast<hub::QoS>(publish.qos);
  message.retain = publish.retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
  if (publish.qos == mqtt::QoS::at_most_once) return session_->publish(std::move(message), 0, {});
  const PacketType answer_type =
      publish.qos == mqtt::QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
  if (answer_type == PacketType::puback) ++unanswered_;
  session_->publish(std::move(message), publish.packet_id,
                    [this, answer_type, packet_id = publish.packet_id](Result<void> result) {
                      published(answer_type, packet_id, std::move(result));
                    });
  account_inbound();
}

void ServerPeer::refuse_publish(const mqtt::Publish& publish) {
  lane_.metrics.dropped_not_authorized.add();
  if (publish.qos == mqtt::QoS::at_most_once) return;
  // MQTT 3.1.1 section 3.3.5 has no negative answer: the publish is acknowledged and goes nowhere.
  const ReasonCode reason = v5() ? ReasonCode::not_authorized : ReasonCode::success;
  if (publish.qos == mqtt::QoS::at_least_once) return send_ack(PacketType::puback, publish.packet_id, reason);
  send_ack(PacketType::pubrec, publish.packet_id, reason);
}

void ServerPeer::published(PacketType type, std::uint16_t packet_id, Result<void> result) {
  if (state_ != State::open) return;
  if (result) return answer(type, packet_id, ReasonCode::success);
  const ReasonCode reason = publish_reason(result.error().code);
  lane_.metrics.refusal(reason).add();
  // MQTT 3.1.1 cannot say that the message was not taken: closing without an answer makes the client send it
  // again.
  if (!v5()) return fail(reason, result.error().message);
  answer(type, packet_id, reason);
}

void ServerPeer::account_inbound() {
  if (session_ == nullptr) return;
  const ServerLimits& limits = lane_.server.limits();
  const std::size_t under_way = unanswered_ + session_->open_exchanges();
  if (v5()) {
    // MQTT 5.0 section 3.3.4: the client has sent more than the announced maximum.
    if (under_way > limits.receive_maximum)
      fail(ReasonCode::receive_maximum_exceeded, "too many publishes without an answer");
    return;
  }
  if (!reading_paused_ && under_way > limits.v3_inbound_in_flight) {
    reading_paused_ = true;
    connection_->pause_reading();
  } else if (reading_paused_ && under_way <= limits.v3_inbound_in_flight / 2U) {
    reading_paused_ = false;
    connection_->resume_reading();
  }
}

void ServerPeer::handle_ack(const mqtt::Ack& ack) {
  switch (ack.type) {
    case PacketType::puback:
      session_->acknowledged(ack.packet_id);
      return;
    case PacketType::pubrec:
      if (mqtt::is_error(ack.reason)) {
        session_->acknowledged(ack.packet_id);
      } else if (!session_->received(ack.packet_id)) {
        // MQTT 5.0 section 4.3.3: an id that is not known is answered all the same, so that the peer can let
        // go of it.
        send_ack(PacketType::pubrel, ack.packet_id, ReasonCode::packet_identifier_not_found);
      }
      return;
    case PacketType::pubcomp:
      session_->completed(ack.packet_id);
      return;
    case PacketType::pubrel:
      return handle_release(ack.packet_id);
    default:
      return fail(ReasonCode::protocol_error, "an acknowledgement of no kind");
  }
}

void ServerPeer::handle_release(std::uint16_t packet_id) {
  session_->release(packet_id, [this, packet_id](Result<void> result) {
    if (state_ != State::open) return;
    if (result) {
      send_ack(PacketType::pubcomp, packet_id, ReasonCode::success);
      return account_inbound();
    }
    if (result.error().code == Errc::not_found) {
      return send_ack(PacketType::pubcomp, packet_id, ReasonCode::packet_identifier_not_found);
    }
    fail(publish_reason(result.error().code), result.error().message);
  });
}

ReasonCode ServerPeer::judge_subscription(const mqtt::Subscription& subscription) {
  if (mqtt::parse_shared_filter(subscription.filter)) return ReasonCode::shared_subscriptions_not_supported;
  if (!hub::check_filter(subscription.filter)) return ReasonCode::topic_filter_invalid;
  const Result<void> may =
      lane_.server.authorize()(*session_->principal(), hub::Action::subscribe, subscription.filter);
  if (may) return static_cast<ReasonCode>(subscription.qos);
  log_refusal(ReasonCode::not_authorized, may.error().message);
  return ReasonCode::not_authorized;
}

void ServerPeer::handle_subscribe(const mqtt::Subscribe& subscribe) {
  const std::uint32_t identifier = subscribe.properties.subscription_identifier.value_or(0);
  std::vector<std::uint8_t> codes;
  std::vector<hub::SubscribeRequest> requests;
  std::vector<std::size_t> places;  // of each request among the codes
  for (const mqtt::Subscription& subscription : subscribe.subscriptions) {
    const ReasonCode code = judge_subscription(subscription);
    if (!mqtt::is_error(code)) {
      using Handling = hub::SubscribeRequest::RetainHandling;
      hub::SubscriptionOptions options = hub_options(subscription, identifier);
      if (kind_ == ConnectRequest::Kind::bridge) {
        // What MQTT 5 asks for in the subscription, a bridge of 3.1.1 says of itself as a whole.
        options.no_local = hub::SubscriptionOptions::NoLocal::yes;
        options.retain_as_published = hub::SubscriptionOptions::RetainAsPublished::yes;
      }
      requests.push_back(
          {std::string(subscription.filter), options, static_cast<Handling>(subscription.retain_handling)});
      places.push_back(codes.size());
    }
    codes.push_back(static_cast<std::uint8_t>(code));
  }
  session_->subscribe(std::move(requests),
                      [this, codes = std::move(codes), places = std::move(places),
                       packet_id = subscribe.packet_id](const std::vector<Result<void>>& results) mutable {
                        for (std::size_t i = 0; i < results.size(); ++i) {
                          if (!results[i])
                            codes[places[i]] = static_cast<std::uint8_t>(ReasonCode::quota_exceeded);
                        }
                        send(mqtt::Suback{packet_id, codes, {}});
                      });
}

void ServerPeer::handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe) {
  std::vector<std::string> filters;
  for (const std::string_view filter : unsubscribe.filters) filters.emplace_back(filter);
  session_->unsubscribe(filters, [this, packet_id = unsubscribe.packet_id](const std::vector<bool>& existed) {
    std::vector<std::uint8_t> codes;
    codes.reserve(existed.size());
    for (const bool known : existed) {
      codes.push_back(
          static_cast<std::uint8_t>(known ? ReasonCode::success : ReasonCode::no_subscription_existed));
    }
    send(mqtt::Unsuback{packet_id, codes, {}});
  });
}

}  // namespace dunlin::transport
