#include "service/forward/aggregation_service.h"

#include "base/log.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "service/forward/limits.h"
#include "service/forward/upstream.h"
#include "store/keyed_scan.h"

namespace dunlin::forward {
namespace {

constexpr std::string_view kConsumer = "aggregate";
constexpr std::string_view kPrefix = "aggregate/channel/";
constexpr Duration kTick = std::chrono::seconds{1};

}  // namespace

/// Some readings on their way: summaries to publish, then state to save. Handed from completion to
/// completion.
struct AggregationService::Round {
  std::vector<Summary> summaries;  // not yet in the journal
  std::vector<hub::JournalPosition> positions;
  std::vector<store::Put> puts;
  std::size_t publishing = 0;
  std::vector<Summary> failed;
  Task done;
};

AggregationService::AggregationService(AggregationEnvironment environment)
    : environment_(environment),
      self_(make_service_principal(kAggregatorName)),
      readings_(environment.metrics.counter("dunlin_forward_aggregated_messages_total",
                                            "Messages that went into windows")),
      summaries_(
          environment.metrics.counter("dunlin_forward_summaries_total", "Windows that were summed up")),
      retries_(environment.metrics.counter("dunlin_forward_aggregation_retries_total",
                                           "Summaries or windows that were not stored at once")),
      refused_(environment.metrics.counter("dunlin_forward_channels_refused_total",
                                           "Readings of channels past the limit")) {}

AggregationService::~AggregationService() {
  environment_.executor.cancel(tick_timer_);
  environment_.executor.cancel(retry_timer_);
}

void AggregationService::start(std::move_only_function<void(Result<void>)> started) {
  load([this, started = std::move(started)](Result<void> loaded) mutable {
    if (!loaded) return started(std::move(loaded));
    model::read_cursors(
        environment_.executor, environment_.keyed, kConsumer,
        [this, alive = std::weak_ptr<int>(alive_), started = std::move(started)](auto positions) mutable {
          if (alive.expired()) return;
          if (!positions) return started(std::unexpected(positions.error()));
          consume(*std::move(positions));
          tick_timer_ = environment_.executor.schedule(kTick, [this] { tick(); });
          started({});
        });
  });
}

void AggregationService::load(std::move_only_function<void(Result<void>)> loaded) {
  const std::weak_ptr<int> alive = alive_;
  auto each = [this, alive](const store::Entry& entry) -> Result<void> {
    if (alive.expired()) return fail(Errc::cancelled, "the service has gone");
    DUNLIN_TRY(auto state, decode_channel(entry.value));
    environment_.aggregator.restore(entry.key.substr(kPrefix.size()), std::move(state));
    return {};
  };
  auto done = [alive, loaded = std::move(loaded)](Result<void> result) mutable {
    if (!alive.expired()) loaded(std::move(result));
  };
  const std::string prefix(kPrefix);
  store::for_each_entry(environment_.executor, environment_.keyed, store::Table::meta,
                        {.begin = prefix, .end = model::prefix_end(prefix)}, std::move(each),
                        std::move(done));
}

void AggregationService::consume(std::vector<hub::JournalPosition> from) {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.filters = environment_.aggregator.filters();
  options.start = std::move(from);
  options.max_batch = kMaxBatch;
  options.max_waiting = kMaxWaiting;
  consumer_ = environment_.bus.consume(
      environment_.executor, std::move(options), [this](std::vector<hub::Delivery> batch, Task done) {
        if (busy_ == Busy::no) return take(std::move(batch), std::move(done));
        waiting_batch_ = [this, batch = std::move(batch), done = std::move(done)]() mutable {
          take(std::move(batch), std::move(done));
        };
      });
}

void AggregationService::take(std::vector<hub::Delivery> batch, Task done) {
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  for (const hub::Delivery& delivery : batch) {
    if (delivery.at.position != 0) model::advance(round->positions, delivery.at);
    // What came down is the platform's own.
    if (came_from_upstream(delivery.message) || is_summary(delivery.message)) continue;
    readings_.add();
    std::ranges::move(environment_.aggregator.take(delivery.message), std::back_inserter(round->summaries));
  }
  publish(std::move(round));
}

void AggregationService::tick() {
  tick_timer_ = environment_.executor.schedule(kTick, [this] { tick(); });
  refused_.set(static_cast<std::int64_t>(environment_.aggregator.refused()));
  if (busy_ == Busy::yes) return;
  auto round = std::make_shared<Round>();
  round->summaries = environment_.aggregator.close_until(environment_.executor.wall_now());
  if (round->summaries.empty()) return;
  busy_ = Busy::yes;
  publish(std::move(round));
}

void AggregationService::publish(std::shared_ptr<Round> round) {
  if (round->summaries.empty()) return save(std::move(round));
  std::vector<Summary> summaries = std::exchange(round->summaries, {});
  round->publishing = summaries.size();
  for (Summary& summary : summaries) {
    hub::Message message;
    message.topic = Slice::copy_of(summary.topic);
    message.payload = Slice::copy_of(summary.payload);
    message.qos = hub::QoS::at_least_once;
    message.principal = self_;
    auto published = [this, alive = std::weak_ptr<int>(alive_), round,
                      summary = std::move(summary)](Result<void> result) mutable {
      if (alive.expired()) return;
      if (result) {
        summaries_.add();
      } else {
        round->failed.push_back(std::move(summary));
      }
      if (--round->publishing > 0) return;
      if (round->failed.empty()) return save(std::move(round));
      round->summaries = std::exchange(round->failed, {});
      retry(std::move(round), &AggregationService::publish);
    };
    environment_.bus.publish(environment_.executor, std::move(message), std::move(published));
  }
}

void AggregationService::save(std::shared_ptr<Round> round) {
  for (const std::string& key : environment_.aggregator.take_changed()) {
    const ChannelState* state = environment_.aggregator.find(key);
    if (state != nullptr)
      round->puts.push_back({store::Table::meta, std::string(kPrefix) + key, encode_channel(*state)});
  }
  store::Batch batch;
  batch.puts = round->puts;
  model::put_cursors(batch, kConsumer, round->positions);
  if (batch.empty()) return finish(*round);
  environment_.keyed.write(environment_.executor, std::move(batch),
                           [this, alive = std::weak_ptr<int>(alive_), round](Result<void> written) {
                             if (alive.expired()) return;
                             if (written) return finish(*round);
                             retry(round, &AggregationService::save);
                           });
}

/// The journal keeps what is not summed up yet, so waiting loses nothing.
void AggregationService::retry(std::shared_ptr<Round> round,
                               void (AggregationService::*step)(std::shared_ptr<Round>)) {
  retries_.add();
  log::refusal("service/forward", "summaries are not stored; trying again", "store");
  retry_timer_ = environment_.executor.schedule(
      kRetryInterval, [this, round = std::move(round), step]() mutable { (this->*step)(std::move(round)); });
}

void AggregationService::finish(Round& round) {
  model::commit(*consumer_, round.positions);
  busy_ = Busy::no;
  if (round.done) round.done();
  if (Task waiting = std::exchange(waiting_batch_, {}); waiting && busy_ == Busy::no) waiting();
}

}  // namespace dunlin::forward
