#include "service/series/series_service.h"

#include "base/log.h"
#include "model/cursors.h"
#include "model/hops.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kConsumer = "series";

WallTime rounded(WallTime time, Duration step) {
  if (step <= Duration::zero()) return time;
  Duration into = time.time_since_epoch() % step;
  if (into < Duration::zero()) into += step;
  return time - into;
}

}  // namespace

/// One batch on its way into the store. Shared by the write's completion and a retry after a full disk; one
/// at a time.
struct SeriesService::Work {
  std::vector<hub::Delivery> batch;
  std::vector<hub::JournalPosition> positions;
  std::vector<model::Sample> samples;
  struct Arrived {
    std::size_t delivery;
    model::TopicFacts facts;
    std::size_t first;
    std::size_t count;
  };
  std::vector<Arrived> arrivals;
  Task done;
};

SeriesService::SeriesService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, store::Log& log,
                             metrics::Registry& metrics, model::Mapping mapping)
    : executor_(executor),
      bus_(bus),
      store_(executor, keyed, log, metrics),
      mapping_(std::move(mapping)),
      retry_(executor, metrics, kConsumer),
      stored_(metrics.counter("dunlin_series_samples_stored_total", "Samples stored")),
      skipped_(metrics.counter("dunlin_series_samples_skipped_total", "Samples left out: over a limit")),
      refused_(metrics.counter("dunlin_series_messages_refused_total",
                               "Messages on mapped topics that held no measurement")) {}

void SeriesService::start(std::move_only_function<void(Result<void>)> started) {
  store_.open([this, started = std::move(started)](Result<void> opened) mutable {
    if (!opened) return started(std::move(opened));
    store_.positions_of(kConsumer, [this, started = std::move(started)](auto positions) mutable {
      if (!positions) return started(std::unexpected(positions.error()));
      consume(*std::move(positions));
      started({});
    });
  });
}

void SeriesService::consume(std::vector<hub::JournalPosition> from) {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.filters = mapping_.filters();
  options.start = std::move(from);
  consumer_ = bus_.consume(
      executor_, std::move(options),
      [this](std::vector<hub::Delivery> batch, Task done) { take(std::move(batch), std::move(done)); });
}

void SeriesService::take(std::vector<hub::Delivery> batch, Task done) {
  auto work = std::make_shared<Work>();
  work->batch = std::move(batch);
  for (const hub::Delivery& delivery : work->batch) {
    if (delivery.at.position != 0) model::advance(work->positions, delivery.at);
  }
  work->done = std::move(done);
  for (std::size_t i = 0; i < work->batch.size(); ++i) {
    const hub::Message& message = work->batch[i].message;
    auto mapped = mapping_.samples_of(message);
    if (!mapped) {
      if (mapped.error().code == Errc::not_found) continue;
      refused_.add();
      log::refusal("service/series", "a message holds no measurement",
                   message.principal ? message.principal->name : "",
                   {{"topic", message.topic.text()}, {"why", mapped.error().message}});
      continue;
    }
    const int hops = model::hops_of(message);
    const bool muted = muted_ && muted_(message);
    for (model::Sample& sample : mapped->samples) {
      sample.hops = hops;
      sample.watch = muted ? model::Watch::muted : model::Watch::watched;
      if (sample.t_source == sample.t_server) sample.t_source = rounded(sample.t_source, arrival_step_);
    }
    work->arrivals.push_back({i, std::move(mapped->facts), work->samples.size(), mapped->samples.size()});
    std::ranges::move(mapped->samples, std::back_inserter(work->samples));
  }
  write(std::move(work));
}

void SeriesService::write(std::shared_ptr<Work> work) {
  store_.write(work->samples, kConsumer, work->positions, [this, work](Result<SeriesStore::Written> written) {
    if (written) {
      stored_.add(static_cast<std::int64_t>(written->stored));
      skipped_.add(static_cast<std::int64_t>(written->skipped));
      return finish(*work);
    }
    retry_.later("samples are not stored", "store", written.error(), [this, work] { write(work); });
  });
}

void SeriesService::finish(Work& work) {
  for (const auto& arrived : work.arrivals) {
    const Arrival arrival{work.batch[arrived.delivery].message, arrived.facts,
                          std::span(work.samples).subspan(arrived.first, arrived.count)};
    for (const auto& handler : handlers_) handler(arrival);
  }
  model::commit(*consumer_, work.positions);
  work.done();
}

}  // namespace dunlin::series
