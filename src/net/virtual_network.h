#pragma once
// A network in virtual time between named hosts, with faults: what the simulator and the tests of the rooms
// above run on.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/rng.h"
#include "base/virtual_executor.h"
#include "net/net_metrics.h"
#include "net/network.h"

namespace dunlin::net {

class TlsHandshakes;
class VirtualConnection;
class VirtualConnect;
class VirtualListener;
struct VirtualStream;

enum class VirtualChunks {
  whole,   // what was written in one turn arrives together (in pieces of at most max_chunk)
  random,  // cut at random places
};

/// How a path between two hosts behaves; the same both ways.
struct VirtualLink {
  Duration delay = std::chrono::milliseconds{1};
  Duration jitter{};  // up to this much more for each chunk; the order within a connection is kept
  VirtualChunks chunks = VirtualChunks::whole;
  std::size_t max_chunk = 64 * 1024;        // at least 1
  double reset_probability = 0;             // for each chunk: the connection breaks for both sides instead
  std::size_t receive_window = 256 * 1024;  // bytes under way or unread before the sender has to wait
};

/// Everything that happens is decided by the calls, the seed of `rng` and virtual time. One thread. The
/// scheduler, `rng` and `registry` outlive it; it outlives the connections and listeners made by it and the
/// last run of the scheduler.
///
/// TCP's promises hold: bytes arrive once and in order, or the connection breaks. A path that is cut
/// (partition, host down) stalls a stream without notice and loses nothing; the stream goes on when the path
/// is back.
class VirtualNetwork {
 public:
  VirtualNetwork(VirtualScheduler& scheduler, Rng& rng, metrics::Registry& registry);
  ~VirtualNetwork();
  VirtualNetwork(const VirtualNetwork&) = delete;
  VirtualNetwork& operator=(const VirtualNetwork&) = delete;

  /// The network as that host sees it: it listens under its own name and connects to `Endpoint.host` =
  /// another host's name (or its own, also as "localhost", "127.0.0.1" or "::1"). Any number of executors may
  /// use it. Lives as long as this object.
  Network& host(const std::string& name);

  void set_default_link(const VirtualLink& link) { default_link_ = link; }
  void set_link(const std::string& a, const std::string& b, const VirtualLink& link);

  /// Nothing passes between the two any more. Streams stall, SYNs vanish.
  void partition(const std::string& a, const std::string& b);
  /// Cuts a host off from every other; also what a power failure looks like from outside.
  void isolate(const std::string& host);
  void heal(const std::string& a, const std::string& b);
  void rejoin(const std::string& host);
  void heal_all();

  /// The host's process dies: its listeners and connections are gone and their handlers hear nothing (destroy
  /// them afterwards). Peers learn it when they next write (reset), or by their own timeouts.
  void crash(const std::string& host);
  /// One side dies without notice: from now on this connection swallows what either side sends. Nobody is
  /// told.
  void half_open(Connection& connection);
  /// Breaks a connection for both sides.
  void reset(Connection& connection);
  /// Breaks about `share` (0..1) of all connections.
  void reset_some(double share);

  std::size_t open_connections() const;

 private:
  friend class VirtualConnection;
  friend class VirtualConnect;
  friend class VirtualListener;
  friend class VirtualHost;
  friend struct VirtualPacket;
  enum class PacketKind : std::uint8_t;

  Result<std::unique_ptr<Listener>> listen(const std::string& host, Executor& executor, ListenOptions options,
                                           AcceptHandler accept);
  void connect(const std::string& host, Executor& executor, ConnectOptions options, ConnectHandler done);

  const VirtualLink& link(const std::string& a, const std::string& b) const;
  bool blocked(const std::string& a, const std::string& b) const;
  bool blocked(const VirtualStream& stream) const;
  Duration travel_time(const VirtualLink& link);
  void syn(std::uint64_t attempt);
  void syn_arrives(std::uint64_t attempt);
  void answer_syn(const VirtualConnect& attempt, VirtualListener& listener);
  VirtualListener* pick_listener(const std::string& host, std::uint16_t port);
  void finish_connect(std::uint64_t attempt, Result<std::unique_ptr<Connection>> result);

  VirtualStream* find(std::uint64_t stream);
  void pump(VirtualStream& stream, int side);
  void send(VirtualStream& stream, int side, PacketKind kind, Slice bytes = {});
  void break_stream(VirtualStream& stream);
  void arrive(std::uint64_t stream, int side);
  void drain(VirtualStream& stream, int side);
  void take_packet(VirtualStream& stream, int side, PacketKind kind, const Slice& bytes);
  void established(VirtualStream& stream);
  void detach(VirtualStream& stream, int side);
  std::unique_ptr<Connection> arrive_moved(std::uint64_t stream, int side, Executor& target);
  void resume_streams();

  VirtualScheduler& scheduler_;
  Rng& rng_;
  VirtualExecutor wire_;
  NetMetrics metrics_;
  VirtualLink default_link_;
  std::map<std::pair<std::string, std::string>, VirtualLink> links_;
  std::set<std::pair<std::string, std::string>> partitions_;
  std::set<std::string> isolated_;
  std::map<std::string, std::unique_ptr<Network>> hosts_;
  std::map<std::pair<std::string, std::uint16_t>, std::vector<VirtualListener*>> listeners_;
  std::map<std::uint64_t, std::unique_ptr<VirtualConnect>> connects_;
  std::map<std::uint64_t, std::unique_ptr<VirtualStream>> streams_;
  std::map<std::string, std::unique_ptr<TlsHandshakes>> handshakes_;  // of outgoing connections, by host
  std::uint64_t next_id_ = 1;
  std::uint16_t next_port_ = 40'000;
};

}  // namespace dunlin::net
