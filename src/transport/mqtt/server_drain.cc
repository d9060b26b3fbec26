// MqttServer: sending clients to another server, MQTT 5.0 section 4.11.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {
namespace {

constexpr Duration kDrainTick = std::chrono::milliseconds{100};

}  // namespace

void MqttServer::drain(DrainOptions options) {
  auto shared = std::make_shared<const DrainOptions>(std::move(options));  // by every lane and its peers
  {
    const std::lock_guard lock(drain_mutex_);
    drain_ = shared;
  }
  log::info("transport/mqtt", "clients are sent away",
            {{"to", shared->reference},
             {"seconds", std::chrono::duration_cast<std::chrono::seconds>(shared->spread).count()}});
  for (const auto& lane : lanes_) {
    lane->executor.post([lane = lane.get(), shared] { lane->start_drain(shared); });
  }
}

void MqttServer::resume() {
  {
    const std::lock_guard lock(drain_mutex_);
    if (!drain_) return;
    drain_.reset();
  }
  log::info("transport/mqtt", "clients are taken again", {});
  for (const auto& lane : lanes_) {
    lane->executor.post([lane = lane.get()] { lane->stop_drain(); });
  }
}

std::shared_ptr<const DrainOptions> MqttServer::draining() const {
  const std::lock_guard lock(drain_mutex_);
  return drain_;
}

void ServerLane::start_drain(std::shared_ptr<const DrainOptions> options) {
  stop_drain();
  drain = std::move(options);
  metrics.draining.set(1);
  drain_until_ = executor.now() + drain->spread;
  drain_some();
}

void ServerLane::stop_drain() {
  executor.cancel(std::exchange(drain_timer_, TimerId{}));
  drain_left_.clear();
  drain.reset();
  metrics.draining.set(0);
}

/// A share of those that are left, so that the last goes when the time is over. Who comes meanwhile is
/// answered at its CONNECT.
void ServerLane::drain_some() {
  drain_timer_ = {};
  if (drain_left_.empty()) {
    peers.for_each([this](const std::unique_ptr<ServerPeer>& peer) {
      if (peer->is_open()) drain_left_.push_back(peer->id());
    });
    if (drain_left_.empty()) return;
    drain_total_ = drain_left_.size();
  }
  const Duration left = std::max(Duration::zero(), drain_until_ - executor.now());
  const double share = drain->spread > Duration::zero() ? std::chrono::duration<double>(left) /
                                                              std::chrono::duration<double>(drain->spread)
                                                        : 0.0;
  const auto keep = static_cast<std::size_t>(static_cast<double>(drain_total_) * share);
  while (drain_left_.size() > keep) {
    const std::uint64_t id = drain_left_.back();
    drain_left_.pop_back();
    if (ServerPeer* peer = find(id)) peer->redirect();
  }
  if (!drain_left_.empty()) drain_timer_ = executor.schedule(kDrainTick, [this] { drain_some(); });
}

mqtt::ReasonCode ServerLane::drain_reason() const {
  return drain->lasts == DrainOptions::Lasts::for_good ? mqtt::ReasonCode::server_moved
                                                       : mqtt::ReasonCode::use_another_server;
}

void ServerPeer::redirect() {
  if (state_ != State::open) return;
  lane_.metrics.redirected.add();
  if (v5()) {
    mqtt::Disconnect disconnect{lane_.drain_reason(), {}};
    if (!lane_.drain->reference.empty()) disconnect.properties.server_reference = lane_.drain->reference;
    send(disconnect);
  }
  state_ = State::closing;
  // The will stands: only a DISCONNECT of the client's own takes it back (section 3.14.4). A client that
  // comes back within its will's delay keeps it unsent.
  close_session("redirected", hub::Session::WillFate::publish);
  connection_->close();
}

bool ServerPeer::turned_away() {
  if (!lane_.drain) return false;
  lane_.metrics.redirected.add();
  log_refusal(lane_.drain_reason(), "the server sends its clients away");
  mqtt::Connack connack{false, lane_.drain_reason(), {}};
  if (v5() && !lane_.drain->reference.empty()) connack.properties.server_reference = lane_.drain->reference;
  send(connack);
  state_ = State::closing;
  connection_->close();
  return true;
}

}  // namespace dunlin::transport
