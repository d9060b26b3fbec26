#pragma once
// Stored samples as messages, for subscribers and rules: $dunlin/samples/{device}/{channel}. Format:
// docs/guide/ingest.md.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/retry.h"
#include "service/series/sample_feed.h"

namespace dunlin::series {

inline constexpr std::string_view kSampleTopics = "$dunlin/samples/";
/// Tries, a second apart, to publish what the hub does not take.
inline constexpr int kMaxTopicTries = 10;

/// Publishes with QoS 1 what somebody wants, as long as somebody wants any; its place in the log moves when
/// the hub has it on the disk, so after a crash a message may come again. One executor's thread.
class SampleTopics {
 public:
  struct Parts {
    Executor& executor;
    hub::Bus& bus;
    SampleFeed& feed;
    metrics::Registry& metrics;
    /// Whether somebody may want the topic. Asked for kSampleTopics alone first.
    std::function<bool(TenantId, std::string_view topic)> heard;
  };
  /// Before the series store is opened.
  explicit SampleTopics(Parts parts);

  /// Behind the open series store.
  void start();

 private:
  struct Round;
  using RoundRef = std::shared_ptr<Round>;  // handed from completion to completion; one owner at a time

  void take(const FeedBatch& batch, Task done);
  void publish(RoundRef round);
  void answered_all(const RoundRef& round);

  Parts parts_;
  PrincipalRef self_;
  std::unique_ptr<Follower> follower_;
  model::Retry retry_;
  metrics::Cell& published_;
  metrics::Cell& failed_;
};

/// The device that such a topic names; empty: it is none.
std::string_view device_of_sample_topic(std::string_view topic);

}  // namespace dunlin::series
