#include "load/retained.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dunlin::load {

RetainedRun::RetainedRun(const LoadEnvironment& environment, LoadOptions options)
    : LoadRun(environment, std::move(options)), payload_(options_.payload_bytes) {
  for (std::size_t i = 0; i < options_.subscribers; ++i) {
    ClientRole role{.number = static_cast<std::uint16_t>(i),
                    .client_id = fmt::format("{}-s{}", options_.client_prefix, i),
                    .filter = {},
                    .topic = {}};
    subscribers_.push_back({&add_client(std::move(role)), std::vector<bool>(options_.retained_messages)});
  }
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    ClientRole role{.number = static_cast<std::uint16_t>(i),
                    .client_id = fmt::format("{}-p{}", options_.client_prefix, i),
                    .filter = {},
                    .topic = {}};
    publishers_.push_back({&add_client(std::move(role))});
  }
}

std::string RetainedRun::topic_of(std::size_t number) const {
  return fmt::format("{}/t{:06}/temperature", topic_prefix(), number);
}

void RetainedRun::begin() {
  begin_step(Step::storing);
}

void RetainedRun::begin_step(Step step) {
  step_ = step;
  if (step == Step::reading) {
    began_ = last_arrival_ = environment_.clock.now();
    at_reading_ = cpu_now();
    for (const Subscriber& subscriber : subscribers_) subscriber.client->subscribe(topic_prefix() + "/#");
    return;
  }
  for (std::size_t i = 0; i < publishers_.size(); ++i) {
    publishers_[i].next = i;
    publishers_[i].done = false;
    send_next(publishers_[i]);
  }
}

// One window, then a sign that the server has taken it: the acknowledgements, or with QoS 0 the answer to a
// ping, which comes behind them.
void RetainedRun::send_next(Publisher& publisher) {
  const std::uint64_t most = std::min<std::uint64_t>(options_.window, publisher.client->receive_maximum());
  std::uint64_t count = 0;
  for (; count < most && publisher.next < options_.retained_messages; ++count) {
    const Stamp stamp{run_, publisher.client->role().number, publisher.next, elapsed()};
    const ByteView payload = step_ == Step::storing ? ByteView(payload_) : ByteView();
    publisher.client->publish_retained(topic_of(publisher.next), stamp, payload);
    publisher.next += publishers_.size();
    if (step_ == Step::storing) ++stored_;
  }
  if (count == 0) {
    publisher.done = true;
    if (std::ranges::all_of(publishers_, &Publisher::done)) end_step();
    return;
  }
  if (options_.qos != mqtt::QoS::at_most_once) return;
  publisher.ping_is_out = true;
  publisher.client->ping();
}

bool RetainedRun::is_answered(const Publisher& publisher) const {
  return options_.qos == mqtt::QoS::at_most_once ? !publisher.ping_is_out
                                                 : publisher.client->confirmed() == publisher.client->sent();
}

void RetainedRun::client_confirmed(LoadClient& client) {
  ++answers_;
  Publisher& publisher = publishers_[client.role().number];
  if (phase_ != Phase::finished && is_answered(publisher)) send_next(publisher);
}

void RetainedRun::client_ponged(LoadClient& client) {
  ++answers_;
  if (client.role().number >= publishers_.size()) return;
  Publisher& publisher = publishers_[client.role().number];
  if (publisher.client != &client || !std::exchange(publisher.ping_is_out, false)) return;
  if (phase_ != Phase::finished && !publisher.done) send_next(publisher);
}

void RetainedRun::note_stored() {
  report_.store_seconds = std::chrono::duration<double>(environment_.clock.now() - began_).count();
  if (auto usage = process_usage(environment_.fs, options_.process_ids))
    report_.resident_stored = usage->resident_bytes;
}

double RetainedRun::cpu_now() const {
  const auto usage = process_usage(environment_.fs, options_.process_ids);
  return usage ? usage->cpu_seconds : 0;
}

void RetainedRun::end_step() {
  switch (step_) {
    case Step::storing:
      note_stored();
      return begin_step(phase_ == Phase::running ? Step::reading : Step::clearing);
    case Step::reading:
      read_cpu_seconds_ = cpu_now() - at_reading_;
      // What clears a topic must not be read as one of its messages.
      for (const Subscriber& subscriber : subscribers_) subscriber.client->stop();
      return begin_step(Step::clearing);
    case Step::clearing:
      cleared_ = true;
      drain();
      return;
  }
}

void RetainedRun::client_received(LoadClient& client, const Stamp& stamp, Instant now) {
  Subscriber& subscriber = subscribers_[client.role().number];
  if (stamp.number >= subscriber.seen.size()) {
    client.stop();
    return client_failed(client, "a message came that no publisher has sent");
  }
  ++delivered_;
  last_arrival_ = now;
  latency_.record(now - began_);
  if (subscriber.seen[stamp.number]) {
    ++doubled_;
    return;
  }
  subscriber.seen[stamp.number] = true;
  if (++subscriber.count == options_.retained_messages) ++satisfied_;
  if (satisfied_ == subscribers_.size()) end_reading();
}

// Not at once: a client may still be reading.
void RetainedRun::end_reading() {
  environment_.executor.post([this] {
    if (step_ == Step::reading && phase_ != Phase::finished) end_step();
  });
}

void RetainedRun::stop_sending() {
  if (step_ == Step::reading) end_reading();
}

void RetainedRun::stalled() {
  if (step_ == Step::reading && phase_ == Phase::running) return end_step();
  finish();
}

void RetainedRun::fill(LoadReport& report) const {
  report.sent = stored_;
  report.delivered = delivered_;
  report.doubled = doubled_;
  report.cpu_seconds = read_cpu_seconds_;
  for (const Publisher& publisher : publishers_) {
    report.confirmed_out_of_order += publisher.client->confirmed_out_of_order();
    if (options_.qos != mqtt::QoS::at_most_once)
      report.unconfirmed += publisher.client->sent() - publisher.client->confirmed();
  }
  if (report.end == LoadReport::End::interrupted) return;
  for (const Subscriber& subscriber : subscribers_)
    report.lost += stored_ - std::min<std::uint64_t>(stored_, subscriber.count);
}

void RetainedRun::fill(LoadProgress& progress) const {
  progress.sent = stored_;
  progress.delivered = delivered_;
  progress.in_flight = step_ == Step::reading ? stored_ * subscribers_.size() - delivered_ : 0;
}

}  // namespace dunlin::load
