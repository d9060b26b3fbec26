// ServerPeer: what is read, and when no more is.

#include <algorithm>
#include <utility>

#include "net/limits.h"
#include "transport/mqtt/server_peer.h"

namespace dunlin::transport {

std::size_t ServerPeer::on_data(ByteView bytes) {
  last_packet_ = lane_.executor.now();
  if (pace_ == Pace::heavy && state_ == State::open) {
    rest_until_next_turn();
    return 0;
  }
  const std::size_t limit = state_ == State::waiting || state_ == State::challenged
                                ? kMaxConnectBytes
                                : lane_.server.limits().max_packet_bytes;
  const std::size_t share = lane_.turn_share();
  const std::uint64_t before = lane_.work_done();
  std::size_t used = 0;
  std::size_t packets = 0;
  while (used < bytes.size()) {
    if (state_ == State::closing) return bytes.size();
    if (state_ == State::authenticating || reading_stopped_ != 0) break;
    const ByteView rest = bytes.subspan(used);
    const mqtt::FrameResult frame = mqtt::frame_length(rest, limit);
    if (frame.status == mqtt::FrameResult::Status::need_more) break;
    if (frame.status == mqtt::FrameResult::Status::error) {
      fail(frame.reason, frame.why);
      return bytes.size();
    }
    if (packets + used / kBytesOfWork + (lane_.work_done() - before) >= share) {
      rest_until_next_turn();
      break;
    }
    used += frame.length;
    ++packets;
    if (state_ == State::waiting) {
      handle_connect(rest.first(frame.length));
    } else if (state_ == State::challenged) {
      handle_challenged(rest.first(frame.length));
    } else {
      handle(rest.first(frame.length));
    }
  }
  lane_.work += packets + used / kBytesOfWork;
  pace_ = lane_.work_done() - before >= kHeavyWork ? Pace::heavy : Pace::light;
  lane_.metrics.packets_in.add(static_cast<std::int64_t>(packets));
  lane_.metrics.bytes_in.add(static_cast<std::int64_t>(used));
  look_at_answers();
  return used;
}

/// Others have their turn before the rest of what this client has sent.
void ServerPeer::rest_until_next_turn() {
  stop_reading(Stop::turn);
  lane_.rest(id_);
}

/// A client that asks and does not read the answers is not read either, until it does: nothing else bounds
/// what waits for it.
void ServerPeer::look_at_answers() {
  if (answered_bytes_ <= kMaxUnreadAnswers || state_ != State::open) return;
  answered_bytes_ = 0;
  if (connection_->pending_output() <= net::kOutputHighMark) return;
  lane_.metrics.reading_stopped.add();
  stop_reading(Stop::answers);
}

void ServerPeer::on_output_drained() {
  answered_bytes_ = 0;
  go_on_reading(Stop::answers);
  if (session_ != nullptr) session_->drained();
}

void ServerPeer::stop_reading(Stop why) {
  reading_stopped_ |= static_cast<std::uint8_t>(why);
  connection_->pause_reading();
}

void ServerPeer::go_on_reading(Stop why) {
  if ((reading_stopped_ & static_cast<std::uint8_t>(why)) == 0) return;
  reading_stopped_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(why));
  if (reading_stopped_ == 0 && state_ != State::authenticating) connection_->resume_reading();
}

std::size_t ServerLane::turn_share() const {
  return kTurnWork / served_at_once_;
}

std::uint64_t ServerLane::work_done() const {
  return work + server.hub().shard(shard).work_done();
}

void ServerLane::rest(std::uint64_t peer) {
  metrics.turns_shared.add();
  resting_.push_back(peer);
  if (std::exchange(serves_, true)) return;
  served_at_once_ = 1;
  work_before_ = work_done();
  executor.post([this] { serve_resting(); });
}

/// As many a turn as the last ones' cost allows: one packet can be a turn's work, and very many clients can
/// each have one ready. Clients that do not rest are served in every turn.
void ServerLane::serve_resting() {
  const std::uint64_t now = work_done();
  const std::uint64_t cost = now - std::exchange(work_before_, now);
  if (cost > kTurnWork) {
    served_at_once_ = std::max<std::size_t>(served_at_once_ / 2, 1);
  } else if (cost < kTurnWork / 2 && resting_.size() > served_at_once_) {
    served_at_once_ = std::min(served_at_once_ * 2, kMostServedAtOnce);
  }
  for (std::size_t left = std::min(served_at_once_, resting_.size()); left > 0; --left) {
    const std::uint64_t next = resting_.front();
    resting_.pop_front();
    if (ServerPeer* peer = find(next)) peer->end_turn_rest();
  }
  serves_ = !resting_.empty();
  if (serves_) executor.post([this] { serve_resting(); });
}

}  // namespace dunlin::transport
