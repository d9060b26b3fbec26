#include "bench/load_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/metrics.h"
#include "net/epoll_network.h"
#include "net/reactor.h"
#include "net/worker_pool.h"

namespace dunlin::bench {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds{20};

double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Result<LoadOptions> checked(LoadOptions options) {
  if (options.mode == LoadMode::pairs) options.subscribers = options.publishers;
  if (options.mode == LoadMode::idle) options.publishers = 0;
  if (options.subscribers == 0) return fail(Errc::invalid_argument, "a load needs a subscriber");
  if (options.publishers == 0 && options.mode != LoadMode::idle)
    return fail(Errc::invalid_argument, "a load needs a publisher");
  if (options.publishers + options.subscribers > kMaxConnections)
    return fail(Errc::invalid_argument, fmt::format("at most {} connections", kMaxConnections));
  if (options.payload_bytes < kStampBytes)
    return fail(Errc::invalid_argument, fmt::format("a payload has at least {} bytes", kStampBytes));
  if (options.window == 0 && options.publishers > 0) {
    const std::size_t receivers = options.mode == LoadMode::pairs ? 1 : options.subscribers;
    const std::size_t usual = options.qos == mqtt::QoS::at_most_once ? kQos0Window : kQos12Window;
    options.window =
        std::clamp<std::size_t>(kMaxDeliveriesInFlight / (receivers * options.publishers), 1, usual);
  }
  return options;
}

LoadRun::LoadRun(net::Network& network, Executor& executor, Rng& rng, LoadOptions options)
    : network_(network), executor_(executor), options_(std::move(options)), run_(rng.next()) {
  make_clients();
}

void LoadRun::make_clients() {
  LoadClient::Events& events = *this;
  const auto make = [this, &events](ClientRole role) {
    return std::make_unique<LoadClient>(events, options_, run_, std::move(role));
  };
  const bool shared_topic = options_.mode == LoadMode::fan_out;
  const auto topic_of = [&](std::size_t publisher) {
    return shared_topic ? std::string("bench/hall/all/temperature")
                        : fmt::format("bench/hall/p{:05}/temperature", publisher);
  };
  for (std::size_t i = 0; i < options_.subscribers; ++i) {
    const std::string filter = options_.mode == LoadMode::fan_in ? "bench/hall/+/temperature" : topic_of(i);
    const auto number = static_cast<std::uint32_t>(i);
    const std::size_t streams = options_.mode == LoadMode::pairs ? 1 : options_.publishers;
    subscribers_.push_back({make({number, fmt::format("load-{:08x}-s{}", run_ >> 32, i), filter, {}}),
                            std::vector<SequenceCheck>(streams)});
  }
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    const auto number = static_cast<std::uint32_t>(i);
    publishers_.push_back({make({number, fmt::format("load-{:08x}-p{}", run_ >> 32, i), {}, topic_of(i)})});
  }
}

// Subscribers come first: a publisher's first message finds all of them.
LoadClient& LoadRun::client(std::size_t number) {
  return number < subscribers_.size() ? *subscribers_[number].client
                                      : *publishers_[number - subscribers_.size()].client;
}

void LoadRun::start(Done done) {
  done_ = std::move(done);
  auto usage = process_usage(options_.process_ids);
  if (!usage) return conclude(std::unexpected(usage.error()));
  at_start_ = *usage;
  report_.resident_before = usage->resident_bytes;
  report_.connections = client_count();
  started_ = executor_.now();
  for (std::size_t i = 0; i < std::min(kMaxConnecting, client_count()); ++i) connect_next();
}

void LoadRun::connect_next() {
  if (dialled_ == client_count()) return;
  LoadClient& next = client(dialled_++);
  net::ConnectOptions options;
  options.endpoint = options_.server;
  network_.connect(executor_, std::move(options),
                   [this, &next](Result<std::unique_ptr<net::Connection>> result) {
                     if (!result) return client_failed("cannot connect: " + result.error().message);
                     if (phase_ == Phase::connecting) next.start(*std::move(result));
                   });
}

void LoadRun::client_ready(LoadClient&) {
  if (++ready_ == client_count()) return begin();
  connect_next();
}

void LoadRun::client_failed(std::string why) {
  conclude(fail(Errc::unavailable, std::move(why)));
}

void LoadRun::begin() {
  if (phase_ != Phase::connecting) return;
  auto usage = process_usage(options_.process_ids);
  if (!usage) return conclude(std::unexpected(usage.error()));
  at_begin_ = *usage;
  began_ = last_progress_ = executor_.now();
  report_.setup_seconds = seconds_between(started_, began_);
  report_.setup_cpu_seconds = at_begin_.cpu_seconds - at_start_.cpu_seconds;
  phase_ = Phase::publishing;
  for (std::size_t i = 0; i < publishers_.size(); ++i) note_progress(i);
  executor_.schedule(options_.duration, [this] {
    if (phase_ != Phase::publishing) return;
    phase_ = Phase::draining;
    watch();
  });
}

