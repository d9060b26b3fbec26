#include "transport/mqtt/server.h"

#include "base/core/assert.h"
#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {
namespace {

std::array<metrics::Cell*, 3> by_qos(metrics::Registry& registry, const char* name, const char* help) {
  return {&registry.counter(name, help, {{"qos", "0"}}), &registry.counter(name, help, {{"qos", "1"}}),
          &registry.counter(name, help, {{"qos", "2"}})};
}

}  // namespace

ServerMetrics::ServerMetrics(metrics::Registry& target)
    : registry(target),
      connections(target.gauge("dunlin_mqtt_connections", "Open MQTT connections.")),
      accepted(target.counter("dunlin_mqtt_accepted_total", "MQTT connections taken.")),
      waiting(target.gauge("dunlin_mqtt_waiting_connections", "Connections without a CONNECT so far.")),
      waiting_dropped(target.counter("dunlin_mqtt_waiting_dropped_total",
                                     "Connections cut off because too many waited without a CONNECT.")),
      reading_stopped(target.counter("dunlin_mqtt_reading_stopped_total",
                                     "Times a client was not read because it did not read its answers.")),
      turns_shared(target.counter("dunlin_mqtt_turns_shared_total",
                                  "Times a client had to leave the rest of its input for the next turn.")),
      sessions_opened(target.counter("dunlin_mqtt_sessions_opened_total", "Sessions opened by a CONNECT.")),
      packets_in(target.counter("dunlin_mqtt_packets_received_total", "MQTT packets of any type received.")),
      bytes_in(target.counter("dunlin_mqtt_received_bytes_total", "Bytes of MQTT packets received.")),
      publish_bytes_in(
          target.counter("dunlin_mqtt_received_publish_bytes_total", "Bytes of PUBLISH packets received.")),
      bytes_out(target.counter("dunlin_mqtt_sent_bytes_total", "Bytes of PUBLISH packets sent.")),
      control_packets_out(
          target.counter("dunlin_mqtt_control_packets_sent_total", "MQTT packets sent that are no PUBLISH.")),
      control_bytes_out(
          target.counter("dunlin_mqtt_control_bytes_sent_total", "Bytes of packets that are no PUBLISH.")),
      messages_in(by_qos(target, "dunlin_mqtt_messages_received_total", "PUBLISH packets received.")),
      messages_out(by_qos(target, "dunlin_mqtt_messages_sent_total", "PUBLISH packets sent.")),
      topics_left_out(target.counter("dunlin_mqtt_topics_left_out_total",
                                     "PUBLISH packets sent with a topic alias instead of their topic.")),
      draining(target.gauge("dunlin_mqtt_draining", "Reactors that send their clients to another server.")),
      redirected(target.counter("dunlin_mqtt_redirected_total", "Clients sent to another server.")),
      dropped_too_large(target.counter("dunlin_mqtt_dropped_total",
                                       "Messages that were not delivered or taken.",
                                       {{"reason", "packet_too_large"}})),
      dropped_not_authorized(target.counter("dunlin_mqtt_dropped_total",
                                            "Messages that were not delivered or taken.",
                                            {{"reason", "not_authorized"}})),
      dropped_spoken_for(target.counter("dunlin_mqtt_dropped_total",
                                        "Messages that were not delivered or taken.",
                                        {{"reason", "spoken_for"}})),
      dropped_not_received(target.counter("dunlin_mqtt_dropped_total",
                                          "Messages that were not delivered or taken.",
                                          {{"reason", "may_not_receive"}})),
      rights_withdrawn(target.counter("dunlin_mqtt_rights_withdrawn_total",
                                      "Connections ended because a policy changed.")),
      proofs_expired(target.counter("dunlin_mqtt_proofs_expired_total",
                                    "Connections ended because their credential had expired.")),
      refused_memory(target.counter("dunlin_memory_refusals_total",
                                    "What was refused while memory was short.", {{"what", "connect"}})) {}

metrics::Cell& ServerMetrics::refusal(mqtt::ReasonCode reason) {
  metrics::Cell*& cell = refusals_[static_cast<std::uint8_t>(reason)];
  if (cell == nullptr) {
    cell = &registry.counter("dunlin_mqtt_refusals_total", "Packets and connections refused.",
                             {{"reason", std::string(mqtt::reason_code_name(reason))}});
  }
  return *cell;
}

std::uint64_t PeerTraits::hash(const std::unique_ptr<ServerPeer>& peer) const {
  return hash(peer->id());
}

ServerLane::ServerLane(MqttServer& owner, std::size_t number, metrics::Registry& registry, std::uint64_t seed)
    : server(owner), shard(number), executor(owner.hub().executor(number)), metrics(registry), rng(seed) {
  watch_policies();
  if (owner.conduct() != nullptr) look_at_conduct();
}

ServerLane::~ServerLane() {
  executor.cancel(drain_timer_);
  executor.cancel(policies_timer_);
  executor.cancel(conduct_timer_);
  executor.cancel(expiry_timer_);
}

ServerPeer* ServerLane::find(std::uint64_t peer) {
  const auto* found =
      peers.find(PeerTraits::hash(peer), [peer](const auto& one) { return one->id() == peer; });
  return found == nullptr ? nullptr : found->get();
}

void ServerLane::forget(std::uint64_t peer) {
  auto* found = peers.find(PeerTraits::hash(peer), [peer](const auto& one) { return one->id() == peer; });
  if (found != nullptr) peers.erase(found);
}

MemoryLevel ServerLane::memory_level() const {
  return server.hub().shard(shard).memory_level();
}

void ServerLane::begin_waiting(std::uint64_t peer) {
  waiting.insert(peer);
  if (waiting.size() > server.limits().max_waiting) {
    metrics.waiting_dropped.add();
    find(*waiting.begin())->give_up_waiting();
  }
  metrics.waiting.set(static_cast<std::int64_t>(waiting.size()));
}

void ServerLane::end_waiting(std::uint64_t peer) {
  if (waiting.erase(peer) > 0) metrics.waiting.set(static_cast<std::int64_t>(waiting.size()));
}

void ServerLane::adopt(std::unique_ptr<net::Connection> connection, std::unique_ptr<ConnectRequest> request) {
  const std::uint64_t id = next_peer++;
  auto peer = std::make_unique<ServerPeer>(*this, id, std::move(connection));
  ServerPeer& made = *peer;
  peers.insert(std::move(peer));
  made.begin(std::move(request));
}

MqttServer::MqttServer(ServerEnvironment environment) : environment_(std::move(environment)) {
  for (std::size_t shard = 0; shard < environment_.hub.shard_count(); ++shard) {
    lanes_.push_back(
        std::make_unique<ServerLane>(*this, shard, environment_.metrics, environment_.rng.next()));
  }
}

MqttServer::~MqttServer() = default;

void MqttServer::accept(std::unique_ptr<net::Connection> connection) {
  for (const auto& lane : lanes_) {
    if (&lane->executor != &connection->executor()) continue;
    if (lane->peers.size() >= limits().max_connections) {
      lane->metrics.refusal(mqtt::ReasonCode::quota_exceeded).add();
      if (RefusalSink* sink = refusals(); sink != nullptr) {
        sink->refused({.kind = RefusalKind::connection_limit,
                       .address = connection->peer().address.host,
                       .reason = "too many connections are open"});
      }
      return;  // closes it: there is no room even for a CONNACK
    }
    lane->metrics.accepted.add();
    return lane->adopt(std::move(connection), nullptr);
  }
  DUNLIN_ASSERT(!"the connection's executor is not one of the hub's");
}

}  // namespace dunlin::transport
