#include "hub/consumer.h"

#include <algorithm>

#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr std::size_t kReadBytes = 1024 * 1024;
constexpr Duration kReadRetry = std::chrono::seconds{1};

}  // namespace

void Mailbox::send(std::vector<Delivery> batch, Task taken) {
  executor_.post([self = shared_from_this(), batch = std::move(batch), taken = std::move(taken)]() mutable {
    if (self->closed_) return;
    self->waiting_.push_back({std::move(batch), std::move(taken)});
    self->next();
  });
}

void Mailbox::next() {
  if (busy_ || closed_ || waiting_.empty()) return;
  busy_ = true;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  handler_(std::move(first.batch), [self = shared_from_this(), taken = std::move(first.taken)]() mutable {
    self->finished(std::move(taken));
  });
}

void Mailbox::finished(Task taken) {
  busy_ = false;
  taken();
  next();
}

void Mailbox::close() {
  closed_ = true;
  waiting_.clear();
}

ConsumerFeed::ConsumerFeed(Shard& shard, ConsumerId id, SubscriberId slot,
                           std::shared_ptr<const ConsumerOptions> options, std::shared_ptr<Mailbox> mailbox)
    : shard_(shard), id_(id), slot_(slot), options_(std::move(options)), mailbox_(std::move(mailbox)) {
  if (shard_.log() == nullptr) {
    live_ = true;
    return;
  }
  const auto start = std::ranges::find(options_->start, shard_.index(), &JournalPosition::journal);
  const store::Position absent = options_->absent == ConsumerOptions::Absent::now ? shard_.log()->committed()
                                                                                  : shard_.log()->first() - 1;
  next_ = start != options_->start.end() ? start->position : absent;
  delivered_ = committed_ = next_;
  shard_.log()->set_cursor(options_->name, next_);
}

store::Position ConsumerFeed::backlog() const {
  return shard_.log() == nullptr ? 0 : shard_.log()->committed() - next_;
}

bool ConsumerFeed::wants(const Message& message) const {
  if (message.principal->tenant != options_->tenant) return false;
  const auto matches = [&](const std::string& filter) {
    return filter_matches(filter, message.topic.text());
  };
  return std::ranges::any_of(options_->filters, matches);
}

void ConsumerFeed::offer(Traveller& message) {
  const Message& view = message.get();
  if (view.position == 0) {
    unjournalled_.push({*message.ref(), {shard_.index(), 0}});
    if (unjournalled_.size() > options_->max_waiting) {
      unjournalled_.pop();
      shard_.metrics().dropped_consumer.add();
    }
  } else {
    if (!live_ || view.position <= next_) return;
    next_ = view.position;
    journalled_.push({*message.ref(), {shard_.index(), view.position}});
    if (journalled_.size() >= options_->max_waiting) live_ = false;  // the rest waits in the journal
  }
  shard_.schedule_feed(*this);
}

std::vector<Delivery> ConsumerFeed::take_waiting() {
  std::vector<Delivery> batch;
  const std::size_t count = std::min(options_->max_batch, journalled_.size() + unjournalled_.size());
  batch.reserve(count);
  while (batch.size() < count && !journalled_.empty()) batch.push_back(journalled_.pop());
  if (!batch.empty()) delivered_ = batch.back().at.position;
  while (batch.size() < count) batch.push_back(unjournalled_.pop());
  return batch;
}

std::vector<Delivery> ConsumerFeed::read_journal() {
  std::vector<Delivery> batch;
  Result<std::vector<store::Record>> records = shard_.log()->read(next_, options_->max_batch, kReadBytes);
  if (!records) {
    shard_.metrics().unreadable.add();
    log::error("hub", "the journal cannot be read",
               {{"consumer", options_->name}, {"error", records.error().message}});
    shard_.executor().schedule(kReadRetry, [&shard = shard_, id = id_] { shard.run_feed(id); });
    return batch;
  }
  if (records->empty()) {
    live_ = true;
    return batch;
  }
  for (const store::Record& record : *records) {
    next_ = record.position;
    if (record.kind != static_cast<std::uint8_t>(RecordKind::message)) continue;
    Result<DecodedMessage> decoded = decoder_.decode(record.bytes);
    if (!decoded) {
      shard_.metrics().unreadable.add();
      log::error("hub", "a stored message cannot be read",
                 {{"position", record.position}, {"error", decoded.error().message}});
      continue;
    }
    if (!wants(decoded->message)) continue;
    decoded->message.position = record.position;
    batch.push_back({std::move(decoded->message), {shard_.index(), record.position}});
  }
  if (!batch.empty()) delivered_ = batch.back().at.position;
  if (batch.empty()) shard_.schedule_feed(*this);  // go on behind this page in the next turn
  return batch;
}

void ConsumerFeed::run() {
  if (outstanding_) return;
  std::vector<Delivery> batch;
  if (journalled_.empty() && !live_) batch = read_journal();
  if (batch.empty()) batch = take_waiting();
  if (batch.empty()) return;
  outstanding_ = true;
  Shard& shard = shard_;
  const ConsumerId id = id_;
  mailbox_->send(std::move(batch),
                 [&shard, id] { shard.executor().post([&shard, id] { shard.batch_taken(id); }); });
}

void ConsumerFeed::batch_taken() {
  outstanding_ = false;
  run();
}

std::optional<ConsumerLag> ConsumerFeed::lag() const {
  const store::Log* log = shard_.log();
  if (log == nullptr) return std::nullopt;
  const JournalPosition done{shard_.index(), log->cursor(options_->name).value_or(committed_)};
  return ConsumerLag{done, log->first(), log->committed(), log->size_bytes()};
}

void ConsumerFeed::commit(store::Position position) {
  committed_ = std::max(committed_, position);
  advance_cursor();
}

void ConsumerFeed::advance_cursor() {
  if (shard_.log() == nullptr) return;
  store::Position position = committed_;
  if (committed_ >= delivered_ && journalled_.empty()) {
    position = live_ ? std::max(next_, shard_.routed()) : next_;
  }
  shard_.log()->set_cursor(options_->name, position);
}

}  // namespace dunlin::hub
