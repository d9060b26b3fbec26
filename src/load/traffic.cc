#include "load/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dunlin::load {
namespace {

constexpr std::uint16_t kIdleKeepAlive = 60;  // a device would ask for it, so its memory counts
constexpr Duration kLeastTick = std::chrono::microseconds{100};
constexpr std::string_view kShareName = "load";

}  // namespace

TrafficRun::TrafficRun(const LoadEnvironment& environment, LoadOptions options)
    : LoadRun(environment, std::move(options)) {
  make_clients();
}

// Subscribers come first: a publisher's first message finds all of them.
void TrafficRun::make_clients() {
  const LoadMode mode = options_.mode;
  const auto topic_of = [&](std::size_t publisher) {
    return mode == LoadMode::fan_out ? topic_prefix() + "/all/temperature"
                                     : fmt::format("{}/p{:05}/temperature", topic_prefix(), publisher);
  };
  const auto filter_of = [&](std::size_t subscriber) {
    const std::string all = topic_prefix() + "/+/temperature";
    if (mode == LoadMode::fan_in) return all;
    return mode == LoadMode::shared ? fmt::format("$share/{}/{}", kShareName, all) : topic_of(subscriber);
  };
  const std::size_t followed = mode == LoadMode::pairs ? 1 : options_.publishers;
  for (std::size_t i = 0; i < options_.subscribers; ++i) {
    ClientRole role{.number = static_cast<std::uint16_t>(i),
                    .client_id = fmt::format("{}-s{}", options_.client_prefix, i),
                    .filter = filter_of(i),
                    .topic = {},
                    .keep_alive = mode == LoadMode::idle ? kIdleKeepAlive : std::uint16_t{0}};
    Subscriber subscriber{&add_client(std::move(role)), {}, {}};
    if (mode == LoadMode::shared) {
      subscriber.next.resize(followed);
    } else {
      subscriber.streams.resize(followed);
    }
    subscribers_.push_back(std::move(subscriber));
  }
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    ClientRole role{.number = static_cast<std::uint16_t>(i),
                    .client_id = fmt::format("{}-p{}", options_.client_prefix, i),
                    .filter = {},
                    .topic = topic_of(i)};
    publishers_.push_back({&add_client(std::move(role))});
  }
  for (std::size_t first = 0; first < options_.subscriptions; first += kSubscriptionsPerClient) {
    ClientRole role;
    role.client_id = fmt::format("{}-h{}", options_.client_prefix, first);
    role.keep_alive = kIdleKeepAlive;
    const std::size_t end = std::min(first + kSubscriptionsPerClient, options_.subscriptions);
    for (std::size_t i = first; i < end; ++i)
      role.others.push_back(fmt::format("{}/{}{:06}", topic_prefix(), i % 2 == 0 ? "d/" : "+/w", i));
    add_client(std::move(role));
  }
  if (mode == LoadMode::shared) shared_streams_.resize(options_.publishers);
}

void TrafficRun::begin() {
  first_moment_ = since_start(began_);
  if (is_paced()) {
    const double seconds = std::chrono::duration<double>(options_.duration).count();
    const double bursts = std::ceil(seconds * options_.rate / static_cast<double>(options_.batch));
    bursts_ = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bursts));
    return begin_pace();
  }
  for (std::size_t i = 0; i < publishers_.size(); ++i) note_room(i);
  environment_.executor.schedule(options_.duration, [this] { drain(); });
}

void TrafficRun::begin_pace() {
  const Duration interval = moment_of(1) - moment_of(0);
  if (interval < kLeastTick) return spin();
  ticker_ = std::make_unique<Ticker>(
      environment_.executor, environment_.clock,
      [this](std::uint64_t burst) { return began_ + (moment_of(burst) - first_moment_); },
      [this] { pace(); });
}

void TrafficRun::stop_sending() {
  const bool time_is_up = report_.end == LoadReport::End::complete && report_.failed_connections == 0;
  if (!time_is_up) return give_up_due();
  // What was due and has not left is tried for a while.
  if (is_paced()) environment_.executor.schedule(options_.patience, [this] { give_up_due(); });
}

