#pragma once
// One shard's counters; the registry sums them over the shards.

#include <array>

#include "base/metrics.h"

namespace dunlin::hub {

struct ShardMetrics {
  explicit ShardMetrics(metrics::Registry& registry);

  std::array<metrics::Cell*, 3> in;   // published, by QoS
  std::array<metrics::Cell*, 3> out;  // delivered to sessions, by QoS
  metrics::Cell& dropped_qos0;
  metrics::Cell& dropped_consumer;
  metrics::Cell& expired;
  metrics::Cell& duplicates;      // QoS 2 publishes that had been taken before
  metrics::Cell& slow_consumers;  // sessions ended because they did not follow
  metrics::Cell& queue_full;      // sessions ended because their queue had reached its bound
  metrics::Cell& administrative;  // connections ended by an operator
  metrics::Cell& sessions_expired;
  metrics::Cell& held_publishers;  // times a publisher was held back
  metrics::Cell& append_failures;
  metrics::Cell& retained_refused;
  metrics::Cell& unreadable;  // stored records that could not be read
  metrics::Cell& forwarded;   // messages handed to other shards
  metrics::Cell& holding;     // sessions that hold publishers back now
  metrics::Cell& held;        // publishers that are held back now
  metrics::Cell& sessions;
  metrics::Cell& online;
  metrics::Cell& subscriptions;
  metrics::Cell& retained;
  metrics::Cell& spilled;       // messages that waited on the disk only
  metrics::Cell& full_queues;   // sessions to which nobody may publish
  metrics::Cell& refused_full;  // publishes refused for that
  metrics::Cell& shared_groups;
  metrics::Cell& shared_subscriptions;  // members of all groups
  metrics::Cell& shared_returned;       // messages that a member gave back
  metrics::Cell& shared_removed;        // messages of groups that an operator has emptied or ended
  metrics::Cell& client_rests;          // times a connection was not read: its client published too fast
  metrics::Cell& tenant_rests;          // the same for its tenant
  metrics::Cell& memory_rests;          // the same while memory was critical
  metrics::Cell& refused_rate;          // publishes refused for their rate
  metrics::Cell& refused_takeovers;
  metrics::Cell& refused_wills;   // that the policies of the moment did not allow
  metrics::Cell& refused_memory;  // publishes refused while memory was short
  metrics::Cell& refused_memory_subscriptions;
  metrics::Cell& refused_memory_retained;
  metrics::Cell& dropped_memory;  // QoS 0, from queues
};

}  // namespace dunlin::hub
