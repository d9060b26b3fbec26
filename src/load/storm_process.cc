#include "load/storm_process.h"

#include <optional>
#include <thread>
#include <utility>

#include "load/process.h"
#include "load/reactor_kit.h"

namespace dunlin::load {
namespace {

constexpr Duration kLead = std::chrono::seconds{1};  // of the live traffic before the storm

}  // namespace

struct StormProcess::Parts {
  Parts(StormPlan all, OnProgress progress)
      : plan(std::move(all)), on_progress(std::move(progress)), storm(kit.environment(), plan.storm) {}

  Result<StormWave> wave(Stage stage, void (Storm::*begin)(Storm::Done));
  Result<LoadReport> quiet_traffic();
  Result<LoadReport> storm_traffic(StormReport& report);
  void show_progress();

  const StormPlan plan;
  OnProgress on_progress;
  ReactorKit kit;
  Storm storm;
  std::atomic<bool> interrupted{false};
  Stage stage = Stage::gathering;
  Instant stage_began{};
};

StormProcess::StormProcess(StormPlan plan, OnProgress on_progress)
    : parts_(std::make_unique<Parts>(std::move(plan), std::move(on_progress))) {}
StormProcess::~StormProcess() = default;

void StormProcess::interrupt() {
  parts_->interrupted = true;
  parts_->kit.reactor.stop();
}

void StormProcess::Parts::show_progress() {
  if (!on_progress) return;
  on_progress({stage, storm.connected(), plan.storm.devices.size(),
               std::chrono::duration<double>(kit.clock.now() - stage_began).count()});
}

/// Runs the reactor until the wave is over.
Result<StormWave> StormProcess::Parts::wave(Stage of, void (Storm::*begin)(Storm::Done)) {
  stage = of;
  stage_began = kit.clock.now();
  std::optional<StormWave> over;
  TimerId timer;
  const std::function<void()> tick = [&] {
    show_progress();
    timer = kit.reactor.schedule(kProgressInterval, tick);
  };
  kit.reactor.post([&] {
    tick();
    (storm.*begin)([&](StormWave result) {
      over = std::move(result);
      kit.reactor.stop();
    });
  });
  kit.reactor.run();
  kit.reactor.cancel(timer);
  if (!over || interrupted) return fail(Errc::cancelled, "ended before its time");
  return *std::move(over);
}

Result<LoadReport> StormProcess::Parts::quiet_traffic() {
  stage = Stage::quiet;
  stage_began = kit.clock.now();
  show_progress();
  return LoadProcess(plan.live).run();
}

/// Live traffic on a thread of its own for as long as the storm takes.
Result<LoadReport> StormProcess::Parts::storm_traffic(StormReport& report) {
  LoadOptions lasting = plan.live;
  lasting.duration = kMaxDuration;
  LoadProcess process(lasting);
  Result<LoadReport> live = fail(Errc::internal, "the live traffic has not ended");
  std::jthread thread([&] { live = process.run(); });
  std::this_thread::sleep_for(kLead);
  auto struck = wave(Stage::storm, &Storm::strike);
  process.interrupt();
  thread.join();
  DUNLIN_CHECK(live);
  DUNLIN_TRY(report.storm, std::move(struck));
  return live;
}

Result<StormReport> StormProcess::run() {
  Parts& parts = *parts_;
  StormReport report;
  const auto usage = [&] { return process_usage(*parts.kit.fs, parts.plan.process_ids); };
  DUNLIN_TRY(report.at_start, usage());
  DUNLIN_TRY(report.gathered, parts.wave(Stage::gathering, &Storm::gather));
  if (report.gathered.connected < report.gathered.devices)
    return fail(Errc::unavailable, "not all devices could connect: " + report.gathered.refusal);
  DUNLIN_TRY(report.quiet, parts.quiet_traffic());
  DUNLIN_TRY(report.before_storm, usage());
  DUNLIN_TRY(report.live, parts.storm_traffic(report));
  DUNLIN_TRY(report.after_storm, usage());
  return report;
}

bool StormReport::faultless(const StormPlan& plan) const {
  return storm.connected == storm.devices && live.faultless(plan.live);
}

}  // namespace dunlin::load
