// Connections whose client has proven itself by something that expires.

#include <algorithm>
#include <functional>

#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {

void ServerLane::expires(std::uint64_t peer, std::int64_t at) {
  forget_gone();
  expiring_.push_back({at, peer});
  std::ranges::push_heap(expiring_, std::greater());
  // Another one is looked at later: only the next matters.
  if (expiring_.front().peer == peer) look_at_expiry();
}

/// Its cost is shared by as many connections as have gone.
void ServerLane::forget_gone() {
  if (expiring_.size() < 2 * peers.size() + kExpirySlack) return;
  std::erase_if(expiring_, [this](const Expiry& one) { return find(one.peer) == nullptr; });
  std::ranges::make_heap(expiring_, std::greater());
}

void ServerLane::look_at_expiry() {
  executor.cancel(std::exchange(expiry_timer_, TimerId{}));
  if (expiring_.empty()) return;
  const Duration left = from_unix_milliseconds(expiring_.front().at) - executor.wall_now();
  expiry_timer_ = executor.schedule(std::clamp(left, Duration{0}, kExpiryLook), [this] {
    expiry_timer_ = {};
    end_expired();
  });
}

void ServerLane::end_expired() {
  const std::int64_t now = unix_milliseconds(executor.wall_now());
  for (std::size_t ended = 0; ended < kExpiredPerTurn && !expiring_.empty(); ++ended) {
    if (expiring_.front().at > now) break;
    std::ranges::pop_heap(expiring_, std::greater());
    const std::uint64_t peer = expiring_.back().peer;
    expiring_.pop_back();
    if (ServerPeer* found = find(peer)) found->end_if_expired(now);
  }
  look_at_expiry();
}

/// The session goes on without a connection, as after any other end: whoever proves itself anew finds it.
void ServerPeer::end_if_expired(std::int64_t now) {
  if (state_ != State::open || session_ == nullptr) return;
  const std::int64_t at = session_->principal()->expires_at;
  if (at == 0 || at > now) return;
  lane_.metrics.proofs_expired.add();
  // MQTT 5.0 section 3.14.2.1: the time for which this connection was authorised is over.
  fail(mqtt::ReasonCode::maximum_connect_time,
       "the credential that was shown in CONNECT has expired; connect with a new one", "credential_expired");
}

}  // namespace dunlin::transport
