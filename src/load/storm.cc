#include "load/storm.h"

#include <algorithm>
#include <utility>

#include "load/limits.h"
#include "net/tls_sessions.h"
#include "transport/mqtt/server_address.h"

namespace dunlin::load {

Storm::Storm(const LoadEnvironment& environment, StormOptions options)
    : environment_(environment), options_(std::move(options)), seats_(options_.devices.size()) {}

Storm::~Storm() {
  for (Seat& seat : seats_) {
    if (seat.timer) environment_.executor.cancel(seat.timer);
  }
  if (limit_) environment_.executor.cancel(limit_);
}

void Storm::gather(Done done) {
  begin(Pace::few_at_once, std::move(done));
  for (std::size_t i = 0; i < kMaxConnecting; ++i) dial_next();
}

void Storm::strike(Done done) {
  begin(Pace::storm, std::move(done));
  for (std::size_t i = 0; i < seats_.size(); ++i)
    dial_later(i, Duration{static_cast<std::int64_t>(
                      environment_.rng.below(static_cast<std::uint64_t>(options_.spread.count()) + 1))});
}

void Storm::begin(Pace pace, Done done) {
  ++generation_;
  cut();
  pace_ = pace;
  done_ = std::move(done);
  wave_ = {};
  wave_.devices = seats_.size();
  until_connected_ = {};
  began_ = environment_.clock.now();
  next_ = 0;
  limit_ = environment_.executor.schedule(options_.patience, [this] {
    limit_ = {};
    finish();
  });
}

/// As when a network goes: without a goodbye.
void Storm::cut() {
  for (Seat& seat : seats_) {
    if (seat.timer) environment_.executor.cancel(std::exchange(seat.timer, {}));
    if (seat.client != nullptr) seat.client->stop();
    seat = {};
  }
  connected_ = 0;
}

void Storm::dial_later(std::size_t number, Duration pause) {
  seats_[number].timer = environment_.executor.schedule(pause, [this, number] {
    seats_[number].timer = {};
    dial_now(number);
  });
}

void Storm::dial_next() {
  if (next_ < seats_.size()) dial_now(next_++);
}

void Storm::dial_now(std::size_t number) {
  Seat& seat = seats_[number];
  const StormDevice& device = options_.devices[number];
  if (seat.first_attempt == Instant{}) seat.first_attempt = environment_.clock.now();
  seat.state = Seat::State::dialling;
  LoadClient::Events& events = *this;
  seat.client = std::make_unique<LoadClient>(events, environment_.clock, client_options_, std::uint16_t{0},
                                             ClientRole{.number = static_cast<std::uint16_t>(number),
                                                        .client_id = device.name,
                                                        .filter = {},
                                                        .topic = {},
                                                        .keep_alive = kStormKeepAlive});
  ++wave_.attempts;
  if (options_.resumption == Resumption::never) net::forget_tls_sessions(*device.tls);
  transport::dial(environment_.network, environment_.executor, environment_.rng,
                  {options_.server, device.tls, {}, kDialDeadline},
                  [this, number, generation = generation_](Result<std::unique_ptr<net::Connection>> made) {
                    if (generation != generation_) return;
                    if (!made) return come_back(number, made.error().message);
                    seats_[number].client->start(*std::move(made));
                  });
}

void Storm::client_ready(LoadClient& client) {
  Seat& seat = seats_[client.role().number];
  const Instant now = environment_.clock.now();
  seat.state = Seat::State::connected;
  seat.pause = {};
  until_connected_.record(now - seat.first_attempt);
  ++connected_;
  if (pace_ == Pace::few_at_once) dial_next();
  if (connected_ == seats_.size()) finish();
}

void Storm::client_failed(LoadClient& client, std::string why) {
  come_back(client.role().number, std::move(why));
}

void Storm::come_back(std::size_t number, std::string why) {
  Seat& seat = seats_[number];
  if (seat.state == Seat::State::connected) {
    --connected_;
    ++wave_.lost;
  } else {
    ++wave_.refused;
  }
  if (wave_.refusal.empty()) wave_.refusal = std::move(why);
  seat.state = Seat::State::away;
  seat.pause = std::clamp(2 * seat.pause, options_.first_pause, options_.longest_pause);
  const auto most = static_cast<std::uint64_t>(seat.pause.count());
  dial_later(number, Duration{static_cast<std::int64_t>(environment_.rng.below(most + 1))});
}

void Storm::finish() {
  if (!done_) return;
  if (limit_) environment_.executor.cancel(std::exchange(limit_, {}));
  wave_.connected = connected_;
  wave_.until_connected = latency_of(until_connected_);
  wave_.seconds = std::chrono::duration<double>(environment_.clock.now() - began_).count();
  environment_.executor.post(
      [done = std::exchange(done_, {}), wave = wave_]() mutable { done(std::move(wave)); });
}

}  // namespace dunlin::load
