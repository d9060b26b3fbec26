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
    case Errc::quota_exceeded:
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

bool is_denied(const std::vector<std::string>& denied, std::string_view filter) {
  if (denied.empty()) return false;
  if (const auto shared = mqtt::parse_shared_filter(filter)) filter = shared->filter;
  return std::ranges::any_of(denied, [&](const std::string& one) { return hub::filter_covers(one, filter); });
}

}  // namespace

ServerPeer::Verdict ServerPeer::verdict_of(const Result<void>& may) {
  if (may) return Verdict::allowed;
  return may.error().code == Errc::conflict ? Verdict::not_for_it : Verdict::refused;
}

ServerPeer::KnownTopic& ServerPeer::topic_slot(std::string_view topic) {
  static_assert(kAuthorizedTopics <= 256);
  Publishing& own = publishing();
  if (own.topics[own.last_topic].topic.text() != topic)
    own.last_topic = static_cast<std::uint8_t>(hub::stable_hash(topic) % kAuthorizedTopics);
  return own.topics[own.last_topic];
}

ServerPeer::KnownTopic& ServerPeer::known_topic(std::string_view topic, const Slice* shared) {
  KnownTopic& known = topic_slot(topic);
  // Before the question: a change in between makes the next one ask again.
  const std::uint64_t verdicts = lane_.server.verdicts();
  const bool same = known.topic.text() == topic;
  if (same && known.verdict != Verdict::unknown && known.verdicts == verdicts) return known;
  if (!same) {
    known.topic = shared != nullptr ? *shared : Slice::copy_of(topic);
    known.route = {};
  }
  known.verdicts = verdicts;
  lane_.work += kAuthorizationWork;
  const Result<void> may = lane_.server.authorize()(*session_->principal(), hub::Action::publish, topic);
  known.verdict = verdict_of(may);
  if (!may) log_refusal(ReasonCode::not_authorized, may.error().message);
  return known;
}

bool ServerPeer::resolve_alias(const mqtt::Publish& publish, Slice& topic) {
  const std::uint16_t alias = *publish.properties.topic_alias;
  if (alias > lane_.server.limits().topic_alias_maximum) return false;
  std::vector<Slice>& aliases = publishing().aliases;
  if (aliases.size() < alias) aliases.resize(alias);
  Slice& known = aliases[alias - 1U];
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
  KnownTopic& known =
      known_topic(is_aliased ? aliased.text() : publish.topic, is_aliased ? &aliased : nullptr);
  if (known.verdict != Verdict::allowed) return refuse_publish(publish, known.verdict);
  hub::Message& message = publishing_->message;
  message.payload = Slice::borrowed(publish.payload);
  message.properties = hub_properties(publish.properties);
  message.qos = static_cast<hub::QoS>(publish.qos);
  message.retain = publish.retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
  ServerPeer::publish(known, publish.packet_id);
}

/// Publishes what is in publishing_->message, but for its topic.
void ServerPeer::publish(KnownTopic& known, std::uint16_t packet_id) {
  hub::Message& message = publishing_->message;
  if (message.topic.data() != known.topic.data()) message.topic = known.topic;
  if (message.qos == hub::QoS::at_most_once) return session_->publish_at_once(message, known.route);
  const PacketType answer_type =
      message.qos == hub::QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
  if (answer_type == PacketType::puback) ++unanswered_;
  session_->publish(message, packet_id, &known.route, [this, answer_type, packet_id](Result<void> result) {
    published(answer_type, packet_id, std::move(result));
  });
  account_inbound();
}

std::optional<ServerPeer::PlainPublish> ServerPeer::plain_publish(ByteView frame) const {
  const std::uint8_t* at = frame.data() + 1;
  const std::uint8_t* const end = frame.data() + frame.size();
  while (at < end && (*at & 0x80) != 0) ++at;  // frame_length() has checked the fixed header's length
  ++at;
  const auto qos = static_cast<unsigned>(frame[0] >> 1) & 3U;
  if (qos > 2 || (qos == 0 && (frame[0] & 8) != 0) || end - at < 2) return std::nullopt;
  const std::size_t topic_size = static_cast<std::size_t>(at[0]) << 8 | at[1];
  const std::size_t rest = topic_size + (qos == 0 ? 0U : 2U) + (v5() ? 1U : 0U);
  at += 2;
  if (static_cast<std::size_t>(end - at) < rest) return std::nullopt;
  PlainPublish publish;
  publish.topic = as_text(ByteView(at, topic_size));
  publish.packet_id = 0;
  at += topic_size;
  if (qos != 0) {
    publish.packet_id = static_cast<std::uint16_t>(at[0] << 8 | at[1]);
    if (publish.packet_id == 0) return std::nullopt;
    at += 2;
  }
  if (v5() && *at++ != 0) return std::nullopt;
  publish.payload = ByteView(at, end);
  publish.qos = static_cast<hub::QoS>(qos);
  publish.retain = (frame[0] & 1) != 0 ? hub::Message::Retain::yes : hub::Message::Retain::no;
  return publish;
}

