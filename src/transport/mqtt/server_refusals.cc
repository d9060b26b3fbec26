// ServerPeer: what it tells of refusals to whoever keeps the picture of an attack.

#include <string>

#include "base/refusal.h"
#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {
namespace {

constexpr std::size_t kMaxTopicTold = 100;

}  // namespace

std::optional<RefusalKind> ServerPeer::kind_of(mqtt::ReasonCode reason) {
  using mqtt::ReasonCode;
  switch (reason) {
    case ReasonCode::malformed_packet:
    case ReasonCode::unsupported_protocol_version:
    case ReasonCode::topic_filter_invalid:
    case ReasonCode::topic_name_invalid:
    case ReasonCode::payload_format_invalid:
      return RefusalKind::malformed;
    case ReasonCode::protocol_error:
    case ReasonCode::bad_authentication_method:
    case ReasonCode::receive_maximum_exceeded:
    case ReasonCode::topic_alias_invalid:
    case ReasonCode::qos_not_supported:
      return RefusalKind::protocol_error;
    case ReasonCode::packet_too_large:
      return RefusalKind::packet_too_large;
    case ReasonCode::client_identifier_not_valid:
      return RefusalKind::client_id;
    default:
      return std::nullopt;
  }
}

void ServerPeer::tell_refusal(std::optional<RefusalKind> kind, std::string_view why) const {
  RefusalSink* sink = lane_.server.refusals();
  if (sink == nullptr || !kind) return;
  Refusal refusal{.kind = *kind, .address = connection_->peer().address.host, .reason = why};
  const Principal* principal = session_ != nullptr ? session_->principal().get() : lane_.opening;
  if (session_ == nullptr && request_) principal = request_->principal.get();
  if (principal != nullptr && principal->is_thing()) {
    refusal.device = principal->name;
    refusal.identity = Refusal::Identity::proven;
  } else if (principal != nullptr && principal->kind == PrincipalKind::user) {
    refusal.user = principal->name;
  } else if (request_ && request_->assigned == ConnectRequest::Assigned::no) {
    refusal.device = request_->client_id;
  } else if (session_ != nullptr) {
    refusal.device = session_->client_id();
  }
  sink->refused(refusal);
}

void ServerPeer::tell_denied(RefusalKind kind, std::string_view topic) const {
  if (lane_.server.refusals() == nullptr) return;
  std::string why = kind == RefusalKind::publish_denied ? "may not publish to " : "may not subscribe to ";
  why += topic.substr(0, kMaxTopicTold);
  tell_refusal(kind, why);
}

}  // namespace dunlin::transport