void TrafficRun::give_up_due() {
  for (Publisher& publisher : publishers_) {
    const std::uint64_t sent = publisher.client->sent();
    unsent_ += publisher.due - std::min(publisher.due, sent);
    publisher.due = sent;
  }
  held_.clear();
}

std::uint64_t TrafficRun::unconfirmed_room(const Publisher& publisher) const {
  if (!is_confirmed()) return kMaxWindow;
  const std::uint64_t most = std::min<std::uint64_t>(options_.window, publisher.client->receive_maximum());
  const std::uint64_t unconfirmed = publisher.client->sent() - publisher.client->confirmed();
  return most - std::min(unconfirmed, most);
}

std::uint64_t TrafficRun::room(const Publisher& publisher) const {
  const std::uint64_t several = receivers(options_);
  const std::uint64_t to_come = publisher.client->sent() * several - publisher.arrived;
  const std::uint64_t under_way = (to_come + several - 1) / several;
  const std::uint64_t free = options_.window - std::min<std::uint64_t>(under_way, options_.window);
  return std::min(free, unconfirmed_room(publisher));
}

// One batch per publisher and turn, after everything that the turn has read.
void TrafficRun::note_room(std::size_t number) {
  Publisher& publisher = publishers_[number];
  if (is_paced() || phase_ != Phase::running || publisher.waiting_for_turn) return;
  publisher.waiting_for_turn = true;
  due_.push_back(number);
  if (due_.size() == 1) environment_.executor.post([this] { publish_due(); });
}

void TrafficRun::publish_due() {
  const Duration now = elapsed();
  for (const std::size_t number : std::exchange(due_, {})) {
    Publisher& publisher = publishers_[number];
    publisher.waiting_for_turn = false;
    if (phase_ != Phase::running) continue;
    const std::uint64_t free = room(publisher);
    // A server that takes less at once than a batch gets what it takes.
    const std::uint64_t batch = std::min<std::uint64_t>(options_.batch, publisher.client->receive_maximum());
    const std::uint64_t count =
        is_confirmed() && batch < options_.batch ? free : free - free % options_.batch;
    if (count > 0) publisher.client->publish(count, [now](std::uint64_t) { return now; });
  }
}

