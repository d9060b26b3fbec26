#include "bench/load_report.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace dunlin::bench {
namespace {

double ratio(double value, double of) {
  return of > 0 ? value / of : 0;
}

double kibibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1024;
}

}  // namespace

std::string_view load_mode_name(LoadMode mode) {
  switch (mode) {
    case LoadMode::pairs:
      return "pairs";
    case LoadMode::fan_out:
      return "fan-out";
    case LoadMode::fan_in:
      return "fan-in";
    case LoadMode::idle:
      return "idle";
  }
  return "";
}

double LoadReport::messages_per_second() const {
  return ratio(static_cast<double>(delivered), seconds);
}

double LoadReport::cpu_microseconds_per_message() const {
  return ratio(cpu_seconds * 1e6, static_cast<double>(delivered));
}

double LoadReport::bytes_per_connection() const {
  return ratio(static_cast<double>(resident_open) - static_cast<double>(resident_before),
               static_cast<double>(connections));
}

std::string report_text(const LoadOptions& options, const LoadReport& report) {
  std::string text =
      fmt::format("{}: {} connections, set up in {:.2f} s with {:.1f} us of the server's CPU each\n",
                  load_mode_name(options.mode), report.connections, report.setup_seconds,
                  ratio(report.setup_cpu_seconds * 1e6, static_cast<double>(report.connections)));
  text += fmt::format(
      "memory: {:.0f} KiB before, {:.0f} KiB open ({:.0f} bytes a connection), {:.0f} KiB after\n",
      kibibytes(report.resident_before), kibibytes(report.resident_open), report.bytes_per_connection(),
      kibibytes(report.resident_after));
  if (options.mode == LoadMode::idle) return text;
  text += fmt::format(
      "QoS {}, {} bytes: {} sent, {} delivered in {:.2f} s: {:.0f} messages/s, {:.3f} us CPU each\n",
      static_cast<int>(options.qos), options.payload_bytes, report.sent, report.delivered, report.seconds,
      report.messages_per_second(), report.cpu_microseconds_per_message());
  text += fmt::format("lost {}, doubled {}, reordered {}, unconfirmed {}, confirmed out of order {}\n",
                      report.lost, report.doubled, report.reordered, report.unconfirmed,
                      report.confirmed_out_of_order);
  return text;
}

std::string report_json(const LoadOptions& options, const LoadReport& report) {
  return boost::json::serialize(boost::json::object{
      {"mode", load_mode_name(options.mode)},
      {"qos", static_cast<int>(options.qos)},
      {"version", static_cast<int>(options.version)},
      {"payload_bytes", options.payload_bytes},
      {"publishers", options.publishers},
      {"subscribers", options.subscribers},
      {"sent", report.sent},
      {"delivered", report.delivered},
      {"lost", report.lost},
      {"doubled", report.doubled},
      {"reordered", report.reordered},
      {"unconfirmed", report.unconfirmed},
      {"confirmed_out_of_order", report.confirmed_out_of_order},
      {"seconds", report.seconds},
      {"messages_per_second", report.messages_per_second()},
      {"cpu_seconds", report.cpu_seconds},
      {"cpu_us_per_message", report.cpu_microseconds_per_message()},
      {"connections", report.connections},
      {"setup_seconds", report.setup_seconds},
      {"setup_cpu_seconds", report.setup_cpu_seconds},
      {"resident_before", report.resident_before},
      {"resident_open", report.resident_open},
      {"resident_after", report.resident_after},
      {"bytes_per_connection", report.bytes_per_connection()},
  });
}

}  // namespace dunlin::bench
