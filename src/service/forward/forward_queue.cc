#include "service/forward/forward_queue.h"

#include <algorithm>

#include <boost/json.hpp>

#include "base/core/assert.h"
#include "base/log.h"
#include "service/forward/limits.h"
#include "service/forward/stamp.h"

namespace dunlin::forward {
namespace {

constexpr std::string_view kConsumer = "forward";
constexpr std::string_view kCursorKey = "forward/cursor";

}  // namespace

ForwardQueue::ForwardQueue(ForwardEnvironment environment, ForwardOptions options)
    : environment_(environment),
      options_(std::move(options)),
      sent_(environment.metrics.counter("dunlin_forward_sent_total", "Messages handed to the line to the platform")),
      acknowledged_(environment.metrics.counter("dunlin_forward_acknowledged_total", "Messages the platform has acknowledged")),
      retried_(environment.metrics.counter("dunlin_forward_retried_total", "Messages the platform did not take at the first try")),
      refused_(environment.metrics.counter("dunlin_forward_refused_total", "Messages the platform will never take")),
      expired_(environment.metrics.counter("dunlin_forward_expired_total", "Messages whose expiry had passed before they could go up")),
      dropped_(environment.metrics.counter("dunlin_forward_dropped_total", "Messages dropped because the journal was full")),
      waiting_gauge_(environment.metrics.gauge("dunlin_forward_waiting_records", "Records of the journal behind the cursor")),
      bytes_gauge_(environment.metrics.gauge("dunlin_forward_journal_bytes", "Bytes of the journal")) {}

ForwardQueue::~ForwardQueue() {
  environment_.executor.cancel(save_timer_);
  environment_.executor.cancel(retry_timer_);
  environment_.executor.cancel(relief_timer_);
}

void ForwardQueue::start(std::move_only_function<void(Result<void>)> started) {
  environment_.keyed.get(
      environment_.executor, store::Table::meta, std::string(kCursorKey),
      [this, alive = std::weak_ptr<int>(alive_), started = std::move(started)](Result<std::optional<std::string>> found) mutable {
        if (alive.expired()) return;
        if (!found) return started(std::unexpected(found.error()));
        if (*found) {
          boost::system::error_code error;
          const boost::json::value saved = boost::json::parse(**found, error);
          const auto* object = error ? nullptr : saved.if_object();
          const auto* position = object == nullptr ? nullptr : object->if_contains("position");
          const auto* stamp = object == nullptr ? nullptr : object->if_contains("stamp");
          if (position == nullptr || !position->is_number() || stamp == nullptr || !stamp->is_int64()) {
            return started(fail(Errc::corrupt, "the saved cursor of store-and-forward cannot be read"));
          }
          saved_ = {position->to_number<std::uint64_t>(), stamp->as_int64()};
        }
        reached_ = saved_;
        last_stamp_ = saved_.stamp;
        consume();
        relieve();
        started({});
      });
}

void ForwardQueue::consume() {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.filters = options_.filters;
  if (saved_.position != 0) options.start = {{0, saved_.position}};
  options.max_batch = kMaxBatch;
  options.max_waiting = kMaxWaiting;
  consumer_ = environment_.bus.consume(environment_.executor, std::move(options), [this](std::vector<hub::Delivery> batch, Task done) {
    take(std::move(batch), std::move(done));
  });
}

bool ForwardQueue::goes_up(const hub::Message& message) const {
  return !came_from_upstream(message) && !environment_.aggregator.covers(message);
}

void ForwardQueue::take(std::vector<hub::Delivery> batch, Task done) {
  for (hub::Delivery& delivery : batch) {
    // What is not in the journal was not asked to be kept.
    if (delivery.at.position == 0) continue;
    DUNLIN_ASSERT(delivery.at.journal == 0);
    entries_.push_back(prepare(std::move(delivery)));
  }
  batch_done_ = std::move(done);
  drop_front();
  advance();
  pump();
}

ForwardQueue::Entry ForwardQueue::prepare(hub::Delivery delivery) {
  Entry entry;
  entry.position = delivery.at.position;
  entry.message = std::move(delivery.message);
  last_stamp_ = next_stamp(last_stamp_, entry.message.received_at);
  entry.stamp = last_stamp_;
  if (!goes_up(entry.message)) {
    entry.state = Entry::State::finished;
    return entry;
  }
  const auto mapped = environment_.mapping.samples_of(entry.message);
  const bool is_measurement =
      mapped && !mapped->samples.empty() && !std::holds_alternative<model::Bytes>(mapped->samples.front().value);
  if (is_measurement) entry.message.payload = stamped_payload(entry.message.payload, entry.stamp, entry.position);
  return entry;
}

void ForwardQueue::link_up() {
  link_ = Link::up;
  up_since_ = environment_.executor.wall_now();
  pump();
}

void ForwardQueue::link_down() { link_ = Link::down; }

void ForwardQueue::pump() {
  next_to_send_ = std::max(next_to_send_, first_number_);
  while (link_ == Link::up && in_flight_ < kMaxInFlight && next_to_send_ - first_number_ < entries_.size()) {
    const std::uint64_t number = next_to_send_++;
    Entry& entry = entries_[number - first_number_];
    if (entry.state == Entry::State::waiting) send(entry, number);
  }
  // An expired message at the front holds nothing up.
  if (!entries_.empty() && entries_.front().state == Entry::State::finished) advance();
}

/// The copy that goes up: QoS 1, marked when it is late, with what is left of its expiry. nullopt: it has expired.
std::optional<hub::Message> ForwardQueue::outgoing(const hub::Message& message) const {
  hub::Message copy = message;
  copy.qos = hub::QoS::at_least_once;
  const bool expires = message.properties && message.properties->expiry_seconds;
  const bool historical = message.received_at < up_since_;
  if (!expires && !historical) return copy;
  auto properties = message.properties ? std::make_shared<hub::Properties>(*message.properties) : std::make_shared<hub::Properties>();
  if (historical) properties->user.emplace_back(model::kHistoricalProperty, "true");
  if (expires) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(environment_.executor.wall_now() - message.received_at).count();
    if (age >= static_cast<std::int64_t>(*properties->expiry_seconds)) return std::nullopt;
    *properties->expiry_seconds -= static_cast<std::uint32_t>(std::max<std::int64_t>(0, age));
  }
  copy.properties = std::move(properties);
  return copy;
}

