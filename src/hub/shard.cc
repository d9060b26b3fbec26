#include "hub/shard.h"

#include <chrono>
#include <utility>

namespace dunlin::hub {
namespace {

// After a crash under load a service may have a million messages to read: the listeners are opened first.
constexpr store::Position kFarBehind = 20'000;
constexpr Duration kCatchUpDelay = std::chrono::milliseconds{300};

}  // namespace

Shard::Shard(ShardSetup setup)
    : setup_(std::move(setup)),
      metrics_(setup_.registry),
      router_(setup_.seed),
      retained_(setup_.executor, setup_.keyed, setup_.limits),
      rows_(setup_.executor, setup_.keyed),
      instances_(setup_.seed),
      sessions_(SessionTraits{setup_.seed}) {
  rows_.set_collect([this] { save_due(); });
  watch_admission();
  if (log() == nullptr) return;
  log()->on_answered([this](store::Position last, const Result<void>& result) { answered(last, result); });
}

Shard::~Shard() = default;

void Shard::add_consumer(ConsumerId id, std::shared_ptr<const ConsumerOptions> options,
                         std::shared_ptr<Mailbox> mailbox) {
  const SubscriberId slot = take_slot();
  auto feed = std::make_unique<ConsumerFeed>(*this, id, slot, options, std::move(mailbox));
  slots_[slot].feed = feed.get();
  for (const std::string& filter : options->filters) {
    router_.add(options->tenant, filter, {slot, {.qos = QoS::exactly_once}});
    if (options->listens == ConsumerOptions::Listens::yes) hear(options->tenant, filter);
  }
  if (feed->backlog() <= kFarBehind) {
    schedule_feed(*feed);
  } else {
    executor().schedule(kCatchUpDelay, [this, id] {
      if (const auto found = feeds_.find(id); found != feeds_.end()) schedule_feed(*found->second);
    });
  }
  feeds_.emplace(id, std::move(feed));
}

void Shard::remove_consumer(ConsumerId id) {
  const auto found = feeds_.find(id);
  if (found == feeds_.end()) return;
  const ConsumerFeed& feed = *found->second;
  for (const std::string& filter : feed.options().filters) {
    router_.remove(feed.options().tenant, filter, feed.slot());
    if (feed.options().listens == ConsumerOptions::Listens::yes) hear_no_more(feed.options().tenant, filter);
  }
  free_slot(feed.slot());
  feeds_.erase(found);
}

std::optional<ConsumerLag> Shard::consumer_lag(ConsumerId id) const {
  const auto found = feeds_.find(id);
  return found == feeds_.end() ? std::nullopt : found->second->lag();
}

void Shard::forget_consumer(ConsumerId id) {
  const auto found = feeds_.find(id);
  if (found == feeds_.end()) return;
  if (log() != nullptr) log()->remove_cursor(found->second->options().name);
  remove_consumer(id);
}

void Shard::commit(ConsumerId id, store::Position position) {
  if (const auto found = feeds_.find(id); found != feeds_.end()) found->second->commit(position);
}

void Shard::schedule_feed(ConsumerFeed& feed) {
  if (std::exchange(feed.scheduled, true)) return;
  due_feeds_.push_back(feed.id());
  schedule_turn_end();
}

void Shard::run_feed(ConsumerId id) {
  const auto found = feeds_.find(id);
  if (found == feeds_.end()) return;
  found->second->scheduled = false;
  found->second->run();
}

void Shard::batch_taken(ConsumerId id) {
  const auto found = feeds_.find(id);
  if (found != feeds_.end()) found->second->batch_taken();
}

}  // namespace dunlin::hub
