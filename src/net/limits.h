#pragma once
// Every bound of this room. The README explains what happens at each.

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace dunlin::net {

/// Bytes one read may bring; one such buffer exists per reactor, none per connection.
inline constexpr std::size_t kReadBufferBytes = 64 * 1024;
/// While more sources than this have something, one read brings a quarter of it: what one sends without an
/// end holds up all others.
inline constexpr int kFewEvents = 8;
/// Default of Connection::set_max_unconsumed.
inline constexpr std::size_t kDefaultMaxUnconsumed = 64 * 1024;
/// Kept bytes up to this many are copied in front of the next read; more are completed in their own block.
inline constexpr std::size_t kSmallTailBytes = 4 * 1024;

/// Above the high mark a connection owes its handler an on_output_drained once it falls below the low mark.
inline constexpr std::size_t kOutputHighMark = 1024 * 1024;
inline constexpr std::size_t kOutputLowMark = 256 * 1024;
/// Writes up to this size are copied together; larger slices are sent from where they are.
inline constexpr std::size_t kCoalesceBytes = 2 * 1024;
inline constexpr std::size_t kOutputBlockBytes = 4 * 1024;
/// A queue of this size is sent without waiting for the end of the turn, while its bytes are in the cache.
inline constexpr std::size_t kEarlySendBytes = 64 * 1024;
/// Pieces handed to one sendmsg, and system calls one connection may make in one turn.
inline constexpr std::size_t kMaxPiecesPerSend = 128;
inline constexpr int kMaxSendsPerTurn = 8;
/// Spare blocks and queues that a reactor keeps for reuse.
inline constexpr std::size_t kMaxSpareBlocks = 256;
inline constexpr std::size_t kMaxSpareQueues = 256;

/// How long close() waits for the peer to take what is queued, and then for the peer's own end.
inline constexpr Duration kCloseDeadline = std::chrono::seconds{5};
inline constexpr Duration kLingerDeadline = std::chrono::seconds{1};
/// Reads at a time from a peer that is only being waited for; what they bring is thrown away.
inline constexpr int kMaxDiscardsPerTurn = 16;

/// A peer that takes nothing of what waits for it is cut off after `stalled_after`: it would sit for ever
/// behind a full TCP window. The kernel watches its own buffer for twice as long, and asks a peer that has
/// been silent for `keepalive_idle` whether it is still there. 0: never.
struct Patience {
  Duration stalled_after = std::chrono::minutes{1};
  Duration keepalive_idle = std::chrono::minutes{5};
};
/// Between two such questions, and how many stay unanswered.
inline constexpr Duration kKeepaliveInterval = std::chrono::seconds{20};
inline constexpr int kKeepaliveProbes = 3;

/// Connections one listener takes per loop turn.
inline constexpr int kAcceptBudget = 64;
/// How long a listener rests when the process or the system is out of descriptors or memory.
inline constexpr Duration kAcceptPause = std::chrono::milliseconds{100};
/// Sources whose rate of new connections a listener knows, and how often it looks for those to forget.
inline constexpr std::size_t kMaxRateSources = 16'384;
inline constexpr Duration kRateSweepInterval = std::chrono::seconds{1};
/// Bytes of a Unix socket's path (sun_path in unix(7), less the terminating zero).
inline constexpr std::size_t kMaxUnixPathBytes = 107;
/// Addresses of one name that a connect tries, one after the other.
inline constexpr std::size_t kMaxAddressesPerName = 8;

/// Events taken from one epoll_wait, and how long the next of them may begin, of those put off once more:
/// what the first has to send waits for the last.
inline constexpr int kMaxEventsPerTurn = 256;
inline constexpr Duration kLongestDispatch = std::chrono::microseconds{500};
/// A source whose events take longer has its next ones after everybody else's.
inline constexpr Duration kHeavyEvent = std::chrono::microseconds{250};
/// Tasks a reactor runs before it looks at its sockets again.
inline constexpr std::size_t kMaxTasksPerTurn = 4096;
inline constexpr Duration kTimerTick = std::chrono::milliseconds{5};

/// TLS sessions that a server context remembers for resumption, and for how long.
inline constexpr std::size_t kMaxTlsSessions = 20'000;
inline constexpr Duration kTlsSessionLifetime = std::chrono::hours{2};
/// Sessions that a client context remembers (one per server).
inline constexpr std::size_t kMaxTlsClientSessions = 64;
/// Bytes a peer may send during its handshake.
inline constexpr std::size_t kMaxHandshakeBytes = 128 * 1024;
/// Bytes of PEM text in one option, certificates in a chain sent by a peer.
inline constexpr std::size_t kMaxPemBytes = 4 * 1024 * 1024;
inline constexpr int kMaxCertificateDepth = 5;
/// Plain bytes gathered into TLS records before the end of the turn.
inline constexpr std::size_t kMaxTlsGatherBytes = 16 * 1024;

}  // namespace dunlin::net