void ForwardQueue::send(Entry& entry, std::uint64_t number) {
  std::optional<hub::Message> message = outgoing(entry.message);
  if (!message) {
    expired_.add();
    entry.state = Entry::State::finished;
    return;
  }
  entry.state = Entry::State::sent;
  ++in_flight_;
  sent_.add();
  environment_.upstream.publish(*std::move(message), [this, alive = std::weak_ptr<int>(alive_), number](Result<void> result) {
    if (!alive.expired()) answered(number, std::move(result));
  });
}

void ForwardQueue::answered(std::uint64_t number, Result<void> result) {
  --in_flight_;
  if (number < first_number_) return pump();  // it was dropped while it was under way
  Entry& entry = entries_[number - first_number_];
  if (result) {
    acknowledged_.add();
    entry.state = Entry::State::finished;
  } else if (result.error().code == Errc::unavailable) {
    retried_.add();
    entry.state = Entry::State::waiting;
    return retry_later();
  } else {
    refused_.add();
    log::refusal("service/forward", "the platform refuses a message for good", errc_name(result.error().code),
                 {{"topic", entry.message.topic.text()}, {"why", result.error().message}});
    entry.state = Entry::State::finished;
  }
  advance();
  pump();
}

void ForwardQueue::retry_later() {
  if (retry_timer_) return;
  retry_timer_ = environment_.executor.schedule(kRetryInterval, [this] {
    retry_timer_ = {};
    next_to_send_ = first_number_;
    pump();
  });
}

void ForwardQueue::advance() {
  while (!entries_.empty() && entries_.front().state == Entry::State::finished) {
    reached_ = {entries_.front().position, entries_.front().stamp};
    entries_.pop_front();
    ++first_number_;
  }
  save_later();
  ask_for_more();
}

void ForwardQueue::ask_for_more() {
  if (!batch_done_ || entries_.size() >= kMaxPrepared) return;
  Task done = std::exchange(batch_done_, {});
  done();
}

// ---- the cursor ----

