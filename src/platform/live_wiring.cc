#include "platform/live_wiring.h"

#include <boost/json.hpp>

#include "service/series/point.h"

namespace dunlin::platform {
namespace {

void feed_samples(transport::LiveFeed& feed, std::span<const model::Sample> samples) {
  for (const model::Sample& sample : samples) {
    if (const auto* bytes = std::get_if<model::Bytes>(&sample.value)) {
      feed.picture({sample.tenant, sample.device, sample.channel, sample.t_source, bytes->value});
      continue;
    }
    const auto number = series::number_of(sample.value);
    if (!number) continue;
    feed.value({sample.tenant, sample.device, sample.channel, sample.unit,
                static_cast<double>(unix_nanoseconds(sample.t_source)) / 1e6, *number});
  }
}

void feed_points(transport::LiveFeed& feed, const series::SeriesStore& store,
                 std::span<const series::NewPoint> points) {
  for (const auto& [id, point] : points) {
    const auto number = series::number_of(point.value);
    const series::SeriesInfo* info = store.find(id);
    if (!number || info == nullptr) continue;
    feed.value({info->tenant, info->device, info->channel, info->unit,
                static_cast<double>(unix_nanoseconds(point.time)) / 1e6, *number});
  }
}

boost::json::object shadow_event(const std::string& thing, const shadow::Document& document) {
  return {{"type", "shadow"},
          {"thing", thing},
          {"version", document.version()},
          {"desired", document.desired()},
          {"reported", document.reported()},
          {"delta", document.delta().value_or(boost::json::object{})}};
}

}  // namespace

void wire_live_feed(Services& services, transport::LiveFeed& feed) {
  feed.set_queries(services.queries());
  services.series().on_arrival(
      [&feed](const series::Arrival& arrival) { feed_samples(feed, arrival.samples); });
  services.samples().on_stored([&feed](std::span<const model::Sample> samples) {
    if (feed.page_count() > 0) feed_samples(feed, samples);
  });
  services.lines().on_stored(
      {.wanted = [&feed] { return feed.page_count() > 0; },
       .stored = [&feed, &store = services.series().store()](
                     std::span<const series::NewPoint> points) { feed_points(feed, store, points); }});
  services.presence().on_change([&feed](TenantId tenant, const presence::Presence& presence) {
    boost::json::object event = to_json(presence);
    event["type"] = "presence";
    feed.event(tenant, event);
  });
  services.registry().on_change([&feed](TenantId tenant, const registry::Thing& thing) {
    if (thing.version == 0) feed.forget_pictures(tenant, thing.name);
    feed.event(tenant, {{"type", "thing"}, {"thing", to_json(thing)}});
  });
  services.shadow().on_change(
      [&feed](TenantId tenant, const std::string& thing, const shadow::Document& document) {
        feed.event(tenant, shadow_event(thing, document));
      });
  services.alarms().on_change([&feed](const alarm::Alarm& alarm) {
    feed.event(alarm.tenant, {{"type", "alarm"}, {"alarm", to_json(alarm)}});
  });
}

}  // namespace dunlin::platform
