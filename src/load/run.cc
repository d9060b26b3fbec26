#include "load/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "load/churn.h"
#include "load/dial.h"
#include "load/retained.h"
#include "load/traffic.h"

namespace dunlin::load {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds{20};

double seconds_between(Instant from, Instant to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

std::unexpected<Error> cancelled() {
  return fail(Errc::cancelled, "ended before every connection was open");
}

LoadOptions named(LoadOptions options, Rng& rng) {
  const auto run = static_cast<std::uint32_t>(rng.next());
  if (options.client_prefix.empty()) options.client_prefix = fmt::format("load-{:08x}", run);
  if (options.topic_prefix.empty()) options.topic_prefix = fmt::format("bench/{:08x}", run);
  return options;
}

}  // namespace

std::unique_ptr<LoadRun> LoadRun::make(const LoadEnvironment& environment, LoadOptions options) {
  switch (options.mode) {
    case LoadMode::churn:
      return std::make_unique<ChurnRun>(environment, std::move(options));
    case LoadMode::retained:
      return std::make_unique<RetainedRun>(environment, std::move(options));
    default:
      return std::make_unique<TrafficRun>(environment, std::move(options));
  }
}

LoadRun::LoadRun(const LoadEnvironment& environment, LoadOptions options)
    : environment_(environment),
      options_(named(std::move(options), environment.rng)),
      run_(static_cast<std::uint16_t>(environment.rng.next())) {}

std::unique_ptr<LoadClient> LoadRun::make_client(ClientRole role) {
  LoadClient::Events& events = *this;
  return std::make_unique<LoadClient>(events, environment_.clock, options_, run_, std::move(role));
}

LoadClient& LoadRun::add_client(ClientRole role) {
  clients_.push_back(make_client(std::move(role)));
  return *clients_.back();
}

void LoadRun::start(Done done) {
  done_ = std::move(done);
  if (phase_ == Phase::finished) return conclude(cancelled());
  auto usage = process_usage(environment_.fs, options_.process_ids);
  if (!usage) return conclude(std::unexpected(usage.error()));
  at_start_ = *usage;
  report_.resident_before = usage->resident_bytes;
  report_.connections = clients_.size();
  started_ = environment_.clock.now();
  if (clients_.empty()) return begin_all();
  for (std::size_t i = 0; i < std::min(options_.connecting, clients_.size()); ++i) connect_next();
}

void LoadRun::connect_next() {
  if (dialled_ == clients_.size()) return;
  LoadClient& next = *clients_[dialled_++];
  dial(environment_.network, environment_.executor, environment_.rng, options_,
       [this, &next](Result<std::unique_ptr<net::Connection>> result) {
         if (!result) return client_failed(next, result.error().message);
         if (phase_ == Phase::connecting) next.start(*std::move(result));
       });
}

void LoadRun::client_ready(LoadClient&) {
  if (phase_ != Phase::connecting) return;
  if (++ready_ == clients_.size()) return begin_all();
  connect_next();
}

void LoadRun::note_failure(std::string why) {
  ++report_.failed_connections;
  if (report_.failure.empty()) report_.failure = std::move(why);
}

void LoadRun::client_failed(LoadClient&, std::string why) {
  if (phase_ == Phase::finished) return;
  if (phase_ == Phase::connecting) {
    return conclude(
        fail(Errc::unavailable, fmt::format("{} (connection {} of {})", why, ready_ + 1, clients_.size())));
  }
  note_failure(std::move(why));
  drain();
}

void LoadRun::begin_all() {
  auto usage = process_usage(environment_.fs, options_.process_ids);
  if (!usage) return conclude(std::unexpected(usage.error()));
  at_begin_ = *usage;
  own_cpu_at_begin_ = own_cpu();
  began_ = last_arrival_ = last_progress_ = environment_.clock.now();
  report_.setup_seconds = seconds_between(started_, began_);
  report_.setup_cpu_seconds = at_begin_.cpu_seconds - at_start_.cpu_seconds;
  phase_ = Phase::running;
  begin();
  watch();
  std::uint16_t keep_alive = 0;
  for (const auto& client : clients_) keep_alive = std::max(keep_alive, client->keep_alive());
  ping_interval_ = std::chrono::milliseconds{keep_alive * 500};
  if (keep_alive != 0) ping_all();
}

// Who only listens has to be heard too: MQTT 5.0 section 3.1.2.10.
void LoadRun::ping_all() {
  environment_.executor.schedule(ping_interval_, [this] {
    if (phase_ == Phase::finished) return;
    for (const auto& client : clients_) client->ping();
    ping_all();
  });
}

void LoadRun::interrupt() {
  if (phase_ == Phase::finished) return;
  report_.end = LoadReport::End::interrupted;
  if (phase_ == Phase::connecting) return conclude(cancelled());
  if (phase_ == Phase::draining) return finish();
  drain();
}

void LoadRun::drain() {
  if (phase_ != Phase::running) return;
  phase_ = Phase::draining;
  last_progress_ = environment_.clock.now();
  stop_sending();
}

void LoadRun::watch() {
  if (phase_ == Phase::finished) return;
  const Instant now = environment_.clock.now();
  if (const std::uint64_t count = arrived(); count != last_arrived_) {
    last_arrived_ = count;
    last_progress_ = now;
  }
  if (phase_ == Phase::draining && complete()) return finish();
  if (now - last_progress_ > options_.patience) stalled();
  if (phase_ == Phase::finished) return;
  environment_.executor.schedule(kWatchInterval, [this] { watch(); });
}

double LoadRun::own_cpu() const {
  const auto usage = process_usage(environment_.fs, {::getpid()});
  return usage ? usage->cpu_seconds : 0;
}

void LoadRun::finish() {
  if (phase_ == Phase::finished) return;
  phase_ = Phase::finished;
  report_.seconds = seconds_between(began_, last_arrival_);
  report_.latency = latency_of(latency_);
  report_.load_cpu_seconds = own_cpu() - own_cpu_at_begin_;
  if (auto usage = process_usage(environment_.fs, options_.process_ids)) {
    report_.cpu_seconds = usage->cpu_seconds - at_begin_.cpu_seconds;
    report_.resident_open = usage->resident_bytes;
  } else if (report_.failure.empty()) {
    report_.failure = usage.error().message;
  }
  fill(report_);
  for (const auto& client : clients_) client->stop();
  const Duration settle = options_.process_ids.empty() ? Duration::zero() : options_.settle;
  environment_.executor.schedule(settle, [this] { measure_end(); });
}

void LoadRun::measure_end() {
  if (auto after = process_usage(environment_.fs, options_.process_ids))
    report_.resident_after = after->resident_bytes;
  conclude(report_);
}

void LoadRun::conclude(Result<LoadReport> result) {
  phase_ = Phase::finished;
  if (!done_) return;
  environment_.executor.post(
      [done = std::exchange(done_, {}), result = std::move(result)]() mutable { done(std::move(result)); });
}

LoadProgress LoadRun::progress() const {
  LoadProgress progress;
  progress.connected = ready_;
  progress.connections = clients_.size();
  if (phase_ == Phase::connecting) return progress;
  progress.stage = phase_ == Phase::running ? LoadProgress::Stage::running : LoadProgress::Stage::waiting;
  progress.seconds = seconds_between(began_, environment_.clock.now());
  progress.latency = latency_of(latency_);
  fill(progress);
  return progress;
}

}  // namespace dunlin::load
