#pragma once
// Private to the virtual network: the state of a stream between its two ends.

#include <array>
#include <deque>
#include <optional>

#include "net/input_tail.h"
#include "net/virtual_network.h"

namespace dunlin::net {

enum class VirtualNetwork::PacketKind : std::uint8_t { established, data, end, reset };

struct VirtualPacket {
  VirtualNetwork::PacketKind kind;
  Slice bytes;
};

struct VirtualEnd {
  Endpoint address;
  VirtualConnection* connection = nullptr;  // null: not yet, or no more, anyone's

  // What this end sends.
  std::deque<Slice> output;
  std::size_t pending = 0;
  bool end_wanted = false;
  bool end_sent = false;
  std::deque<VirtualPacket> flight;  // in order of arrival at the other end
  std::size_t flight_bytes = 0;
  std::size_t due = 0;  // how many of `flight` have arrived, but for a cut path
  Instant last_arrival{};

  // What this end has received.
  InputTail unread;
  std::size_t offered = 0;  // of unread: seen by the handler and left
  bool end_received = false;

  bool moving = false;    // between two executors: input is kept
  bool detached = false;  // no connection will take this end again
  bool vanished = false;  // its host has crashed: whoever writes to it is answered by a reset
};

struct VirtualStream {
  std::uint64_t id = 0;
  std::uint64_t attempt = 0;       // the connect that waits for it
  std::array<VirtualEnd, 2> ends;  // 0: who connected, 1: who accepted
  bool silenced = false;

  VirtualEnd& end(int side) { return ends[static_cast<std::size_t>(side)]; }
  const VirtualEnd& end(int side) const { return ends[static_cast<std::size_t>(side)]; }
};

/// The listening half of a host's port on one executor.
class VirtualListener final : public Listener {
 public:
  VirtualListener(VirtualNetwork& network, Executor& executor, Endpoint local, AcceptHandler accept);
  ~VirtualListener() override;
  Endpoint local() const override { return local_; }

 private:
  friend class VirtualNetwork;
  VirtualNetwork* network_;
  Executor& executor_;
  Endpoint local_;
  AcceptHandler accept_;
  // Tells accepts that are already posted that the listener is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// One attempt to connect.
class VirtualConnect {
 public:
  Executor* executor = nullptr;
  std::string from;
  Endpoint to;
  std::uint16_t port = 0;
  ConnectHandler done;
  TimerId deadline;
  TimerId retry;
  std::uint64_t id = 0;
};

}  // namespace dunlin::net
