// How packets travel, and what the faults do to them.

#include "net/virtual_stream.h"

#include <algorithm>

#include "base/core/assert.h"
#include "net/limits.h"
#include "net/tls_handshakes.h"
#include "net/virtual_connection.h"

namespace dunlin::net {

namespace {

VirtualConnection& as_virtual(Connection& connection) {
  auto* virtual_connection = dynamic_cast<VirtualConnection*>(&connection);
  DUNLIN_ASSERT(virtual_connection != nullptr);
  return *virtual_connection;
}

// The first `size` queued bytes as one slice.
Slice take_front(std::deque<Slice>& output, std::size_t size) {
  if (output.front().size() == size) {
    Slice whole = std::move(output.front());
    output.pop_front();
    return whole;
  }
  std::vector<std::uint8_t> bytes;
  bytes.reserve(size);
  while (bytes.size() < size) {
    Slice& front = output.front();
    const std::size_t part = std::min(size - bytes.size(), front.size());
    bytes.insert(bytes.end(), front.data(), front.data() + part);
    if (part == front.size()) {
      output.pop_front();
    } else {
      front = front.sub(part, front.size() - part);
    }
  }
  return Slice::copy_of(bytes);
}

}  // namespace

VirtualStream* VirtualNetwork::find(std::uint64_t stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool VirtualNetwork::blocked(const VirtualStream& stream) const {
  return blocked(stream.end(0).address.host, stream.end(1).address.host);
}

void VirtualNetwork::send(VirtualStream& stream, int side, PacketKind kind, Slice bytes) {
  VirtualEnd& sender = stream.end(side);
  const VirtualLink& path = link(stream.end(0).address.host, stream.end(1).address.host);
  const Instant at = std::max(wire_.now() + travel_time(path), sender.last_arrival);
  sender.last_arrival = at;
  sender.flight_bytes += bytes.size();
  sender.flight.push_back({kind, std::move(bytes)});
  wire_.schedule(at - wire_.now(), [this, id = stream.id, side] { arrive(id, side); });
}

// Puts on the wire what the receiver's window allows.
void VirtualNetwork::pump(VirtualStream& stream, int side) {
  VirtualEnd& sender = stream.end(side);
  const VirtualEnd& receiver = stream.end(1 - side);
  const VirtualLink& path = link(stream.end(0).address.host, stream.end(1).address.host);
  bool sent = false;
  while (sender.pending > 0) {
    const std::size_t used = sender.flight_bytes + receiver.unread.size() - receiver.offered;
    if (used >= path.receive_window) break;
    if (path.reset_probability > 0 && rng_.unit() < path.reset_probability) return break_stream(stream);
    std::size_t size = std::min({sender.pending, path.max_chunk, path.receive_window - used});
    if (path.chunks == VirtualChunks::random) size = 1 + rng_.below(size);
    sender.pending -= size;
    metrics_.bytes_out.add(static_cast<std::int64_t>(size));
    send(stream, side, PacketKind::data, take_front(sender.output, size));
    sent = true;
  }
  if (sender.pending == 0 && sender.end_wanted && !sender.end_sent) {
    sender.end_sent = true;
    send(stream, side, PacketKind::end);
  }
  if (sent && sender.connection != nullptr && sender.pending <= kOutputLowMark) sender.connection->wake();
}

void VirtualNetwork::arrive(std::uint64_t stream, int side) {
  VirtualStream* found = find(stream);
  if (found == nullptr) return;
  ++found->end(side).due;
  drain(*found, side);
}

void VirtualNetwork::drain(VirtualStream& stream, int side) {
  const std::uint64_t id = stream.id;
  while (VirtualStream* live = find(id)) {
    VirtualEnd& sender = live->end(side);
    if (sender.due == 0) return pump(*live, side);
    if (live->silenced || blocked(*live)) return;
    --sender.due;
    VirtualPacket packet = std::move(sender.flight.front());
    sender.flight.pop_front();
    sender.flight_bytes -= packet.bytes.size();
    take_packet(*live, side, packet.kind, packet.bytes);
  }
}

void VirtualNetwork::take_packet(VirtualStream& stream, int side, PacketKind kind, const Slice& bytes) {
  VirtualEnd& sender = stream.end(side);
  VirtualEnd& receiver = stream.end(1 - side);
  if (kind == PacketKind::established) return established(stream);
  if (kind == PacketKind::reset) {
    if (receiver.connection != nullptr) receiver.connection->fail(CloseReason::reset);
    return detach(stream, 1 - side);
  }
  if (receiver.vanished) return send(stream, 1 - side, PacketKind::reset);
  const bool wanted = receiver.moving || (receiver.connection != nullptr &&
                                          receiver.connection->state_ == VirtualConnection::State::open);
  if (wanted && kind == PacketKind::data) receiver.unread.append(bytes.view());
  if (kind == PacketKind::end) receiver.end_received = true;
  if (receiver.connection != nullptr) receiver.connection->on_input();
  if (kind == PacketKind::end && sender.connection != nullptr) sender.connection->on_end_acknowledged();
}

void VirtualNetwork::established(VirtualStream& stream) {
  if (!connects_.contains(stream.attempt)) {
    // Whoever asked has given up or died.
    stream.end(0).vanished = true;
    stream.end(0).detached = true;
    return send(stream, 0, PacketKind::reset);
  }
  Executor& executor = *connects_.at(stream.attempt)->executor;
  auto connection = std::make_unique<VirtualConnection>(*this, executor, &stream, 0);
  finish_connect(stream.attempt, std::unique_ptr<Connection>(std::move(connection)));
}

// The stream object goes when neither end will be used again.
void VirtualNetwork::detach(VirtualStream& stream, int side) {
  VirtualEnd& end = stream.end(side);
  end.detached = true;
  end.moving = false;
  end.output.clear();
  end.pending = 0;
  if (stream.end(1 - side).detached) streams_.erase(stream.id);
}

std::unique_ptr<Connection> VirtualNetwork::arrive_moved(std::uint64_t stream, int side, Executor& target) {
  VirtualStream* found = find(stream);
  if (found != nullptr && !found->end(side).moving) found = nullptr;
  return std::make_unique<VirtualConnection>(*this, target, found, side);
}

void VirtualNetwork::break_stream(VirtualStream& stream) {
  for (VirtualEnd& end : stream.ends) {
    if (end.connection != nullptr) end.connection->fail(CloseReason::reset);
  }
  streams_.erase(stream.id);
}

void VirtualNetwork::resume_streams() {
  for (const auto& [id, stream] : streams_) {
    const Duration delay = travel_time(link(stream->end(0).address.host, stream->end(1).address.host));
    wire_.schedule(delay, [this, number = stream->id] {
      for (const int side : {0, 1}) {
        if (VirtualStream* live = find(number)) drain(*live, side);
      }
    });
  }
}

void VirtualNetwork::crash(const std::string& host) {
  handshakes_.erase(host);
  for (auto& [where, listeners] : listeners_) {
    if (where.first != host) continue;
    for (VirtualListener* listener : listeners) {
      listener->network_ = nullptr;
      *listener->alive_ = false;
    }
  }
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first.first == host; });
  for (auto& [id, attempt] : connects_) {
    if (attempt->from == host && attempt->deadline) attempt->executor->cancel(attempt->deadline);
  }
  std::erase_if(connects_, [&](const auto& entry) { return entry.second->from == host; });
  std::erase_if(streams_, [&](auto& entry) {
    VirtualStream& stream = *entry.second;
    for (VirtualEnd& end : stream.ends) {
      if (end.address.host != host || end.detached) continue;
      if (end.connection != nullptr) end.connection->vanish();
      end.vanished = end.detached = true;
      end.moving = false;
      end.output.clear();
      end.pending = 0;
    }
    return stream.ends[0].detached && stream.ends[1].detached;
  });
}

void VirtualNetwork::half_open(Connection& connection) {
  if (VirtualStream* stream = as_virtual(connection).stream_) stream->silenced = true;
}

void VirtualNetwork::reset(Connection& connection) {
  if (VirtualStream* stream = as_virtual(connection).stream_) break_stream(*stream);
}

void VirtualNetwork::reset_some(double share) {
  std::vector<std::uint64_t> chosen;
  for (const auto& [id, stream] : streams_) {
    if (rng_.unit() < share) chosen.push_back(id);
  }
  for (const std::uint64_t id : chosen) break_stream(*find(id));
}

std::size_t VirtualNetwork::open_connections() const {
  return streams_.size();
}

}  // namespace dunlin::net
