#include "hub/keyed_writer.h"

#include <utility>

namespace dunlin::hub {

void KeyedWriter::put(std::string key, std::optional<std::string> value, Done done) {
  if (keyed_ == nullptr) {
    if (done) done({});
    return;
  }
  Row& row = dirty_[std::move(key)];
  row.value = std::move(value);
  if (done) row.waiting.push_back(std::move(done));
  if (writing_) return;
  // The write starts in the next turn, so that all rows of this turn share one batch.
  writing_ = true;
  executor_.post([this] { write_next(); });
}

void KeyedWriter::flush(Done done) {
  if (!writing_ && dirty_.empty()) return done({});
  flush_waiting_.push_back(std::move(done));
}

void KeyedWriter::write_next() {
  if (dirty_.empty()) {
    writing_ = false;
    for (Done& done : std::exchange(flush_waiting_, {})) done({});
    return;
  }
  store::Batch batch;
  while (!dirty_.empty() && batch.puts.size() + batch.deletes.size() < kMaxBatch) {
    auto node = dirty_.extract(dirty_.begin());
    Row& row = node.mapped();
    for (Done& done : row.waiting) in_flight_.push_back(std::move(done));
    if (row.value) {
      batch.puts.push_back({table_, std::move(node.key()), std::move(*row.value)});
    } else {
      batch.deletes.push_back({table_, std::move(node.key())});
    }
  }
  keyed_->write(executor_, std::move(batch), [this](Result<void> result) { written(result); });
}

void KeyedWriter::written(const Result<void>& result) {
  for (Done& done : std::exchange(in_flight_, {})) done(result);
  if (!result) {
    for (Done& done : std::exchange(flush_waiting_, {})) done(result);
  }
  write_next();
}

}  // namespace dunlin::hub
