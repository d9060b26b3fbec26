#pragma once
// What a load has found out.

#include <cstdint>
#include <string>

#include "bench/load_options.h"

namespace dunlin::bench {

struct LoadReport {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;  // to all subscribers together, doubles included
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;
  std::uint64_t unconfirmed = 0;             // QoS 1 and 2: sent and never acknowledged
  std::uint64_t confirmed_out_of_order = 0;  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
  double seconds = 0;                        // from the first message to the last delivery
  double cpu_seconds = 0;                    // of the server, meanwhile
  double setup_seconds = 0;                  // connecting and subscribing
  double setup_cpu_seconds = 0;              // of the server, meanwhile
  std::uint64_t connections = 0;
  std::uint64_t resident_before = 0;  // of the server, before the first connection
  std::uint64_t resident_open = 0;    // with every connection open, at the end of the load
  std::uint64_t resident_after = 0;   // LoadOptions::settle after the connections have gone

  /// Nothing lost, doubled, reordered or left without its acknowledgement.
  bool faultless() const { return lost + doubled + reordered + unconfirmed + confirmed_out_of_order == 0; }
  double messages_per_second() const;
  double cpu_microseconds_per_message() const;
  double bytes_per_connection() const;
};

std::string report_text(const LoadOptions& options, const LoadReport& report);
/// One JSON object on one line.
std::string report_json(const LoadOptions& options, const LoadReport& report);

std::string_view load_mode_name(LoadMode mode);

}  // namespace dunlin::bench