void ForwardQueue::save_later() {
  if (reached_.position == saved_.position || saving_ == Saving::yes) return;
  if (reached_.position - saved_.position >= kSaveEvery) return save();
  if (save_timer_) return;
  save_timer_ = environment_.executor.schedule(kSaveInterval, [this] {
    save_timer_ = {};
    save();
  });
}

void ForwardQueue::save() {
  if (saving_ == Saving::yes || reached_.position == saved_.position) return;
  saving_ = Saving::yes;
  const Cursor saving = reached_;
  store::Batch batch;
  const boost::json::value body{{"version", 1}, {"position", saving.position}, {"stamp", saving.stamp}};
  batch.puts.push_back({store::Table::meta, std::string(kCursorKey), boost::json::serialize(body)});
  environment_.keyed.write(environment_.executor, std::move(batch), [this, alive = std::weak_ptr<int>(alive_), saving](Result<void> written) {
    if (alive.expired()) return;
    saving_ = Saving::no;
    if (written) {
      saved_ = saving;
      consumer_->commit({0, saved_.position});
      update_gauges();
    } else {
      log::refusal("service/forward", "the cursor is not stored; trying again", "store", {{"why", written.error().message}});
    }
    const bool all = saved_.position == reached_.position;
    if (all || !written) {
      for (auto& flushed : std::exchange(flushes_, {})) flushed(written);
    }
    if (!flushes_.empty()) return save();
    save_later();
  });
}

void ForwardQueue::flush(std::move_only_function<void(Result<void>)> done) {
  if (saving_ == Saving::no && reached_.position == saved_.position) return done({});
  flushes_.push_back(std::move(done));
  save();
}

// ---- the bound ----

void ForwardQueue::relieve() {
  relief_timer_ = environment_.executor.schedule(kReliefInterval, [this] { relieve(); });
  update_gauges();
  tell_dropped();
  if (options_.drop == DropPolicy::newest) return;  // the journal itself refuses
  const std::uint64_t bytes = environment_.log.size_bytes();
  if (bytes <= options_.max_bytes) return;
  // Freed are whole segments: the cursor has to leave at least one behind.
  const store::Position first = environment_.log.first();
  const std::uint64_t records = environment_.log.committed() + 1 - first;
  const std::uint64_t average = std::max<std::uint64_t>(1, bytes / std::max<std::uint64_t>(1, records));
  const std::uint64_t excess = bytes - options_.max_bytes + options_.segment_bytes;
  drop_until_ = first + std::min(records, excess / average);
  drop_front();
  advance();
}

/// Drops what is in memory up to the mark. What lies behind comes with the next batches, which take() asks for.
void ForwardQueue::drop_front() {
  for (Entry& entry : entries_) {
    if (entry.position > drop_until_) break;
    if (entry.state == Entry::State::finished) continue;
    entry.state = Entry::State::finished;
    dropped_.add();
    if (dropping_.count++ == 0) dropping_.first = entry.message.received_at;
    dropping_.last = entry.message.received_at;
  }
}

void ForwardQueue::tell_dropped() {
  if (dropping_.count == 0) return;
  const Dropped told = std::exchange(dropping_, {});
  log::warning("service/forward", "the journal is full: the oldest messages are dropped",
               {{"count", told.count}, {"limit_bytes", options_.max_bytes}});
  if (on_dropped_) on_dropped_(told);
}

ForwardStatus ForwardQueue::status() const {
  ForwardStatus status;
  // The bus moves the journal's own cursor past records that are not for this consumer.
  const store::Position done = std::max(reached_.position, environment_.log.cursor(kConsumer).value_or(0));
  const store::Position committed = environment_.log.committed();
  status.waiting_records = committed - std::min(committed, done);
  status.journal_bytes = environment_.log.size_bytes();
  status.in_flight = in_flight_;
  status.acknowledged = static_cast<std::uint64_t>(acknowledged_.read());
  status.refused = static_cast<std::uint64_t>(refused_.read());
  status.dropped = static_cast<std::uint64_t>(dropped_.read());
  return status;
}

void ForwardQueue::update_gauges() {
  const ForwardStatus now = status();
  waiting_gauge_.set(static_cast<std::int64_t>(now.waiting_records));
  bytes_gauge_.set(static_cast<std::int64_t>(now.journal_bytes));
}

}  // namespace dunlin::forward
