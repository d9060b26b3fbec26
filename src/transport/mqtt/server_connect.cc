// ServerPeer: from the first byte to an open session.

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "base/log.h"
#include "net/limits.h"
#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {
namespace {

using mqtt::ReasonCode;

ReasonCode connect_reason(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
      return ReasonCode::bad_user_name_or_password;
    case Errc::permission_denied:
      return ReasonCode::not_authorized;
    case Errc::limit_exceeded:
    case Errc::quota_exceeded:
      return ReasonCode::quota_exceeded;
    case Errc::unavailable:
      return ReasonCode::server_busy;
    case Errc::invalid_argument:
      return ReasonCode::client_identifier_not_valid;
    default:
      return ReasonCode::unspecified_error;
  }
}

/// Of a client id that is no plain topic level nothing is told: what it names must not be another's.
std::string for_client(const std::string& pattern, std::string_view client_id) {
  constexpr std::string_view kPlace = "{client_id}";
  std::string text = pattern;
  const std::size_t at = text.find(kPlace);
  if (at == std::string::npos) return text;
  if (client_id.find_first_of("/+#") != std::string_view::npos) return {};
  return text.replace(at, kPlace.size(), client_id);
}

constexpr std::string_view kNoMemory = "the server is short of memory and takes no new clients at the moment";

std::unique_ptr<hub::Will> hub_will(const mqtt::Will& will) {
  auto made_will = std::make_unique<hub::Will>();
  hub::Will& made = *made_will;
  made.message.topic = Slice::copy_of(will.topic);
  made.message.payload = Slice::copy_of(will.payload);
  made.message.qos = static_cast<hub::QoS>(will.qos);
  made.message.retain = will.retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
  made.message.properties = hub_properties(will.properties);
  made.delay_seconds = will.properties.will_delay_interval.value_or(0);
  return made_will;
}

}  // namespace

ServerPeer::ServerPeer(ServerLane& lane, std::uint64_t id, std::unique_ptr<net::Connection> connection)
    : lane_(lane), id_(id), connection_(std::move(connection)) {
  lane_.metrics.connections.add();
}

ServerPeer::~ServerPeer() {
  lane_.executor.cancel(timer_);
  if (enhanced_) lane_.executor.cancel(enhanced_->deadline);
  if (publishing_) lane_.executor.cancel(publishing_->rest);
  lane_.end_waiting(id_);
  lane_.metrics.connections.add(-1);
}

void ServerPeer::begin(std::unique_ptr<ConnectRequest> request) {
  last_packet_ = lane_.executor.now();
  if (request) {
    take_request(std::move(request));
    // Nothing is read before the session is open.
    state_ = State::authenticating;
    connection_->set_handler(this);
    connection_->pause_reading();
    return open_session();
  }
  connection_->set_max_unconsumed(kMaxConnectBytes + net::kReadBufferBytes);
  connection_->set_handler(this);
  lane_.begin_waiting(id_);
  timer_ = lane_.executor.schedule(lane_.server.limits().connect_deadline, [this] {
    timer_ = {};
    lane_.end_waiting(id_);
    log_refusal(ReasonCode::maximum_connect_time, "no CONNECT in time");
    tell_refusal(RefusalKind::connect_timeout, "no CONNECT in time");
    state_ = State::closing;
    connection_->close();
  });
}

void ServerPeer::give_up_waiting() {
  lane_.end_waiting(id_);
  constexpr std::string_view kWhy = "too many connections wait without a CONNECT; the oldest goes";
  log_refusal(ReasonCode::quota_exceeded, kWhy);
  tell_refusal(RefusalKind::connection_limit, kWhy);
  state_ = State::closing;
  connection_->abort();
}

void ServerPeer::take_request(std::unique_ptr<ConnectRequest> request) {
  request_ = std::move(request);
  version_ = request_->version;
  kind_ = request_->kind;
  max_packet_bytes_ = request_->max_packet_bytes;
  outbound_aliases_maximum_ =
      std::min(request_->topic_alias_maximum, lane_.server.limits().outbound_topic_aliases);
}

