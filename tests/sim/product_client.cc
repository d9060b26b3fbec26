#include "product_client.h"

namespace dunlin::sim {

ProductClient::ProductClient(net::Network& network, Executor& executor, Rng& rng,
                             transport::ClientOptions options, ClientEvents events)
    : executor_(executor), events_(std::move(events)), client_(network, executor, rng, std::move(options)) {
  client_.on_message([this](transport::ClientMessage message, Task handled) {
    if (events_.message) events_.message(message.topic.text(), message.payload.text());
    handled();
  });
}

ProductClient::~ProductClient() {
  for (const TimerId timer : timers_) executor_.cancel(timer);
}

Client::Taken ProductClient::publish(std::string topic, std::string payload, mqtt::QoS qos, bool retain,
                                     std::uint64_t tag) {
  transport::ClientMessage message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(payload);
  message.qos = static_cast<hub::QoS>(qos);
  message.retain = retain ? hub::Message::Retain::yes : hub::Message::Retain::no;
  if (qos == mqtt::QoS::at_most_once) {
    if (client_.state() != transport::ClientState::online) return Taken::no;
    client_.publish(std::move(message), {});
    return Taken::yes;
  }
  ++open_;
  try_publish(std::move(message), tag);
  return Taken::yes;
}

void ProductClient::try_publish(transport::ClientMessage message, std::uint64_t tag) {
  client_.publish(message, [this, message, tag](Result<void> result) {
    if (result) {
      --open_;
      return events_.acknowledged(tag);
    }
    events_.refused(tag);
    auto timer = std::make_shared<TimerId>();  // shared: with the timer's own task, which forgets it
    *timer = executor_.schedule(std::chrono::seconds{1}, [this, message, tag, timer] {
      timers_.erase(*timer);
      try_publish(message, tag);
    });
    timers_.insert(*timer);
  });
}

void ProductClient::subscribe(std::string filter, mqtt::QoS qos) {
  client_.subscribe(std::move(filter), {.qos = static_cast<hub::QoS>(qos)}, {});
}

void ProductClient::leave(Duration pause) {
  client_.stop();
  auto timer = std::make_shared<TimerId>();  // shared: with the timer's own task, which forgets it
  *timer = executor_.schedule(pause, [this, timer] {
    timers_.erase(*timer);
    client_.start();
  });
  timers_.insert(*timer);
}

}  // namespace dunlin::sim
