#include "load/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace dunlin::load {
namespace {

double ratio(double value, double of) {
  return of > 0 ? value / of : 0;
}

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

/// "12.3 us", "4.56 ms", "1.20 s".
std::string text_of(Duration duration) {
  const double value = microseconds(duration);
  if (value < 1000) return fmt::format("{:.1f} us", value);
  if (value < 1e6) return fmt::format("{:.2f} ms", value / 1000);
  return fmt::format("{:.2f} s", value / 1e6);
}

/// 1234567 as "1,234,567".
std::string grouped(double value) {
  std::string text = fmt::format("{:.0f}", value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}
std::string grouped(std::uint64_t value) {
  return grouped(static_cast<double>(value));
}

std::string latency_text(const Latency& latency) {
  return fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", text_of(latency.p50), text_of(latency.p90),
                     text_of(latency.p99), text_of(latency.p999), text_of(latency.largest));
}

boost::json::object latency_json(const Latency& latency) {
  return {{"count", latency.count},
          {"mean", microseconds(latency.mean)},
          {"p50", microseconds(latency.p50)},
          {"p90", microseconds(latency.p90)},
          {"p99", microseconds(latency.p99)},
          {"p999", microseconds(latency.p999)},
          {"max", microseconds(latency.largest)}};
}

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("  {:<13} {}\n", name, text);
}

bool has_messages(const LoadOptions& options) {
  return options.mode != LoadMode::idle && options.mode != LoadMode::churn;
}

std::string headline(const LoadOptions& options) {
  std::string text = fmt::format("{} on {}, MQTT {}", load_mode_name(options.mode), to_string(options.server),
                                 options.version == mqtt::ProtocolVersion::v5 ? "5" : "3.1.1");
  if (!has_messages(options)) return text + "\n";
  text += fmt::format(", QoS {}, {} bytes, {} publishers, {} subscribers, ", static_cast<int>(options.qos),
                      options.payload_bytes, options.publishers, options.subscribers);
  text += options.rate > 0 ? fmt::format("{} messages a second\n", options.rate)
                           : fmt::format("at most {} under way each\n", options.window);
  return text;
}

std::string load_text(const LoadOptions& options, const LoadReport& report) {
  if (report.seconds <= 0 || options.rate > 0) return "";
  const double share = ratio(report.load_cpu_seconds, report.seconds);
  return row("load CPU", fmt::format("{:.0f} % of a core{}", 100 * share,
                                     share > 0.9 ? ": the load may be the bottleneck" : ""));
}

std::string server_text(const LoadOptions& options, const LoadReport& report) {
  if (options.process_ids.empty()) return "";
  std::string text;
  if (report.delivered > 0)
    text += row("server CPU",
                fmt::format("{:.3f} us a message, {:.0f} % of a core", report.cpu_microseconds_per_message(),
                            100 * ratio(report.cpu_seconds, report.seconds)));
  if (report.connects > 0)
    text +=
        row("server CPU", fmt::format("{:.1f} us a connect",
                                      ratio(report.cpu_seconds * 1e6, static_cast<double>(report.connects))));
  if (report.setup_cpu_seconds > 0)
    text +=
        row("", fmt::format("{:.1f} us a connection set up",
                            ratio(report.setup_cpu_seconds * 1e6, static_cast<double>(report.connections))));
  text += row("server memory",
              fmt::format("{} KiB before, {} KiB open ({} bytes a connection), {} KiB after",
                          grouped(report.resident_before / 1024), grouped(report.resident_open / 1024),
                          grouped(report.bytes_per_connection()), grouped(report.resident_after / 1024)));
  if (report.resident_stored > 0)
    text += row("", fmt::format("{} KiB with the messages stored", grouped(report.resident_stored / 1024)));
  return text;
}

std::string message_text(const LoadOptions& options, const LoadReport& report) {
  std::string text;
  if (options.mode == LoadMode::retained) {
    text += row("stored", fmt::format("{} in {:.2f} s", grouped(report.sent), report.store_seconds));
  } else {
    text +=
        row("sent", grouped(report.sent) +
                        (report.unsent > 0 ? fmt::format(", {} more were due", grouped(report.unsent)) : ""));
  }
  text += row("delivered", fmt::format("{} in {:.2f} s: {} a second", grouped(report.delivered),
                                       report.seconds, grouped(report.messages_per_second())));
  text += row("latency", latency_text(report.latency));
  if (options.rate > 0)
    text += row("sent late", fmt::format("p99 {}  max {}", text_of(report.send_delay.p99),
                                         text_of(report.send_delay.largest)));
  text += row(
      "faults",
      fmt::format("lost {}, doubled {}, reordered {}, unconfirmed {}, confirmed out of order {}", report.lost,
                  report.doubled, report.reordered, report.unconfirmed, report.confirmed_out_of_order));
  return text;
}

}  // namespace