void ServerPeer::handle_connect(ByteView frame) {
  lane_.end_waiting(id_);
  if (mqtt::frame_type(frame) != mqtt::PacketType::connect) {
    log_refusal(ReasonCode::protocol_error, "the first packet is not CONNECT");
    tell_refusal(RefusalKind::protocol_error, "the first packet is not CONNECT");
    state_ = State::closing;
    return connection_->close();  // MQTT 5.0 section 3.1.0: no answer before a CONNECT
  }
  const mqtt::Decoded<mqtt::Connect> connect = mqtt::decode_connect(frame);
  if (!connect) {
    log_refusal(connect.error().reason, connect.error().why);
    tell_refusal(kind_of(connect.error().reason), connect.error().why);
    if (connect.error().answer == mqtt::Answer::connack) {
      version_ = connect.error().version;
      send(mqtt::Connack{false, connect.error().reason, {}});
    }
    state_ = State::closing;
    return connection_->close();
  }
  take_request(read_connect(*connect));
  if (turned_away()) return;
  if (lane_.memory_level() == MemoryLevel::critical) {
    lane_.metrics.refused_memory.add();
    return refuse_connect(ReasonCode::quota_exceeded, kNoMemory, RefusalKind::memory);
  }
  if (request_->client_id.size() > hub::kMaxClientIdBytes) {
    return refuse_connect(ReasonCode::client_identifier_not_valid, "the client id is too long");
  }
  state_ = State::authenticating;
  connection_->pause_reading();
  hub::Credentials credentials;
  // An absent id is chosen by who authenticates: it must be one that the principal may have.
  if (request_->assigned == ConnectRequest::Assigned::no) credentials.client_id = request_->client_id;
  if (connect->user_name) credentials.username = *connect->user_name;
  if (connect->password) credentials.password = as_text(*connect->password);
  credentials.certificate_der = connection_->peer().certificate_der;
  credentials.address = connection_->peer().address.to_string();
  credentials.protocol = "mqtt";
  if (connect->properties.authentication_method) return begin_enhanced(*connect, std::move(credentials));
  // The answer may come on any thread, and after this peer has gone.
  ServerLane& lane = lane_;
  lane_.server.authenticate()(std::move(credentials), [&lane, id = id_](Result<PrincipalRef> result) {
    lane.executor.post([&lane, id, result = std::move(result)]() mutable {
      if (ServerPeer* peer = lane.find(id)) peer->authenticated(std::move(result));
    });
  });
}

std::unique_ptr<ConnectRequest> ServerPeer::read_connect(const mqtt::Connect& connect) {
  auto request = std::make_unique<ConnectRequest>();
  const ServerLimits& limits = lane_.server.limits();
  request->version = connect.version;
  request->client_id = connect.client_id;
  if (connect.bridge) request->kind = ConnectRequest::Kind::bridge;
  if (request->client_id.empty()) {
    std::array<std::uint8_t, 12> random{};
    lane_.rng.fill(random);
    request->client_id = "auto-" + to_hex(random);
    request->assigned = ConnectRequest::Assigned::yes;
  }
  request->start = connect.clean_start ? hub::OpenOptions::Start::clean : hub::OpenOptions::Start::resume;
  request->keep_alive = connect.keep_alive;
  if (limits.keep_alive_seconds != 0 &&
      (connect.keep_alive == 0 || connect.keep_alive > limits.keep_alive_seconds)) {
    request->keep_alive = limits.keep_alive_seconds;
  }
  if (connect.version == mqtt::ProtocolVersion::v5) {
    request->session_expiry = connect.properties.session_expiry_interval.value_or(0);
    request->receive_maximum = connect.properties.receive_maximum.value_or(65535);
    request->topic_alias_maximum = connect.properties.topic_alias_maximum.value_or(0);
    if (connect.properties.request_response_information.value_or(false))
      request->response_information = ConnectRequest::ResponseInformation::asked;
    request->max_packet_bytes = connect.properties.maximum_packet_size.value_or(mqtt::kMaxPacketBytes);
  } else {
    request->session_expiry = connect.clean_start ? 0 : hub::kNeverExpires;
  }
  if (connect.will) request->will = hub_will(*connect.will);
  // Whether the server has changed the keep alive is told in the CONNACK, MQTT 5.0 section 3.2.2.3.14.
  if (request->keep_alive != connect.keep_alive) request->keep_alive_set = ConnectRequest::KeepAliveSet::yes;
  return request;
}

