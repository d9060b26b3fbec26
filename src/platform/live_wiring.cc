#include "platform/live_wiring.h"

#include <boost/json.hpp>

#include "service/series/point.h"

namespace dunlin::platform {
namespace {

void feed_pictures(transport::LiveFeed& feed, std::span<const model::Sample> samples) {
  for (const model::Sample& sample : samples) {
    if (const auto* bytes = std::get_if<model::Bytes>(&sample.value))
      feed.picture({sample.tenant, sample.device, sample.channel, sample.t_source, bytes->value});
  }
}

void feed_samples(transport::LiveFeed& feed, const std::vector<series::StoredSample>& samples) {
  for (const series::StoredSample& sample : samples) {
    const auto number = series::number_of(sample.point.value);
    if (!number) continue;
    const series::SeriesInfo& info = *sample.series;
    feed.value({info.tenant, info.device, info.channel, info.unit,
                static_cast<double>(unix_nanoseconds(sample.point.time)) / 1e6, *number});
  }
}

std::unique_ptr<series::Follower> follow_samples(Services& services, transport::LiveFeed& feed) {
  series::FeedOptions options;
  options.name = "pages";
  options.kind = series::FeedOptions::Kind::passing;
  options.awake = [&feed] { return feed.page_count() > 0; };
  return services.series().store().feed().follow(std::move(options),
                                                 [&feed](const series::FeedBatch& batch, Task done) {
                                                   feed_samples(feed, batch.samples);
                                                   done();
                                                 });
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

std::unique_ptr<series::Follower> wire_live_feed(Services& services, transport::LiveFeed& feed) {
  feed.set_queries(services.queries());
  services.series().on_arrival(
      [&feed](const series::Arrival& arrival) { feed_pictures(feed, arrival.samples); });
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
  return follow_samples(services, feed);
}

}  // namespace dunlin::platform
