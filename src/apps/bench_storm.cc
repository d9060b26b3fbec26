#include <cstdio>

#include "apps/bench_load.h"
#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/signals.h"
#include "base/fs.h"
#include "load/storm_process.h"

namespace dunlin::apps {
namespace {

Result<load::StormPlan> plan_of(const BenchStormCommand& command, Fs& fs) {
  load::StormPlan plan{.storm = command.storm, .live = {}, .process_ids = command.live.options.process_ids};
  if (!plan.storm.server.is_tls())
    return fail(Errc::invalid_argument, "the devices connect over mqtts:// or wss:// only");
  DUNLIN_TRY(plan.live, load_options_of(command.live, fs));
  if (plan.live.rate <= 0) return fail(Errc::invalid_argument, "the live traffic needs a rate");
  DUNLIN_TRY(const std::string ca, read_file(fs, command.live.ca_file));
  DUNLIN_TRY(const std::string lines, read_file(fs, command.devices_file, load::kMaxDeviceFileBytes));
  DUNLIN_TRY(plan.storm.devices, load::read_devices(lines, ca));
  DUNLIN_CHECK(
      load::allow_open_files(plan.storm.devices.size() + plan.live.publishers + plan.live.subscribers));
  return plan;
}

}  // namespace

int run_bench_storm(const BenchStormCommand& command) {
  keep_end_signals();
  const auto fs = make_system_fs();
  const auto plan = plan_of(command, *fs);
  if (!plan) return report_unusable(plan.error());
  load::StormProcess process(*plan, [](const load::StormProcess::Progress& progress) {
    show_progress(load::progress_text(progress));
  });
  const auto result = run_until_signal(process);
  if (!result) return report(result.error());
  const std::string text = command.live.output == BenchMqttCommand::Output::json
                               ? load::storm_report_json(*plan, *result) + "\n"
                               : load::storm_report_text(*plan, *result);
  std::fputs(text.c_str(), stdout);
  return result->faultless(*plan) ? 0 : 1;
}

}  // namespace dunlin::apps