Duration TrafficRun::moment_of(std::uint64_t burst) const {
  const double seconds = static_cast<double>(burst) * static_cast<double>(options_.batch) / options_.rate;
  return first_moment_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Duration TrafficRun::moment_of(std::size_t publisher, std::uint64_t number) const {
  return moment_of(number / options_.batch * publishers_.size() + publisher);
}

void TrafficRun::pace() {
  if (phase_ == Phase::finished) return;
  const Duration now = elapsed();
  for (const std::size_t number : std::exchange(held_, {})) {
    publishers_[number].waiting_for_turn = false;
    send_due(publishers_[number]);
  }
  for (; phase_ == Phase::running && next_burst_ < bursts_ && moment_of(next_burst_) <= now; ++next_burst_) {
    Publisher& publisher = publishers_[next_burst_ % publishers_.size()];
    publisher.due += options_.batch;
    send_due(publisher);
  }
  if (next_burst_ == bursts_) drain();
}

// Between moments this close there is no time to sleep.
void TrafficRun::spin() {
  pace();
  const bool over = phase_ != Phase::running && held_.empty();
  if (phase_ != Phase::finished && !over) environment_.executor.post([this] { spin(); });
}

void TrafficRun::send_due(Publisher& publisher) {
  if (publisher.waiting_for_turn) return;
  LoadClient& client = *publisher.client;
  const std::size_t number = client.role().number;
  const std::uint64_t wanted = publisher.due - client.sent();
  const bool full = client.waiting_output() > kMaxOutputBacklog;
  const std::uint64_t at_once =
      full ? 0 : std::max<std::uint64_t>(1, kMaxOutputBacklog / options_.payload_bytes);
  const std::uint64_t count = std::min({wanted, at_once, unconfirmed_room(publisher)});
  if (count > 0) {
    const Duration now = elapsed();
    client.publish(count, [&](std::uint64_t message) {
      const Duration moment = moment_of(number, message);
      send_delay_.record(now - moment);
      return moment;
    });
  }
  if (count == wanted || !client.is_open()) return;
  publisher.waiting_for_turn = true;
  held_.push_back(number);
}

SequenceCheck::Arrival TrafficRun::check(Subscriber& subscriber, const Stamp& stamp) {
  if (options_.mode == LoadMode::pairs) return subscriber.streams[0].take(stamp.number);
  if (options_.mode != LoadMode::shared) return subscriber.streams[stamp.publisher].take(stamp.number);
  const SequenceCheck::Arrival arrival = shared_streams_[stamp.publisher].take(stamp.number);
  if (arrival == SequenceCheck::Arrival::doubled) return arrival;
  // Only what one subscriber gets has an order: MQTT 5.0 section 4.8.2.
  std::uint64_t& next = subscriber.next[stamp.publisher];
  if (stamp.number < next) {
    ++shared_reordered_;
  } else {
    next = stamp.number + 1;
  }
  return arrival;
}

void TrafficRun::client_received(LoadClient& client, const Stamp& stamp, Instant now) {
  const std::size_t number = client.role().number;
  const bool known = stamp.publisher < publishers_.size() &&
                     stamp.number < publishers_[stamp.publisher].client->sent() &&
                     (options_.mode != LoadMode::pairs || stamp.publisher == number);
  if (!known) {
    client.stop();
    return client_failed(client, "a message came that no publisher has sent there");
  }
  Publisher& publisher = publishers_[stamp.publisher];
  if (check(subscribers_[number], stamp) != SequenceCheck::Arrival::doubled) ++publisher.arrived;
  ++delivered_;
  latency_.record(since_start(now) - stamp.moment);
  last_arrival_ = now;
  note_room(stamp.publisher);
}

void TrafficRun::client_confirmed(LoadClient& client) {
  ++confirmed_;
  note_room(client.role().number);
}

bool TrafficRun::complete() const {
  return std::ranges::all_of(publishers_, [this](const Publisher& publisher) {
    const std::uint64_t sent = publisher.client->sent();
    return sent >= publisher.due && publisher.arrived >= sent * receivers(options_) &&
           (!is_confirmed() || publisher.client->confirmed() >= sent);
  });
}

// With windows full of what will not come nothing further can be found out.
void TrafficRun::stalled() {
  const bool stuck = phase_ == Phase::running && options_.mode != LoadMode::idle && !is_paced();
  if (phase_ == Phase::draining || stuck) finish();
}

void TrafficRun::fill(LoadReport& report) const {
  report.delivered = delivered_;
  report.send_delay = latency_of(send_delay_);
  report.unsent = unsent_;
  for (const Publisher& publisher : publishers_) {
    const LoadClient& client = *publisher.client;
    report.sent += client.sent();
    report.unsent += publisher.due - std::min(publisher.due, client.sent());
    report.confirmed_out_of_order += client.confirmed_out_of_order();
    if (is_confirmed()) report.unconfirmed += client.sent() - client.confirmed();
  }
  const auto add = [&](const SequenceCheck& stream, std::size_t publisher) {
    report.lost += stream.lost(publishers_[publisher].client->sent());
    report.doubled += stream.doubled();
    if (options_.mode != LoadMode::shared) report.reordered += stream.reordered();
  };
  for (std::size_t i = 0; i < shared_streams_.size(); ++i) add(shared_streams_[i], i);
  report.reordered += shared_reordered_;
  if (publishers_.empty()) return;
  for (std::size_t i = 0; i < subscribers_.size(); ++i) {
    const auto& streams = subscribers_[i].streams;
    for (std::size_t j = 0; j < streams.size(); ++j)
      add(streams[j], options_.mode == LoadMode::pairs ? i : j);
  }
}

void TrafficRun::fill(LoadProgress& progress) const {
  progress.delivered = delivered_;
  std::uint64_t arrived = 0;
  for (const Publisher& publisher : publishers_) {
    progress.sent += publisher.client->sent();
    arrived += publisher.arrived;
  }
  progress.in_flight = progress.sent * receivers(options_) - arrived;
}

}  // namespace dunlin::load
