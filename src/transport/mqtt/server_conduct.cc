// What things do, for whoever watches them. Counting costs a publisher two additions and a comparison; a look
// goes over those that have done something since the last one.

#include <utility>

#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {

void ServerLane::look_at_conduct() {
  const bool rests = looked_at_.empty();
  // What the last look has left is looked at with the rest.
  looked_at_.insert(looked_at_.end(), active_.begin(), active_.end());
  active_.clear();
  if (rests) look_at_some();
  conduct_timer_ = executor.schedule(hub::kConductLook, [this] { look_at_conduct(); });
}

void ServerLane::look_at_some() {
  const hub::ConductFloor& floor = server.conduct()->floor;
  for (std::size_t left = kJudgedPerTurn; left > 0 && !looked_at_.empty(); --left) {
    ServerPeer* peer = find(looked_at_.back());
    looked_at_.pop_back();
    if (peer == nullptr) continue;
    auto report = peer->take_conduct();
    if (report && floor.is_reached(report->did)) told_.push_back(*std::move(report));
  }
  if (!looked_at_.empty()) return executor.post([this] { look_at_some(); });
  if (!told_.empty()) server.conduct()->report(std::exchange(told_, {}));
}

void ServerLane::begin_conduct(std::uint64_t peer) {
  if (server.conduct() != nullptr) active_.push_back(peer);
}

void ServerLane::note_refusal(const Principal& principal) {
  if (server.conduct() == nullptr || !principal.is_thing() || told_.size() >= kMaxRefusalsTold) return;
  hub::Conduct did;
  did.refusals = 1;
  told_.push_back({principal.tenant, principal.name, did});
}

void ServerLane::end_conduct(ServerPeer& peer) {
  if (server.conduct() == nullptr || told_.size() >= kMaxEndedTold) return;
  auto report = peer.take_conduct();
  const bool did_something = report && (report->did.messages > 0 || report->did.refusals > 0);
  if (did_something) told_.push_back(*std::move(report));
}

std::optional<hub::ConductReport> ServerPeer::take_conduct() {
  if (!publishing_) return std::nullopt;
  const PrincipalRef who = std::exchange(publishing_->watched, nullptr);
  const hub::Conduct did = std::exchange(publishing_->did, {});
  if (who == nullptr || !who->is_thing()) return std::nullopt;
  return hub::ConductReport{who->tenant, who->name, did};
}

}  // namespace dunlin::transport
