#include "platform/services.h"

namespace dunlin::platform {
namespace {

using Step = std::function<void(std::move_only_function<void(Result<void>)>)>;

/// Runs the steps one after another; `done` gets the first error.
void run_steps(std::vector<Step> steps, std::move_only_function<void(Result<void>)> done) {
  if (steps.empty()) return done({});
  Step first = std::move(steps.front());
  steps.erase(steps.begin());
  first([steps = std::move(steps), done = std::move(done)](Result<void> result) mutable {
    if (!result) return done(std::move(result));
    run_steps(std::move(steps), std::move(done));
  });
}

/// By who speaks, and by whose topic it is: a gateway speaks for others.
std::function<bool(const hub::Message&)> mute(const hub::Standings* standings,
                                              const model::Mapping& mapping) {
  if (standings == nullptr) return {};
  return [standings, mapping](const hub::Message& message) {
    if (standings->size() == 0 || !message.principal) return false;
    const auto is_muted = [&](std::string_view thing) {
      const Lifecycle stage = standings->of(message.principal->tenant, thing).lifecycle;
      return stage == Lifecycle::maintenance || stage == Lifecycle::decommission;
    };
    if (message.principal->is_thing() && is_muted(message.principal->name)) return true;
    const auto facts = mapping.facts_of(message.topic.text());
    return facts && is_muted(facts->device);
  };
}

}  // namespace

Services::Services(ServicesEnvironment environment)
    : registry_(environment.executor, environment.repository, environment.metrics, environment.registry),
      presence_(environment.executor, environment.bus, environment.keyed, environment.metrics),
      series_(environment.executor, environment.bus, environment.keyed, environment.samples,
              environment.metrics, environment.mapping),
      tags_(registry_, series_.store()),
      query_(environment.executor, series_.store(), tags_, environment.metrics,
             std::move(environment.query_threads)),
      lines_(environment.executor, series_.store(), environment.metrics, environment.series.lines),
      samples_(environment.executor, series_.store(), environment.metrics),
      shadow_(environment.executor, environment.bus, environment.keyed, environment.metrics),
      alarms_(environment.executor, environment.bus, environment.keyed, environment.metrics,
              environment.alarms),
      rules_({environment.executor, environment.bus, environment.keyed, environment.repository, alarms_,
              environment.metrics, mute(environment.standings, environment.mapping)}),
      monitors_({environment.executor, environment.bus, environment.keyed, environment.repository, alarms_,
                 environment.metrics, environment.mapping, mute(environment.standings, environment.mapping)}),
      retention_({environment.executor, series_.store(), environment.repository, environment.metrics,
                  [this](TenantId tenant, auto loaded) { tags_.load(tenant, std::move(loaded)); },
                  [this](TenantId tenant, std::string_view device, std::string_view name) {
                    return tags_.tag(tenant, device, name);
                  }}) {
  if (environment.blobs != nullptr)
    blobs_.emplace(blob::BlobEnvironment{environment.executor, *environment.blobs, *environment.policies,
                                         std::move(environment.keep_blobs), std::move(environment.recorder)});
  series_.round_arrivals(environment.series.round_arrivals);
  series_.on_arrival([this](const series::Arrival& arrival) {
    if (arrival.samples.empty()) return;
    const model::Sample& sample = arrival.samples.front();
    registry_.ensure(sample.tenant, arrival.facts, sample.origin.gateway);
    presence_.saw(sample.tenant, sample.device, sample.origin.gateway, sample.t_server);
  });
  samples_.on_stored([this](std::span<const model::Sample> samples) {
    for (const model::Sample& sample : samples)
      registry_.ensure(sample.tenant, {sample.device, sample.channel, {}}, {});
  });
  lines_.on_source([this](TenantId tenant, const series::LineSource& source) {
    registry_.ensure(tenant, {source.device, source.prefix, source.tags}, {});
  });
}

void Services::start(std::move_only_function<void(Result<void>)> started) {
  run_steps({[this](auto done) { presence_.start(std::move(done)); },
             [this](auto done) { alarms_.start(std::move(done)); },
             [this](auto done) { series_.start(std::move(done)); },
             [this](auto done) { shadow_.start(std::move(done)); },
             [this](auto done) { rules_.start(std::move(done)); },
             [this](auto done) { monitors_.start(std::move(done)); },
             [this](auto done) { retention_.start(std::move(done)); },
             [this](auto done) {
               if (!blobs_) return done({});
               blobs_->start(std::move(done));
             }},
            std::move(started));
}

void Services::stop(std::move_only_function<void(Result<void>)> stopped) {
  // Each saves what it can, whatever becomes of the others.
  auto first = std::make_shared<Result<void>>();  // shared by the steps
  const auto keep = [first](auto done) {
    return [first, done = std::move(done)](Result<void> saved) mutable {
      if (*first && !saved) *first = std::move(saved);
      done({});
    };
  };
  run_steps({[this, keep](auto done) { presence_.flush(keep(std::move(done))); },
             [this, keep](auto done) { monitors_.flush(keep(std::move(done))); },
             [this, keep](auto done) { series_.store().flush(keep(std::move(done))); }},
            [first, stopped = std::move(stopped)](Result<void>) mutable { stopped(std::move(*first)); });
}

void Services::declare(model::OperationTable& table) {
  registry_.declare(table);
  presence_.declare(table);
  series_.declare(table);
  query_.declare(table);
  samples_.declare(table);
  shadow_.declare(table);
  rules_.declare(table);
  monitors_.declare(table);
  retention_.declare(table);
  alarms_.declare(table);
  if (blobs_) blobs_->declare(table);
}

}  // namespace dunlin::platform