std::uint32_t LoadRun::room(const Publisher& publisher) const {
  const std::uint64_t sent = publisher.client->sent();
  const std::uint64_t undelivered = sent * receivers() - std::min(publisher.delivered, sent * receivers());
  std::uint64_t under_way = (undelivered + receivers() - 1) / receivers();
  if (options_.qos != mqtt::QoS::at_most_once)
    under_way = std::max(under_way, sent - publisher.client->confirmed());
  return static_cast<std::uint32_t>(options_.window - std::min<std::uint64_t>(under_way, options_.window));
}

// One batch per publisher and turn, after everything that the turn has read.
void LoadRun::note_progress(std::size_t number) {
  last_progress_ = executor_.now();
  if (phase_ != Phase::publishing || publishers_[number].waiting_for_turn) return;
  publishers_[number].waiting_for_turn = true;
  due_.push_back(number);
  if (due_.size() == 1) executor_.post([this] { publish_more(); });
}

void LoadRun::publish_more() {
  for (const std::size_t number : std::exchange(due_, {})) {
    Publisher& publisher = publishers_[number];
    publisher.waiting_for_turn = false;
    if (phase_ != Phase::publishing) continue;
    if (const std::uint32_t count = room(publisher); count > 0) publisher.client->publish(count);
  }
}

void LoadRun::client_received(LoadClient& client, ByteView payload) {
  if (payload.size() < kStampBytes) return client_failed("a message came that no publisher has sent");
  const Stamp stamp = read_stamp(payload);
  Subscriber& subscriber = subscribers_[client.role().number];
  const bool pairs = options_.mode == LoadMode::pairs;
  const bool known = stamp.run == run_ && stamp.publisher < publishers_.size() &&
                     stamp.number < publishers_[stamp.publisher].client->sent() &&
                     (!pairs || stamp.publisher == client.role().number);
  if (!known) return client_failed("a message came that no publisher has sent");
  subscriber.publishers[pairs ? 0 : stamp.publisher].take(stamp.number);
  ++report_.delivered;
  ++publishers_[stamp.publisher].delivered;
  note_progress(stamp.publisher);
}

void LoadRun::client_confirmed(LoadClient& client) {
  note_progress(client.role().number);
}

bool LoadRun::complete() const {
  return std::ranges::all_of(publishers_, [this](const Publisher& publisher) {
    const std::uint64_t sent = publisher.client->sent();
    return publisher.delivered >= sent * receivers() &&
           (options_.qos == mqtt::QoS::at_most_once || publisher.client->confirmed() >= sent);
  });
}

void LoadRun::watch() {
  if (phase_ != Phase::draining) return;
  if (complete() || executor_.now() - last_progress_ > kStallLimit) return finish();
  executor_.schedule(kWatchInterval, [this] { watch(); });
}

void LoadRun::finish() {
  auto usage = process_usage(options_.process_ids);
  if (!usage) return conclude(std::unexpected(usage.error()));
  phase_ = Phase::finished;
  report_.seconds = seconds_between(began_, last_progress_);
  report_.cpu_seconds = usage->cpu_seconds - at_begin_.cpu_seconds;
  report_.resident_open = usage->resident_bytes;
  for (const Publisher& publisher : publishers_) {
    report_.sent += publisher.client->sent();
    report_.confirmed_out_of_order += publisher.client->confirmed_out_of_order();
    if (options_.qos != mqtt::QoS::at_most_once)
      report_.unconfirmed += publisher.client->sent() - publisher.client->confirmed();
  }
  for (const Subscriber& subscriber : subscribers_) {
    for (std::size_t i = 0; i < subscriber.publishers.size() && !publishers_.empty(); ++i) {
      const std::size_t publisher = options_.mode == LoadMode::pairs ? subscriber.client->role().number : i;
      report_.lost += subscriber.publishers[i].lost(publishers_[publisher].client->sent());
      report_.doubled += subscriber.publishers[i].doubled();
      report_.reordered += subscriber.publishers[i].reordered();
    }
  }
  for (std::size_t i = 0; i < client_count(); ++i) client(i).stop();
  executor_.schedule(options_.settle, [this] {
    if (auto after = process_usage(options_.process_ids)) report_.resident_after = after->resident_bytes;
    conclude(report_);
  });
}

void LoadRun::conclude(Result<LoadReport> result) {
  phase_ = Phase::finished;
  if (!done_) return;
  executor_.post(
      [done = std::exchange(done_, {}), result = std::move(result)]() mutable { done(std::move(result)); });
}

Result<LoadReport> run_load(const LoadOptions& wanted) {
  DUNLIN_TRY(LoadOptions options, checked(wanted));
  net::Reactor reactor;
  net::ThreadWorkerPool workers(1);
  metrics::Registry metrics;
  net::EpollNetwork network({&reactor}, workers, metrics);
  SystemRng rng;
  Result<LoadReport> report = fail(Errc::internal, "the load has not ended");
  LoadRun run(network, reactor, rng, std::move(options));
  reactor.post([&] {
    run.start([&](Result<LoadReport> result) {
      report = std::move(result);
      reactor.stop();
    });
  });
  reactor.run();
  return report;
}

}  // namespace dunlin::bench