Latency latency_of(const Histogram& histogram) {
  return {histogram.count(),       histogram.mean(),         histogram.quantile(0.5),
          histogram.quantile(0.9), histogram.quantile(0.99), histogram.quantile(0.999),
          histogram.largest()};
}

bool LoadReport::faultless(const LoadOptions& options) const {
  const bool may_double = options.qos == mqtt::QoS::at_least_once;
  return lost + reordered + unconfirmed + confirmed_out_of_order + failed_connections == 0 &&
         failure.empty() && (doubled == 0 || may_double);
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

std::string progress_text(const LoadProgress& progress, const LoadProgress& previous) {
  if (progress.stage == LoadProgress::Stage::connecting)
    return fmt::format("connecting: {} of {}", progress.connected, progress.connections);
  const double seconds = progress.seconds - previous.seconds;
  const double arrived = static_cast<double>(progress.delivered) - static_cast<double>(previous.delivered);
  return fmt::format("{:5.0f} s{}  {} a second, {} in flight, latency p50 {} p99 {} max {}", progress.seconds,
                     progress.stage == LoadProgress::Stage::waiting ? " (waiting for the rest)" : "",
                     grouped(std::max(0.0, ratio(arrived, seconds))), grouped(progress.in_flight),
                     text_of(progress.latency.p50), text_of(progress.latency.p99),
                     text_of(progress.latency.largest));
}

std::string report_text(const LoadOptions& options, const LoadReport& report) {
  std::string text = headline(options);
  text += row("connections",
              report.setup_seconds > 0 && options.mode != LoadMode::churn
                  ? fmt::format("{} in {:.2f} s", grouped(report.connections), report.setup_seconds)
                  : grouped(report.connections));
  if (options.mode == LoadMode::churn) {
    const auto connects = static_cast<double>(report.connects);
    text += row("connects", fmt::format("{} in {:.2f} s: {} a second", grouped(connects), report.seconds,
                                        grouped(ratio(connects, report.seconds))));
    text += row("until CONNACK", latency_text(report.latency));
  }
  if (has_messages(options)) text += message_text(options, report);
  text += load_text(options, report) + server_text(options, report);
  if (report.failed_connections > 0 || !report.failure.empty())
    text += row("failed", fmt::format("{} connections; {}", report.failed_connections, report.failure));
  if (report.end == LoadReport::End::interrupted) text += row("", "ended before its time");
  return text;
}

std::string report_json(const LoadOptions& options, const LoadReport& report) {
  return boost::json::serialize(boost::json::object{
      {"mode", load_mode_name(options.mode)},
      {"server", to_string(options.server)},
      {"qos", static_cast<int>(options.qos)},
      {"version", static_cast<int>(options.version)},
      {"payload_bytes", options.payload_bytes},
      {"publishers", options.publishers},
      {"subscribers", options.subscribers},
      {"window", options.window},
      {"batch", options.batch},
      {"rate", options.rate},
      {"faultless", report.faultless(options)},
      {"interrupted", report.end == LoadReport::End::interrupted},
      {"failed_connections", report.failed_connections},
      {"failure", report.failure},
      {"sent", report.sent},
      {"unsent", report.unsent},
      {"delivered", report.delivered},
      {"lost", report.lost},
      {"doubled", report.doubled},
      {"reordered", report.reordered},
      {"unconfirmed", report.unconfirmed},
      {"confirmed_out_of_order", report.confirmed_out_of_order},
      {"seconds", report.seconds},
      {"messages_per_second", report.messages_per_second()},
      {"latency_us", latency_json(report.latency)},
      {"send_delay_us", latency_json(report.send_delay)},
      {"cpu_seconds", report.cpu_seconds},
      {"cpu_us_per_message", report.cpu_microseconds_per_message()},
      {"load_cpu_seconds", report.load_cpu_seconds},
      {"connects", report.connects},
      {"connects_per_second", ratio(static_cast<double>(report.connects), report.seconds)},
      {"cpu_us_per_connect", ratio(report.cpu_seconds * 1e6, static_cast<double>(report.connects))},
      {"store_seconds", report.store_seconds},
      {"connections", report.connections},
      {"setup_seconds", report.setup_seconds},
      {"setup_cpu_seconds", report.setup_cpu_seconds},
      {"resident_before", report.resident_before},
      {"resident_open", report.resident_open},
      {"resident_stored", report.resident_stored},
      {"resident_after", report.resident_after},
      {"bytes_per_connection", report.bytes_per_connection()},
  });
}

}  // namespace dunlin::load
