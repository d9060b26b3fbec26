#include "hub/shard_metrics.h"

namespace dunlin::hub {
namespace {

std::array<metrics::Cell*, 3> by_qos(metrics::Registry& registry, const char* name, const char* help) {
  return {&registry.counter(name, help, {{"qos", "0"}}), &registry.counter(name, help, {{"qos", "1"}}),
          &registry.counter(name, help, {{"qos", "2"}})};
}

metrics::Cell& dropped(metrics::Registry& registry, const char* reason) {
  return registry.counter("dunlin_hub_dropped_total", "Messages that were not delivered.",
                          {{"reason", reason}});
}

metrics::Cell& rests(metrics::Registry& registry, const char* reason) {
  return registry.counter("dunlin_hub_publisher_rests_total",
                          "Times a connection was not read for a while, since it published too much.",
                          {{"reason", reason}});
}

metrics::Cell& short_of_memory(metrics::Registry& registry, const char* what) {
  return registry.counter("dunlin_memory_refusals_total", "What was refused while memory was short.",
                          {{"what", what}});
}

metrics::Cell& ended(metrics::Registry& registry, const char* reason) {
  return registry.counter("dunlin_hub_sessions_ended_total", "Sessions that the hub ended.",
                          {{"reason", reason}});
}

}  // namespace

ShardMetrics::ShardMetrics(metrics::Registry& registry)
    : in(by_qos(registry, "dunlin_hub_published_total", "Messages taken.")),
      out(by_qos(registry, "dunlin_hub_delivered_total", "Messages handed to sessions' connections.")),
      dropped_qos0(dropped(registry, "qos0_queue")),
      dropped_consumer(dropped(registry, "consumer_queue")),
      expired(dropped(registry, "expired")),
      duplicates(
          registry.counter("dunlin_hub_duplicates_total", "QoS 2 publishes that had been taken before.")),
      slow_consumers(ended(registry, "slow_consumer")),
      queue_full(ended(registry, "queue_full")),
      administrative(ended(registry, "administrative")),
      sessions_expired(ended(registry, "expired")),
      held_publishers(
          registry.counter("dunlin_hub_held_publishers_total", "Times a publisher was held back.")),
      append_failures(
          registry.counter("dunlin_hub_append_failures_total", "Messages that the journal refused.")),
      retained_refused(dropped(registry, "retained_limit")),
      unreadable(registry.counter("dunlin_hub_unreadable_total", "Stored records that could not be read.")),
      forwarded(registry.counter("dunlin_hub_forwarded_total", "Messages handed to other shards.")),
      holding(
          registry.gauge("dunlin_hub_sessions_holding", "Sessions whose queue holds publishers back now.")),
      held(registry.gauge("dunlin_hub_publishers_held", "Publishers that are held back now.")),
      sessions(registry.gauge("dunlin_hub_sessions", "Sessions, connected or not.")),
      online(registry.gauge("dunlin_hub_sessions_online", "Sessions with a connection.")),
      subscriptions(registry.gauge("dunlin_hub_subscriptions", "Subscriptions of sessions.")),
      retained(registry.gauge("dunlin_hub_retained", "Retained messages.")),
      spilled(registry.counter("dunlin_hub_spilled_total",
                               "Messages that waited for a session on the disk only.")),
      full_queues(registry.gauge("dunlin_hub_full_queues", "Sessions whose queues have no room.")),
      refused_full(dropped(registry, "queue_full")),
      shared_groups(registry.gauge("dunlin_hub_shared_groups", "Groups of shared subscriptions.")),
      shared_subscriptions(
          registry.gauge("dunlin_hub_shared_subscriptions", "Shared subscriptions: members of all groups.")),
      shared_returned(registry.counter("dunlin_hub_shared_returned_total",
                                       "Messages of shared subscriptions that one member left to another.")),
      shared_removed(registry.counter(
          "dunlin_hub_shared_removed_total",
          "Messages of shared subscriptions' groups that an operator has emptied or ended.")),
      client_rests(rests(registry, "client_rate")),
      tenant_rests(rests(registry, "tenant_rate")),
      memory_rests(rests(registry, "memory")),
      refused_rate(dropped(registry, "publish_rate")),
      refused_takeovers(
          registry.counter("dunlin_hub_takeovers_refused_total",
                           "Connections refused since others had just taken the same client id.")),
      refused_wills(
          registry.counter("dunlin_hub_wills_refused_total",
                           "Wills that were not published since the policies no longer allowed them.")),
      refused_memory(short_of_memory(registry, "publish")),
      refused_memory_subscriptions(short_of_memory(registry, "subscribe")),
      refused_memory_retained(short_of_memory(registry, "retain")),
      dropped_memory(dropped(registry, "memory")) {}

}  // namespace dunlin::hub