void ServerPeer::refuse_connect(ReasonCode reason, std::string_view why) {
  refuse_connect(reason, why, kind_of(reason));
}

void ServerPeer::refuse_connect(ReasonCode reason, std::string_view why, std::optional<RefusalKind> kind) {
  log_refusal(reason, why);
  tell_refusal(kind, why);
  if (traced()) [[unlikely]]
    trace(hub::TraceKind::connect_refused, {}, why);
  mqtt::Connack connack{false, reason, {}};
  if (v5()) connack.properties.reason_string = why;
  // MQTT 3.1.1 section 3.2.2.3: a reason without a return code is answered by closing only.
  if (v5() || mqtt::connack_return_code(reason)) send(connack);
  state_ = State::closing;
  connection_->close();
}

void ServerPeer::authenticated(Result<PrincipalRef> result) {
  if (state_ != State::authenticating) return;
  // Who authenticates has told of it.
  if (!result)
    return refuse_connect(connect_reason(result.error().code), result.error().message, std::nullopt);
  request_->principal = std::move(*result);
  if (request_->assigned == ConnectRequest::Assigned::yes && !request_->principal->client_id.empty()) {
    request_->client_id = request_->principal->client_id;
  }
  if (may_begin()) go_home();
}

bool ServerPeer::may_begin() {
  const hub::Authorizer& authorize = lane_.server.authorize();
  Result<void> may = authorize(*request_->principal, hub::Action::connect, request_->client_id);
  if (may && request_->will)
    may = authorize(*request_->principal, hub::Action::publish, request_->will->message.topic.text());
  if (may) return true;
  lane_.note_refusal(*request_->principal);
  refuse_connect(ReasonCode::not_authorized, may.error().message, RefusalKind::connect_denied);
  return false;
}

void ServerPeer::go_home() {
  const std::size_t home = lane_.server.hub().session_home(request_->principal->tenant, request_->client_id);
  if (home == lane_.shard) return open_session();
  ServerLane& target = lane_.server.lane(home);
  std::unique_ptr<net::Connection> connection = std::move(connection_);
  connection->move_to(target.executor, [&target, request = std::move(request_)](
                                           std::unique_ptr<net::Connection> arrived) mutable {
    target.adopt(std::move(arrived), std::move(request));
  });
  lane_.forget(id_);  // destroys this object
}

void ServerPeer::open_session() {
  if (turned_away()) return;  // the draining began while this client was authenticated
  if (!has_memory_for_new())
    return refuse_connect(ReasonCode::quota_exceeded, kNoMemory, RefusalKind::memory);
  // The thing may have been moved since it was authenticated; whatever comes from now on finds the session.
  if (const Standing now = lane_.server.standing(*request_->principal);
      now != request_->principal->standing) {
    request_->principal = with_standing(request_->principal, now);
    if (!may_begin()) return;
  }
  hub::OpenOptions options;
  options.principal = request_->principal;
  options.client_id = request_->client_id;
  options.start = request_->start;
  granted_expiry_ = std::min(request_->session_expiry, lane_.server.limits().session_expiry_seconds);
  options.expiry_seconds = granted_expiry_;
  options.receive_maximum = request_->receive_maximum;
  options.will = std::move(request_->will);
  options.protocol = "mqtt";
  options.peer = connection_->peer().address.to_string();
  const std::string& response_information = lane_.server.limits().response_information;
  if (request_->response_information == ConnectRequest::ResponseInformation::asked)
    request_->response_topic = for_client(response_information, request_->client_id);
  // MQTT 5.0 section 3.1.2.11.4: what is larger may not be sent, so such a client could never be told of its
  // session.
  if (mqtt::encoded_size(accepting(hub::Present::no), version_) > max_packet_bytes_) {
    return refuse_connect(ReasonCode::packet_too_large,
                          "the client's maximum packet size has no room for CONNACK");
  }
  const PrincipalRef principal = options.principal;
  lane_.opening = principal.get();
  keep_alive_ms_ = request_->keep_alive * 1500U;
  Result<hub::Session*> opened =
      lane_.server.hub().open(lane_.shard, std::move(options), *this, [this](hub::Present present) {
        if (const std::int64_t at = request_->principal->expires_at; at != 0) lane_.expires(id_, at);
        state_ = State::open;
        lane_.metrics.sessions_opened.add();
        send(accepting(present));
        enhanced_ = std::move(request_->enhanced);
        const bool changed = request_->rights == ConnectRequest::Rights::changed;
        request_.reset();  // an idle connection keeps only what it needs
        if (present == hub::Present::no) receives_ = Receives::all;  // no subscriptions so far
        // It may have lost rights meanwhile.
        if (present == hub::Present::yes || changed) lane_.judge_again(id_);
        connection_->settle();
        connection_->set_max_unconsumed(lane_.server.limits().max_packet_bytes + net::kReadBufferBytes);
        connection_->resume_reading();
      });
  lane_.opening = nullptr;
  if (!opened) return refuse_session(opened.error());
  session_ = *opened;
  if (timer_) lane_.executor.cancel(std::exchange(timer_, TimerId{}));
  last_packet_ = lane_.executor.now();
  if (keep_alive_ms_ > 0) check_keep_alive();
}

