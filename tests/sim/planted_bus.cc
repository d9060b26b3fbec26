#include "planted_bus.h"

namespace dunlin::sim {

void PlantedBus::publish(Executor& reply_to, hub::Message message, hub::PublishDone done) {
  hub_->publish(reply_to, std::move(message), std::move(done));
}

std::unique_ptr<hub::Consumer> PlantedBus::consume(Executor& executor, hub::ConsumerOptions options,
                                                   hub::BatchHandler handler) {
  if (options.name != plant_.consumer) return hub_->consume(executor, std::move(options), std::move(handler));
  return hub_->consume(
      executor, std::move(options),
      [this, handler = std::move(handler)](std::vector<hub::Delivery> batch, Task done) mutable {
        tamper(batch);
        handler(std::move(batch), std::move(done));
      });
}

void PlantedBus::on_session_event(Executor& executor, std::function<void(const hub::SessionEvent&)> handler) {
  hub_->on_session_event(executor, std::move(handler));
}

void PlantedBus::end_sessions(TenantId tenant, std::string principal_name, std::string reason) {
  hub_->end_sessions(tenant, std::move(principal_name), std::move(reason));
}

void PlantedBus::retained(Executor& reply_to, TenantId tenant, std::string topic,
                          std::move_only_function<void(std::optional<hub::Message>)> done) {
  const bool mine = plant_.consumer == "retained" && topic == plant_.topic;
  hub_->retained(reply_to, tenant, std::move(topic),
                 [this, mine, done = std::move(done)](auto message) mutable {
                   if (mine && plant_.kind == Plant::Kind::lose) {
                     planted_ = true;
                     message.reset();
                   } else if (mine && plant_.kind == Plant::Kind::stale && message) {
                     planted_ = true;
                     message->payload = Slice::copy_of(std::string_view("1"));
                   }
                   done(std::move(message));
                 });
}

void PlantedBus::tamper(std::vector<hub::Delivery>& batch) {
  for (std::size_t i = 0; i < batch.size() && !planted_; ++i) {
    if (batch[i].message.topic.text() != plant_.topic) continue;
    if (!old_) old_ = batch[i].message;
    if (++passed_ > plant_.after) planted_ = tamper_one(batch, i);
  }
}

bool PlantedBus::tamper_one(std::vector<hub::Delivery>& batch, std::size_t index) {
  hub::Delivery& here = batch[index];
  if (plant_.kind == Plant::Kind::lose) {
    batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(index));
    return true;
  }
  if (plant_.kind == Plant::Kind::reorder) {
    for (std::size_t i = 0; i < index; ++i) {
      if (!(batch[i].message.topic == here.message.topic)) continue;
      std::swap(batch[i].message.payload, here.message.payload);
      return true;
    }
    return false;
  }
  hub::Delivery more = here;
  more.message.received_at += std::chrono::milliseconds{1};
  more.at.position += 1'000'000'000;
  if (plant_.consumer != "witness") more.at.position = 0;
  if (plant_.kind == Plant::Kind::stale) more.message.payload = old_->payload;
  batch.insert(batch.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(more));
  return plant_.kind == Plant::Kind::twice || plant_.kind == Plant::Kind::stale;
}

}  // namespace dunlin::sim
