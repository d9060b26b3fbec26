#include "transport/bridge/out_queue.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/topic.h"
#include "model/cursors.h"
#include "transport/bridge/limits.h"
#include "transport/bridge/origin.h"

namespace dunlin::bridge {
namespace {

std::string consumer_name(const std::string& bridge) {
  return "bridge/" + bridge;
}

metrics::Labels labels(const std::string& bridge) {
  return {{"bridge", bridge}};
}

}  // namespace

std::string principal_name(const std::string& bridge) {
  return "bridge/" + bridge;
}

OutQueue::OutQueue(OutEnvironment environment, OutOptions options)
    : environment_(environment),
      options_(std::move(options)),
      own_principal_(principal_name(options_.bridge)),
      acknowledged_(environment.metrics.counter("dunlin_bridge_out_total", "Messages that the peer has taken",
                                                labels(options_.bridge))),
      retried_(environment.metrics.counter("dunlin_bridge_out_retried_total",
                                           "Messages that the peer did not take at the first try",
                                           labels(options_.bridge))),
      refused_(environment.metrics.counter("dunlin_bridge_out_refused_total",
                                           "Messages that the peer will never take",
                                           labels(options_.bridge))),
      dropped_(environment.metrics.counter(
          "dunlin_bridge_out_dropped_total",
          "Messages dropped: QoS 0 without a connection, or the oldest past the queue's bytes",
          labels(options_.bridge))),
      expired_(environment.metrics.counter("dunlin_bridge_out_expired_total",
                                           "Messages that had expired before they could go out",
                                           labels(options_.bridge))),
      loops_(environment.metrics.counter(
          "dunlin_bridge_out_loops_total",
          "Messages that did not go out since they had passed too many servers", labels(options_.bridge))),
      waiting_gauge_(environment.metrics.gauge("dunlin_bridge_out_waiting_records",
                                               "Records of the journal behind the bridge's place",
                                               labels(options_.bridge))) {}

OutQueue::~OutQueue() {
  environment_.executor.cancel(save_timer_);
  environment_.executor.cancel(retry_timer_);
  environment_.executor.cancel(relief_timer_);
}

void OutQueue::start(Done started) {
  environment_.keyed.get(environment_.executor, store::Table::meta, key(),
                         [this, alive = std::weak_ptr<int>(alive_),
                          started = std::move(started)](Result<std::optional<std::string>> found) mutable {
                           if (alive.expired()) return;
                           if (!found) return started(std::unexpected(found.error()));
                           if (*found) {
                             if (auto read = read_state(**found); !read) return started(std::move(read));
                           }
                           const bool fresh = !*found;
                           consume();
                           relieve();
                           if (fresh) return begin_here(std::move(started));
                           started({});
                         });
}

/// The place of a new bridge must be known before anyone relies on it.
void OutQueue::begin_here(Done started) {
  consumer_->lag([this, started = std::move(started)](std::vector<hub::ConsumerLag> journals) mutable {
    for (const hub::ConsumerLag& journal : journals) model::advance(positions_, journal.done);
    changed_ = true;
    flush(std::move(started));
  });
}

void OutQueue::consume() {
  hub::ConsumerOptions options;
  options.name = consumer_name(options_.bridge);
  for (const TopicRule& rule : options_.rules) {
    if (rule.goes_out()) options.filters.push_back(rule.local_filter());
  }
  options.start = positions_;
  options.absent = hub::ConsumerOptions::Absent::now;
  options.max_batch = kMaxBatch;
  options.max_waiting = kMaxWaiting;
  consumer_ = environment_.bus.consume(
      environment_.executor, std::move(options),
      [this](std::vector<hub::Delivery> batch, Task done) { take(std::move(batch), std::move(done)); });
}

void OutQueue::attach(transport::MqttClient& client) {
  client_ = &client;
  for (const auto& [at, exchange] : left_) {
    if (exchange.step != StoredExchange::Step::done) client.reserve(exchange.packet_id);
  }
  // The messages of these were dropped while they were under way: the peer is told to let go of the packet
  // id.
  std::erase_if(left_, [&](const auto& item) {
    const auto place = std::ranges::find(positions_, item.first.journal, &hub::JournalPosition::journal);
    if (place == positions_.end() || item.first.position > place->position) return false;
    if (item.second.step == StoredExchange::Step::done) return true;
    transport::ClientMessage nothing;
    nothing.topic = Slice::copy_of("-");
    nothing.qos = hub::QoS::exactly_once;
    client.publish(std::move(nothing), {}, {0, item.second.packet_id, transport::Exchange::Step::received});
    return true;
  });
}

void OutQueue::take(std::vector<hub::Delivery> batch, Task done) {
  for (hub::Delivery& delivery : batch) {
    // Where it is not kept there is no use in waiting.
    const bool lost = delivery.message.qos == hub::QoS::at_most_once && link_ == Link::down;
    if (!lost) {
      entries_.push_back(prepare(std::move(delivery)));
    } else if (translate(delivery.message)) {
      dropped_.add();
    }
  }
  batch_done_ = std::move(done);
  drop_front();
  advance();
  pump();
}

/// Puts the message as the peer shall see it in its place. False: it does not go out.
bool OutQueue::translate(hub::Message& message) {
  if (message.principal && message.principal->name == own_principal_) return false;
  for (const TopicRule& rule : options_.rules) {
    if (!rule.goes_out()) continue;
    const std::string topic = rule.to_remote(message.topic.text());
    if (topic.empty() || !hub::check_topic(topic)) continue;
    // What has come in by another bridge bears this server's mark already, as the last one.
    const Passage passed = passage(message.properties.get(), options_.node);
    if (passed == Passage::seen || passed == Passage::too_far) {
      loops_.add();
      return false;
    }
    message.topic = Slice::copy_of(topic);
    message.qos = std::min(message.qos, rule.qos);
    if (rule.retain == TopicRule::Retain::clear) message.retain = hub::Message::Retain::no;
    if (passed == Passage::open) message.properties = marked(message.properties, options_.node);
    return true;
  }
  return false;
}

OutQueue::Entry OutQueue::prepare(hub::Delivery delivery) {
  Entry entry;
  entry.at = delivery.at;
  entry.message = std::move(delivery.message);
  if (!translate(entry.message)) {
    entry.state = Entry::State::finished;
    entry.message.payload = {};
    return entry;
  }
  const auto left = left_.find(entry.at);
  if (entry.at.position == 0 || left == left_.end()) return entry;
  const StoredExchange exchange = left->second;
  left_.erase(left);
  exchanges_[first_number_ + entries_.size()] = exchange;
  if (exchange.step == StoredExchange::Step::done) {
    entry.state = Entry::State::finished;
    return entry;
  }
  entry.message.qos = hub::QoS::exactly_once;
  entry.resumed = {0, exchange.packet_id,
                   exchange.step == StoredExchange::Step::received ? transport::Exchange::Step::received
                                                                   : transport::Exchange::Step::assigned};
  return entry;
}

void OutQueue::link_up() {
  link_ = Link::up;
  pump();
}

void OutQueue::link_down() {
  link_ = Link::down;
}

void OutQueue::pump() {
  next_to_send_ = std::max(next_to_send_, first_number_);
  while (link_ == Link::up && !retry_timer_ && in_flight_ < kMaxInFlight &&
         next_to_send_ - first_number_ < entries_.size()) {
    const std::uint64_t number = next_to_send_++;
    Entry& entry = entries_[number - first_number_];
    if (entry.state == Entry::State::waiting) send(entry, number);
  }
  if (!entries_.empty() && entries_.front().state == Entry::State::finished) advance();
}

/// With what is left of its expiry. nullopt: it has expired.
std::optional<hub::Message> OutQueue::outgoing(const hub::Message& message) const {
  hub::Message copy = message;
  if (!message.properties || !message.properties->expiry_seconds) return copy;
  const auto age =
      std::chrono::duration_cast<std::chrono::seconds>(environment_.executor.wall_now() - message.received_at)
          .count();
  if (age >= static_cast<std::int64_t>(*message.properties->expiry_seconds)) return std::nullopt;
  auto properties = std::make_shared<hub::Properties>(*message.properties);
  *properties->expiry_seconds -= static_cast<std::uint32_t>(std::max<std::int64_t>(0, age));
  copy.properties = std::move(properties);
  return copy;
}

void OutQueue::send(Entry& entry, std::uint64_t number) {
  std::optional<hub::Message> message = outgoing(entry.message);
  // An exchange that has begun is brought to its end.
  if (!message && entry.resumed.packet_id == 0) {
    expired_.add();
    return finish(entry, number);
  }
  if (!message) message = entry.message;
  entry.state = Entry::State::sent;
  ++in_flight_;
  transport::ClientMessage out;
  out.topic = std::move(message->topic);
  out.payload = std::move(message->payload);
  out.qos = message->qos;
  out.retain = message->retain;
  out.properties = std::move(message->properties);
  transport::Exchange exchange = entry.resumed;
  exchange.tag = number;
  client_->publish(
      std::move(out),
      [this, alive = std::weak_ptr<int>(alive_), number](Result<void> result) {
        if (!alive.expired()) answered(number, std::move(result));
      },
      exchange);
}

void OutQueue::answered(std::uint64_t number, Result<void> result) {
  --in_flight_;
  if (number < first_number_) {  // it was dropped while it was under way
    if (exchanges_.erase(number) > 0) changed_ = true;
    return save_later();
  }
  Entry& entry = entries_[number - first_number_];
  if (entry.state == Entry::State::finished) {  // likewise, but older ones are still under way
    finish(entry, number);
    return save_later();
  }
  if (result) {
    acknowledged_.add();
    finish(entry, number);
  } else if (entry.message.qos == hub::QoS::at_most_once) {
    dropped_.add();
    finish(entry, number);
  } else if (result.error().code == Errc::unavailable) {
    retried_.add();
    entry.state = Entry::State::waiting;
    entry.resumed = {};
    exchanges_.erase(number);
    return retry_later();
  } else {
    refused_.add();
    log::refusal("transport/bridge", "the peer refuses a message for good", options_.bridge,
                 {{"topic", entry.message.topic.text()}, {"why", result.error().message}});
    finish(entry, number);
  }
  // Called from inside send() for QoS 0: pump() goes on there.
  if (entry.message.qos != hub::QoS::at_most_once) {
    advance();
    pump();
  }
}

void OutQueue::finish(Entry& entry, std::uint64_t number) {
  entry.state = Entry::State::finished;
  const auto exchange = exchanges_.find(number);
  if (exchange == exchanges_.end()) return;
  // Stays in the row until the place has passed it: otherwise a restart would send it anew.
  exchange->second.step = StoredExchange::Step::done;
  changed_ = true;
}

void OutQueue::retry_later() {
  if (retry_timer_) return;
  retry_timer_ = environment_.executor.schedule(kRetryInterval, [this] {
    retry_timer_ = {};
    next_to_send_ = first_number_;
    pump();
  });
}

void OutQueue::advance() {
  while (!entries_.empty() && entries_.front().state == Entry::State::finished) {
    const Entry& first = entries_.front();
    if (first.at.position != 0) {
      model::advance(positions_, first.at);
      changed_ = true;
    }
    const auto exchange = exchanges_.find(first_number_);
    if (exchange != exchanges_.end() && exchange->second.step == StoredExchange::Step::done)
      exchanges_.erase(exchange);
    entries_.pop_front();
    ++first_number_;
  }
  if (changed_) save_later();
  if (!batch_done_ || entries_.size() >= kMaxPrepared) return;
  Task done = std::exchange(batch_done_, {});
  done();
}

// ---- the bound ----

void OutQueue::relieve() {
  relief_timer_ = environment_.executor.schedule(kReliefInterval, [this] {
    consumer_->lag([this](const std::vector<hub::ConsumerLag>& journals) { took_stock(journals); });
    relieve();
  });
}

void OutQueue::took_stock(const std::vector<hub::ConsumerLag>& journals) {
  waiting_records_ = waiting_bytes_ = 0;
  for (const hub::ConsumerLag& journal : journals) {
    const std::uint64_t behind = journal.committed - std::min(journal.committed, journal.done.position);
    const std::uint64_t kept = journal.committed + 1 - journal.first;
    waiting_records_ += behind;
    if (kept > 0) {
      waiting_bytes_ +=
          static_cast<std::uint64_t>(static_cast<double>(journal.bytes) *
                                     static_cast<double>(std::min(behind, kept)) / static_cast<double>(kept));
    }
  }
  waiting_gauge_.set(static_cast<std::int64_t>(status().waiting_records));
  if (options_.full == Full::drop_oldest && waiting_bytes_ > options_.max_bytes) {
    // A tenth more than must be, so that not every message after it is a case of its own.
    const double share =
        1.0 - 0.9 * static_cast<double>(options_.max_bytes) / static_cast<double>(waiting_bytes_);
    for (const hub::ConsumerLag& journal : journals) {
      const std::uint64_t behind = journal.committed - std::min(journal.committed, journal.done.position);
      const auto passed = static_cast<std::uint64_t>(static_cast<double>(behind) * share);
      model::advance(drop_until_, {journal.done.journal, journal.done.position + passed});
    }
    drop_front();
    advance();
  }
  const auto dropped = static_cast<std::uint64_t>(dropped_.read());
  if (waiting_bytes_ > options_.max_bytes && dropped > dropped_told_) {
    log::warning("transport/bridge", "the queue is full: the oldest messages are dropped",
                 {{"bridge", options_.bridge},
                  {"dropped", dropped - dropped_told_},
                  {"limit_bytes", options_.max_bytes}});
  }
  dropped_told_ = dropped;
}

/// Drops what is in memory up to the mark. What lies behind comes with the next batches, which advance() asks
/// for.
void OutQueue::drop_front() {
  if (drop_until_.empty()) return;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const auto mark = std::ranges::find(drop_until_, entry.at.journal, &hub::JournalPosition::journal);
    if (entry.at.position == 0 || mark == drop_until_.end() || entry.at.position > mark->position) continue;
    if (entry.state == Entry::State::finished) continue;
    // What is on its way stays with the client; only the place moves past it.
    if (entry.state == Entry::State::waiting) dropped_.add();
    entry.state = Entry::State::finished;
    entry.message.payload = {};
  }
}

OutStatus OutQueue::status() const {
  OutStatus status;
  if (!entries_.empty()) {
    status.waiting_records = std::max<std::uint64_t>(waiting_records_, entries_.size());
    status.waiting_bytes = waiting_bytes_;
  }
  status.in_flight = in_flight_;
  status.acknowledged = static_cast<std::uint64_t>(acknowledged_.read());
  status.refused = static_cast<std::uint64_t>(refused_.read());
  status.dropped = static_cast<std::uint64_t>(dropped_.read());
  status.expired = static_cast<std::uint64_t>(expired_.read());
  status.stopped_loops = static_cast<std::uint64_t>(loops_.read());
  return status;
}

}  // namespace dunlin::bridge
