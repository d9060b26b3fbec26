#pragma once
// Every bound of the hub in one place. The struct's members are configuration; the constants are fixed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/token_bucket.h"

namespace dunlin::hub {

inline constexpr std::size_t kMaxTopicBytes = 65'535;  // MQTT 5.0 section 1.5.4
inline constexpr std::size_t kMaxTopicLevels = 128;
inline constexpr std::size_t kMaxClientIdBytes = 1024;
inline constexpr std::size_t kMaxShards = 64;              // the interest of other shards is one bit each
inline constexpr std::size_t kMaxOutboundInFlight = 1024;  // also where a client's receive maximum is larger
inline constexpr std::size_t kMaxTrackedInFlight =
    4096;  // acknowledged entries behind an unacknowledged one count too
inline constexpr std::size_t kRetainedPortion =
    256;  // retained messages that one session gets in one turn for a new subscription
inline constexpr std::size_t kRetainedSteps = 2048;  // topics that are looked at for them
inline constexpr std::size_t kRetainedAhead =
    512;  // messages that may wait for the session when it gets some; past it the rest waits in the store
inline constexpr std::size_t kPumpPortion =
    128;  // messages that one session sends at a time of what waits for it; then others have their turn
inline constexpr std::size_t kMaxLentMessages =
    256;  // that a member of a shared subscription's group has at a time, also where its window is larger
inline constexpr Duration kStoreRetryInterval =
    std::chrono::seconds{1};  // until what the journal or the keyed store refused is tried again
inline constexpr TokenRate kTakeovers{
    1, 10};  // connections that take one client id from another; past it the one that has it keeps it
inline constexpr Duration kUnhurriedWrite =
    std::chrono::milliseconds{50};  // how long a row that nobody waits for may wait for others
inline constexpr std::size_t kMinQueueInMemory = 16;  // messages of a session, however full the memory is
inline constexpr std::size_t kMaxUnwrittenBytes =
    8 * 1024 * 1024;  // rows that wait for the keyed store, per shard; past it publishers are held
inline constexpr Duration kDiskPatience = std::chrono::milliseconds{20};  // between two looks at that
inline constexpr std::size_t kRouteCacheEntries = 4096;                   // per shard, direct-mapped
inline constexpr std::size_t kMaxCachedTargets = 1'000'000;  // of all of them; past it they are found anew
inline constexpr Duration kCheckpointInterval = std::chrono::seconds{5};
inline constexpr Duration kArrivalTimeLead =
    std::chrono::seconds{1};  // how far times of arrival may run ahead of the clock to stay distinct
inline constexpr Duration kSlowConsumerPatience = std::chrono::seconds{30};
inline constexpr Duration kBudgetBatch =
    std::chrono::milliseconds{10};  // of a tenant's rate, that a shard draws at a time
inline constexpr Duration kMinPublishRest =
    std::chrono::milliseconds{5};  // shorter ones are not worth a timer: the debt stays
inline constexpr Duration kMaxPublishRest =
    std::chrono::seconds{10};  // longer ones would look like a dead connection to its peer; the debt stays
inline constexpr Duration kMemoryRest =
    std::chrono::seconds{1};  // of a publisher that cannot be refused, per message, while memory is critical
inline constexpr std::size_t kShedStepsPerTurn = 4096;       // slots looked at when memory gets short
inline constexpr std::uint32_t kNeverExpires = 0xFFFF'FFFF;  // MQTT 5.0 section 3.1.2.11.2

inline constexpr std::size_t kMaxGroupMembersShown =
    1000;  // of one shared subscription's group, to operators

/// Which member of a shared subscription's group gets a message, of those that can take one.
enum class SharedStrategy : std::uint8_t {
  round_robin,
  least_in_flight,
  sticky,  // the same one for the same publisher, while it can take messages
};
/// "round_robin" ...: the word of the configuration and the API.
std::string_view shared_strategy_name(SharedStrategy strategy);

/// What becomes of a publish past a rate.
enum class OverRate : std::uint8_t {
  slow,    // it is taken, and its connection is not read until the debt is paid
  refuse,  // it is not taken, where the protocol can say so
};

struct Limits {
  std::size_t sessions = 1'000'000;  // per shard, online and offline
  std::size_t subscriptions_per_session = 10'000;
  std::size_t qos0_messages = 10'000;  // waiting for one session; past it the oldest go, with a counter
  std::size_t qos0_bytes = 4 * 1024 * 1024;
  std::size_t online_messages =
      10'000;  // QoS 1 and 2 waiting for one connected session; past it publishers are paused
  std::size_t online_bytes = 16 * 1024 * 1024;
  // QoS 1 and 2 waiting for one session in all; past it who publishes to it is refused, and past twice that
  // (messages of services) it ends.
  std::size_t offline_messages = 1'000'000;
  std::size_t offline_bytes = 1024 * 1024 * 1024;
  // The same where none of it can be on the disk.
  std::size_t memory_only_messages = 100'000;
  std::size_t memory_only_bytes = 64 * 1024 * 1024;
  // What of a queue is in memory; the rest is on the disk only.
  std::size_t queue_memory_messages = 1024;
  std::size_t queue_memory_bytes = 1024 * 1024;
  std::size_t all_queues_memory_bytes = 256 * 1024 * 1024;  // per shard; past it queues keep next to nothing
  std::size_t retained_messages = 1'000'000;                // per shard
  std::size_t retained_bytes = 1024 * 1024 * 1024;
  SharedStrategy shared_strategy = SharedStrategy::round_robin;
  // Publishes of one client, and of all clients of a tenant. Bytes are those of topics and payloads.
  TokenRate client_messages = {};
  TokenRate client_bytes = {};
  TokenRate tenant_messages = {};
  TokenRate tenant_bytes = {};
  OverRate over_rate = OverRate::slow;
  std::uint32_t session_expiry_seconds = 7 * 24 * 3600;  // a longer wish is cut to this
};

}  // namespace dunlin::hub
