#include "service/series/sample_topics.h"

#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/time_text.h"
#include "hub/topic.h"
#include "model/hops.h"
#include "model/text.h"
#include "service/series/json_forms.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kFollower = "topics";

std::string payload_of(const StoredSample& sample) {
  boost::json::object told{{"value", value_json(sample.point.value)},
                           {"time", format_rfc3339_exact(sample.point.time)}};
  if (!sample.series->unit.empty()) told["unit"] = sample.series->unit;
  if (sample.point.quality != model::Quality::good) told["quality"] = quality_name(sample.point.quality);
  if ((sample.point.flags & model::kHistorical) != 0) told["historical"] = true;
  if ((sample.point.flags & model::kEstimated) != 0) told["estimated"] = true;
  return model::json_text(told);
}

}  // namespace

std::string_view device_of_sample_topic(std::string_view topic) {
  if (!topic.starts_with(kSampleTopics)) return {};
  return hub::split_level(topic.substr(kSampleTopics.size())).level;
}

struct SampleTopics::Round {
  std::vector<hub::Message> outgoing;  // not taken by the hub yet
  std::size_t unanswered = 0;
  int tries = 0;
  store::Position through = 0;
  Task done;
};

SampleTopics::SampleTopics(Parts parts)
    : parts_(std::move(parts)),
      self_(make_service_principal("series")),
      retry_(parts_.executor, parts_.metrics, "series_topics"),
      published_(parts_.metrics.counter("dunlin_series_topics_published_total",
                                        "Stored samples that were published on their topics")),
      failed_(parts_.metrics.counter("dunlin_series_topics_failed_total",
                                     "Stored samples that somebody wanted and that could not be published")) {
  parts_.feed.expect(std::string(kFollower));
}

void SampleTopics::start() {
  FeedOptions options;
  options.name = kFollower;
  options.awake = [this] { return parts_.heard && parts_.heard(kDefaultTenant, kSampleTopics); };
  follower_ = parts_.feed.follow(std::move(options),
                                 [this](const FeedBatch& batch, Task done) { take(batch, std::move(done)); });
}

void SampleTopics::take(const FeedBatch& batch, Task done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  round->through = batch.through;
  const WallTime now = parts_.executor.wall_now();
  for (const StoredSample& sample : batch.samples) {
    const TenantId tenant = sample.series->tenant;
    const std::string topic =
        std::string(kSampleTopics) + sample.series->device + '/' + sample.series->channel;
    if (!parts_.heard(tenant, topic)) continue;
    if (const auto checked = hub::check_topic(topic); !checked) {
      failed_.add();
      log::refusal("service/series", "a sample has no topic", sample.series->device,
                   {{"channel", sample.series->channel}, {"why", checked.error().message}});
      continue;
    }
    hub::Message message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload_of(sample));
    message.qos = hub::QoS::at_least_once;
    message.principal = in_tenant(self_, tenant);
    message.received_at = now;
    if (sample.hops > 0) model::set_hops(message, sample.hops);
    round->outgoing.push_back(std::move(message));
  }
  publish(std::move(round));
}

void SampleTopics::publish(RoundRef round) {
  if (round->outgoing.empty()) return answered_all(round);
  std::vector<hub::Message> messages = std::exchange(round->outgoing, {});
  round->unanswered = messages.size();
  for (hub::Message& message : messages) {
    auto answered = [this, round, message](Result<void> taken) mutable {
      if (taken) {
        published_.add();
      } else {
        round->outgoing.push_back(std::move(message));
      }
      if (--round->unanswered == 0) answered_all(round);
    };
    parts_.bus.publish(parts_.executor, std::move(message), std::move(answered));
  }
}

void SampleTopics::answered_all(const RoundRef& round) {
  if (!round->outgoing.empty() && ++round->tries < kMaxTopicTries)
    return retry_.later([this, round] { publish(round); });
  // Not for ever: what waits here keeps the log of samples, and at last nothing could be stored any more.
  if (!round->outgoing.empty()) {
    failed_.add(static_cast<std::int64_t>(round->outgoing.size()));
    log::error("service/series", "samples are not published: the journal takes nothing",
               {{"samples", static_cast<std::uint64_t>(round->outgoing.size())}});
  }
  follower_->commit(round->through);
  round->done();
}

}  // namespace dunlin::series
