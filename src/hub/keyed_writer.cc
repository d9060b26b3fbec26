#include "hub/keyed_writer.h"

#include <utility>

#include "hub/limits.h"

namespace dunlin::hub {
namespace {

std::size_t size_of(const std::optional<std::string>& value) {
  return value ? value->size() : 0;
}

/// Messages with a promise are in the journal until a checkpoint, so their rows may come later (retained ones
/// of QoS 0 are not, and nothing is promised for them); a session's row may say what is nowhere else, even
/// where nobody waits for it: that a will was taken back.
bool is_in_journal(store::Table table) {
  return table == store::Table::queue || table == store::Table::retained;
}

}  // namespace

void KeyedWriter::put(store::Table table, std::string key, std::optional<std::string> value, Done done) {
  if (keyed_ == nullptr) {
    if (done) done({});
    return;
  }
  Name name{table, std::move(key)};
  bytes_ += size_of(value);
  const auto known = names_.find(name);
  ++given_;
  if (known == names_.end()) {
    rows_.push_back({name, std::move(value), {}, given_});
    names_.emplace(std::move(name), std::prev(rows_.end()));
  } else {
    bytes_ -= size_of(known->second->value);
    known->second->value = std::move(value);
    rows_.splice(rows_.end(), rows_, known->second);
  }
  const bool few = bytes_ < kUnhurriedBytes && rows_.size() < kMaxBatchRows;
  if (!done && few && is_in_journal(table)) return write_later();
  if (done) rows_.back().waiting.push_back(std::move(done));
  write_soon();
}

void KeyedWriter::write_later() {
  if (writing_ || later_) return;
  later_ = executor_.schedule(kUnhurriedWrite, [this] {
    later_ = {};
    write_soon();
  });
}

/// In a task of its own, so that all rows of one task share a batch.
void KeyedWriter::write_soon() {
  hurries_ = true;
  if (std::exchange(writing_, true)) return;
  if (later_) executor_.cancel(std::exchange(later_, TimerId{}));
  executor_.post([this] { write_next(); });
}

void KeyedWriter::flush(Done done) {
  if (collect_) collect_();
  if (rows_.empty() && in_flight_.empty()) return done({});
  flushes_.push_back({given_, std::move(done)});
  write_soon();
}

void KeyedWriter::write_next() {
  if (collect_) collect_();
  if (rows_.empty()) {
    writing_ = false;
    return;
  }
  store::Batch batch;
  std::size_t bytes = 0;
  while (!rows_.empty() && in_flight_.size() < kMaxBatchRows && bytes < kMaxBatchBytes) {
    in_flight_.splice(in_flight_.end(), rows_, rows_.begin());
    const Row& row = in_flight_.back();
    names_.erase(row.name);
    if (row.value) {
      bytes += row.value->size();
      batch.puts.push_back({row.name.first, row.name.second, *row.value});
    } else {
      batch.deletes.push_back({row.name.first, row.name.second});
    }
  }
  hurries_ = !rows_.empty();
  keyed_->write(executor_, std::move(batch), [this](Result<void> result) { written(result); });
}

void KeyedWriter::written(const Result<void>& result) {
  std::vector<Done> answered;
  for (Row& row : in_flight_) std::ranges::move(row.waiting, std::back_inserter(answered));
  if (result) {
    for (const Row& row : in_flight_) bytes_ -= size_of(row.value);
    in_flight_.clear();
  } else {
    put_back();
  }
  std::ranges::move(ended_flushes(result), std::back_inserter(answered));
  for (Done& done : answered) done(result);
  if (!result) {
    executor_.schedule(kStoreRetryInterval, [this] { write_next(); });
    return;
  }
  if (hurries_) return write_next();
  writing_ = false;
  if (!rows_.empty()) write_later();
}

/// A row that was given again has moved behind rows that were given after it.
std::vector<KeyedWriter::Done> KeyedWriter::ended_flushes(const Result<void>& result) {
  std::vector<Done> ended;
  if (flushes_.empty()) return ended;
  std::uint64_t first_left = given_ + 1;
  for (const Row& row : rows_) first_left = std::min(first_left, row.since);
  for (Flush& flush : flushes_) {
    if (!result || flush.last < first_left) ended.push_back(std::move(flush.done));
  }
  if (!result) flushes_.clear();
  std::erase_if(flushes_, [first_left](const Flush& flush) { return flush.last < first_left; });
  return ended;
}

/// A value that was given meanwhile replaces the one that failed, at its later place.
void KeyedWriter::put_back() {
  while (!in_flight_.empty()) {
    Row& row = in_flight_.back();
    row.waiting.clear();
    if (const auto newer = names_.find(row.name); newer != names_.end()) {
      newer->second->since = row.since;
      bytes_ -= size_of(row.value);
      in_flight_.pop_back();
      continue;
    }
    rows_.splice(rows_.begin(), in_flight_, std::prev(in_flight_.end()));
    names_.emplace(rows_.front().name, rows_.begin());
  }
}

}  // namespace dunlin::hub
