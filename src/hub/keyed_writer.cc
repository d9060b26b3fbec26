#include "hub/keyed_writer.h"

#include <utility>

#include "hub/limits.h"

namespace dunlin::hub {
namespace {

std::size_t size_of(const std::optional<std::string>& value) {
  return value ? value->size() : 0;
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
  if (known == names_.end()) {
    rows_.push_back({name, std::move(value), {}});
    names_.emplace(std::move(name), std::prev(rows_.end()));
  } else {
    bytes_ -= size_of(known->second->value);
    known->second->value = std::move(value);
    rows_.splice(rows_.end(), rows_, known->second);
  }
  if (done) rows_.back().waiting.push_back(std::move(done));
  if (writing_) return;
  // The write starts in the next turn, so that all rows of this turn share one batch.
  writing_ = true;
  executor_.post([this] { write_next(); });
}

void KeyedWriter::flush(Done done) {
  if (!writing_ && rows_.empty()) return done({});
  flush_waiting_.push_back(std::move(done));
}

void KeyedWriter::write_next() {
  if (rows_.empty()) {
    writing_ = false;
    for (Done& done : std::exchange(flush_waiting_, {})) done({});
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
    std::ranges::move(std::exchange(flush_waiting_, {}), std::back_inserter(answered));
  }
  for (Done& done : answered) done(result);
  if (result) return write_next();
  executor_.schedule(kStoreRetryInterval, [this] { write_next(); });
}

/// A value that was given meanwhile replaces the one that failed, at its later place.
void KeyedWriter::put_back() {
  while (!in_flight_.empty()) {
    Row& row = in_flight_.back();
    row.waiting.clear();
    if (names_.contains(row.name)) {
      bytes_ -= size_of(row.value);
      in_flight_.pop_back();
      continue;
    }
    rows_.splice(rows_.begin(), in_flight_, std::prev(in_flight_.end()));
    names_.emplace(rows_.front().name, rows_.begin());
  }
}

}  // namespace dunlin::hub
