#pragma once
// The latest retained message of each topic of one shard.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/emptied_topics.h"
#include "hub/keyed_writer.h"
#include "hub/limits.h"
#include "hub/message.h"
#include "hub/retained_topics.h"

namespace dunlin::hub {

/// In memory and, lazily, in the keyed store. One thread.
class RetainedStore {
 public:
  RetainedStore(Executor& executor, store::Keyed* keyed, const Limits& limits)
      : writer_(executor, keyed), limits_(limits) {}

  enum class Stored { stored, removed, stale, refused };
  /// An empty payload removes. `stale`: a newer message, or removal, is there (by received_at). `refused`:
  /// the limits are reached.
  Stored store(const MessageRef& message);
  /// Loads a row without writing it again.
  Result<void> load(const std::string& value);
  /// Every message whose topic the filter matches and that has not expired, in the topics' order.
  std::vector<MessageRef> match(TenantId tenant, std::string_view filter, WallTime now);

  bool has(TenantId tenant, std::string_view topic) const;

  /// A part of match(), for whoever pages: looks at no more than `max_steps` topics behind `after` and finds
  /// no more than `max_found`. An empty filter takes every topic.
  struct Walk {
    std::vector<MessageRef> found;
    std::string last;  // the topic that was looked at last; go on behind it
    enum class More : std::uint8_t { no, yes } more = More::no;
  };
  struct WalkOptions {
    std::string_view after;
    std::size_t max_found = 0;
    std::size_t max_steps = 0;
  };
  Walk walk(TenantId tenant, std::string_view filter, WalkOptions options, WallTime now) const;

  /// The start-up is over: rows and journals have been read.
  void loaded() { life_ = Life::running; }
  /// Lets go of removals that nothing from before can come after. Now and then.
  void forget_emptied(WallTime now);

  void flush(KeyedWriter::Done done) { writer_.flush(std::move(done)); }
  /// More rows wait for the keyed store than may: publishers are to be held, and new topics of QoS 0, whose
  /// publishers cannot be, are refused (MQTT 5.0 section 3.3.1.3 lets a server discard these).
  bool is_behind() const { return writer_.bytes() > kMaxUnwrittenBytes; }
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Stored put(const MessageRef& message);

  KeyedWriter writer_;
  const Limits& limits_;
  enum class Life : std::uint8_t { loading, running } life_ = Life::loading;
  EmptiedTopics emptied_;
  std::unordered_map<TenantId, RetainedTopics> tenants_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// Whether MQTT 5.0 section 3.3.2.3.3 says that the message is not to be delivered any more.
bool has_expired(const Message& message, WallTime now);

}  // namespace dunlin::hub