/// One of two clients that fight for a client id would be back at once, and refused thousands of times a
/// second.
void ServerPeer::refuse_session(const Error& error) {
  if (error.code != Errc::unavailable) {
    const bool full = error.code == Errc::limit_exceeded;
    const ReasonCode reason = connect_reason(error.code);
    return refuse_connect(reason, error.message, full ? RefusalKind::connection_limit : kind_of(reason));
  }
  lane_.executor.cancel(std::exchange(timer_, TimerId{}));
  timer_ = lane_.executor.schedule(kBusyClientIdRest, [this, why = error.message] {
    timer_ = {};
    refuse_connect(ReasonCode::server_busy, why, RefusalKind::client_id);
  });
}

/// What a session that is kept was promised is worth more than a new one.
bool ServerPeer::has_memory_for_new() {
  if (lane_.memory_level() == MemoryLevel::normal) return true;
  hub::Shard& shard = lane_.server.hub().shard(lane_.shard);
  if (shard.has_session(request_->principal->tenant, request_->client_id)) return true;
  lane_.metrics.refused_memory.add();
  return false;
}

mqtt::Connack ServerPeer::accepting(hub::Present present) const {
  const ServerLimits& limits = lane_.server.limits();
  mqtt::Connack connack;
  connack.session_present = present == hub::Present::yes;
  if (v5()) {
    auto& properties = connack.properties;
    properties.receive_maximum = limits.receive_maximum;
    properties.topic_alias_maximum = limits.topic_alias_maximum;
    properties.maximum_packet_size = static_cast<std::uint32_t>(limits.max_packet_bytes);
    if (request_->assigned == ConnectRequest::Assigned::yes)
      properties.assigned_client_identifier = request_->client_id;
    if (request_->keep_alive_set == ConnectRequest::KeepAliveSet::yes)
      properties.server_keep_alive = request_->keep_alive;
    if (!request_->response_topic.empty()) properties.response_information = request_->response_topic;
    if (const EnhancedExchange* enhanced = request_->enhanced.get()) {
      properties.authentication_method = enhanced->method;
      if (!enhanced->final_data.empty()) properties.authentication_data = as_bytes(enhanced->final_data);
    }
    if (granted_expiry_ != request_->session_expiry) properties.session_expiry_interval = granted_expiry_;
  }
  return connack;
}

void ServerPeer::check_keep_alive() {
  const Duration silent = lane_.executor.now() - last_packet_;
  const Duration limit = std::chrono::milliseconds{keep_alive_ms_};
  if (silent >= limit && !listens()) {
    timer_ = lane_.executor.schedule(limit, [this] { check_keep_alive(); });
    return;
  }
  if (silent >= limit) {
    timer_ = {};
    return fail(ReasonCode::keep_alive_timeout, "nothing was heard for one and a half times the keep alive",
                "keep_alive");
  }
  timer_ = lane_.executor.schedule(limit - silent, [this] { check_keep_alive(); });
}

}  // namespace dunlin::transport
