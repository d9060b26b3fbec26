// ServerPeer: enhanced authentication, MQTT 5.0 section 4.12.

#include <utility>

#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {
namespace {

using mqtt::ReasonCode;
using Step = EnhancedExchange::Step;

/// Of a DISCONNECT, which knows no "bad user name or password" (MQTT 5.0 section 3.14.2.1).
ReasonCode disconnect_reason(Errc code) {
  switch (code) {
    case Errc::unsupported:
      return ReasonCode::bad_authentication_method;
    case Errc::unavailable:
      return ReasonCode::server_busy;
    case Errc::limit_exceeded:
    case Errc::quota_exceeded:
      return ReasonCode::quota_exceeded;
    default:
      return ReasonCode::not_authorized;
  }
}

}  // namespace

void ServerPeer::begin_enhanced(const mqtt::Connect& connect, hub::Credentials credentials) {
  if (!lane_.server.enhanced()) {
    return refuse_connect(ReasonCode::bad_authentication_method, "no such authentication method is offered");
  }
  request_->enhanced = std::make_unique<EnhancedExchange>();
  EnhancedExchange& started = *request_->enhanced;
  started.method = *connect.properties.authentication_method;
  started.credentials = std::move(credentials);
  started.credentials.password.reset();  // a password beside a method proves nothing
  enhanced_step(std::string(as_text(connect.properties.authentication_data.value_or(ByteView()))));
}

/// Between CONNECT and CONNACK a client may send AUTH and DISCONNECT only (section 4.12).
void ServerPeer::handle_challenged(ByteView frame) {
  const auto packet = mqtt::decode(frame, version_, mqtt::Sender::client);
  if (!packet) return refuse_connect(packet.error().reason, packet.error().why);
  if (std::holds_alternative<mqtt::Disconnect>(*packet)) {
    state_ = State::closing;
    return connection_->close();
  }
  const auto* auth = std::get_if<mqtt::Auth>(&*packet);
  if (auth == nullptr || auth->reason != ReasonCode::continue_authentication ||
      auth->properties.authentication_method != request_->enhanced->method) {
    return refuse_connect(ReasonCode::protocol_error, "only AUTH with the same method may follow here");
  }
  state_ = State::authenticating;
  connection_->pause_reading();
  enhanced_step(std::string(as_text(auth->properties.authentication_data.value_or(ByteView()))));
}

/// AUTH during a session.
void ServerPeer::handle_auth(const mqtt::Auth& auth) {
  if (!enhanced_)
    return fail(ReasonCode::protocol_error, "no authentication method was agreed in the CONNECT");
  if (auth.properties.authentication_method != enhanced_->method)
    return fail(ReasonCode::protocol_error, "the authentication method is not the one of the CONNECT");
  if (auth.reason == ReasonCode::reauthenticate) return reauthenticate(auth);
  if (auth.reason != ReasonCode::continue_authentication || enhanced_->step != Step::challenged)
    return fail(ReasonCode::protocol_error, "no authentication is under way");
  enhanced_step(std::string(as_text(auth.properties.authentication_data.value_or(ByteView()))));
}

void ServerPeer::reauthenticate(const mqtt::Auth& auth) {
  if (enhanced_->step != Step::idle)
    return fail(ReasonCode::protocol_error, "an authentication is under way");
  enhanced_->steps = 0;
  enhanced_->state.reset();
  enhanced_->deadline = lane_.executor.schedule(lane_.server.limits().connect_deadline, [this] {
    enhanced_->deadline = {};
    fail(ReasonCode::not_authorized, "the authentication was not finished in time", "reauthentication");
  });
  enhanced_step(std::string(as_text(auth.properties.authentication_data.value_or(ByteView()))));
}

void ServerPeer::enhanced_step(std::string data) {
  EnhancedExchange& present = *exchange();
  if (++present.steps > kMaxAuthenticationSteps) {
    constexpr std::string_view kWhy = "the authentication has too many steps";
    return request_ ? refuse_connect(ReasonCode::protocol_error, kWhy)
                    : fail(ReasonCode::protocol_error, kWhy);
  }
  present.step = Step::checking;
  hub::EnhancedStep step{present.method, std::move(data), present.credentials, std::move(present.state)};
  // The answer may come on any thread, and after this peer has gone.
  ServerLane& lane = lane_;
  lane_.server.enhanced()(std::move(step), [&lane, id = id_](Result<hub::EnhancedAnswer> result) {
    lane.executor.post([&lane, id, result = std::move(result)]() mutable {
      if (ServerPeer* peer = lane.find(id)) peer->enhanced_answered(std::move(result));
    });
  });
}

void ServerPeer::enhanced_answered(Result<hub::EnhancedAnswer> result) {
  if (state_ == State::open) return reauthenticated(std::move(result));
  if (state_ != State::authenticating) return;
  if (!result) {
    if (result.error().code == Errc::unsupported)
      return refuse_connect(ReasonCode::bad_authentication_method, result.error().message);
    return authenticated(std::unexpected(result.error()));
  }
  EnhancedExchange& present = *request_->enhanced;
  if (result->principal) {
    present.step = Step::idle;
    present.final_data = std::move(result->data);
    return authenticated(std::move(result->principal));
  }
  present.step = Step::challenged;
  present.state = std::move(result->state);
  state_ = State::challenged;
  send_auth(ReasonCode::continue_authentication, result->data);
  connection_->resume_reading();
}

void ServerPeer::reauthenticated(Result<hub::EnhancedAnswer> result) {
  if (!result)
    return fail(disconnect_reason(result.error().code), result.error().message, "reauthentication");
  EnhancedExchange& present = *enhanced_;
  if (!result->principal) {
    present.step = Step::challenged;
    present.state = std::move(result->state);
    return send_auth(ReasonCode::continue_authentication, result->data);
  }
  lane_.executor.cancel(std::exchange(present.deadline, TimerId{}));
  // The session is its owner's: nobody hands it over by proving another name.
  if (result->principal->name != session_->principal()->name ||
      result->principal->kind != session_->principal()->kind) {
    constexpr std::string_view kWhy = "another identity was proven than the session's";
    tell_refusal(RefusalKind::client_id, kWhy);
    return fail(ReasonCode::not_authorized, kWhy, "reauthentication");
  }
  present.step = Step::idle;
  send_auth(ReasonCode::success, result->data);
}

void ServerPeer::send_auth(ReasonCode reason, std::string_view data) {
  mqtt::Auth auth{reason, {}};
  auth.properties.authentication_method = exchange()->method;
  if (!data.empty()) auth.properties.authentication_data = as_bytes(data);
  send(auth);
}

}  // namespace dunlin::transport
