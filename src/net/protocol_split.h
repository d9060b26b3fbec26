#pragma once
// MQTT and HTTP on one port.

#include <array>
#include <memory>

#include "base/metrics.h"
#include "base/refusal.h"
#include "net/first_bytes.h"

namespace dunlin::net {

/// Gives each connection to one of two owners: by ALPN ("mqtt", "http/1.1"; RFC 7301) where TLS has settled
/// one, else by its first bytes: those of a CONNECT packet (MQTT 5.0 section 3.1.1), or an HTTP method and a
/// space. Anything else is refused. One per executor; that thread only.
class ProtocolSplit {
 public:
  struct Options {
    /// From the end of the handshake to the first bytes.
    Duration deadline = std::chrono::seconds{10};
    std::size_t max_waiting = 10'000;
    RefusalSink* refusals = nullptr;  // who keeps what is refused; null: nobody
  };
  struct Owners {
    AcceptHandler mqtt;
    AcceptHandler http;
  };
  /// The registry must outlive it. The owners are called from tasks of their own.
  ProtocolSplit(metrics::Registry& registry, Options options, Owners owners);

  void accept(std::unique_ptr<Connection> connection) { waiting_.add(std::move(connection)); }

 private:
  FirstBytes::Verdict judge(const PeerInfo& peer, ByteView bytes);
  FirstBytes::Verdict to_mqtt();
  FirstBytes::Verdict to_http();
  void refused(const PeerInfo& peer, FirstBytes::Refusal refusal, std::string_view why);

  Owners owners_;
  RefusalSink* refusals_;
  metrics::Cell& mqtt_;
  metrics::Cell& http_;
  std::array<metrics::Cell*, FirstBytes::kRefusals> refused_;
  FirstBytes waiting_;
};

}  // namespace dunlin::net
