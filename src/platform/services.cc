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

auto loader_of(ThingTags& tags) {
  return [&tags](TenantId tenant, auto loaded) { tags.load(tenant, std::move(loaded)); };
}
auto tag_of(const ThingTags& tags) {
  return [&tags](TenantId tenant, std::string_view device, std::string_view name) {
    return tags.tag(tenant, device, name);
  };
}

/// In maintenance, or taken out of service.
std::function<bool(TenantId, std::string_view)> mute_things(const hub::Standings* standings) {
  if (standings == nullptr) return {};
  return [standings](TenantId tenant, std::string_view thing) {
    if (standings->size() == 0) return false;
    const Lifecycle stage = standings->of(tenant, thing).lifecycle;
    return stage == Lifecycle::maintenance || stage == Lifecycle::decommission;
  };
}

/// By who speaks, and by whose topic it is: a gateway speaks for others.
std::function<bool(const hub::Message&)> mute(const hub::Standings* standings,
                                              const model::Mapping& mapping) {
  if (standings == nullptr) return {};
  return [standings, mapping, is_thing_muted = mute_things(standings)](const hub::Message& message) {
    if (standings->size() == 0 || !message.principal) return false;
    const auto is_muted = [&](std::string_view thing) {
      return is_thing_muted(message.principal->tenant, thing);
    };
    if (message.principal->is_thing() && is_muted(message.principal->name)) return true;
    if (const auto device = series::device_of_sample_topic(message.topic.text()); !device.empty())
      return is_muted(device);
    const auto facts = mapping.facts_of(message.topic.text());
    return facts && is_muted(facts->device);
  };
}

/// Up the chain of gateways to the furthest that is offline. Since a start all are, until they speak.
alarm::Gateway gateway_of(const presence::PresenceService& presences, TenantId tenant,
                          const std::string& thing) {
  constexpr int kMostGateways = 8;
  using State = presence::Presence::State;
  alarm::Gateway found;
  auto below = presences.find(tenant, thing);
  if (!below || below->gateway.empty() || below->gateway == thing) return found;
  found.name = below->gateway;
  for (int i = 0; i < kMostGateways && below && !below->gateway.empty(); ++i) {
    auto gateway = presences.find(tenant, below->gateway);
    if (!gateway || (gateway->state == State::offline && gateway->reason == presence::kServerRestart)) {
      if (found.line != alarm::Gateway::Line::down) found.line = alarm::Gateway::Line::unknown;
      break;
    } else if (gateway->state == State::offline) {
      found.line = alarm::Gateway::Line::down;
      found.lost = gateway->thing;
    } else {
      break;
    }
    below = std::move(gateway);
  }
  return found;
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
      device_alarms_({environment.executor, environment.bus, environment.keyed, alarms_, environment.metrics,
                      mute_things(environment.standings)}),
      rules_({environment.executor, environment.bus, environment.keyed, environment.repository, alarms_,
              environment.metrics, mute(environment.standings, environment.mapping)}),
      topics_({environment.executor, environment.bus, series_.store().feed(), environment.metrics,
               [this, heard = environment.heard](TenantId tenant, std::string_view topic) {
                 if (heard && heard(tenant, topic)) return true;
                 return topic == series::kSampleTopics ? rules_.follows_below(topic)
                                                       : rules_.follows(tenant, topic);
               }}),
      monitors_({environment.executor, environment.bus, environment.keyed, environment.repository, alarms_,
                 environment.metrics, series_.store().feed(), mute_things(environment.standings)}),
      forecasts_(environment.executor, series_.store()),
      retention_({environment.executor, series_.store(), environment.repository, environment.metrics,
                  loader_of(tags_), tag_of(tags_)}),
      derived_({environment.executor, environment.keyed, environment.repository, series_.store(),
                environment.metrics, loader_of(tags_), tag_of(tags_)}) {
  if (environment.blobs != nullptr)
    blobs_.emplace(blob::BlobEnvironment{environment.executor, *environment.blobs, *environment.policies,
                                         std::move(environment.keep_blobs), std::move(environment.recorder)});
  alarms_.depend_on(
      [this](TenantId tenant, const std::string& thing) { return gateway_of(presence_, tenant, thing); });
  const auto look_again = [this](TenantId tenant, const presence::Presence& changed) {
    alarms_.look_again(tenant, changed.thing);
  };
  presence_.on_change(look_again);
  presence_.on_route(look_again);
  series_.round_arrivals(environment.series.round_arrivals);
  series_.mute_when(mute(environment.standings, environment.mapping));
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
             [this](auto done) { device_alarms_.start(std::move(done)); },
             [this](auto done) { series_.start(std::move(done)); },
             [this](auto done) { shadow_.start(std::move(done)); },
             [this](auto done) { rules_.start(std::move(done)); },
             [this](auto done) {
               topics_.start();
               done({});
             },
             [this](auto done) { monitors_.start(std::move(done)); },
             [this](auto done) { derived_.start(std::move(done)); },
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
             [this, keep](auto done) { derived_.flush(keep(std::move(done))); },
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
  forecasts_.declare(table);
  retention_.declare(table);
  derived_.declare(table);
  alarms_.declare(table);
  if (blobs_) blobs_->declare(table);
}

}  // namespace dunlin::platform
