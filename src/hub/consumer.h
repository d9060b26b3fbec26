#pragma once
// A service's view of the messages: one feed per shard, one mailbox on the service's executor.

#include <deque>
#include <memory>
#include <vector>

#include "hub/bus.h"
#include "hub/record.h"
#include "hub/ring_queue.h"
#include "hub/session.h"

namespace dunlin::hub {

/// Takes one batch at a time from all shards. On the consumer's executor only, except where said.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  Mailbox(Executor& executor, BatchHandler handler) : executor_(executor), handler_(std::move(handler)) {}
  /// Any thread. `taken` runs on the consumer's executor when the batch is done with.
  void send(std::vector<Delivery> batch, Task taken);
  void close();
  /// Consumer's executor only.
  bool closed() const { return closed_; }

 private:
  struct Waiting {
    std::vector<Delivery> batch;
    Task taken;
  };
  void next();
  void finished(Task taken);

  Executor& executor_;
  BatchHandler handler_;
  std::deque<Waiting> waiting_;  // at most one per shard
  bool busy_ = false;
  bool closed_ = false;
};

using ConsumerId = std::uint64_t;

/// One consumer on one shard: a cursor over the shard's journal, fed directly while it keeps up. Shard's
/// thread only.
class ConsumerFeed {
 public:
  ConsumerFeed(Shard& shard, ConsumerId id, SubscriberId slot, std::shared_ptr<const ConsumerOptions> options,
               std::shared_ptr<Mailbox> mailbox);

  /// A message that the router chose for this consumer.
  void offer(Traveller& message);
  /// Sends a batch if there is one and the last one is done with.
  void run();
  /// The consumer is done with the last batch.
  void batch_taken();
  void commit(store::Position position);
  /// Lets the journal go of what does not concern this consumer.
  void advance_cursor();
  /// How many journalled messages it has not looked at yet.
  store::Position backlog() const;
  /// nullopt: there is no journal.
  std::optional<ConsumerLag> lag() const;

  ConsumerId id() const { return id_; }
  SubscriberId slot() const { return slot_; }
  const ConsumerOptions& options() const { return *options_; }
  bool scheduled = false;  // the shard's: run() is due at the end of the turn

 private:
  std::vector<Delivery> read_journal();
  std::vector<Delivery> take_waiting();
  bool wants(const Message& message) const;

  Shard& shard_;
  ConsumerId id_;
  SubscriberId slot_;
  std::shared_ptr<const ConsumerOptions> options_;  // shared: by the feeds of all shards
  std::shared_ptr<Mailbox>
      mailbox_;  // shared: by the feeds and by batches under way to the consumer's thread
  MessageDecoder decoder_;
  RingQueue<Delivery> journalled_;
  RingQueue<Delivery> unjournalled_;
  bool live_ = false;              // false: behind, reading the journal after next_
  bool outstanding_ = false;       // a batch is with the consumer
  store::Position next_ = 0;       // the last journalled position that was queued or looked at
  store::Position delivered_ = 0;  // the last one in a batch
  store::Position committed_ = 0;
};

}  // namespace dunlin::hub