/// The short way for a PUBLISH without properties to a topic that this peer has just published to. False:
/// it is something else, or odd, and the decoder has to say what.
bool ServerPeer::publish_plainly(ByteView frame) {
  if (!publishing_) return false;
  const std::optional<PlainPublish> publish = plain_publish(frame);
  if (!publish) return false;
  KnownTopic& known = publishing_->topics[publishing_->last_topic];
  if (known.verdict != Verdict::allowed || known.topic.text() != publish->topic ||
      known.verdicts != lane_.server.verdicts())
    return false;
  lane_.metrics.messages_in[static_cast<std::size_t>(publish->qos)]->add();
  lane_.metrics.publish_bytes_in.add(static_cast<std::int64_t>(frame.size()));
  conduct().add_message(frame.size());
  hub::Message& message = publishing_->message;
  message.payload = Slice::borrowed(publish->payload);
  message.properties.reset();
  message.qos = publish->qos;
  message.retain = publish->retain;
  ServerPeer::publish(known, publish->packet_id);
  return true;
}

/// What is refused for the sake of another thing says nothing of how this one behaves.
void ServerPeer::refuse_publish(const mqtt::Publish& publish, Verdict verdict) {
  const bool of_its_own = verdict == Verdict::refused;
  (of_its_own ? lane_.metrics.dropped_not_authorized : lane_.metrics.dropped_spoken_for).add();
  if (of_its_own) ++conduct().refusals;
  tell_denied(RefusalKind::publish_denied, publishing().topics[publishing().last_topic].topic.text());
  if (traced()) [[unlikely]]
    trace(hub::TraceKind::publish_refused, publishing().topics[publishing().last_topic].topic.text(),
          "not_authorized", static_cast<hub::QoS>(publish.qos));
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
  if (result.error().code == Errc::limit_exceeded)
    tell_refusal(RefusalKind::publish_limit, result.error().message);
  if (traced()) [[unlikely]]
    trace(hub::TraceKind::publish_refused, {}, result.error().message);
  // MQTT 3.1.1 cannot say that the message was not taken: closing without an answer makes the client send it
  // again. The same where a disk that broke may have it all the same: a refusal would make of QoS 2 a second
  // exchange, while the first one may be found after the restart.
  const bool is_unknown = type == PacketType::pubrec && result.error().code == Errc::io;
  if (!v5() || is_unknown) return fail(reason, result.error().message);
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
  if (under_way > limits.v3_inbound_in_flight) {
    stop_reading(Stop::unanswered);
  } else if (under_way <= limits.v3_inbound_in_flight / 2U) {
    go_on_reading(Stop::unanswered);
  }
}

void ServerPeer::rest(Duration time) {
  Publishing& own = publishing();
  const Instant until = lane_.executor.now() + time;
  if (own.rest && until <= own.rests_until) return;
  own.rests_until = until;
  lane_.executor.cancel(own.rest);
  own.rest = lane_.executor.schedule(time, [this] { end_rest(); });
  stop_reading(Stop::rate);
}

void ServerPeer::end_rest() {
  publishing_->rest = {};
  last_packet_ = lane_.executor.now();  // it was not listened to
  go_on_reading(Stop::rate);
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
  // A shared subscription needs the right to what it matches, whatever the group is called.
  const auto shared = mqtt::parse_shared_filter(subscription.filter);
  const std::string_view filter = shared ? shared->filter : subscription.filter;
  if (!hub::check_filter(filter)) return ReasonCode::topic_filter_invalid;
  if (is_denied(lane_.server.limits().denied_filters, filter)) {
    log_refusal(ReasonCode::not_authorized, "the filter is denied by mqtt.denied_filters");
    tell_denied(RefusalKind::subscribe_denied, subscription.filter);
    return ReasonCode::not_authorized;
  }
  Result<void> may = lane_.server.authorize()(principal(), hub::Action::subscribe, filter);
  if (may && (shared || receives_ == Receives::all)) {
    const Result<void> receives = lane_.server.authorize()(principal(), hub::Action::receive, filter);
    if (!receives && !shared) receives_ = Receives::ask;
    // What such a member took and may not have would be lost for the group.
    if (!receives && shared) may = receives;
  }
  if (may) return static_cast<ReasonCode>(subscription.qos);
  ++conduct().refusals;
  log_refusal(ReasonCode::not_authorized, may.error().message);
  tell_denied(RefusalKind::subscribe_denied, subscription.filter);
  return ReasonCode::not_authorized;
}

void ServerPeer::trace_subscription(const mqtt::Subscription& subscription, ReasonCode code) const {
  const bool refused = mqtt::is_error(code);
  trace(refused ? hub::TraceKind::subscribe_refused : hub::TraceKind::subscribed, subscription.filter,
        refused ? mqtt::reason_code_name(code) : std::string_view(), static_cast<hub::QoS>(subscription.qos));
}

void ServerPeer::handle_subscribe(const mqtt::Subscribe& subscribe) {
  const std::uint32_t identifier = subscribe.properties.subscription_identifier.value_or(0);
  lane_.work += kAuthorizationWork * subscribe.subscriptions.size();
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
    if (traced()) [[unlikely]]
      trace_subscription(subscription, code);
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
  lane_.work += kFilterWork * unsubscribe.filters.size();
  std::vector<std::string> filters;
  for (const std::string_view filter : unsubscribe.filters) {
    filters.emplace_back(filter);
    if (traced()) [[unlikely]]
      trace(hub::TraceKind::unsubscribed, filter, {});
  }
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
