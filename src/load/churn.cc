#include "load/churn.h"

#include <fmt/format.h>

#include <utility>

#include "load/dial.h"

namespace dunlin::load {

ChurnRun::ChurnRun(const LoadEnvironment& environment, LoadOptions options)
    : LoadRun(environment, std::move(options)), slots_(options_.subscribers) {}

void ChurnRun::begin() {
  report_.connections = slots_.size();
  for (std::size_t i = 0; i < slots_.size(); ++i) open(i);
  environment_.executor.schedule(options_.duration, [this] { drain(); });
}

void ChurnRun::open(std::size_t number) {
  if (phase_ != Phase::running) return;
  Slot& slot = slots_[number];
  slot.client = make_client({.number = static_cast<std::uint16_t>(number),
                             .client_id = fmt::format("{}-c{}", options_.client_prefix, number),
                             .filter = {},
                             .topic = {}});
  slot.began = elapsed();
  slot.busy = true;
  ++busy_;
  dial(environment_.network, environment_.executor, environment_.rng, options_,
       [this, &slot](Result<std::unique_ptr<net::Connection>> result) {
         if (phase_ == Phase::finished) return;
         if (!result) return client_failed(*slot.client, result.error().message);
         slot.client->start(*std::move(result));
       });
}

void ChurnRun::client_ready(LoadClient& client) {
  const Slot& slot = slots_[client.role().number];
  latency_.record(elapsed() - slot.began);
  last_arrival_ = environment_.clock.now();
  ++connects_;
  client.disconnect();
}

void ChurnRun::client_ended(LoadClient& client) {
  release(client.role().number, Duration::zero());
}

void ChurnRun::client_failed(LoadClient& client, std::string why) {
  if (phase_ == Phase::finished) return;
  if (connects_ == 0) return conclude(fail(Errc::unavailable, std::move(why)));
  note_failure(std::move(why));
  release(client.role().number, kRedialPause);
}

// From a later turn: the client is not destroyed inside its own event.
void ChurnRun::release(std::size_t number, Duration pause) {
  if (!std::exchange(slots_[number].busy, false)) return;
  --busy_;
  if (pause == Duration::zero()) return environment_.executor.post([this, number] { open(number); });
  environment_.executor.schedule(pause, [this, number] { open(number); });
}

void ChurnRun::fill(LoadReport& report) const {
  report.connects = connects_;
  if (busy_ == 0) return;
  report.failed_connections += busy_;
  if (report.failure.empty()) report.failure = "the server does not answer or does not end a connection";
}

void ChurnRun::fill(LoadProgress& progress) const {
  progress.connected = busy_;
  progress.connections = slots_.size();
  progress.delivered = connects_;
}

}  // namespace dunlin::load
