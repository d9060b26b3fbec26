#pragma once
// A byte stream with one peer: TCP, TLS, WebSocket or virtual. Everything above net sees only this.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "base/slice.h"

namespace dunlin::net {

/// A numeric IP address and port, the name of a virtual host, or a Unix socket ("unix:/path", port 0). A peer
/// on a Unix socket has the host "unix:uid=1000".
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  static Endpoint unix_socket(const std::string& path) { return {"unix:" + path, 0}; }

  /// "192.0.2.1:8883", "[2001:db8::1]:8883", "unix:/run/dunlin/mqtt.sock".
  std::string to_string() const;
  bool is_unix_socket() const { return host.starts_with("unix:"); }
  /// Unix sockets count as loopback: both ends are on this machine.
  bool is_loopback() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "127.0.0.1:1883", "[::1]:1883", "platform.example:8883". Errors: invalid_argument, with an example.
Result<Endpoint> parse_endpoint(std::string_view text);

/// What is known of the other side. The certificate is there only after a verified mutual TLS handshake.
struct PeerInfo {
  Endpoint address;
  std::string transport;  // "tcp", "tls", "ws", "wss", "unix", "virtual"
  std::string process;    // of a peer on a Unix socket, as the kernel knows it: "pid=4242 uid=1000 gid=1000"
  std::vector<std::uint8_t> certificate_der;  // the peer's leaf certificate, or empty
  std::string application_protocol;           // ALPN, or empty
  std::string tls_version;                    // "TLSv1.3", or empty
};

enum class CloseReason : std::uint8_t {
  peer_closed,   // orderly end of stream
  local_closed,  // this side's close() has completed
  reset,         // the connection broke
  timed_out,
  tls_failed,
};
std::string_view close_reason_name(CloseReason reason);

/// Receives what happens on a connection, on the connection's thread.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  /// New bytes after what earlier calls left. Returns how many were consumed from the front; the rest is kept
  /// and offered again with the next bytes. The view is valid during the call. At most max_unconsumed() bytes
  /// are kept; past it the connection breaks.
  virtual std::size_t on_data(ByteView bytes) = 0;
  /// The output queue has fallen below its low mark after having been above its high mark.
  virtual void on_output_drained() {}
  /// The last call. The handler may destroy the connection here.
  virtual void on_closed(CloseReason reason) = 0;
};

/// Owned by whoever accepted or opened it. Own thread only. Destroying it breaks the stream at once, without
/// a call to the handler.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Must be set in the callback that hands the connection over. Passing null stops delivery until a handler
  /// is set again.
  virtual void set_handler(ConnectionHandler* handler) = 0;

  /// Queues the slice; what one loop turn queued leaves at its end in one system call, or earlier where it is
  /// much. Ignored after close().
  virtual void write(Slice bytes) = 0;
  void write(ByteView bytes) { write_copy(bytes); }
  void write(std::string_view text) { write_copy(as_bytes(text)); }

  /// Bytes queued and not yet taken by the operating system.
  virtual std::size_t pending_output() const = 0;

  /// Stops and resumes on_data; the peer then feels back-pressure.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Sends what is queued, then ends the stream and reports local_closed. A peer that does not take the rest
  /// within kCloseDeadline is cut off.
  virtual void close() = 0;
  /// Ends at once; reports local_closed from a later loop turn.
  virtual void abort() = 0;

  /// Valid until settle().
  virtual const PeerInfo& peer() const = 0;
  /// The connection is set up and may be idle for long: gives back what only that needed. peer() has no
  /// certificate any more; whoever wants it has read it.
  virtual void settle() {}
  virtual Executor& executor() = 0;

  /// How many unconsumed bytes may be kept between two on_data calls. Default 64 KiB.
  virtual void set_max_unconsumed(std::size_t bytes) = 0;

  /// Moves the stream to another executor of the same Network: descriptor, unread bytes, queued output and
  /// TLS state go along. The handler is forgotten; this object is spent. `arrived` runs on the target's
  /// thread. Own thread only; not from inside on_data unless on_data returns right after (its return value
  /// still counts).
  virtual void move_to(Executor& target,
                       std::move_only_function<void(std::unique_ptr<Connection>)> arrived) = 0;

 protected:
  /// What write(ByteView) does. A connection with an output buffer of its own copies small writes straight
  /// into it.
  virtual void write_copy(ByteView bytes) { write(Slice::copy_of(bytes)); }
};

}  // namespace dunlin::net
