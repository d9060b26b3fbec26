#pragma once
// What a load has found out, and what it knows while it runs.

#include <cstdint>
#include <string>

#include "load/histogram.h"
#include "load/options.h"

namespace dunlin::load {

/// From the moment a message was to be sent (without a rate: was sent) to its arrival; churn: from the first
/// packet of the connection to CONNACK.
struct Latency {
  std::uint64_t count = 0;
  Duration mean{}, p50{}, p90{}, p99{}, p999{}, largest{};
};
Latency latency_of(const Histogram& histogram);

struct LoadReport {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;  // to all subscribers together, doubles included
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;
  std::uint64_t unconfirmed = 0;             // QoS 1 and 2: sent and never acknowledged
  std::uint64_t confirmed_out_of_order = 0;  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
  std::uint64_t unsent = 0;                  // with a rate: due, but the server did not take them
  Latency latency;
  Latency send_delay;      // with a rate: how late the load itself was
  double seconds = 0;      // from the first message to the last delivery
  double cpu_seconds = 0;  // of the server, meanwhile

  /// Of this process. Near `seconds` without a rate: the load is the bottleneck.
  double load_cpu_seconds = 0;

  std::uint64_t connections = 0;
  double setup_seconds = 0;      // connecting and subscribing
  double setup_cpu_seconds = 0;  // of the server, meanwhile
  std::uint64_t failed_connections = 0;
  std::string failure;         // the first one's reason, or why the figures are incomplete
  std::uint64_t connects = 0;  // churn
  enum class End : std::uint8_t { complete, interrupted } end = End::complete;

  double store_seconds = 0;           // retained: until the server had all of them
  std::uint64_t resident_stored = 0;  // retained: of the server then

  std::uint64_t resident_before = 0;  // of the server, before the first connection
  std::uint64_t resident_open = 0;    // with every connection open, at the end of the load
  std::uint64_t resident_after = 0;   // LoadOptions::settle after the connections have gone

  /// No connection failed, and nothing lost, reordered, left without its acknowledgement, or doubled; QoS 1
  /// may double (MQTT 5.0 section 4.3.2), which is reported, but is no fault.
  bool faultless(const LoadOptions& options) const;
  double messages_per_second() const;
  double cpu_microseconds_per_message() const;
  double bytes_per_connection() const;
};

/// Once a second, for people.
struct LoadProgress {
  enum class Stage : std::uint8_t { connecting, running, waiting } stage = Stage::connecting;
  double seconds = 0;  // in this run of messages
  std::uint64_t connected = 0;
  std::uint64_t connections = 0;
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;  // churn: connects
  std::uint64_t in_flight = 0;  // deliveries that are still to come
  Latency latency;              // so far
};
/// One line without its end. `previous` is a second older, for the rate.
std::string progress_text(const LoadProgress& progress, const LoadProgress& previous);

/// A plain table.
std::string report_text(const LoadOptions& options, const LoadReport& report);
/// One JSON object on one line.
std::string report_json(const LoadOptions& options, const LoadReport& report);

}  // namespace dunlin::load
