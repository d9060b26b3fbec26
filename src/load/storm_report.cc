#include <fmt/format.h>

#include <boost/json.hpp>

#include "load/storm_process.h"

namespace dunlin::load {
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string wave_text(std::string_view name, const StormWave& wave) {
  std::string text = fmt::format("  {:<13} {} of {} connected in {:.2f} s, {} attempts, {} refused\n", name,
                                 wave.connected, wave.devices, wave.seconds, wave.attempts, wave.refused);
  text += fmt::format("  {:<13} until CONNACK p50 {:.0f} ms, p99 {:.0f} ms, max {:.0f} ms\n", "",
                      milliseconds(wave.until_connected.p50), milliseconds(wave.until_connected.p99),
                      milliseconds(wave.until_connected.largest));
  if (!wave.refusal.empty()) text += fmt::format("  {:<13} first refusal: {}\n", "", wave.refusal);
  return text;
}

std::string live_text(std::string_view name, const LoadReport& live) {
  return fmt::format(
      "  {:<13} p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms; {} delivered, {} lost, {} unconfirmed\n", name,
      milliseconds(live.latency.p50), milliseconds(live.latency.p99), milliseconds(live.latency.largest),
      live.delivered, live.lost, live.unconfirmed);
}

boost::json::object wave_json(const StormWave& wave) {
  return {{"devices", wave.devices},
          {"connected", wave.connected},
          {"attempts", wave.attempts},
          {"refused", wave.refused},
          {"lost", wave.lost},
          {"refusal", wave.refusal},
          {"seconds", wave.seconds},
          {"until_connected_ms",
           {{"p50", milliseconds(wave.until_connected.p50)},
            {"p99", milliseconds(wave.until_connected.p99)},
            {"max", milliseconds(wave.until_connected.largest)}}}};
}

}  // namespace

std::string storm_report_text(const StormPlan& plan, const StormReport& report) {
  std::string text = fmt::format("storm on {}: {} devices, live traffic of {} messages a second\n",
                                 to_string(plan.storm.server), report.storm.devices, plan.live.rate);
  text += wave_text("before", report.gathered);
  text += wave_text("storm", report.storm);
  text += live_text("live, quiet", report.quiet);
  text += live_text("live, storm", report.live);
  if (plan.process_ids.empty()) return text;
  const auto mebibytes = [](std::uint64_t bytes) { return bytes / (1024 * 1024); };
  return text + fmt::format("  {:<13} {:.2f} s of CPU, {} MiB resident at the start, {} before, {} after\n",
                            "server", report.after_storm.cpu_seconds - report.before_storm.cpu_seconds,
                            mebibytes(report.at_start.resident_bytes),
                            mebibytes(report.before_storm.resident_bytes),
                            mebibytes(report.after_storm.resident_bytes));
}

std::string storm_report_json(const StormPlan& plan, const StormReport& report) {
  boost::json::object all{
      {"faultless", report.faultless(plan)},
      {"gathered", wave_json(report.gathered)},
      {"storm", wave_json(report.storm)},
      {"cpu_seconds", report.after_storm.cpu_seconds - report.before_storm.cpu_seconds},
      {"resident_at_start", report.at_start.resident_bytes},
      {"resident_before_storm", report.before_storm.resident_bytes},
      {"resident_after_storm", report.after_storm.resident_bytes},
  };
  all["quiet"] = boost::json::parse(report_json(plan.live, report.quiet));
  all["live"] = boost::json::parse(report_json(plan.live, report.live));
  return boost::json::serialize(all);
}

std::string progress_text(const StormProcess::Progress& progress) {
  using Stage = StormProcess::Stage;
  if (progress.stage == Stage::quiet) return "live traffic with all devices at rest";
  return fmt::format("{}: {} of {} connected, {:.0f} s",
                     progress.stage == Stage::gathering ? "connecting" : "storm", progress.connected,
                     progress.devices, progress.seconds);
}

}  // namespace dunlin::load
